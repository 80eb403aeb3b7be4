// Package anthropic is a client of Anthropic's Messages API. It speaks the protocol
// itself over net/http: one request, one stream of server-sent events.
//
// The rules of a conversation go into a field of their own, user and assistant take
// turns, and a limit of the answer's length is required (an llm.Request without one
// gets 1024 tokens). Thoughts are left out of the text; they count as written.
//
// It asks for the version 2023-06-01 of the API. The next one, 2026-10-21, differs in
// this only that no model takes a temperature; in the older one those that do still
// may, and the others are not sent it again once they have refused it.
package anthropic

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/model/remote/chat"
	"github.com/smartretriever/smartretriever/observe"
)

// DefaultURL is Anthropic's own address.
const DefaultURL = "https://api.anthropic.com/v1"

// apiVersion is the version of the protocol that this package speaks.
const apiVersion = "2023-06-01"

// Config says which model is called and how long it may take.
type Config struct {
	BaseURL string // up to and with /v1; "" is DefaultURL
	Model   string
	Key     string // "" sends none

	Proxy string // address of an HTTP proxy, "" for none

	ConnectTimeout    time.Duration // of connecting and of the TLS handshake; 0 is 10 s
	FirstTokenTimeout time.Duration // of silence before the first event of the answer, and between events; 0 is 60 s
	Timeout           time.Duration // of the whole call; 0 is 2 min

	Limit     remote.LimitConfig
	Observe   *observe.Observer // counts how calls wait; may be nil
	Transport http.RoundTripper // nil makes one; for tests and proxies
}

// Client calls one model of one server. It is goroutine-safe.
type Client struct {
	caller *chat.Caller
	model  string
}

var _ llm.Model = (*Client)(nil)

// New returns a client, or an error of KindInvalid. It does not call.
func New(cfg Config) (*Client, error) {
	if cfg.BaseURL == "" {
		cfg.BaseURL = DefaultURL
	}
	caller, err := chat.New(chat.Config{
		Provider: "anthropic", Framing: chat.Events,
		Server: remote.Config{
			BaseURL: cfg.BaseURL, Model: cfg.Model, Key: cfg.Key, KeyHeader: "X-Api-Key", Proxy: cfg.Proxy,
			Header:         http.Header{"Anthropic-Version": {apiVersion}},
			ConnectTimeout: cfg.ConnectTimeout, Transport: cfg.Transport, Limit: cfg.Limit, Observe: cfg.Observe,
		},
		FirstTokenTimeout: cfg.FirstTokenTimeout, Timeout: cfg.Timeout,
	}, protocol{cfg.Model})
	if err != nil {
		return nil, err
	}
	return &Client{caller, cfg.Model}, nil
}

// Chat implements llm.Model.
func (c *Client) Chat(ctx context.Context, r llm.Request, onDelta func(string) error) (llm.Result, error) {
	return c.caller.Chat(ctx, r, onDelta)
}

// Check asks the server for the description of the model, which costs nothing.
func (c *Client) Check(ctx context.Context) error {
	var model struct{}
	return c.caller.Server().Get(ctx, "/models/"+url.PathEscape(c.model), &model)
}

// Close drops idle connections.
func (c *Client) Close() error { return c.caller.Close() }
