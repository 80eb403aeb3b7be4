// Package cohere is a client of Cohere's chat protocol in its second version. It
// speaks the protocol itself over net/http: one request, one stream of server-sent
// events. The provider's own way of citing documents is not used: sources are in the
// conversation, as for every other model, and what is cited is verified by us.
package cohere

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

// DefaultURL is Cohere's own address.
const DefaultURL = "https://api.cohere.com"

// Config says which model is called and how long it may take.
type Config struct {
	BaseURL string // without a version; "" is DefaultURL
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
		Provider: "cohere", Framing: chat.Events,
		Server: remote.Config{
			BaseURL: cfg.BaseURL, Model: cfg.Model, Key: cfg.Key, Proxy: cfg.Proxy,
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
	return c.caller.Server().Get(ctx, "/v1/models/"+url.PathEscape(c.model), &model)
}

// Close drops idle connections.
func (c *Client) Close() error { return c.caller.Close() }
