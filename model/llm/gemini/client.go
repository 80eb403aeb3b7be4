// Package gemini is a client of Google's Gemini API. It speaks the protocol itself
// over net/http: one request, one stream of server-sent events.
//
// The key goes into a header and not into the address, where logs of proxies would
// show it. Rules go into a field of their own, and the assistant is called "model".
// What a safety filter stops, in a question or in an answer, is KindRefused. Thoughts
// are left out of the text; they count as written.
package gemini

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/model/remote/chat"
	"github.com/smartretriever/smartretriever/observe"
)

// DefaultURL is Google's own address.
const DefaultURL = "https://generativelanguage.googleapis.com/v1beta"

// Config says which model is called and how long it may take.
type Config struct {
	BaseURL string // up to and with /v1beta; "" is DefaultURL
	Model   string // with or without "models/" before it
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
	path   string
}

var _ llm.Model = (*Client)(nil)

// New returns a client, or an error of KindInvalid. It does not call.
func New(cfg Config) (*Client, error) {
	if cfg.BaseURL == "" {
		cfg.BaseURL = DefaultURL
	}
	cfg.Model = strings.TrimPrefix(cfg.Model, "models/")
	path := "/models/" + url.PathEscape(cfg.Model)
	caller, err := chat.New(chat.Config{
		Provider: "gemini", Framing: chat.Events,
		Server: remote.Config{
			BaseURL: cfg.BaseURL, Model: cfg.Model, Key: cfg.Key, KeyHeader: "X-Goog-Api-Key", Proxy: cfg.Proxy,
			ConnectTimeout: cfg.ConnectTimeout, Transport: cfg.Transport, Limit: cfg.Limit, Observe: cfg.Observe,
		},
		FirstTokenTimeout: cfg.FirstTokenTimeout, Timeout: cfg.Timeout,
	}, protocol{path + ":streamGenerateContent?alt=sse"})
	if err != nil {
		return nil, err
	}
	return &Client{caller, path}, nil
}

// Chat implements llm.Model.
func (c *Client) Chat(ctx context.Context, r llm.Request, onDelta func(string) error) (llm.Result, error) {
	return c.caller.Chat(ctx, r, onDelta)
}

// Check asks the server for the description of the model, which costs nothing.
func (c *Client) Check(ctx context.Context) error {
	var model struct{}
	return c.caller.Server().Get(ctx, c.path, &model)
}

// Close drops idle connections.
func (c *Client) Close() error { return c.caller.Close() }
