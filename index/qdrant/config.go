package qdrant

import (
	"crypto/tls"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/smartretriever/smartretriever/index/external/rpc"
	"github.com/smartretriever/smartretriever/rag"
)

// Config says where Qdrant is and how it keeps vectors. All but the address has defaults.
type Config struct {
	Address string      // grpc://HOST:PORT or, with TLS, grpcs://HOST:PORT; Qdrant's port for gRPC is 6334
	APIKey  string      // "" sends none
	TLS     *tls.Config // of grpcs; nil trusts the authorities of the system

	ConnectTimeout time.Duration // of connecting; 0 is 5 s
	Timeout        time.Duration // of a call; 0 is 30 s

	// Prefix begins the names of this program's collections; what does not begin so is not touched. Lower-case letters, digits and underscores; "" is
	// "smartretriever_".
	Prefix string

	// The graph of new collections. More is more exact, slower to build and larger.
	M           int // edges of a node, 4 to 256; 0 is Qdrant's own, 16
	EfConstruct int // neighbours considered while building, 4 to 4096; 0 is Qdrant's own, 100

	Ef    int  // neighbours considered by a search, up to 100,000; 0 is EfConstruct
	Exact bool // searches compare with every vector, and find all

	// Quantization is how new collections keep the copies that are searched first: "" for none, "scalar" (a quarter of the size), "product" (a sixteenth) or
	// "binary" (one bit a number). What is found is scored anew from the vectors.
	Quantization string
	Oversampling float64 // how many times K are found in quantized copies and scored anew, 1 to 100; 0 is 2
	OnDisk       bool    // new collections keep the vectors in files that are mapped, instead of in memory

	Shards   int // of a new collection, up to 1000; 0 is Qdrant's own
	Replicas int // of every shard of a new collection, up to 100; 0 is 1
}

// DefaultPrefix begins the names of collections.
const DefaultPrefix = "smartretriever_"

// The kinds of quantization.
const (
	Scalar  = "scalar"
	Product = "product"
	Binary  = "binary"
)

// WithDefaults fills in the zero fields.
func (c Config) WithDefaults() Config {
	if c.Prefix == "" {
		c.Prefix = DefaultPrefix
	}
	if c.Oversampling == 0 {
		c.Oversampling = 2
	}
	if c.Replicas == 0 {
		c.Replicas = 1
	}
	return c
}

var prefixForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,59}$`)

// Validate reports all that is wrong, as KindInvalid.
func (c Config) Validate() error {
	c = c.WithDefaults()
	faults := []error{c.rpc().Validate()}
	between := func(what string, v, least, most int) {
		if v != 0 && (v < least || v > most) {
			faults = append(faults, fmt.Errorf("qdrant: %s is %d, and has to be %d to %d", what, v, least, most))
		}
	}
	if !prefixForm.MatchString(c.Prefix) {
		faults = append(faults, fmt.Errorf("qdrant: the prefix %q has to be lower-case letters, digits and underscores, at most 60 bytes, beginning with a letter", c.Prefix))
	}
	between("m", c.M, 4, 256)
	between("ef_construct", c.EfConstruct, 4, 4096)
	between("ef", c.Ef, 1, 100_000)
	between("the number of shards", c.Shards, 1, 1000)
	between("the number of replicas", c.Replicas, 1, 100)
	switch c.Quantization {
	case "", Scalar, Product, Binary:
	default:
		faults = append(faults, fmt.Errorf("qdrant: the quantization %q has to be scalar, product, binary or none", c.Quantization))
	}
	if !(c.Oversampling >= 1 && c.Oversampling <= 100) {
		faults = append(faults, fmt.Errorf("qdrant: the oversampling is %g, and has to be 1 to 100", c.Oversampling))
	}
	if err := errors.Join(faults...); err != nil {
		return rag.Errorf(rag.KindInvalid, "%w", err)
	}
	return nil
}

func (c Config) rpc() rpc.Config {
	out := rpc.Config{Product: "qdrant", Address: c.Address, TLS: c.TLS, ConnectTimeout: c.ConnectTimeout, Timeout: c.Timeout}
	if c.APIKey != "" {
		out.Secrets = map[string]string{"api-key": c.APIKey}
	}
	return out
}
