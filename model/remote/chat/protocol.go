package chat

import (
	"io"
	"net/http"
	"time"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/observe"
)

// Protocol is how one kind of server is spoken to. Its methods are goroutine-safe.
type Protocol interface {
	// Request returns the path below the server's address and the body, which
	// becomes JSON. lacks reports parameters that this server was found not to take.
	Request(r llm.Request, lacks func(parameter string) bool) (path string, body any)
	// Event takes one event of a streamed answer. Errors: Malformed, Failed, or one
	// of a.
	Event(a *Answer, data []byte) error
	// Refused explains a refusal that is peculiar to the protocol or depends on what
	// was asked. nil leaves it to remote.Refusal.Err.
	Refused(r remote.Refusal) error
}

// Whole is a Protocol some of whose servers answer with one JSON document though
// a stream was asked for.
type Whole interface {
	Whole(a *Answer, data []byte) error
}

// Framing is how events follow each other in a stream.
type Framing struct {
	Media string // type of the stream
	Each  func(r io.Reader, take func(data []byte) (last bool, err error)) error
}

// The framings there are.
var (
	Events = Framing{"text/event-stream", remote.EachEvent}
	Lines  = Framing{"application/x-ndjson", remote.EachLine}
)

// Provider is one kind of server.
type Provider struct {
	Name       string // of the protocol, for llm.Result
	DefaultURL string // what an empty Config.BaseURL stands for
	Protocol   Protocol
	Framing    Framing
	// KeyHeader carries the key. "" is Authorization, with "Bearer " before it.
	KeyHeader string
	Header    http.Header        // sent with every request besides; may be nil
	Tokens    remote.TokenSource // gives the bearer token, instead of a key; may be nil
}

// Config says which model is called and how long it may take.
type Config struct {
	BaseURL string // address that the provider's paths are below; "" is the provider's own, where it has one
	Model   string // as the server knows it
	Key     string // "" sends none

	Proxy string // address of an HTTP proxy, "" for none

	ConnectTimeout    time.Duration // of connecting and of the TLS handshake; 0 is 10 s
	FirstTokenTimeout time.Duration // of silence before the first event of the answer, and between events; 0 is 60 s
	Timeout           time.Duration // of the whole call; 0 is 2 min

	Limit     remote.LimitConfig
	Observe   *observe.Observer // counts how calls wait; may be nil
	Transport http.RoundTripper // nil makes one; for tests and proxies
}

// withDefaults fills in the zero fields.
func (c Config) withDefaults(p Provider) Config {
	if c.BaseURL == "" {
		c.BaseURL = p.DefaultURL
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 10 * time.Second
	}
	if c.FirstTokenTimeout == 0 {
		c.FirstTokenTimeout = 60 * time.Second
	}
	if c.Timeout == 0 {
		c.Timeout = 2 * time.Minute
	}
	return c
}

// Validate reports what is wrong, as KindInvalid.
func (c Config) Validate(p Provider) error { return c.withDefaults(p).server(p).Validate() }

// server is how the model is reached.
func (c Config) server(p Provider) remote.Config {
	return remote.Config{
		Part: "llm", Noun: "language model",
		BaseURL: c.BaseURL, Model: c.Model, Key: c.Key, KeyHeader: p.KeyHeader, Tokens: p.Tokens, Header: p.Header, Proxy: c.Proxy,
		ConnectTimeout: c.ConnectTimeout, Transport: c.Transport, Limit: c.Limit, Observe: c.Observe,
	}
}
