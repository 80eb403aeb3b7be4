package ingest

import (
	"context"
	"errors"
	"iter"
	"sync"

	"github.com/smartretriever/smartretriever/rag"
)

// sampled bounds the texts that Estimate hands back.
const sampled = 32

// Estimate reads and cuts inputs as Run would, and tells what of them would be
// embedded and stored, without doing either. inputs is drawn as workers come free;
// report is called once an input, one call at a time. The sample holds up to 32 of
// the texts that would be embedded, for measuring how fast the model is. The error
// is what ended it: the store, or ctx.
//
// Texts are compared by their hash over the whole run, of which 32 bytes are kept
// for each that would be embedded.
func (p *Pipeline) Estimate(ctx context.Context, col rag.Collection, inputs iter.Seq[rag.Input], report func(index int, e rag.DocumentEstimate)) (sample []string, err error) {
	at, err := p.plan(ctx, col)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	e := estimator{p: p, at: at, seen: map[rag.Hash]struct{}{}, report: report}
	queue := make(chan numbered)
	var workers sync.WaitGroup
	for range p.cfg.Workers {
		workers.Go(func() {
			for n := range queue {
				if err := e.estimate(ctx, n); err != nil {
					cancel(err)
				}
			}
		})
	}
	i := 0
	for in := range inputs {
		if ctx.Err() != nil {
			closeContent(in)
			break
		}
		queue <- numbered{i, in} // a worker takes it in any case, and soon if ctx is done
		i++
	}
	close(queue)
	workers.Wait()
	return e.sample, context.Cause(ctx)
}

// estimator sums up what is prepared.
type estimator struct {
	p  *Pipeline
	at *plan

	mu     sync.Mutex
	seen   map[rag.Hash]struct{}
	sample []string
	report func(int, rag.DocumentEstimate)
}

// unasked is an embedder for chunkers that ask for vectors while they cut: it counts
// what they would have embedded, and gives every text the same vector. Such a
// chunker then cuts by size alone, which comes near in numbers and costs nothing.
type unasked struct {
	Embedder
	tokens int64
}

func (u *unasked) Embed(_ context.Context, _ rag.EmbedKind, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	one := make([]float32, u.Model().Dimensions)
	if len(one) > 0 {
		one[0] = 1
	}
	for i, t := range texts {
		u.tokens += int64(u.CountTokens(t))
		out[i] = one
	}
	return out, nil
}

// estimate prepares one input as Run would, without the model.
func (e *estimator) estimate(ctx context.Context, n numbered) error {
	asked := &unasked{Embedder: e.at.embed}
	at := *e.at
	var err error
	if at.chunker, err = e.p.cfg.Chunker(at.col.Generation.Chunker, asked); err != nil {
		closeContent(n.in)
		return err
	}
	return e.take(ctx, n.index, e.p.prepare(ctx, &at, n), asked)
}

// take looks at one prepared input. asked has counted what it took to cut it.
func (e *estimator) take(ctx context.Context, index int, d prepared, asked *unasked) error {
	r := d.result
	out := rag.DocumentEstimate{
		ExternalID: r.ExternalID, Source: r.Source, Title: r.Title, State: r.State, Bytes: r.Bytes, Chunks: r.Chunks, Err: r.Err,
	}
	if d.final {
		if ctx.Err() != nil && errors.Is(r.Err, ctx.Err()) {
			return nil // not a verdict on the document
		}
		if d.stop {
			return r.Err
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		e.report(index, out)
		return nil
	}
	known, err := e.p.known(ctx, e.at.col, rag.Input{ExternalID: r.ExternalID})
	if err != nil {
		return err
	}
	if out.State = rag.Added; known != nil {
		out.State = rag.Updated
	}
	texts := make(map[rag.Hash]string, len(d.texts))
	hashes := make([]rag.Hash, 0, len(d.texts))
	for i, c := range d.put.Chunks {
		if _, twice := texts[c.Hash]; !twice {
			texts[c.Hash] = d.texts[i]
			hashes = append(hashes, c.Hash)
		}
	}
	missing := hashes
	if len(hashes) > 0 {
		if missing, err = e.p.cfg.Store.MissingEmbeddings(ctx, e.at.embed.Model().ID, hashes); err != nil {
			return err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	out.Tokens = asked.tokens
	for _, h := range missing {
		if _, before := e.seen[h]; before {
			continue
		}
		e.seen[h] = struct{}{}
		out.NewChunks++
		out.Tokens += int64(e.at.embed.CountTokens(texts[h]))
		if len(e.sample) < sampled {
			e.sample = append(e.sample, texts[h])
		}
	}
	e.report(index, out)
	return nil
}
