// Package openai is a client of the chat completions of OpenAI's API, which many
// servers speak: OpenAI itself, Ollama, vLLM, llama.cpp, LM Studio and others.
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
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/model/token"
	"github.com/smartretriever/smartretriever/observe"
	"github.com/smartretriever/smartretriever/rag"
)

// Config says which model is called and how long it may take.
type Config struct {
	BaseURL string // up to and with /v1
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

// WithDefaults fills in the zero fields.
func (c Config) WithDefaults() Config {
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 10 * time.Second
	}
	if c.FirstTokenTimeout == 0 {
		c.FirstTokenTimeout = 60 * time.Second
	}
	if c.Timeout == 0 {
		c.Timeout = 2 * time.Minute
	}
	return c
}

// server is how the model is reached.
func (c Config) server() remote.Config {
	return remote.Config{
		Part: "llm", Noun: "language model",
		BaseURL: c.BaseURL, Model: c.Model, Key: c.Key, Proxy: c.Proxy,
		ConnectTimeout: c.ConnectTimeout, Transport: c.Transport, Limit: c.Limit, Observe: c.Observe,
	}
}

// Validate reports what is wrong, as KindInvalid.
func (c Config) Validate() error { return c.server().Validate() }

// Client calls one model of one server. It is goroutine-safe.
type Client struct {
	cfg     Config
	server  *remote.Server
	counter token.Counter

	// What this server has been found not to take. Models differ in what they
	// accept, and say so only when asked.
	modernLimit   atomic.Bool // wants max_completion_tokens instead of max_tokens
	noTemperature atomic.Bool
	noUsage       atomic.Bool // does not know stream_options
}

var _ llm.Model = (*Client)(nil)

// New returns a client, or an error of KindInvalid.
func New(cfg Config) (*Client, error) {
	cfg = cfg.WithDefaults()
	server, err := remote.NewServer(cfg.server())
	if err != nil {
		return nil, err
	}
	return &Client{cfg: cfg, server: server, counter: token.For(cfg.Model)}, nil
}

// Close drops idle connections.
func (c *Client) Close() error { return c.server.Close() }

// errSilence ends a call in which nothing was heard for too long.
var errSilence = errors.New("silence")

// Chat implements llm.Model.
func (c *Client) Chat(ctx context.Context, r llm.Request, onDelta func(string) error) (llm.Result, error) {
	whole, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	for {
		res, err := c.once(whole, r, onDelta)
		if refused, ok := errors.AsType[*parameterError](err); ok && c.learn(refused.parameter) {
			continue // each parameter is learned once, so this ends
		}
		return res, c.explain(ctx, whole, err)
	}
}

// learn notes that the server does not take a parameter and reports whether a
// request without it is worth a try.
func (c *Client) learn(parameter string) bool {
	switch parameter {
	case "max_tokens":
		return !c.modernLimit.Swap(true)
	case "temperature":
		return !c.noTemperature.Swap(true)
	case "stream_options":
		return !c.noUsage.Swap(true)
	}
	return false
}

// request is the body of a call.
type request struct {
	Model               string         `json:"model"`
	Messages            []rag.Message  `json:"messages"`
	Temperature         *float64       `json:"temperature,omitempty"`
	MaxTokens           int            `json:"max_tokens,omitempty"`
	MaxCompletionTokens int            `json:"max_completion_tokens,omitempty"`
	Stop                []string       `json:"stop,omitempty"`
	Stream              bool           `json:"stream"`
	StreamOptions       *streamOptions `json:"stream_options,omitempty"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

func (c *Client) body(r llm.Request) ([]byte, error) {
	b := request{Model: c.cfg.Model, Messages: r.Messages, Stop: r.Stop, Stream: true}
	if !c.noTemperature.Load() {
		b.Temperature = &r.Temperature
	}
	if c.modernLimit.Load() {
		b.MaxCompletionTokens = r.MaxTokens
	} else {
		b.MaxTokens = r.MaxTokens
	}
	if !c.noUsage.Load() {
		b.StreamOptions = &streamOptions{IncludeUsage: true}
	}
	return json.Marshal(b)
}

// once makes one HTTP request.
func (c *Client) once(ctx context.Context, r llm.Request, onDelta func(string) error) (llm.Result, error) {
	body, err := c.body(r)
	if err != nil {
		return llm.Result{}, rag.Wrap(rag.KindInternal, err, "llm: encode the request")
	}
	// The wait for its turn is not the server's silence. Servers count what an answer
	// may have as used.
	ctx, done, err := c.server.Admit(ctx, token.Messages(c.counter, r.Messages)+r.MaxTokens)
	if err != nil {
		return llm.Result{}, c.server.Unreachable(err)
	}
	defer done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(c.cfg.FirstTokenTimeout, func() { cancel(errSilence) })
	defer silence.Stop()

	resp, err := c.server.Do(ctx, http.MethodPost, "/chat/completions", "text/event-stream, application/json", bytes.NewReader(body))
	if err != nil {
		return llm.Result{}, c.callFailed(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return llm.Result{}, c.status(resp)
	}
	// The reader of the answer may take its time; only the server's silence counts.
	alive := func() { silence.Reset(c.cfg.FirstTokenTimeout) }
	heard := func(s string) error {
		silence.Stop()
		defer alive()
		return onDelta(s)
	}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	var res llm.Result
	if media == "application/json" {
		res, err = readWhole(resp.Body, heard)
	} else {
		res, err = readStream(resp.Body, alive, heard)
	}
	if err != nil && context.Cause(ctx) != nil {
		if _, ours := errors.AsType[*emitError](err); !ours {
			err = c.callFailed(ctx, err)
		}
	}
	return res, err
}

// callFailed says why the transport failed.
func (c *Client) callFailed(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errSilence) {
		return errSilence
	}
	return c.server.Unreachable(err)
}

// explain gives time-outs their words and takes the marks off that are of use
// within this package only.
func (c *Client) explain(caller, whole context.Context, err error) error {
	if err == nil {
		return nil
	}
	if emit, ok := errors.AsType[*emitError](err); ok {
		return emit.error
	}
	switch {
	case caller.Err() != nil:
		return rag.Wrap(rag.KindOf(caller.Err()), context.Cause(caller), "llm: the call was given up")
	case errors.Is(err, errSilence):
		return &llm.Temporary{Err: rag.Errorf(rag.KindUnavailable, "llm: the language model said nothing for %s", c.cfg.FirstTokenTimeout)}
	case whole.Err() != nil:
		return rag.Errorf(rag.KindExhausted, "llm: the answer took longer than %s", c.cfg.Timeout)
	}
	return err
}

// emitError marks an error of the caller's onDelta.
type emitError struct{ error }

// Check asks the server for its models; see remote.Server.Check.
func (c *Client) Check(ctx context.Context) error { return c.server.Check(ctx) }
