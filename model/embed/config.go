package embed

import (
	"net/http"
	"net/url"
	"time"

	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/model/token"
	"github.com/smartretriever/smartretriever/observe"
	"github.com/smartretriever/smartretriever/rag"
)

// maxDimensions bounds the vectors that are taken.
const maxDimensions = 1 << 16

// minTokens is the least that a model may take at once, and what prefixes must leave
// to a text: a text in parts of a few words would have a vector of nothing.
const minTokens = 16

// Defaults where neither the configuration nor the provider says otherwise.
const (
	defaultMaxTokens  = 512
	defaultBatchTexts = 64
)

// Config says which model is called and how.
type Config struct {
	BaseURL string // address that the provider's paths are below
	Model   string // as the server knows it
	APIKey  string // "" sends none
	Tokens  remote.TokenSource
	Proxy   string // address of an HTTP proxy, "" for none

	// Dimensions of the model's vectors. Every answer is held to it. 0 is what the
	// provider knows of the model, or else asks the server in New, by having one word
	// embedded.
	Dimensions int
	// SendDimensions asks the server to shorten vectors to Dimensions, for models
	// that were trained so that the first ones count most (Matryoshka).
	SendDimensions bool
	// MaxTokens is what the model takes at once; longer texts are divided. 0 is what
	// the provider knows of the model, or else 512.
	MaxTokens int
	// CountTokens counts the tokens of a text; nil is token.For(Model). Goroutine-safe.
	CountTokens func(text string) int

	QueryPrefix   string // put before questions: "search_query: "
	PassagePrefix string // put before passages: "search_document: "

	// Bounds of one request. Where the provider knows a lower one, that holds.
	BatchTexts  int // most texts; 0 is 64
	BatchTokens int // most tokens of all texts, unless one has more; 0 is what the provider knows, or else no bound
	BatchBytes  int // most bytes of all texts, unless one has more; 0 is 256 KiB
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

// WithDefaults fills in the zero fields, except those that depend on the model.
func (c Config) WithDefaults() Config {
	set := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	set(&c.BatchTexts, defaultBatchTexts)
	set(&c.BatchBytes, 256<<10)
	set(&c.Concurrency, 4)
	set(&c.Limit.Concurrency, c.Concurrency)
	set(&c.Retries, 2)
	if c.CountTokens == nil {
		c.CountTokens = token.For(c.Model).Count
	}
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

// within fills in what depends on the model, and holds the batches to its limits.
func (c Config) within(l Limits) Config {
	if c.Dimensions == 0 {
		c.Dimensions = l.Dimensions
	}
	if c.MaxTokens == 0 {
		c.MaxTokens = l.MaxTokens
	}
	if c.MaxTokens == 0 {
		c.MaxTokens = defaultMaxTokens
	}
	if l.Texts > 0 {
		c.BatchTexts = min(c.BatchTexts, l.Texts)
	}
	if l.Tokens > 0 && (c.BatchTokens == 0 || c.BatchTokens > l.Tokens) {
		c.BatchTokens = l.Tokens
	}
	// Half a minute's tokens at a time: a request with more than a minute's would wait
	// for a turn that never comes.
	if most := c.Limit.TokensPerMinute / 2; most > 0 && (c.BatchTokens == 0 || c.BatchTokens > most) {
		c.BatchTokens = most
	}
	return c
}

// validate reports what is wrong, as KindInvalid.
func (c Config) validate(p Provider) error {
	if err := c.server(p).Validate(); err != nil {
		return err
	}
	known := p.Limits.Dimensions
	u, _ := url.Parse(c.BaseURL) // checked above
	switch {
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return rag.Errorf(rag.KindInvalid, "embedder: the address must have no user name and no query; the key is a setting of its own")
	case c.Dimensions < 0 || c.Dimensions > maxDimensions:
		return rag.Errorf(rag.KindInvalid, "embedder: %d dimensions are out of range 0 to %d", c.Dimensions, maxDimensions)
	case c.SendDimensions && c.Dimensions == 0:
		return rag.Errorf(rag.KindInvalid, "embedder: to have vectors shortened, say to how many dimensions")
	case c.SendDimensions && !p.Shortens:
		return rag.Errorf(rag.KindInvalid, "embedder: %s servers cannot be asked to shorten vectors", p.Name)
	case !c.SendDimensions && known > 0 && c.Dimensions > 0 && c.Dimensions != known:
		return rag.Errorf(rag.KindInvalid, "embedder: %s has %d dimensions, not %d; to have vectors shortened, the server must be asked to (send_dimensions)", c.Model, known, c.Dimensions)
	case c.MaxTokens < 0 || c.BatchTexts < 0 || c.BatchTokens < 0 || c.BatchBytes < 0 || c.Concurrency < 0:
		return rag.Errorf(rag.KindInvalid, "embedder: a limit is negative")
	}
	return nil
}

// validateLimits reports what is wrong once the model's limits are filled in, as
// KindInvalid.
func (c Config) validateLimits() error {
	if c.MaxTokens < minTokens {
		return rag.Errorf(rag.KindInvalid, "embedder: a model of %d tokens leaves no room for text; %d are the least", c.MaxTokens, minTokens)
	}
	for name, prefix := range map[string]string{"questions": c.QueryPrefix, "passages": c.PassagePrefix} {
		if n := c.CountTokens(prefix); c.MaxTokens-n < minTokens {
			return rag.Errorf(rag.KindInvalid, "embedder: the prefix of %s has %d tokens; the model takes %d with the text", name, n, c.MaxTokens)
		}
	}
	return nil
}

// server is how the model is reached.
func (c Config) server(p Provider) remote.Config {
	return remote.Config{
		Part: "embedder", Noun: "embedding model",
		BaseURL: c.BaseURL, Model: c.Model, Key: c.APIKey, KeyHeader: p.KeyHeader, Tokens: c.Tokens, Proxy: c.Proxy,
		ConnectTimeout: c.ConnectTimeout, Transport: c.Transport, Limit: c.Limit, Observe: c.Observe,
	}
}
