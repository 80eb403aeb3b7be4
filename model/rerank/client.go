package rerank

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/smartretriever/smartretriever/model/batch"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/model/token"
	"github.com/smartretriever/smartretriever/rag"
)

// maxRequestBytes bounds the text of one request, unless one passage has more.
const maxRequestBytes = 1 << 20

// maxQuestion is the most tokens of a question, whatever the model takes: providers
// that say allow 2,000 or more.
const maxQuestion = 2000

// questionMarks is how many tokens models put around question and passage.
const questionMarks = 4

// Client scores passages with one model of one server. It is goroutine-safe.
type Client struct {
	cfg      Config
	name     string
	protocol Protocol
	server   *remote.Server
	sender   *batch.Sender[float64]
	health   remote.Health
}

// New returns a client, or an error of KindInvalid. It does not call.
func New(p Provider, cfg Config) (*Client, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg = cfg.within(p.Limits)
	server, err := remote.NewServer(cfg.Server())
	if err != nil {
		return nil, err
	}
	return &Client{
		cfg: cfg, name: p.Name + ":" + cfg.Model, protocol: p.Protocol, server: server,
		sender: batch.New[float64](batch.Config{
			What: "the reranker", MaxTokens: cfg.MaxTokens, CountTokens: cfg.CountTokens,
			Texts: cfg.BatchTexts, Tokens: cfg.BatchTokens, Bytes: maxRequestBytes, Concurrency: cfg.Concurrency,
			Retries: cfg.Retries, MaxWait: cfg.MaxWait, Breaker: cfg.Breaker,
		}),
	}, nil
}

// Name is the server's name for the model with the provider's before.
func (c *Client) Name() string { return c.name }

// Divided returns how many passages so far were longer than the model takes and
// were scored in parts.
func (c *Client) Divided() int64 { return c.sender.Divided() }

// Rerank scores the passages. When the deadline of ctx comes before the last, the
// result has the scores of those first ones that are done; where there are none, the
// error is KindExhausted. A blank passage is not sent and has the least of the other
// scores; where the question is blank, all have 0. Of a question that is longer than
// half of what the model takes only the beginning is sent. Errors are
//
//	KindExhausted    rate, quota, or time; the caller's deadline
//	KindUnavailable  the server is down, refuses the key, the model or a text, or
//	                 answers what cannot be used; the caller gave up
func (c *Client) Rerank(ctx context.Context, q rag.RerankQuery) (rag.RerankResult, error) {
	question := c.question(q.Text)
	texts, of := sendable(q.Passages)
	if question == "" || len(texts) == 0 {
		return rag.RerankResult{Scores: make([]float64, len(q.Passages))}, nil
	}
	var tokens atomic.Int64
	items := c.sender.Items(texts, c.cfg.CountTokens(question)+questionMarks)
	err := c.sender.Send(ctx, items, batch.Call[float64]{
		Request: func(ctx context.Context, texts []string) ([]float64, error) {
			return c.request(ctx, question, texts, &tokens)
		},
		Join: best,
	})
	scores := c.scores(items, of, len(q.Passages))
	switch {
	case err == nil:
	case errors.Is(ctx.Err(), context.DeadlineExceeded) && len(scores) > 0:
	case ctx.Err() != nil:
		return rag.RerankResult{}, rag.Wrap(rag.KindOf(ctx.Err()), context.Cause(ctx), "rerank: the call was given up")
	default:
		return rag.RerankResult{}, err
	}
	return rag.RerankResult{Scores: scores, Tokens: int(tokens.Load())}, nil
}

// question returns the text of a question as it is sent.
func (c *Client) question(text string) string {
	text = strings.TrimSpace(strings.ToValidUTF8(text, "\uFFFD"))
	return strings.TrimSpace(token.Divide(text, max(1, min(maxQuestion, c.cfg.MaxTokens/2)), c.cfg.CountTokens)[0])
}

// sendable returns the texts of the passages that are not blank, and for each the
// index of its passage.
func sendable(passages []rag.Passage) (texts []string, of []int) {
	for i, p := range passages {
		if strings.TrimSpace(p.Text) != "" {
			texts = append(texts, strings.ToValidUTF8(p.Text, "\uFFFD"))
			of = append(of, i)
		}
	}
	return texts, of
}

// scores returns a score for each of the first of n passages, up to the first one
// that is not done.
func (c *Client) scores(items []*batch.Item[float64], of []int, n int) []float64 {
	out, blank := make([]float64, n), make([]bool, n)
	for i := range blank {
		blank[i] = true
	}
	end := n
	var done []float64
	batch.Parts(items, func(text int, parts []*batch.Item[float64]) {
		i := of[text]
		blank[i] = false
		if slices.ContainsFunc(parts, func(it *batch.Item[float64]) bool { return !it.Done }) {
			end = min(end, i)
		}
		if i < end {
			out[i] = best(parts)
			done = append(done, out[i])
		}
	})
	if len(done) == 0 {
		return nil
	}
	for i := range end {
		if blank[i] {
			out[i] = slices.Min(done)
		}
	}
	return out[:end]
}

// best returns the score of a passage from those of its parts.
func best(parts []*batch.Item[float64]) float64 {
	score := parts[0].Result
	for _, p := range parts[1:] {
		score = max(score, p.Result)
	}
	return score
}

// Health asks the server whether it has the model. It is not needed: without it
// searches keep their order.
func (c *Client) Health(ctx context.Context) rag.Health {
	return c.health.Get(ctx, "rerank server", c.cfg.Model+" at "+c.cfg.BaseURL, func(ctx context.Context) error {
		return c.protocol.Check(ctx, c.server)
	})
}

// Close drops idle connections.
func (c *Client) Close() error { return c.server.Close() }
