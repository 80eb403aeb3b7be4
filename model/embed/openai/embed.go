// Package openai embeds texts with a model behind the embeddings protocol of
// OpenAI's API (POST /embeddings), which many servers speak: OpenAI itself,
// Ollama, vLLM, llama.cpp, LM Studio, Text Embeddings Inference and others.
//
//	Embed:  prefix -> batches -> at most so many requests at once -> vectors in order
//	batch:  breaker( retry( request -> read, bounded -> check every vector -> unit length ) )
//
// Nothing that a server answers is taken on trust: the number of vectors, their
// place, their dimensions and every number in them are checked, because a wrong
// vector that is stored spoils searches without a sign.
//
// The API key goes into the Authorization header of requests to the configured
// address and nowhere else; see package remote.
package openai

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/model/token"
	"github.com/smartretriever/smartretriever/rag"
)

// Embedder embeds texts with one model of one server. It is goroutine-safe.
type Embedder struct {
	cfg     Config
	model   rag.Model
	server  *remote.Server
	counter token.Counter
	breaker *remote.Breaker[[][]float32]
	health  remote.Health
	slots   chan struct{} // one for each request for passages
	tokens  atomic.Int64

	// maxTexts is the most texts that this server takes in one request, as far as
	// it has said so.
	maxTexts atomic.Int64
}

// New returns an embedder, or an error of KindInvalid. Where the number of
// dimensions is not configured the server is asked for it, within Timeout; that
// it cannot say is an error of the kind that Embed would have.
func New(ctx context.Context, cfg Config) (*Embedder, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	server, err := remote.NewServer(cfg.server())
	if err != nil {
		return nil, err
	}
	e := &Embedder{
		cfg:     cfg,
		model:   rag.Model{ID: "openai:" + cfg.Model, Dimensions: cfg.Dimensions, MaxTokens: cfg.MaxTokens},
		server:  server,
		counter: token.For(cfg.Model),
		breaker: remote.NewBreaker[[][]float32]("the embedding model", cfg.Breaker),
		slots:   make(chan struct{}, cfg.Concurrency),
	}
	e.maxTexts.Store(int64(cfg.BatchTexts))
	if cfg.SendDimensions {
		e.model.ID = fmt.Sprintf("%s-%dd", e.model.ID, cfg.Dimensions)
	}
	if cfg.PassagePrefix != "" {
		sum := sha256.Sum256([]byte(cfg.PassagePrefix))
		e.model.ID += "-p" + hex.EncodeToString(sum[:4])
	}
	if cfg.Dimensions == 0 {
		if e.model.Dimensions, err = e.probe(ctx); err != nil {
			return nil, errors.Join(err, server.Close())
		}
	}
	return e, nil
}

// probe asks for the number of dimensions by having one word embedded.
func (e *Embedder) probe(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, e.cfg.Timeout)
	defer cancel()
	vectors, err := e.Embed(ctx, rag.PassageText, []string{"dimensions"})
	if err != nil {
		return 0, rag.Errorf(rag.KindOf(err), "ask the embedding model for its number of dimensions, which is not configured: %w", err)
	}
	return len(vectors[0]), nil
}

// Model describes the model. Its ID is the server's name for it with "openai:"
// before; behind it the number of dimensions where the server is asked to shorten
// vectors, and a digest of the passages' prefix where there is one: vectors are
// kept by it, and another prefix makes others. It cannot tell one server's model
// from another's of the same name.
func (e *Embedder) Model() rag.Model { return e.model }

// Tokens returns the tokens that the server has counted so far, 0 if it does not
// report them.
func (e *Embedder) Tokens() int64 { return e.tokens.Load() }

