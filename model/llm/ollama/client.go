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

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/remote/chat"
)

// DefaultURL is where Ollama listens unless told otherwise.
const DefaultURL = "http://127.0.0.1:11434"

// Config says which model is called and how long it may take.
type Config struct {
	// Config has the address without /api, and a key for a server behind a proxy that
	// asks for one. Loading the model counts as silence.
	chat.Config
	KeepAlive string // how long the model stays loaded after a call: "5m", "-1" for ever, "0" not at all; "" leaves it to the server
	NumCtx    int    // tokens that question, sources and answer may have together; 0 leaves it to the server
}

// Client calls one model of one server. It is goroutine-safe.
type Client struct{ *chat.Caller }

var _ llm.Model = (*Client)(nil)

// New returns a client, or an error of KindInvalid. It does not call.
func New(cfg Config) (*Client, error) {
	keep, err := keepAlive(cfg.KeepAlive)
	if err != nil {
		return nil, err
	}
	caller, err := chat.New(cfg.Config, chat.Provider{
		Name: "ollama", DefaultURL: DefaultURL, Protocol: protocol{cfg.Model, keep, cfg.NumCtx}, Framing: chat.Lines,
	})
	if err != nil {
		return nil, err
	}
	return &Client{caller}, nil
}

// Check asks the server for the models that it has on disk and reports whether the
// configured one is among them. It loads none.
func (c *Client) Check(ctx context.Context) error {
	var list struct {
		Models []struct {
			Name string `json:"name"`
		} `json:"models"`
	}
	if err := c.Server().Get(ctx, "/api/tags", &list); err != nil {
		return err
	}
	known := make([]string, len(list.Models))
	for i, m := range list.Models {
		known[i] = m.Name
	}
	return c.Server().Among(known)
}
