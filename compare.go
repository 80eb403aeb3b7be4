package smartretriever

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/smartretriever/smartretriever/answer"
	cachememory "github.com/smartretriever/smartretriever/cache/memory"
	"github.com/smartretriever/smartretriever/eval"
	"github.com/smartretriever/smartretriever/index/follow"
	"github.com/smartretriever/smartretriever/model/embed/cached"
	"github.com/smartretriever/smartretriever/rag"
)

const (
	comparedHits = 10 // of each search
	examples     = 5
	resamples    = 5000
)

// The measures of the judged questions.
var comparedMeasures = []eval.Measure{{Name: "ndcg", K: comparedHits}, {Name: "recall", K: comparedHits}}

// compare puts the same questions to the live generation and to the builder's, and
// keeps the figures with the latter. Without questions, or where the old model is not
// here, there is nothing to compare, and the result is nil.
func (r *Retriever) compare(ctx context.Context, b *builder, live rag.Collection, opt ReembedOptions) (*rag.GenerationComparison, error) {
	old := r.oldModel(ctx, live)
	if old == nil || opt.Questions < 0 {
		return nil, nil
	}
	questions, err := r.questions(ctx, live, opt)
	if err != nil || len(questions) == 0 {
		return nil, err
	}
	if err := r.follow.OpenShadow(ctx, live); err != nil {
		return nil, err
	}
	bring := b.complete // what has come meanwhile
	if opt.CompareOnly {
		bring = func(ctx context.Context) error { return r.follow.OpenShadow(ctx, b.col) }
	}
	if err := bring(ctx); err != nil {
		return nil, err
	}
	var mu sync.Mutex // of b and done
	done := 0
	sides := [2]side{r.side(live, old), r.side(b.col, b.embed)}
	for i := range sides {
		defer sides[i].cache.Close()
		// A clean-up after deletions closes what is in the shadow.
		sides[i].again = func(ctx context.Context) error {
			mu.Lock()
			defer mu.Unlock()
			return bring(ctx)
		}
	}
	found := make([]found, len(questions))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, q := range questions {
		group.Go(func() error {
			for s := range sides {
				if err := sides[s].ask(gctx, q, &found[i], s); err != nil {
					return err
				}
			}
			mu.Lock()
			defer mu.Unlock()
			done++
			b.tell(StageCompare, done, len(questions))
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	c, err := compared(questions, found)
	if err != nil {
		return nil, err
	}
	c.At, c.OldModel, c.NewModel = r.cfg.Clock().UTC(), old.Model().ID, b.embed.Model().ID
	if c.Judged > 0 {
		c.JudgedBy = "generated"
		if opt.Judged != nil {
			c.JudgedBy = "file"
		}
	}
	kept := *c
	kept.Examples = nil // see rag.GenerationComparison
	return c, r.store.PutComparison(ctx, b.col.ID, b.col.Generation.Number, &kept)
}

// side is a generation that is asked.
type side struct {
	col      rag.Collection
	pipeline *answer.Pipeline
	cache    *cachememory.Cache          // of questions: each is put in two modes
	again    func(context.Context) error // makes the generation complete again
}

// side searches as Search does, but in the shadow, without the cache of results and
// the query log.
func (r *Retriever) side(col rag.Collection, e Embedder) side {
	cache := cachememory.New(cachememory.Config{MaxBytes: 64 << 20})
	return side{col: col, cache: cache, pipeline: answer.New(answer.Config{
		Index: shadow{r.follow}, Chunks: r.store, Embed: cached.New(e, cache, time.Hour, nil),
		Logger: r.cfg.Logger, Clock: r.cfg.Clock, SearchTimeout: r.cfg.SearchTimeout, Fusion: r.cfg.Fusion,
	})}
}

// shadow lets the answering pipeline ask a generation that need not be live, as it is:
// chunks may have come that are not embedded yet.
type shadow struct{ *follow.Follower }

func (s shadow) Search(ctx context.Context, col rag.Collection, q rag.IndexQuery, _ int64) (rag.IndexResult, error) {
	return s.ShadowSearcher(col, 0).Search(ctx, q)
}

// comparedModes are the ways to search that are compared.
var comparedModes = [2]rag.Mode{rag.ModeHybrid, rag.ModeVector}

// found is what two generations, in two modes, found for a question.
type found [2][2]struct { // by mode, by side
	hits    []rag.Hit
	ranking []eval.Ranked // of documents, for judged questions
}

func (s *side) ask(ctx context.Context, q question, into *found, at int) error {
	for m, mode := range comparedModes {
		f := &into[m][at]
		res, err := s.search(ctx, rag.Query{Text: q.text, K: comparedHits, Mode: mode})
		if err != nil {
			return err
		}
		f.hits = res.Hits
		if q.judged == nil {
			continue
		}
		if res, err = s.search(ctx, rag.Query{Text: q.text, K: comparedHits, Mode: mode, GroupBy: "document"}); err != nil {
			return err
		}
		for _, h := range res.Hits {
			f.ranking = append(f.ranking, eval.Ranked{DocumentID: h.Document.ExternalID, Score: h.Score})
		}
	}
	return nil
}

// search refuses a result that was found without the model: it says nothing of it.
func (s *side) search(ctx context.Context, q rag.Query) (rag.SearchResult, error) {
	scope := rag.Scope{Tenant: s.col.Tenant, Collection: s.col.Name, Admin: true}
	res, err := s.pipeline.Search(ctx, scope, s.col, q)
	for tries := 0; errors.Is(err, rag.ErrConflict) && tries < maxRounds; tries++ {
		if err := s.again(ctx); err != nil {
			return res, err
		}
		res, err = s.pipeline.Search(ctx, scope, s.col, q)
	}
	if err == nil && len(res.Degraded) > 0 {
		err = rag.Errorf(rag.KindUnavailable, "model %s does not answer", s.col.Generation.Model)
	}
	return res, err
}

// compared works out the figures.
func compared(questions []question, results []found) (*rag.GenerationComparison, error) {
	c := &rag.GenerationComparison{}
	for _, q := range questions {
		if q.judged != nil {
			c.Judged++
		} else {
			c.Asked++
		}
	}
	byQuestion := make([]rag.ComparedQuestion, len(questions))
	for m, into := range []*rag.SearchComparison{&c.Hybrid, &c.Vector} {
		reports, err := scored(questions, results, m)
		if err != nil {
			return nil, err
		}
		for i := range questions {
			f := &results[i][m]
			share := overlap(f[0].hits, f[1].hits)
			into.Overlap += share / float64(len(questions))
			if m == 0 {
				byQuestion[i] = rag.ComparedQuestion{Question: questions[i].text, Overlap: share, Judged: questions[i].judged != nil,
					Old: titles(f[0].hits), New: titles(f[1].hits)}
			}
		}
		if c.Judged == 0 {
			continue
		}
		for k, to := range []**rag.MeasureComparison{&into.NDCG, &into.Recall} {
			d, err := eval.Compare(reports[0], reports[1], comparedMeasures[k], eval.Options{Measures: comparedMeasures, Resamples: resamples})
			if err != nil {
				return nil, err
			}
			*to = &rag.MeasureComparison{Old: d.A, New: d.B, Diff: d.Diff, Low: d.Low, High: d.High, Better: d.Better, Worse: d.Worse}
		}
		if m == 0 {
			noteNDCG(byQuestion, reports)
		}
	}
	c.Examples = differing(byQuestion)
	return c, nil
}

// scored returns the reports of both sides on the judged questions. Questions are
// named by their place.
func scored(questions []question, results []found, mode int) (reports [2]eval.Report, err error) {
	qrels := eval.Qrels{}
	rankings := [2]eval.Ranking{{}, {}}
	for i, q := range questions {
		if q.judged == nil {
			continue
		}
		qrels[placeName(i)] = q.judged
		for s := range rankings {
			rankings[s][placeName(i)] = results[i][mode][s].ranking
		}
	}
	for s := range reports {
		if reports[s], err = eval.Score(qrels, rankings[s], eval.Options{Measures: comparedMeasures, Resamples: 1}); err != nil {
			return reports, err
		}
	}
	return reports, nil
}

func placeName(i int) string { return fmt.Sprintf("%08d", i) }

// noteNDCG puts each judged question's nDCG@10 with it.
func noteNDCG(byQuestion []rag.ComparedQuestion, reports [2]eval.Report) {
	of := [2]map[string]float64{{}, {}}
	for s := range reports {
		for _, q := range reports[s].Queries {
			of[s][q.ID] = reports[s].Of(q, comparedMeasures[0])
		}
	}
	for i := range byQuestion {
		byQuestion[i].OldNDCG, byQuestion[i].NewNDCG = of[0][placeName(i)], of[1][placeName(i)]
	}
}

// overlap is the share of chunks that both lists have; two empty lists agree.
func overlap(a, b []rag.Hit) float64 {
	if len(a) == 0 && len(b) == 0 {
		return 1
	}
	in := make(map[rag.ChunkID]bool, len(a))
	for _, h := range a {
		in[h.ChunkID] = true
	}
	both := 0
	for _, h := range b {
		if in[h.ChunkID] {
			both++
		}
	}
	return float64(both) / float64(max(len(a), len(b)))
}

func titles(hits []rag.Hit) []string {
	out := []string{}
	for _, h := range hits[:min(3, len(hits))] {
		out = append(out, h.Document.Title)
	}
	return out
}

// differing returns the questions that differ most: by nDCG, whichever way, then by
// what they have in common.
func differing(all []rag.ComparedQuestion) []rag.ComparedQuestion {
	all = slices.DeleteFunc(slices.Clone(all), func(q rag.ComparedQuestion) bool { return q.Overlap == 1 && q.OldNDCG == q.NewNDCG })
	slices.SortStableFunc(all, func(a, b rag.ComparedQuestion) int {
		return cmp.Or(cmp.Compare(math.Abs(b.NewNDCG-b.OldNDCG), math.Abs(a.NewNDCG-a.OldNDCG)), cmp.Compare(a.Overlap, b.Overlap))
	})
	return all[:min(examples, len(all))]
}
