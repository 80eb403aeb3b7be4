// Package openai is a client of the chat completions of OpenAI's API, which many
// servers speak: OpenAI itself, vLLM, llama.cpp, LM Studio and others. Package
// azure below it speaks the dialect of Azure.
//
// It speaks the protocol itself over net/http: one request, one stream of
// server-sent events. The provider's own Go library would add 18 MB to the
// program for these two message types, and reads the environment.
//
// The API key goes into the Authorization header of requests to the configured
// address and nowhere else: redirects are not followed, and it is removed from
// messages of the server before these become part of an error.
package openai

import (
	"context"
	"net/http"
	"time"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/model/remote/chat"
	"github.com/smartretriever/smartretriever/observe"
)

// DefaultURL is OpenAI's own address.
const DefaultURL = "https://api.openai.com/v1"

// Config says which model is called and how long it may take.
type Config struct {
	BaseURL string // up to and with /v1; "" is DefaultURL
	Model   string
	Key     string // "" sends none

	// KeyHeader, Tokens, Path and Provider are for dialects of the protocol.
	KeyHeader string             // carries the key; "" is Authorization, with "Bearer " before it
	Tokens    remote.TokenSource // gives a bearer token, instead of Key; may be nil
	Path      string             // of chat completions below BaseURL; "" is /chat/completions
	Provider  string             // name in results; "" is openai

	Proxy string // address of an HTTP proxy, "" for none

	ConnectTimeout    time.Duration // of connecting and of the TLS handshake; 0 is 10 s
	FirstTokenTimeout time.Duration // of silence before the first event of the answer, and between events; 0 is 60 s
	Timeout           time.Duration // of the whole call; 0 is 2 min

	Limit     remote.LimitConfig
	Observe   *observe.Observer // counts how calls wait; may be nil
	Transport http.RoundTripper // nil makes one; for tests and proxies
}

// WithDefaults fills in the zero fields whose default is not that of package chat.
func (c Config) WithDefaults() Config {
	if c.BaseURL == "" {
		c.BaseURL = DefaultURL
	}
	if c.Path == "" {
		c.Path = "/chat/completions"
	}
	if c.Provider == "" {
		c.Provider = "openai"
	}
	return c
}

// call is how the server is called.
func (c Config) call() chat.Config {
	return chat.Config{
		Provider: c.Provider, Framing: chat.Events,
		Server: remote.Config{
			BaseURL: c.BaseURL, Model: c.Model, Key: c.Key, KeyHeader: c.KeyHeader, Tokens: c.Tokens, Proxy: c.Proxy,
			ConnectTimeout: c.ConnectTimeout, Transport: c.Transport, Limit: c.Limit, Observe: c.Observe,
		},
		FirstTokenTimeout: c.FirstTokenTimeout, Timeout: c.Timeout,
	}
}

// Validate reports what is wrong, as KindInvalid.
func (c Config) Validate() error {
	server := c.WithDefaults().call().Server
	server.Part = "llm"
	return server.Validate()
}

// Client calls one model of one server. It is goroutine-safe.
type Client struct{ caller *chat.Caller }

var _ llm.Model = (*Client)(nil)

// New returns a client, or an error of KindInvalid. It does not call.
func New(cfg Config) (*Client, error) {
	cfg = cfg.WithDefaults()
	caller, err := chat.New(cfg.call(), protocol{model: cfg.Model, path: cfg.Path})
	if err != nil {
		return nil, err
	}
	return &Client{caller}, nil
}

// Chat implements llm.Model.
func (c *Client) Chat(ctx context.Context, r llm.Request, onDelta func(string) error) (llm.Result, error) {
	return c.caller.Chat(ctx, r, onDelta)
}

// Check asks the server for its models; see remote.Server.Check.
func (c *Client) Check(ctx context.Context) error { return c.caller.Server().Check(ctx) }

// Server returns the server that is called.
func (c *Client) Server() *remote.Server { return c.caller.Server() }

// Close drops idle connections.
func (c *Client) Close() error { return c.caller.Close() }
