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

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/remote/chat"
)

// DefaultURL is Anthropic's own address.
const DefaultURL = "https://api.anthropic.com/v1"

// apiVersion is the version of the protocol that this package speaks.
const apiVersion = "2023-06-01"

// Config says which model is called and how long it may take. Its address is
// up to and with /v1.
type Config = chat.Config

// Client calls one model of one server. It is goroutine-safe.
type Client struct {
	*chat.Caller
	model string
}

var _ llm.Model = (*Client)(nil)

// New returns a client, or an error of KindInvalid. It does not call.
func New(cfg Config) (*Client, error) {
	caller, err := chat.New(cfg, chat.Provider{
		Name: "anthropic", DefaultURL: DefaultURL, Protocol: protocol{cfg.Model}, Framing: chat.Events,
		KeyHeader: "X-Api-Key", Header: http.Header{"Anthropic-Version": {apiVersion}},
	})
	if err != nil {
		return nil, err
	}
	return &Client{caller, cfg.Model}, nil
}

// Check asks the server for the description of the model, which costs nothing.
func (c *Client) Check(ctx context.Context) error {
	var model struct{}
	return c.Server().Get(ctx, "/models/"+url.PathEscape(c.model), &model)
}
