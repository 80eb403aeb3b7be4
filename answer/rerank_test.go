package answer

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// byLength likes long passages. It scores the first `scored` of them, or all.
type byLength struct {
	scored int
	scores []float64 // instead, if set
	err    error
	wait   time.Duration // before it answers, at most to the deadline
	seen   rag.RerankQuery
	calls  int
}

func (b *byLength) Name() string { return "by length" }

func (b *byLength) Rerank(ctx context.Context, q rag.RerankQuery) (rag.RerankResult, error) {
	b.seen = q
	b.calls++
	n := len(q.Passages)
	if b.scored > 0 {
		n = min(n, b.scored)
	}
	if b.wait > 0 {
		select {
		case <-time.After(b.wait):
		case <-ctx.Done():
			n = 1
		}
	}
	if b.scores != nil || b.err != nil {
		return rag.RerankResult{Scores: b.scores}, b.err
	}
	res := rag.RerankResult{}
	for _, p := range q.Passages[:n] {
		res.Scores = append(res.Scores, float64(len(p.Text)))
	}
	return res, nil
}

// ladder is a world whose documents get longer from the first found to the last.
func ladder(n int) *world {
	w := newWorld()
	for i := range n {
		w.add(fmt.Sprintf("d%02d", i), "d"+strings.Repeat(" word", i+1))
	}
	return w
}

func found(hits []rag.Hit) string {
	var out []string
	for _, h := range hits {
		out = append(out, strings.TrimPrefix(string(h.Document.ID), "d"))
	}
	return strings.Join(out, " ")
}

func TestRerank(t *testing.T) {
	down := rag.Errorf(rag.KindUnavailable, "down")
	for _, tt := range []struct {
		name     string
		reranker byLength
		config   Config
		query    rag.Query
		want     string
		read     int // by the reranker
		degraded bool
	}{
		{name: "all", want: "07 06 05 04 03 02 01 00", read: 8},
		{name: "cut after the order is made", query: rag.Query{K: 3}, want: "07 06 05", read: 8},
		{name: "the first few", config: Config{RerankTop: 4}, want: "03 02 01 00 04 05 06 07", read: 4},
		{name: "more are asked for than reranked", config: Config{RerankTop: 2}, query: rag.Query{K: 5}, want: "01 00 02 03 04", read: 2},
		{name: "the search counts more", config: Config{RerankWeight: .4}, want: "00 01 02 03 04 05 06 07", read: 8},
		{name: "not wanted", query: rag.Query{NoRerank: true}, want: "00 01 02 03 04 05 06 07"},
		{name: "by document", query: rag.Query{GroupBy: "document", K: 2}, want: "07 06", read: 8},
		{name: "down", reranker: byLength{err: down}, want: "00 01 02 03 04 05 06 07", read: 8, degraded: true},
		{name: "not done", reranker: byLength{scored: 3}, want: "02 01 00 03 04 05 06 07", read: 8, degraded: true},
		{name: "nothing done", reranker: byLength{scores: []float64{}}, want: "00 01 02 03 04 05 06 07", read: 8, degraded: true},
		{name: "no number", reranker: byLength{scores: []float64{1, math.NaN()}}, want: "00 01 02 03 04 05 06 07", read: 8, degraded: true},
		{name: "too many", reranker: byLength{scores: make([]float64, 9)}, want: "00 01 02 03 04 05 06 07", read: 8, degraded: true},
		{name: "all alike", reranker: byLength{scores: make([]float64, 8)}, want: "00 01 02 03 04 05 06 07", read: 8},
	} {
		t.Run(tt.name, func(t *testing.T) {
			reranker := tt.reranker
			p := build(t, ladder(8), &script{}, func(c *Config) {
				c.Rerank, c.RerankTop, c.RerankWeight = &reranker, tt.config.RerankTop, tt.config.RerankWeight
			})
			tt.query.Text = "word"
			res, err := p.Search(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, tt.query)
			if err != nil {
				t.Fatal(err)
			}
			if got := found(res.Hits); got != tt.want {
				t.Errorf("order %s, want %s", got, tt.want)
			}
			if n := len(reranker.seen.Passages); n != tt.read {
				t.Errorf("%d passages were read, want %d", n, tt.read)
			}
			if got := slices.Contains(res.Degraded, "reranker"); got != tt.degraded {
				t.Errorf("degraded %q", res.Degraded)
			}
			var scores []float64
			for _, h := range res.Hits {
				scores = append(scores, h.Score)
			}
			if !slices.IsSortedFunc(scores, func(a, b float64) int { return cmp.Compare(b, a) }) {
				t.Errorf("scores %v are not in descending order", scores)
			}
		})
	}
}

func TestRerankPassagesAreWhatWasEmbedded(t *testing.T) {
	reranker := &byLength{}
	w := ladder(2)
	p := build(t, w, &script{}, func(c *Config) { c.Rerank = reranker })
	if _, err := p.Search(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, rag.Query{Text: "word"}); err != nil {
		t.Fatal(err)
	}
	for i, c := range w.chunks {
		if want := c.EmbedText(w.docs[c.DocumentID].Title); reranker.seen.Passages[i].Text != want {
			t.Errorf("passage %d is %q, embedded was %q", i, reranker.seen.Passages[i].Text, want)
		}
	}
	if reranker.seen.Passages[0].Hash == reranker.seen.Passages[1].Hash {
		t.Error("two passages have one hash")
	}
}

// A reranker that is slow costs its time, not the search.
func TestRerankDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reranker := &byLength{wait: time.Minute}
		p := build(t, ladder(4), &script{}, func(c *Config) { c.Rerank, c.RerankTimeout = reranker, 300*time.Millisecond })
		begun := time.Now()
		res, err := p.Search(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, rag.Query{Text: "word"})
		if err != nil || found(res.Hits) != "00 01 02 03" || !slices.Equal(res.Degraded, []string{"reranker"}) {
			t.Errorf("%s, degraded %q, %v", found(res.Hits), res.Degraded, err)
		}
		if took := time.Since(begun); took != 300*time.Millisecond {
			t.Errorf("took %s", took)
		}
		if i := slices.IndexFunc(res.Trace.Stages, func(s rag.Stage) bool { return s.Name == "rerank" }); i < 0 || !strings.Contains(res.Trace.Stages[i].Note, "after 1 of 4") {
			t.Errorf("trace %+v", res.Trace.Stages)
		}
	})
}

// What is degraded is not kept, and a request without reranking is another request.
func TestRerankedResultsInTheCache(t *testing.T) {
	reranker := &byLength{scored: 2}
	p := build(t, ladder(4), &script{}, func(c *Config) { c.Rerank, c.Cache = reranker, &mapCache{} })
	ask := func(q rag.Query) rag.SearchResult {
		t.Helper()
		q.Text = "word"
		res, err := p.Search(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, q)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	ask(rag.Query{})
	reranker.scored = 0
	if res := ask(rag.Query{}); res.Cached || found(res.Hits) != "03 02 01 00" {
		t.Errorf("after a degraded result: cached %v, %s", res.Cached, found(res.Hits))
	}
	if res := ask(rag.Query{}); !res.Cached || found(res.Hits) != "03 02 01 00" {
		t.Errorf("again: cached %v, %s", res.Cached, found(res.Hits))
	}
	if res := ask(rag.Query{NoRerank: true}); res.Cached || found(res.Hits) != "00 01 02 03" {
		t.Errorf("without reranking: cached %v, %s", res.Cached, found(res.Hits))
	}
}
