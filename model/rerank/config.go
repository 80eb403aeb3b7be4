package rerank

import (
	"net/http"
	"net/url"
	"time"

	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/model/token"
	"github.com/smartretriever/smartretriever/observe"
	"github.com/smartretriever/smartretriever/rag"
)

// minTokens is the least that a model may take at once: half of it is for the
// question.
const minTokens = 64

// Config says which model is called and how.
type Config struct {
	BaseURL string // address that the provider's paths are below
	Model   string // as the server knows it
	APIKey  string // "" sends none
	Proxy   string // address of an HTTP proxy, "" for none

	// MaxTokens is what the model takes at once, question and passage together;
	// longer passages are scored in parts. 0 is what the provider knows of the model,
	// or else 512.
	MaxTokens int
	// CountTokens counts the tokens of a text; nil is token.For(Model). Goroutine-safe.
	CountTokens func(text string) int

	// Bounds of one request. Where the provider knows a lower one, that holds.
	BatchTexts  int // most passages; 0 is 100
	BatchTokens int // most tokens of all passages, each with the question; 0 is what the provider knows, or else no bound
	Concurrency int // most requests at once, over all calls together; 0 is 4

	Timeout        time.Duration // of one request, to the end of its answer; 0 is 10 s
	ConnectTimeout time.Duration // of connecting and of the TLS handshake; 0 is 10 s
	Retries        int           // further tries after a busy or failing server; 0 is 1, -1 none
	MaxWait        time.Duration // longest wait before a try; a server that asks for more is not waited for; 0 is 5 s

	Breaker   remote.BreakerConfig
	Limit     remote.LimitConfig // its Concurrency of 0 is that above
	Observe   *observe.Observer  // counts how requests wait; may be nil
	Transport http.RoundTripper  // nil makes one; for tests
}

// WithDefaults fills in the zero fields, except those that depend on the model.
func (c Config) WithDefaults() Config {
	set := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	set(&c.BatchTexts, 100)
	set(&c.Concurrency, 4)
	set(&c.Limit.Concurrency, c.Concurrency)
	set(&c.Retries, 1)
	if c.CountTokens == nil {
		c.CountTokens = token.For(c.Model).Count
	}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 10 * time.Second
	}
	if c.MaxWait == 0 {
		c.MaxWait = 5 * time.Second
	}
	return c
}

// within fills in what depends on the model, and holds the batches to its limits.
func (c Config) within(l Limits) Config {
	if c.MaxTokens == 0 && l.MaxTokens >= minTokens {
		c.MaxTokens = l.MaxTokens
	}
	if c.MaxTokens == 0 {
		c.MaxTokens = 512
	}
	if l.Texts > 0 {
		c.BatchTexts = min(c.BatchTexts, l.Texts)
	}
	if l.Tokens > 0 && (c.BatchTokens == 0 || c.BatchTokens > l.Tokens) {
		c.BatchTokens = l.Tokens
	}
	return c
}

// validate reports what is wrong, as KindInvalid.
func (c Config) validate() error {
	if err := c.Server().Validate(); err != nil {
		return err
	}
	u, _ := url.Parse(c.BaseURL) // checked above
	switch {
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return rag.Errorf(rag.KindInvalid, "rerank: the address must have no user name and no query; the key is a setting of its own")
	case c.MaxTokens != 0 && c.MaxTokens < minTokens:
		return rag.Errorf(rag.KindInvalid, "rerank: a model of %d tokens leaves no room for a passage; %d are the least", c.MaxTokens, minTokens)
	case c.BatchTexts < 0 || c.BatchTokens < 0 || c.Concurrency < 0:
		return rag.Errorf(rag.KindInvalid, "rerank: a limit is negative")
	}
	return nil
}

// Server is how the model is reached.
func (c Config) Server() remote.Config {
	return remote.Config{
		Part: "rerank", Noun: "reranker",
		BaseURL: c.BaseURL, Model: c.Model, Key: c.APIKey, Proxy: c.Proxy,
		ConnectTimeout: c.ConnectTimeout, Transport: c.Transport, Limit: c.Limit, Observe: c.Observe,
	}
}