// Embed returns the texts' vectors, of unit length, in order. An empty text has a
// vector, too; bytes that are not UTF-8 count as U+FFFD; no texts are no error.
// The first request that fails ends the others. Errors have the kinds
//
//	KindInvalid      a text is longer than the model takes
//	KindExhausted    rate, quota, or time; the caller's deadline
//	KindUnavailable  the server is down, refuses the key, has no such model, or
//	                 answers what cannot be used; the caller gave up
//	KindInternal     the server does not understand the request
func (e *Embedder) Embed(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	whole, cancel := ctx, func() {}
	if kind == rag.QuestionText {
		whole, cancel = context.WithTimeout(remote.Urgent(ctx), e.cfg.QueryTimeout)
	}
	defer cancel()
	group, groupCtx := errgroup.WithContext(whole)
	inputs := e.inputs(kind, texts)
	from := 0
	for from < len(inputs) {
		to := from + e.batch(inputs[from:])
		// A question does not stand behind passages that wait for their turn: the limiter
		// holds it to the number of requests at once, and lets it go first.
		slot := kind != rag.QuestionText
		if slot && e.acquire(groupCtx) != nil {
			break
		}
		batch, into := inputs[from:to], out[from:to]
		group.Go(func() error {
			if slot {
				defer e.release()
			}
			return e.fill(groupCtx, into, batch)
		})
		from = to
	}
	err := group.Wait()
	switch {
	case err == nil && from == len(inputs):
		return out, nil
	case ctx.Err() != nil:
		return nil, rag.Wrap(rag.KindOf(ctx.Err()), context.Cause(ctx), "embedder: the call was given up")
	case whole.Err() != nil:
		return nil, rag.Errorf(rag.KindExhausted, "embedder: a question's vector took longer than %s", e.cfg.QueryTimeout)
	}
	return nil, err
}

func (e *Embedder) acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case e.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (e *Embedder) release() { <-e.slots }

// inputs puts the prefix before each text. Many servers refuse an empty input, so
// an empty text is sent as a space.
func (e *Embedder) inputs(kind rag.EmbedKind, texts []string) []string {
	prefix := e.cfg.PassagePrefix
	if kind == rag.QuestionText {
		prefix = e.cfg.QueryPrefix
	}
	out := make([]string, len(texts))
	for i, t := range texts {
		if t == "" {
			t = " "
		}
		out[i] = strings.ToValidUTF8(prefix+t, "\uFFFD")
	}
	return out
}

// batch returns how many of the inputs, at least one, go into the next request.
func (e *Embedder) batch(inputs []string) int {
	n, bytes := 1, len(inputs[0])
	for n < len(inputs) && n < int(e.maxTexts.Load()) {
		if bytes += len(inputs[n]); bytes > e.cfg.BatchBytes {
			break
		}
		n++
	}
	return n
}

// fill writes the vectors of one batch. A server that takes fewer texts at once
// than were sent is given halves, and remembered.
func (e *Embedder) fill(ctx context.Context, into [][]float32, batch []string) error {
	vectors, err := e.breaker.Do(ctx, func() ([][]float32, error) {
		return remote.Retry(ctx, e.retry(), func() ([][]float32, bool, error) {
			vectors, err := e.request(ctx, batch)
			return vectors, true, err
		})
	})
	if _, many := errors.AsType[*tooManyError](err); many && len(batch) > 1 {
		half := len(batch) / 2
		e.maxTexts.Store(max(1, min(e.maxTexts.Load(), int64(half))))
		if err := e.fill(ctx, into[:half], batch[:half]); err != nil {
			return err
		}
		return e.fill(ctx, into[half:], batch[half:])
	}
	copy(into, vectors)
	return err
}

func (e *Embedder) retry() remote.RetryConfig {
	return remote.RetryConfig{Tries: max(1, e.cfg.Retries+1), MaxWait: e.cfg.MaxWait}
}

// Limits returns how requests wait for their turn now.
func (e *Embedder) Limits() remote.LimitState { return e.server.Limits() }

// Health asks the server for its models. It is not needed: without it searches go
// on by keywords.
func (e *Embedder) Health(ctx context.Context) rag.Health {
	return e.health.Get(ctx, "embed server", e.cfg.Model+" at "+e.cfg.BaseURL, e.server.Check)
}

// Close drops idle connections.
func (e *Embedder) Close() error { return e.server.Close() }
