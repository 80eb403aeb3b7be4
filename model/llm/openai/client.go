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
	"cmp"
	"context"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/model/remote/chat"
)

// DefaultURL is OpenAI's own address.
const DefaultURL = "https://api.openai.com/v1"

// Config says which model is called and how long it may take.
type Config struct {
	chat.Config // its address is up to and with /v1

	// KeyHeader, Tokens, Path and Provider are for dialects of the protocol.
	KeyHeader string             // carries the key; "" is Authorization, with "Bearer " before it
	Tokens    remote.TokenSource // gives a bearer token, instead of Key; may be nil
	Path      string             // of chat completions below BaseURL; "" is /chat/completions
	Provider  string             // name in results; "" is openai
}

// provider is the dialect that is spoken.
func (c Config) provider() chat.Provider {
	return chat.Provider{
		Name: cmp.Or(c.Provider, "openai"), DefaultURL: DefaultURL, Framing: chat.Events,
		Protocol:  protocol{model: c.Model, path: cmp.Or(c.Path, "/chat/completions")},
		KeyHeader: c.KeyHeader, Tokens: c.Tokens,
	}
}

// Validate reports what is wrong, as KindInvalid.
func (c Config) Validate() error { return c.Config.Validate(c.provider()) }

// Client calls one model of one server. It is goroutine-safe.
type Client struct{ *chat.Caller }

var _ llm.Model = (*Client)(nil)

// New returns a client, or an error of KindInvalid. It does not call.
func New(cfg Config) (*Client, error) {
	caller, err := chat.New(cfg.Config, cfg.provider())
	if err != nil {
		return nil, err
	}
	return &Client{caller}, nil
}

// Check asks the server for its models; see remote.Server.Check.
func (c *Client) Check(ctx context.Context) error { return c.Server().Check(ctx) }
