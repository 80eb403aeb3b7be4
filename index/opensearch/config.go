package opensearch

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/index/external/rest"
	"github.com/smartretriever/smartretriever/rag"
)

// Config says where the server is and how it keeps vectors. All but the address has defaults.
type Config struct {
	Address string // http://HOST:PORT or https://HOST:PORT, with a path if it is below one
	// Product is OpenSearch or Elasticsearch; "" asks the server, which has to answer GET / then.
	Product string

	User, Password string      // "" sends none
	APIKey         string      // of Elasticsearch, as it gives it out, in Base64; instead of User and Password
	TLS            *tls.Config // of https; nil trusts the authorities of the system

	ConnectTimeout time.Duration // of connecting; 0 is 5 s
	Timeout        time.Duration // of a call; 0 is 30 s

	// Prefix begins the names of this program's indexes; what does not begin so is not touched. Lower-case letters, digits and underscores; "" is
	// "smartretriever_".
	Prefix string

	Shards   int // of a new index, up to 1024; 0 is 1
	Replicas int // of every shard of a new index, up to 100; 0 is the server's own, 1; -1 is none

	Engine      string // of OpenSearch's k-NN in new indexes, "faiss" or "lucene"; "" is faiss
	M           int    // edges of a node of the graph of a new index, 2 to 256; 0 is the server's own, 16
	EfConstruct int    // neighbours considered while building, 2 to 4096; 0 is the server's own, 100
	// Ef is the neighbours considered by a search, in every shard, up to 10,000, and no less than K. 0 is OpenSearch's own, 100; in Elasticsearch, one and a
	// half times K and no less than 100.
	Ef int

	Analyzer string // makes words of the texts of new indexes: one that the server knows; "" is "standard", which splits and lower-cases

	// WaitForRefresh lets changes wait until the server makes them visible, once a second, instead of asking for it at once: less work for it, and every
	// change takes up to a second.
	WaitForRefresh bool
}

// The products.
const (
	OpenSearch    = "opensearch"
	Elasticsearch = "elasticsearch"
)

// The engines of OpenSearch's k-NN.
const (
	Faiss  = "faiss"
	Lucene = "lucene"
)

// DefaultPrefix begins the names of indexes.
const DefaultPrefix = "smartretriever_"

// WithDefaults fills in the zero fields.
func (c Config) WithDefaults() Config {
	if c.Prefix == "" {
		c.Prefix = DefaultPrefix
	}
	if c.Shards == 0 {
		c.Shards = 1
	}
	if c.Engine == "" {
		c.Engine = Faiss
	}
	if c.Analyzer == "" {
		c.Analyzer = "standard"
	}
	return c
}

var (
	prefixForm   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,59}$`)
	analyzerForm = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,100}$`)
)

// Validate reports all that is wrong, as KindInvalid.
func (c Config) Validate() error {
	c = c.WithDefaults()
	faults := []error{c.rest().Validate()}
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf("opensearch: "+format, args...)) }
	between := func(what string, v, least, most int) {
		if v != 0 && (v < least || v > most) {
			fault("%s is %d, and has to be %d to %d", what, v, least, most)
		}
	}
	if c.Product != "" && c.Product != OpenSearch && c.Product != Elasticsearch {
		fault("the product %q has to be opensearch or elasticsearch", c.Product)
	}
	if (c.User == "") != (c.Password == "") {
		fault("a user needs a password, and a password a user")
	}
	if c.User != "" && c.APIKey != "" {
		fault("a user and an API key exclude each other")
	}
	if strings.Contains(c.User, ":") {
		fault("a user's name has no colon")
	}
	if !prefixForm.MatchString(c.Prefix) {
		fault("the prefix %q has to be lower-case letters, digits and underscores, at most 60 bytes, beginning with a letter", c.Prefix)
	}
	if !analyzerForm.MatchString(c.Analyzer) {
		fault("the analyzer %q is no name of one", c.Analyzer)
	}
	if c.Engine != Faiss && c.Engine != Lucene {
		fault("the engine %q has to be faiss or lucene", c.Engine)
	}
	between("the number of shards", c.Shards, 1, 1024)
	between("the number of replicas", c.Replicas, -1, 100)
	between("m", c.M, 2, 256)
	between("ef_construct", c.EfConstruct, 2, 4096)
	between("ef", c.Ef, 1, maxWindow)
	if err := errors.Join(faults...); err != nil {
		return rag.Errorf(rag.KindInvalid, "%w", err)
	}
	return nil
}

func (c Config) rest() rest.Config {
	out := rest.Config{Product: "opensearch", Address: c.Address, TLS: c.TLS, ConnectTimeout: c.ConnectTimeout, Timeout: c.Timeout, Explain: explain}
	if c.Product == Elasticsearch {
		out.Product = "elasticsearch"
	}
	switch {
	case c.APIKey != "":
		out.Secrets = map[string]string{"Authorization": "ApiKey " + c.APIKey}
	case c.User != "":
		out.Secrets = map[string]string{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(c.User+":"+c.Password))}
	}
	return out
}
