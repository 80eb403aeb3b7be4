package late

import (
	"context"
	"errors"

	"github.com/smartretriever/smartretriever/model/bert"
	"github.com/smartretriever/smartretriever/model/bert/kernel"
	"github.com/smartretriever/smartretriever/model/bert/weights"
	"github.com/smartretriever/smartretriever/rag"
)

// Weight is how much this order is to count against that of the search: together
// they are better than either alone. Chosen on SciFact's training queries, CACM and
// ADI; see docs/models.md.
const Weight = .5

// Config holds the choices of a Reranker. The zero value is useful.
type Config struct {
	// Weights is a weight file of a model that gives vectors. Default: the built-in
	// bge-small-en-v1.5.
	Weights []byte
	// Workers is the most groups of passages encoded at once, over all calls
	// together. Default: GOMAXPROCS.
	Workers int
	// Kernel names the arithmetic; see bert.Config. Default: the fastest.
	Kernel string
	// Memory bounds the vectors of passages that are kept, in bytes. Default: 256 MiB,
	// which is about 2,000 passages of 320 tokens. Less than 0 keeps none.
	Memory int64
}

// Reranker scores passages. It has no background work and needs no Close; it is
// goroutine-safe.
type Reranker struct {
	encoder *bert.Encoder
	set     *kernel.Set
	kept    *shelf
}

// New opens the model. A damaged weight file, or one of a model that scores pairs,
// is KindInvalid.
func New(cfg Config) (*Reranker, error) {
	if cfg.Weights == nil {
		cfg.Weights = weights.BGESmallEnV15()
	}
	if cfg.Memory == 0 {
		cfg.Memory = 256 << 20
	}
	model, err := bert.Open(cfg.Weights)
	if err != nil {
		return nil, err
	}
	if model.Scores() {
		return nil, rag.Errorf(rag.KindInvalid, "model %q scores pairs; late interaction needs one that gives vectors", model.Name)
	}
	encoder, err := bert.NewEncoder(model, bert.Config{Workers: cfg.Workers, Kernel: cfg.Kernel})
	if err != nil {
		return nil, err
	}
	return &Reranker{encoder: encoder, set: kernel.Named(encoder.Kernel()), kept: newShelf(cfg.Memory)}, nil
}

// Name returns the model's name, with what is done with it.
func (r *Reranker) Name() string { return "late:" + r.encoder.Model().Name }

// Kernel returns the name of the arithmetic in use.
func (r *Reranker) Kernel() string { return r.encoder.Kernel() }

// Rerank scores q's passages by the weighted mean, over the question's tokens, of
// the largest cosine to a token of the passage, -1 to 1. Where q.Terms is empty
// all tokens weigh the same. At the deadline of ctx the result has the passages
// scored by then; the only error is that of a cancelled ctx.
func (r *Reranker) Rerank(ctx context.Context, q rag.RerankQuery) (rag.RerankResult, error) {
	results, err := r.RerankAll(ctx, []rag.RerankQuery{q})
	if err != nil {
		return rag.RerankResult{}, err
	}
	return results[0], nil
}

// RerankAll is Rerank for several questions at once: their passages are encoded
// together, in order, one that several questions have only once. At the deadline the
// last questions are the ones that lack scores.
func (r *Reranker) RerankAll(ctx context.Context, queries []rag.RerankQuery) ([]rag.RerankResult, error) {
	questions := make([]*question, len(queries))
	var wanted []rag.Passage
	all := 0
	for i, q := range queries {
		if all += len(q.Passages); len(q.Passages) == 0 || len(wanted) < all-len(q.Passages) {
			continue // nothing to score, or behind one that the time did not reach
		}
		if questions[i] = r.question(ctx, q); questions[i] != nil {
			wanted = append(wanted, q.Passages...)
		}
	}
	passages := r.passages(ctx, wanted)
	if len(passages) < all && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil, rag.Wrap(rag.KindOf(ctx.Err()), context.Cause(ctx), "rerank")
	}
	out := make([]rag.RerankResult, len(queries))
	for i, q := range queries {
		n := min(len(passages), len(q.Passages))
		out[i].Scores = questions[i].scores(r.set, passages[:n])
		passages = passages[n:]
	}
	return out, nil
}

// passages returns the vectors of the first passages, as many as the time allows.
func (r *Reranker) passages(ctx context.Context, in []rag.Passage) []*passage {
	out := make([]*passage, len(in))
	var texts []string
	var at []int
	again := map[rag.Hash]int{} // where a passage that is encoded stands first
	for i, p := range in {
		if out[i] = r.kept.get(p.Hash); out[i] != nil {
			continue
		}
		if _, known := again[p.Hash]; known && p.Hash != (rag.Hash{}) {
			continue
		}
		again[p.Hash] = i
		texts, at = append(texts, p.Text), append(at, i)
	}
	if len(texts) == 0 {
		return out
	}
	prefix := r.encoder.Model().PassagePrefix
	done := r.encoder.Tokens(ctx, prefix, texts, func(text int, ids []int32, rows []float32) {
		out[at[text]] = newPassage(r.set, len(ids), rows)
	})
	for _, i := range at {
		if out[i] != nil { // those behind a gap serve the next question
			r.kept.put(in[i].Hash, out[i])
		}
	}
	for i, p := range in {
		if out[i] == nil && p.Hash != (rag.Hash{}) {
			out[i] = out[again[p.Hash]]
		}
	}
	if done < len(at) {
		return out[:at[done]]
	}
	return out
}
