package weaviate

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/index/external/rest"
	"github.com/smartretriever/smartretriever/index/external/rpc"
	"github.com/smartretriever/smartretriever/rag"
)

// IndexType names one of Weaviate's kinds of vector index.
type IndexType string

// The kinds of index that can be asked for.
const (
	HNSW IndexType = "hnsw" // a graph in memory
	Flat IndexType = "flat" // every vector is compared, from disk
)

// Config says where Weaviate is and how it keeps vectors.
type Config struct {
	// Address is that of REST: http://HOST:PORT or https://HOST:PORT.
	Address string
	// GRPC is that of gRPC: grpc://HOST:PORT or, with TLS, grpcs://HOST:PORT. "" is the port 50051 of the same host, with TLS as there, and for
	// Weaviate Cloud (addresses at weaviate.cloud and weaviate.network) the host that it has for this.
	GRPC string

	APIKey string

	Index          IndexType // default hnsw
	M              int       // of hnsw: neighbours a node on upper levels, twice that below (maxConnections); 4 to 2,047, default 32, as Weaviate has it
	EfConstruction int       // of hnsw: candidates at insertion; 4 to 4,096, default 200
	Ef             int       // of hnsw: candidates of a search; up to 4,096. 0 lets the server choose by the number of results: eight for each, 100 to 500

	// Tokenization is how words are made of texts: "word" (default: letters and digits, in lower case), "trigram", "gse" (Chinese and Japanese), "kagome_ja"
	// (Japanese) or "kagome_kr" (Korean); the last three have to be switched on at the server.
	Tokenization string

	Shards   int // of a class; 0 is as many as the cluster has nodes
	Replicas int // of each shard, 1 to 64; default 1

	TLS            *tls.Config   // of https and grpcs; nil trusts the authorities of the system
	ConnectTimeout time.Duration // default 5 s
	Timeout        time.Duration // of a call, default 60 s

	Transport     http.RoundTripper // of REST; nil makes one; for tests
	GRPCTransport http.RoundTripper // of gRPC; nil makes one; for tests
}

// DefaultTimeout bounds a call; the server builds its graph while it is waited for.
const DefaultTimeout = time.Minute

// WithDefaults fills in the zero fields.
func (c Config) WithDefaults() Config {
	if c.Index == "" {
		c.Index = HNSW
	}
	if c.M == 0 {
		c.M = 32
	}
	if c.EfConstruction == 0 {
		c.EfConstruction = 200
	}
	if c.Tokenization == "" {
		c.Tokenization = "word"
	}
	if c.Replicas == 0 {
		c.Replicas = 1
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.GRPC == "" {
		c.GRPC = besides(c.Address)
	}
	return c
}

// besides returns where gRPC is if REST is at an address, "" if that is none.
func besides(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return ""
	}
	host, port := u.Hostname(), "50051"
	if strings.HasSuffix(host, ".weaviate.cloud") || strings.HasSuffix(host, ".weaviate.network") {
		host, port = "grpc-"+host, "443"
	}
	if strings.Contains(host, ":") { // IPv6
		host = "[" + host + "]"
	}
	return strings.Replace(u.Scheme, "http", "grpc", 1) + "://" + host + ":" + port
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
	if c.Index != HNSW && c.Index != Flat {
		faults = append(faults, fmt.Errorf("the index must be hnsw or flat, not %q", c.Index))
	}
	within("M", c.M, 4, 2047)
	within("ef_construction", c.EfConstruction, 4, 4096)
	within("ef", c.Ef, 0, 4096)
	within("shards", c.Shards, 0, 1024)
	within("replicas", c.Replicas, 1, 64)
	if !slices.Contains([]string{"word", "trigram", "gse", "kagome_ja", "kagome_kr"}, c.Tokenization) {
		faults = append(faults, fmt.Errorf("the tokenization must be word, trigram, gse, kagome_ja or kagome_kr, not %q", c.Tokenization))
	}
	rest := c.rest().Validate()
	if rest != nil {
		faults = append(faults, said(rest))
	}
	if err := c.rpc().Validate(); err != nil && rest == nil { // what is made of a wrong address is wrong, too
		faults = append(faults, said(err))
	}
	if err := errors.Join(faults...); err != nil {
		return rag.Errorf(rag.KindInvalid, "weaviate: %w", err)
	}
	return nil
}

// said returns what an error of a client says, without the name that begins it.
func said(err error) error { return errors.New(strings.TrimPrefix(err.Error(), product+": ")) }

func (c Config) secrets() map[string]string {
	if c.APIKey == "" {
		return nil
	}
	return map[string]string{"Authorization": "Bearer " + c.APIKey}
}

func (c Config) rest() rest.Config {
	return rest.Config{Product: product, Address: c.Address, Secrets: c.secrets(), TLS: c.TLS, ConnectTimeout: c.ConnectTimeout, Timeout: c.Timeout, Transport: c.Transport}
}

func (c Config) rpc() rpc.Config {
	return rpc.Config{Product: product, Address: c.GRPC, Secrets: c.secrets(), TLS: c.TLS, ConnectTimeout: c.ConnectTimeout, Timeout: c.Timeout, Transport: c.GRPCTransport}
}
