package milvus

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/index/external/rpc"
	"github.com/smartretriever/smartretriever/rag"
)

// IndexType names one of Milvus' kinds of vector index.
type IndexType string

// The kinds of index that can be asked for.
const (
	HNSW      IndexType = "HNSW"      // a graph in memory
	IVFFlat   IndexType = "IVF_FLAT"  // lists of near vectors, some of which are searched
	Flat      IndexType = "FLAT"      // every vector is compared
	AutoIndex IndexType = "AUTOINDEX" // the server's choice; the only one of Zilliz Cloud
)

// Config says where Milvus is and how it keeps vectors.
type Config struct {
	// Address is grpc://HOST:PORT or, with TLS, grpcs://HOST:PORT. Milvus' own port is 19530. An address with http or https, as Milvus and Zilliz Cloud
	// write it, means the same; https without a port is at 443.
	Address string

	User     string // with Password; of a server that asks for them
	Password string
	Token    string // of Zilliz Cloud, in place of both

	Database string // of the server; "" is its default one. It has to be there.

	Index          IndexType // default HNSW
	M              int       // of HNSW: neighbours a node; 2 to 2,048, default 16
	EfConstruction int       // of HNSW: candidates at insertion; 1 to 32,768, default 200
	Ef             int       // of HNSW: candidates of a search, at least as many as results are asked for; 1 to 32,768, default 100
	NList          int       // of IVF_FLAT: lists; 1 to 65,536, default 1,024
	NProbe         int       // of IVF_FLAT: lists that are searched; 1 to NList, default 32 or NList, if that is less

	// Analyzer names what makes words of texts: "standard" (default: letters and digits, in lower case), "english" (stems, no stop words) or "chinese".
	Analyzer string

	Shards   int // of a collection, each with a writer of its own; 1 to 16, default 1
	Replicas int // copies in the memory of query nodes; 1 to 64, default 1

	TLS            *tls.Config   // of grpcs; nil trusts the authorities of the system
	ConnectTimeout time.Duration // default 5 s
	Timeout        time.Duration // of a call, default 30 s. Loading a collection may take several.

	Transport http.RoundTripper // nil makes one; for tests
}

// WithDefaults fills in the zero fields.
func (c Config) WithDefaults() Config {
	set := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	if c.Index == "" {
		c.Index = HNSW
	}
	set(&c.M, 16)
	set(&c.EfConstruction, 200)
	set(&c.Ef, 100)
	set(&c.NList, 1024)
	set(&c.NProbe, min(32, c.NList))
	set(&c.Shards, 1)
	set(&c.Replicas, 1)
	if c.Analyzer == "" {
		c.Analyzer = "standard"
	}
	return c
}

// Validate reports all faults together, as KindInvalid.
func (c Config) Validate() error {
	c = c.WithDefaults()
	var faults []error
	within := func(name string, value, least, most int) {
		if value < least || value > most {
			faults = append(faults, fmt.Errorf("%s must be %d to %d, not %d", name, least, most, value))
		}
	}
	if !slices.Contains([]IndexType{HNSW, IVFFlat, Flat, AutoIndex}, c.Index) {
		faults = append(faults, fmt.Errorf("the index must be HNSW, IVF_FLAT, FLAT or AUTOINDEX, not %q", c.Index))
	}
	within("M", c.M, 2, 2048)
	within("ef_construction", c.EfConstruction, 1, 32768)
	within("ef", c.Ef, 1, 32768)
	within("nlist", c.NList, 1, 65536)
	within("nprobe", c.NProbe, 1, c.NList)
	within("shards", c.Shards, 1, 16)
	within("replicas", c.Replicas, 1, 64)
	if !slices.Contains([]string{"standard", "english", "chinese"}, c.Analyzer) {
		faults = append(faults, fmt.Errorf("the analyzer must be standard, english or chinese, not %q", c.Analyzer))
	}
	switch {
	case c.Token != "" && (c.User != "" || c.Password != ""):
		faults = append(faults, errors.New("a token takes the place of user and password"))
	case (c.User == "") != (c.Password == ""):
		faults = append(faults, errors.New("user and password come together"))
	case strings.Contains(c.User, ":"):
		faults = append(faults, errors.New("the name of a user has no colon"))
	}
	if err := c.rpc().Validate(); err != nil {
		faults = append(faults, errors.New(strings.TrimPrefix(err.Error(), product+": ")))
	}
	if err := errors.Join(faults...); err != nil {
		return rag.Errorf(rag.KindInvalid, "milvus: %w", err)
	}
	return nil
}

// rpc returns what of the configuration concerns the calls.
func (c Config) rpc() rpc.Config {
	out := rpc.Config{Product: product, Address: c.address(), TLS: c.TLS, ConnectTimeout: c.ConnectTimeout, Timeout: c.Timeout, Transport: c.Transport}
	key := c.Token
	if c.User != "" {
		key = c.User + ":" + c.Password
	}
	if key != "" {
		out.Secrets = map[string]string{"Authorization": base64.StdEncoding.EncodeToString([]byte(key))}
	}
	return out
}

func (c Config) address() string {
	host, plain := strings.CutPrefix(c.Address, "http://")
	if plain {
		return "grpc://" + host
	}
	host, secure := strings.CutPrefix(c.Address, "https://")
	if !secure {
		return c.Address
	}
	if host = strings.TrimSuffix(host, "/"); !strings.Contains(host, ":") {
		host += ":443"
	}
	return "grpcs://" + host
}
