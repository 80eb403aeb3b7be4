// Package ollama is a client of Ollama's own chat protocol: one request, one stream
// of lines of JSON. Unlike the OpenAI protocol that Ollama also speaks, it can say
// how long a model stays in memory and how much room its context has.
//
// The room matters: Ollama gives a model 4096 tokens unless told otherwise, and
// shortens a longer conversation without a word. So this package asks it to refuse
// instead (which versions before October 2025 do not know), and Config.NumCtx sets the
// room.
package ollama

import (
	"context"
	"net/http"
	"time"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/model/remote/chat"
	"github.com/smartretriever/smartretriever/observe"
)

// DefaultURL is where Ollama listens unless told otherwise.
const DefaultURL = "http://127.0.0.1:11434"

// Config says which model is called and how long it may take.
type Config struct {
	BaseURL string // without /api; "" is DefaultURL
	Model   string
	Key     string // for a server behind a proxy that asks for one; "" sends none

	KeepAlive string // how long the model stays loaded after a call: "5m", "-1" for ever, "0" not at all; "" leaves it to the server
	NumCtx    int    // tokens that question, sources and answer may have together; 0 leaves it to the server

	Proxy string // address of an HTTP proxy, "" for none

	ConnectTimeout    time.Duration // of connecting and of the TLS handshake; 0 is 10 s
	FirstTokenTimeout time.Duration // of silence before the first event of the answer, and between events; 0 is 60 s; loading a model counts
	Timeout           time.Duration // of the whole call; 0 is 2 min

	Limit     remote.LimitConfig
	Observe   *observe.Observer // counts how calls wait; may be nil
	Transport http.RoundTripper // nil makes one; for tests and proxies
}

// Client calls one model of one server. It is goroutine-safe.
type Client struct{ caller *chat.Caller }

var _ llm.Model = (*Client)(nil)

// New returns a client, or an error of KindInvalid. It does not call.
func New(cfg Config) (*Client, error) {
	if cfg.BaseURL == "" {
		cfg.BaseURL = DefaultURL
	}
	keep, err := keepAlive(cfg.KeepAlive)
	if err != nil {
		return nil, err
	}
	caller, err := chat.New(chat.Config{
		Provider: "ollama", Framing: chat.Lines,
		Server: remote.Config{
			BaseURL: cfg.BaseURL, Model: cfg.Model, Key: cfg.Key, Proxy: cfg.Proxy,
			ConnectTimeout: cfg.ConnectTimeout, Transport: cfg.Transport, Limit: cfg.Limit, Observe: cfg.Observe,
		},
		FirstTokenTimeout: cfg.FirstTokenTimeout, Timeout: cfg.Timeout,
	}, protocol{cfg.Model, keep, cfg.NumCtx})
	if err != nil {
		return nil, err
	}
	return &Client{caller}, nil
}

// Chat implements llm.Model.
func (c *Client) Chat(ctx context.Context, r llm.Request, onDelta func(string) error) (llm.Result, error) {
	return c.caller.Chat(ctx, r, onDelta)
}

// Check asks the server for the models that it has on disk and reports whether the
// configured one is among them. It loads none.
func (c *Client) Check(ctx context.Context) error {
	var list struct {
		Models []struct {
			Name string `json:"name"`
		} `json:"models"`
	}
	if err := c.caller.Server().Get(ctx, "/api/tags", &list); err != nil {
		return err
	}
	known := make([]string, len(list.Models))
	for i, m := range list.Models {
		known[i] = m.Name
	}
	return c.caller.Server().Among(known)
}

// Close drops idle connections.
func (c *Client) Close() error { return c.caller.Close() }
