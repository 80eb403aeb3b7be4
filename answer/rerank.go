package answer

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// Defaults of reranking.
const (
	defaultRerankTop     = 30
	defaultRerankTimeout = 2 * time.Second
)

// reranks reports whether q's hits are reranked.
func (p *Pipeline) reranks(q rag.Query) bool { return p.cfg.Rerank != nil && !q.NoRerank }

// wanted is how many hits are read for q: some more than it asks for where they
// are put in another order.
func (p *Pipeline) wanted(q rag.Query) int {
	if p.reranks(q) {
		return max(q.K, p.cfg.RerankTop)
	}
	return q.K
}

// rerank puts the best hits in the order in which the reranker's score and the
// search's, both standardised over these hits, agree by the configured weight. A
// reranker that is down leaves the order as it was; one that is not done in time,
// that of the hits behind those it has read. Both are marked.
func (p *Pipeline) rerank(ctx context.Context, r *run, q rag.Query, hits []rag.Hit, terms []rag.Term) []rag.Hit {
	if !p.reranks(q) || len(hits) < 2 {
		return cutTo(hits, q.K)
	}
	begun := p.cfg.Clock()
	n := min(len(hits), p.cfg.RerankTop)
	whole := ctx
	ctx, cancel := context.WithTimeout(ctx, p.cfg.RerankTimeout)
	defer cancel()
	res, err := p.cfg.Rerank.Rerank(ctx, rag.RerankQuery{Text: q.Text, Terms: terms, Passages: passages(hits[:n])})
	if err == nil {
		err = checkScores(res.Scores, n)
	}
	if err != nil {
		if whole.Err() == nil {
			r.degrade("reranker", err)
		}
		r.stage("rerank", begun, n, 0, p.cfg.Rerank.Name())
		return cutTo(hits, q.K)
	}
	note := p.cfg.Rerank.Name()
	if done := len(res.Scores); done < n {
		note = fmt.Sprintf("%s: the time ended after %d of %d", note, done, n)
		r.degrade("reranker", rag.Errorf(rag.KindExhausted, "%s", note))
	}
	blend(hits, res.Scores, p.cfg.RerankWeight)
	r.stage("rerank", begun, n, len(res.Scores), note)
	return cutTo(hits, q.K)
}

func cutTo(hits []rag.Hit, k int) []rag.Hit { return hits[:min(k, len(hits))] }

// passages are hits as they were embedded.
func passages(hits []rag.Hit) []rag.Passage {
	out := make([]rag.Passage, len(hits))
	for i, h := range hits {
		c := rag.Chunk{Text: h.Text, Prefix: h.Prefix, Heading: h.Heading}
		out[i].Text = c.EmbedText(h.Document.Title)
		out[i].Hash = sha256.Sum256([]byte(out[i].Text))
	}
	return out
}

// checkScores refuses what no order can be made of.
func checkScores(scores []float64, passages int) error {
	if len(scores) > passages {
		return rag.Errorf(rag.KindInternal, "the reranker returned %d scores for %d passages", len(scores), passages)
	}
	for i, s := range scores {
		if math.IsNaN(s) || math.IsInf(s, 0) {
			return rag.Errorf(rag.KindUnavailable, "the reranker returned %v as score of passage %d", s, i+1)
		}
	}
	return nil
}

// blend orders the first hits, those with scores, and gives the others scores
// that go on below.
func blend(hits []rag.Hit, scores []float64, weight float64) {
	n := len(scores)
	if n == 0 {
		return
	}
	searched := make([]float64, n)
	for i := range n {
		searched[i] = hits[i].Score
	}
	lowest := searched[n-1]
	reranked := standardised(scores)
	searched = standardised(searched)
	for i := range n {
		hits[i].Rerank = scores[i]
		hits[i].Score = weight*reranked[i] + (1-weight)*searched[i]
	}
	slices.SortStableFunc(hits[:n], func(a, b rag.Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ChunkID, b.ChunkID))
	})
	floor := hits[n-1].Score
	for i := range hits[n:] {
		hits[n+i].Score += floor - lowest
	}
}

// standardised returns the values less their mean, in standard deviations: zeros
// where all are equal.
func standardised(values []float64) []float64 {
	var mean, square float64
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		square += (v - mean) * (v - mean) / float64(len(values))
	}
	out := make([]float64, len(values))
	if deviation := math.Sqrt(square); deviation > 0 {
		for i, v := range values {
			out[i] = (v - mean) / deviation
		}
	}
	return out
}
