package openai

import (
	"net/http"
	"net/url"
	"time"

	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/observe"
	"github.com/smartretriever/smartretriever/rag"
)

// maxDimensions bounds the vectors that are taken.
const maxDimensions = 1 << 16

// Config says which model is called and how.
type Config struct {
	BaseURL string // up to and with /v1
	Model   string // as the server knows it
	APIKey  string // "" sends none
	Proxy   string // address of an HTTP proxy, "" for none

	// Dimensions of the model's vectors. Every answer is held to it. 0 asks the
	// server in New, by having one word embedded.
	Dimensions int
	// SendDimensions asks the server to shorten vectors to Dimensions, for models
	// that were trained so that the first ones count most (Matryoshka).
	SendDimensions bool
	// MaxTokens is what the model takes at once; chunks are cut to it. 0 is 512.
	MaxTokens int

	QueryPrefix   string // put before questions: "search_query: "
	PassagePrefix string // put before passages: "search_document: "

	BatchTexts  int // most texts of one request; 0 is 64
	BatchBytes  int // most bytes of text of one request, unless one text has more; 0 is 256 KiB, or some half of Limit.TokensPerMinute
	Concurrency int // most requests at once, over all calls together; 0 is 4

	Timeout time.Duration // of one request, to the end of its answer; 0 is 1 min
	// QueryTimeout bounds a call for questions, tries and waits with it: someone is
	// waiting, and a search can go on without the vectors while it has time. 0 is 10 s.
	QueryTimeout time.Duration

	ConnectTimeout time.Duration // of connecting and of the TLS handshake; 0 is 10 s
	Retries        int           // further tries after a busy or failing server; 0 is 2, -1 none
	MaxWait        time.Duration // longest wait before a try; a server that asks for more is not waited for; 0 is 20 s

	Breaker   remote.BreakerConfig
	Limit     remote.LimitConfig // its Concurrency of 0 is that above
	Observe   *observe.Observer  // counts how requests wait; may be nil
	Transport http.RoundTripper  // nil makes one; for tests
}

// WithDefaults fills in the zero fields.
func (c Config) WithDefaults() Config {
	set := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	set(&c.MaxTokens, 512)
	set(&c.BatchTexts, 64)
	if c.Limit.TokensPerMinute > 0 {
		set(&c.BatchBytes, min(256<<10, 2*c.Limit.TokensPerMinute)) // at the usual four bytes a token
	}
	set(&c.BatchBytes, 256<<10)
	set(&c.Concurrency, 4)
	set(&c.Limit.Concurrency, c.Concurrency)
	set(&c.Retries, 2)
	if c.Timeout == 0 {
		c.Timeout = time.Minute
	}
	if c.QueryTimeout == 0 {
		c.QueryTimeout = 10 * time.Second
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 10 * time.Second
	}
	return c
}

// Validate reports what is wrong, as KindInvalid.
func (c Config) Validate() error {
	if err := c.server().Validate(); err != nil {
		return err
	}
	u, _ := url.Parse(c.BaseURL) // checked above
	switch {
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return rag.Errorf(rag.KindInvalid, "embedder: the address must have no user name and no query; the key is a setting of its own")
	case c.Dimensions < 0 || c.Dimensions > maxDimensions:
		return rag.Errorf(rag.KindInvalid, "embedder: %d dimensions are out of range 0 to %d", c.Dimensions, maxDimensions)
	case c.SendDimensions && c.Dimensions == 0:
		return rag.Errorf(rag.KindInvalid, "embedder: to have vectors shortened, say to how many dimensions")
	case c.MaxTokens < 0 || c.BatchTexts < 0 || c.BatchBytes < 0 || c.Concurrency < 0:
		return rag.Errorf(rag.KindInvalid, "embedder: a limit is negative")
	}
	return nil
}

// server is how the model is reached.
func (c Config) server() remote.Config {
	return remote.Config{
		Part: "embedder", Noun: "embedding model",
		BaseURL: c.BaseURL, Model: c.Model, Key: c.APIKey, Proxy: c.Proxy,
		ConnectTimeout: c.ConnectTimeout, Transport: c.Transport, Limit: c.Limit, Observe: c.Observe,
	}
}
