package embed

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/smartretriever/smartretriever/model/batch"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// Client embeds texts with one model of one server. It is goroutine-safe.
type Client struct {
	cfg      Config
	model    rag.Model
	protocol Protocol
	server   *remote.Server
	sender   *batch.Sender[[]float32]
	health   remote.Health
	paid     paid
	tokens   atomic.Int64
}

// New returns a client, or an error of KindInvalid. Where the number of dimensions
// is neither configured nor known the server is asked for it, within Timeout; that
// it cannot say is an error of the kind that Embed would have.
func New(ctx context.Context, p Provider, cfg Config) (*Client, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.validate(p); err != nil {
		return nil, err
	}
	cfg = cfg.within(p.Limits)
	if err := cfg.validateLimits(); err != nil {
		return nil, err
	}
	server, err := remote.NewServer(cfg.server(p))
	if err != nil {
		return nil, err
	}
	c := &Client{
		cfg:      cfg,
		model:    rag.Model{ID: p.Name + ":" + cfg.Model, Dimensions: cfg.Dimensions, MaxTokens: cfg.MaxTokens},
		protocol: p.Protocol,
		server:   server,
		sender: batch.New[[]float32](batch.Config{
			What: "the embedding model", MaxTokens: cfg.MaxTokens, CountTokens: cfg.CountTokens,
			Texts: cfg.BatchTexts, Tokens: cfg.BatchTokens, Bytes: cfg.BatchBytes, Concurrency: cfg.Concurrency,
			Retries: cfg.Retries, MaxWait: cfg.MaxWait, Breaker: cfg.Breaker,
		}),
	}
	if cfg.SendDimensions {
		c.model.ID = fmt.Sprintf("%s-%dd", c.model.ID, cfg.Dimensions)
	}
	if cfg.PassagePrefix != "" {
		sum := sha256.Sum256([]byte(cfg.PassagePrefix))
		c.model.ID += "-p" + hex.EncodeToString(sum[:4])
	}
	if cfg.Dimensions == 0 {
		if c.model.Dimensions, err = c.probe(ctx); err != nil {
			return nil, errors.Join(err, server.Close())
		}
	}
	return c, nil
}

// probe asks for the number of dimensions by having one word embedded.
func (c *Client) probe(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	vectors, err := c.Embed(ctx, rag.PassageText, []string{"dimensions"})
	if err != nil {
		return 0, rag.Errorf(rag.KindOf(err), "ask the embedding model for its number of dimensions, which is not configured: %w", err)
	}
	return len(vectors[0]), nil
}

// Model describes the model. Its ID is the server's name for it with the
// provider's before; behind it the number of dimensions where the server is asked
// to shorten vectors, and a digest of the passages' prefix where there is one:
// vectors are kept by it, and another prefix makes others. It cannot tell one
// server's model from another's of the same name.
func (c *Client) Model() rag.Model { return c.model }

// Tokens returns the tokens that the server has counted so far, 0 if it does not
// report them.
func (c *Client) Tokens() int64 { return c.tokens.Load() }

// Divided returns how many texts so far were longer than the model takes and were
// embedded in parts.
func (c *Client) Divided() int64 { return c.sender.Divided() }

// CountTokens returns the tokens of text: exactly for models of OpenAI, or by the
// counter of the configuration, and else an estimate that errs on the high side: what
// is too long is refused by the server. See package token.
func (c *Client) CountTokens(text string) int { return c.cfg.CountTokens(text) }

// Embed returns the texts' vectors, of unit length, in order. An empty text has a
// vector, too; bytes that are not UTF-8 count as U+FFFD; a text that is longer than
// the model takes is embedded in parts; no texts are no error. The first request
// that fails ends the others. Errors have the kinds
//
//	KindInvalid      the server finds a text too long, however it is divided
//	KindRefused      the provider declines a text
//	KindExhausted    rate, quota, or time; the caller's deadline
//	KindUnavailable  the server is down, refuses the key, has no such model, or
//	                 answers what cannot be used; the caller gave up
//	KindInternal     the server does not understand the request
func (c *Client) Embed(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error) {
	remote.Itemise(ctx) // vectors that were kept of a failed call are paid for
	prefix := c.cfg.PassagePrefix
	whole, cancel := ctx, func() {}
	if kind == rag.QuestionText {
		prefix = c.cfg.QueryPrefix
		whole, cancel = context.WithTimeout(ctx, c.cfg.QueryTimeout)
	}
	defer cancel()
	items := c.sender.Items(clean(texts), c.cfg.CountTokens(prefix))
	missing := items
	if kind == rag.PassageText {
		missing = c.paid.take(items)
	}
	err := c.sender.Send(whole, missing, batch.Call[[]float32]{
		Request: func(ctx context.Context, texts []string) ([][]float32, error) {
			return c.request(ctx, kind, prefix, texts)
		},
		Urgent: kind == rag.QuestionText,
		Join:   mean,
	})
	if err == nil {
		out := make([][]float32, len(texts))
		batch.Parts(items, func(of int, parts []*batch.Item[[]float32]) { out[of] = mean(parts) })
		return out, nil
	}
	if kind == rag.PassageText {
		c.paid.keep(items)
	}
	switch {
	case ctx.Err() != nil:
		return nil, rag.Wrap(rag.KindOf(ctx.Err()), context.Cause(ctx), "embedder: the call was given up")
	case whole.Err() != nil:
		return nil, rag.Errorf(rag.KindExhausted, "embedder: a question's vector took longer than %s", c.cfg.QueryTimeout)
	}
	return nil, err
}

// clean returns the texts as they can be sent: UTF-8, and, as many servers refuse
// an empty input, a space for an empty one.
func clean(texts []string) []string {
	out := make([]string, len(texts))
	for i, text := range texts {
		if text == "" {
			text = " "
		}
		out[i] = strings.ToValidUTF8(text, "\uFFFD")
	}
	return out
}

// Health asks the server whether it has the model. It is not needed: without it
// searches go on by keywords.
func (c *Client) Health(ctx context.Context) rag.Health {
	return c.health.Get(ctx, "embed server", c.cfg.Model+" at "+c.cfg.BaseURL, func(ctx context.Context) error {
		return c.protocol.Check(ctx, c.server)
	})
}

// Limits returns how requests wait for the server's limits now.
func (c *Client) Limits() remote.LimitState { return c.server.Limits() }

// Close drops idle connections.
func (c *Client) Close() error { return c.server.Close() }
