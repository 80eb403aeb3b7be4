package chroma

import (
	"crypto/tls"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/smartretriever/smartretriever/index/external/rest"
	"github.com/smartretriever/smartretriever/rag"
)

// Config says where Chroma is and how its collections are made.
type Config struct {
	// Address is http://HOST:PORT or https://HOST:PORT, with a path if a gateway has the API below one, without /api/v2.
	Address string
	// Token is sent with every request; "" sends none. Chroma itself, since version 1, asks for none: a gateway before it, or the hosted one, does.
	Token string
	// TokenHeader carries it. "" is X-Chroma-Token; in Authorization it is sent as a bearer token.
	TokenHeader string
	TLS         *tls.Config // of https: own authorities, a client's certificate; nil trusts the authorities of the system

	Tenant   string // "" is default_tenant
	Database string // of the tenant; "" is default_database
	// Create makes tenant and database if they are not there.
	Create bool
	// Prefix begins the names of all collections; what begins with another one is left alone. Letters and digits, at most 40; "" is smartretriever.
	Prefix string

	// The HNSW graph of collections that are made from now on: neighbours of a vector (0 is 32), and candidates while it is built (0 is 200) and searched
	// (0 is 400). More of them find more of the nearest vectors and take more time, and neighbours more memory. 1 to 10,000.
	MaxNeighbors   int
	EfConstruction int
	EfSearch       int

	ConnectTimeout time.Duration // of connecting and of the TLS handshake; 0 is 5 s
	Timeout        time.Duration // of a request; 0 is 60 s: vectors are put into the graph before it is answered
}

// WithDefaults fills in the zero fields.
func (c Config) WithDefaults() Config {
	text := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	number := func(n *int, value int) {
		if *n == 0 {
			*n = value
		}
	}
	text(&c.TokenHeader, "X-Chroma-Token")
	text(&c.Tenant, "default_tenant")
	text(&c.Database, "default_database")
	text(&c.Prefix, "smartretriever")
	number(&c.MaxNeighbors, 32)
	number(&c.EfConstruction, 200)
	number(&c.EfSearch, 400)
	if c.Timeout == 0 {
		c.Timeout = time.Minute
	}
	return c
}

var (
	prefixForm = regexp.MustCompile(`^[A-Za-z0-9]{1,40}$`)
	headerForm = regexp.MustCompile(`^[A-Za-z0-9-]+$`)
)

// Validate reports all that is wrong with a Config whose defaults have been filled in, as KindInvalid.
func (c Config) Validate() error {
	var faults []error
	if err := c.rest().Validate(); err != nil {
		faults = append(faults, err)
	}
	if !prefixForm.MatchString(c.Prefix) {
		faults = append(faults, errors.New("the prefix must be 1 to 40 letters and digits"))
	}
	if !headerForm.MatchString(c.TokenHeader) {
		faults = append(faults, errors.New("the token's header is not the name of one"))
	}
	for name, n := range map[string]int{"neighbours": c.MaxNeighbors, "candidates while a graph is built": c.EfConstruction, "candidates of a search": c.EfSearch} {
		if n < 1 || n > 10_000 {
			faults = append(faults, fmt.Errorf("the number of %s must be 1 to 10,000", name))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return rag.Errorf(rag.KindInvalid, "chroma: %w", err)
	}
	return nil
}

func (c Config) rest() rest.Config {
	out := rest.Config{Product: "chroma", Address: c.Address, TLS: c.TLS, ConnectTimeout: c.ConnectTimeout, Timeout: c.Timeout}
	if c.Token != "" {
		value := c.Token
		if c.TokenHeader == "Authorization" {
			value = "Bearer " + value
		}
		out.Secrets = map[string]string{c.TokenHeader: value}
	}
	return out
}
