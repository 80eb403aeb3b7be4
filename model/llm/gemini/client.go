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
	"net/url"
	"strings"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/remote/chat"
)

// DefaultURL is Google's own address.
const DefaultURL = "https://generativelanguage.googleapis.com/v1beta"

// Config says which model is called and how long it may take. Its address is up to
// and with /v1beta, its model with or without "models/" before it.
type Config = chat.Config

// Client calls one model of one server. It is goroutine-safe.
type Client struct {
	*chat.Caller
	path string
}

var _ llm.Model = (*Client)(nil)

// New returns a client, or an error of KindInvalid. It does not call.
func New(cfg Config) (*Client, error) {
	cfg.Model = strings.TrimPrefix(cfg.Model, "models/")
	path := "/models/" + url.PathEscape(cfg.Model)
	caller, err := chat.New(cfg, chat.Provider{
		Name: "gemini", DefaultURL: DefaultURL, Protocol: protocol{path + ":streamGenerateContent?alt=sse"}, Framing: chat.Events,
		KeyHeader: "X-Goog-Api-Key",
	})
	if err != nil {
		return nil, err
	}
	return &Client{caller, path}, nil
}

// Check asks the server for the description of the model, which costs nothing.
func (c *Client) Check(ctx context.Context) error {
	var model struct{}
	return c.Server().Get(ctx, c.path, &model)
}
