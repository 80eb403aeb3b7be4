package embed

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// Client embeds texts with one model of one server. It is goroutine-safe.
type Client struct {
	cfg      Config
	model    rag.Model
	protocol Protocol
	server   *remote.Server
	breaker  *remote.Breaker[[][]float32]
	health   remote.Health
	slots    chan struct{} // one for each request that runs
	paid     paid
	tokens   atomic.Int64
	divided  atomic.Int64

	// maxTexts is the most texts that this server takes in one request, as far as
	// it has said so.
	maxTexts atomic.Int64
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
	server, err := remote.NewServer(cfg.server(p))
	if err != nil {
		return nil, err
	}
	c := &Client{
		cfg:      cfg,
		model:    rag.Model{ID: p.Name + ":" + cfg.Model, Dimensions: cfg.Dimensions, MaxTokens: cfg.MaxTokens},
		protocol: p.Protocol,
		server:   server,
		breaker:  remote.NewBreaker[[][]float32]("the embedding model", cfg.Breaker),
		slots:    make(chan struct{}, cfg.Concurrency),
	}
	c.maxTexts.Store(int64(cfg.BatchTexts))
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
func (c *Client) Divided() int64 { return c.divided.Load() }

// CountTokens returns the tokens of text, an estimate unless the configuration has
// a counter.
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
	prefix := c.cfg.PassagePrefix
	whole, cancel := ctx, func() {}
	if kind == rag.QuestionText {
		prefix = c.cfg.QueryPrefix
		whole, cancel = context.WithTimeout(ctx, c.cfg.QueryTimeout)
	}
	defer cancel()
	pieces := c.pieces(prefix, texts)
	missing := pieces
	if kind == rag.PassageText {
		missing = c.paid.take(pieces)
	}
	err := c.send(whole, kind, missing)
	if err == nil {
		return join(pieces, len(texts)), nil
	}
	if kind == rag.PassageText {
		c.paid.keep(pieces)
	}
	switch {
	case ctx.Err() != nil:
		return nil, rag.Wrap(rag.KindOf(ctx.Err()), context.Cause(ctx), "embedder: the call was given up")
	case whole.Err() != nil:
		return nil, rag.Errorf(rag.KindExhausted, "embedder: a question's vector took longer than %s", c.cfg.QueryTimeout)
	}
	return nil, err
}

// send gives each piece its vector, batch by batch.
func (c *Client) send(ctx context.Context, kind rag.EmbedKind, pieces []*piece) error {
	group, groupCtx := errgroup.WithContext(ctx)
	for len(pieces) > 0 {
		n := c.batch(pieces)
		if c.acquire(groupCtx) != nil {
			break
		}
		batch := pieces[:n]
		group.Go(func() error {
			defer c.release()
			return c.fill(groupCtx, kind, batch)
		})
		pieces = pieces[n:]
	}
	err := group.Wait()
	if err == nil && len(pieces) > 0 {
		err = ctx.Err()
	}
	return err
}

// acquire waits for its turn to make requests.
func (c *Client) acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case c.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Client) release() { <-c.slots }

// batch returns how many of the pieces, at least one, go into the next request.
func (c *Client) batch(pieces []*piece) int {
	n, bytes, tokens := 0, 0, 0
	for n < len(pieces) && n < int(c.maxTexts.Load()) {
		bytes += len(pieces[n].prefix) + len(pieces[n].body)
		tokens += pieces[n].tokens
		if n > 0 && (bytes > c.cfg.BatchBytes || (c.cfg.BatchTokens > 0 && tokens > c.cfg.BatchTokens)) {
			break
		}
		n++
	}
	return max(1, n)
}

// fill gives the pieces of one batch their vectors. A server that takes fewer
// texts at once than were sent is given halves, and remembered; a batch with a text
// that is too long is halved until it is found, and then that is divided.
func (c *Client) fill(ctx context.Context, kind rag.EmbedKind, batch []*piece) error {
	vectors, err := c.breaker.Do(ctx, func() ([][]float32, error) {
		return remote.Retry(ctx, c.retry(), func() ([][]float32, bool, error) {
			vectors, err := c.request(ctx, kind, batch)
			return vectors, true, err
		})
	})
	if err == nil {
		for i, p := range batch {
			p.vector = vectors[i]
		}
		return nil
	}
	half := len(batch) / 2
	_, many := errors.AsType[*tooManyError](err)
	_, long := errors.AsType[*tooLongError](err)
	switch {
	case half > 0 && (many || long):
		if many {
			c.maxTexts.Store(max(1, min(c.maxTexts.Load(), int64(half))))
		}
		if err := c.fill(ctx, kind, batch[:half]); err != nil {
			return err
		}
		return c.fill(ctx, kind, batch[half:])
	case long:
		return c.fillInParts(ctx, kind, batch[0], err)
	}
	return err
}

// fillInParts gives a piece that the server finds too long the mean of the vectors
// of its halves. Where it is not to be halved, the server's refusal is the error.
func (c *Client) fillInParts(ctx context.Context, kind rag.EmbedKind, p *piece, refused error) error {
	halves := c.halves(p)
	if len(halves) < 2 {
		return refused
	}
	for _, half := range halves {
		if err := c.fill(ctx, kind, []*piece{half}); err != nil {
			return err
		}
	}
	if p.halved == 0 {
		c.divided.Add(1)
	}
	p.vector = mean(halves)
	return nil
}

func (c *Client) retry() remote.RetryConfig {
	return remote.RetryConfig{Tries: max(1, c.cfg.Retries+1), MaxWait: c.cfg.MaxWait}
}

// Health asks the server whether it has the model. It is not needed: without it
// searches go on by keywords.
func (c *Client) Health(ctx context.Context) rag.Health {
	return c.health.Get(ctx, "embed server", c.cfg.Model+" at "+c.cfg.BaseURL, func(ctx context.Context) error {
		return c.protocol.Check(ctx, c.server)
	})
}

// Close drops idle connections.
func (c *Client) Close() error { return c.server.Close() }
