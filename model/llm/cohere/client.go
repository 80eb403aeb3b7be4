// Package cohere is a client of Cohere's chat protocol in its second version. It
// speaks the protocol itself over net/http: one request, one stream of server-sent
// events. The provider's own way of citing documents is not used: sources are in the
// conversation, as for every other model, and what is cited is verified by us.
package cohere

import (
	"context"
	"net/url"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/remote/chat"
)

// DefaultURL is Cohere's own address.
const DefaultURL = "https://api.cohere.com"

// Config says which model is called and how long it may take. Its address is
// without a version.
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
		Name: "cohere", DefaultURL: DefaultURL, Protocol: protocol{cfg.Model}, Framing: chat.Events,
	})
	if err != nil {
		return nil, err
	}
	return &Client{caller, cfg.Model}, nil
}

// Check asks the server for the description of the model, which costs nothing.
func (c *Client) Check(ctx context.Context) error {
	var model struct{}
	return c.Server().Get(ctx, "/v1/models/"+url.PathEscape(c.model), &model)
}
