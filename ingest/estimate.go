package ingest

import (
	"context"
	"errors"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/smartretriever/smartretriever/rag"
)

// sampled bounds the texts that Estimate hands back.
const sampled = 32

// Estimate reads and cuts inputs as Run would, and tells what of them would be
// embedded and stored, without doing either. inputs is drawn as workers come free;
// report is called once a document, one call at a time, as by Run. The sample holds up to 32 of
// the texts that would be embedded, for measuring how fast the model is. The error
// is what ended it: the store, or ctx.
//
// Texts are compared by their hash over the whole run, of which 32 bytes are kept
// for each that would be embedded. No model is called: what a language model would add to
// texts is not counted.
func (p *Pipeline) Estimate(ctx context.Context, col rag.Collection, inputs iter.Seq[rag.Input], report func(index int, e rag.DocumentEstimate)) (sample []string, err error) {
	at, err := p.plan(ctx, col)
	if err != nil {
		return nil, err
	}
	at.enrich = at.enrich.Rules() // what models would add is not paid for to be estimated
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	asked := &unasked{Embedder: at.embed}
	if at.chunker, err = p.cfg.Chunker(col.Generation.Chunker, asked, p.leave()); err != nil {
		return nil, err
	}
	e := estimator{p: p, at: at, asked: asked, seen: map[rag.Hash]struct{}{}}
	e.results = newSeries(func(index int, d rag.DocumentEstimate, more bool) {
		d.More = more
		report(index, d)
	})
	p.work(ctx, func() *plan { return at }, inputs, func(d prepared) {
		if err := e.take(ctx, d); err != nil {
			cancel(err)
		}
	})
	return e.sample, context.Cause(ctx)
}

// estimator sums up what is prepared.
type estimator struct {
	p     *Pipeline
	at    *plan
	asked *unasked

	mu      sync.Mutex
	seen    map[rag.Hash]struct{}
	sample  []string
	results *series[rag.DocumentEstimate]
}

// tell passes on the estimate of a document, and of an archive that is complete what
// is to be said of it as a whole. What would be deleted of it is not told.
func (e *estimator) tell(d *prepared, out rag.DocumentEstimate) {
	box := d.from
	switch {
	case d.end:
		box.ended, box.total, box.own = true, d.total, d.result
	default:
		e.results.take(d.index, box, out)
		if box != nil {
			box.took(out.State, out.Err)
		}
	}
	if box == nil || !box.complete() {
		return
	}
	if !box.verdict(&box.own) {
		e.results.take(d.index, box, rag.DocumentEstimate{
			ExternalID: box.own.ExternalID, Source: box.own.Source, Title: box.own.Title, State: box.own.State, Bytes: box.own.Bytes, Err: box.own.Err,
		})
	}
	e.results.end(box)
}

// unasked is an embedder for chunkers that ask for vectors while they cut: it counts
// what they would have embedded, and gives every text the same vector. Such a
// chunker then cuts by size alone, which comes near in numbers and costs nothing.
type unasked struct {
	Embedder
	tokens atomic.Int64
}

func (u *unasked) Embed(_ context.Context, _ rag.EmbedKind, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	one := make([]float32, u.Model().Dimensions)
	if len(one) > 0 {
		one[0] = 1
	}
	for i, t := range texts {
		u.tokens.Add(int64(u.CountTokens(t)))
		out[i] = one
	}
	return out, nil
}

// take looks at one prepared input.
func (e *estimator) take(ctx context.Context, d prepared) error {
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
		e.tell(&d, out)
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
		if missing, err = e.p.cfg.Store.MissingEmbeddings(ctx, e.at.col.Tenant, e.at.embed.Model().ID, hashes); err != nil {
			return err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	out.Tokens = e.asked.tokens.Swap(0) // with what is being cut beside it: their sum is right
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
	e.tell(&d, out)
	return nil
}
