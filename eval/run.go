package eval

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/smartretriever/smartretriever/eval/loader"
	"github.com/smartretriever/smartretriever/rag"
)

// Search returns up to k ranked documents for a query, in any order. A document
// that occurs more than once, as chunks do, counts by its best score. With
// Options.Workers above 1 it is called from several goroutines.
type Search func(ctx context.Context, query string, k int) ([]Ranked, error)

// Options of Run, Score and Compare. The zero value takes every default.
type Options struct {
	K         int       // documents to ask for; 0 is the largest depth of Measures, at least 100
	Measures  []Measure // nil is Defaults
	Queries   int       // how many queries to put, from the first; 0 is all
	Workers   int       // queries at a time; 0 is 1, which is what latency is measured with
	Resamples int       // of the bootstrap; 0 is 10,000
	Seed      uint64    // of the bootstrap
	Now       func() time.Time
	// Progress is called after each query, one call at a time, if it is set.
	Progress func(done, of int)
}

// Limits of Options.
const (
	maxDepth     = 10_000
	maxResamples = 1_000_000
	maxWorkers   = 256
)

// WithDefaults fills in what is zero.
func (o Options) WithDefaults() Options {
	if o.Measures == nil {
		o.Measures = Defaults
	}
	if o.K == 0 {
		o.K = 100
		for _, m := range o.Measures {
			o.K = max(o.K, m.K)
		}
	}
	if o.Workers == 0 {
		o.Workers = 1
	}
	if o.Resamples == 0 {
		o.Resamples = 10_000
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Validate reports all faults together, as KindInvalid.
func (o Options) Validate() error {
	var faults []error
	inRange := func(name string, v, least, most int) {
		if v < least || v > most {
			faults = append(faults, fmt.Errorf("%s is %d; it is %d to %d", name, v, least, most))
		}
	}
	inRange("k", o.K, 1, maxDepth)
	inRange("workers", o.Workers, 1, maxWorkers)
	inRange("resamples", o.Resamples, 1, maxResamples)
	inRange("queries", o.Queries, 0, math.MaxInt32)
	for _, m := range o.Measures {
		if err := m.validate(); err != nil {
			faults = append(faults, err)
		}
	}
	return rag.Wrap(rag.KindInvalid, errors.Join(faults...), "evaluation options")
}

// Run puts the queries of d to search and reports how well it did. It ends with the
// first error of search, which names the query, and when ctx is done.
func Run(ctx context.Context, d *Dataset, search Search, opt Options) (Report, error) {
	opt = opt.WithDefaults()
	if err := opt.Validate(); err != nil {
		return Report{}, err
	}
	queries := d.Queries
	if opt.Queries > 0 {
		queries = queries[:min(opt.Queries, len(queries))]
	}
	results := make([]QueryResult, len(queries))
	var progress sync.Mutex
	done := 0
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(opt.Workers)
	began := opt.Now()
	for i, q := range queries {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			start := opt.Now()
			ranking, err := search(ctx, q.Text, opt.K)
			took := opt.Now().Sub(start)
			if err != nil {
				return fmt.Errorf("query %s: %w", q.ID, err)
			}
			results[i], err = result(q, d.Qrels[q.ID], ranking, opt)
			results[i].Took = took
			if opt.Progress != nil {
				progress.Lock()
				defer progress.Unlock()
				done++
				opt.Progress(done, len(queries))
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return Report{}, err
	}
	r := summarize(results, opt)
	r.Dataset, r.Split = d.Name, d.Split
	r.Took = opt.Now().Sub(began)
	return r, nil
}

// Ranking holds what a search returned: query id, documents. The order of the
// documents does not matter, their scores do.
type Ranking map[string][]Ranked

// Score reports how well a ranking agrees with the judgements. Every judged query
// counts; queries without judgements are left out.
func Score(qrels Qrels, ranking Ranking, opt Options) (Report, error) {
	opt = opt.WithDefaults()
	if err := opt.Validate(); err != nil {
		return Report{}, err
	}
	results := make([]QueryResult, 0, len(qrels))
	for _, id := range slices.Sorted(maps.Keys(qrels)) {
		r, err := result(loader.Query{ID: id}, qrels[id], ranking[id], opt)
		if err != nil {
			return Report{}, err
		}
		results = append(results, r)
	}
	return summarize(results, opt), nil
}

func result(q loader.Query, judged map[string]int, ranking []Ranked, opt Options) (QueryResult, error) {
	for _, d := range ranking {
		if math.IsNaN(d.Score) || d.DocumentID == "" {
			return QueryResult{}, rag.Errorf(rag.KindInvalid, "query %s: document %q has the score %v; a ranking has an id and a number for each document", q.ID, d.DocumentID, d.Score)
		}
	}
	return QueryResult{ID: q.ID, Text: q.Text, Found: len(ranking), values: scores(opt.Measures, judged, ranking)}, nil
}
