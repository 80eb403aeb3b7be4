package main

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/smartretriever/smartretriever/bench/index/data"
	"github.com/smartretriever/smartretriever/bench/machine"
	"github.com/smartretriever/smartretriever/index"
)

// vectorServer answers for one engine.
type vectorServer struct {
	engine vectorEngine
	before float64 // bytes in memory before the index was loaded

	queries map[string][]float32 // by file: mapped once, since its pages count as memory
}

func (s *vectorServer) answer(ctx context.Context, r request) (a reply, err error) {
	switch r.Op {
	case "build":
		base, err := data.Map[float32](r.Base)
		if err != nil {
			return a, err
		}
		return building(func() (int, error) {
			return len(base) / r.Dims, s.engine.Build(ctx, base, r.Dims, r.Threads, r.Index)
		}, r.Index)
	case "load":
		a, s.before, err = loading(func() error { return s.engine.Open(r.Index) })
		return a, err
	}
	return s.search(ctx, r)
}

// search puts the queries one after the other, in each of the threads a part of them. Of an
// index that is mapped, memory is counted after they were answered.
func (s *vectorServer) search(ctx context.Context, r request) (a reply, err error) {
	queries, ok := s.queries[r.Queries]
	if !ok {
		if queries, err = data.Map[float32](r.Queries); err != nil {
			return a, err
		}
		if s.queries == nil {
			s.queries = map[string][]float32{}
		}
		s.queries[r.Queries] = queries
	}
	queries = queries[:min(r.Count*r.Dims, len(queries))]
	var allowed index.Bitmap
	if r.Filter != "" {
		if allowed, err = data.Map[uint64](r.Filter); err != nil {
			return a, err
		}
	}
	n, threads := len(queries)/r.Dims, max(r.Threads, 1)
	times, found := make([]float64, n), make([][]index.Hit, n)
	for i := range found {
		found[i] = make([]index.Hit, 0, r.K)
	}
	errs := make([]error, threads)
	some := func(thread, first, step int, search vectorSearcher) {
		for i := first; i < n; i += step {
			began := time.Now()
			hits, err := search(ctx, queries[i*r.Dims:][:r.Dims], r.K, allowed, found[i][:0])
			times[i] = float64(time.Since(began).Nanoseconds()) / 1000
			if err != nil {
				errs[thread] = err
				return
			}
			found[i] = hits
		}
	}
	searchers := make([]vectorSearcher, threads)
	for t := range threads {
		searchers[t] = s.engine.Searcher(r.Param)
		some(t, 0, 10, searchers[t]) // warm
	}
	var wait sync.WaitGroup
	began, spent := time.Now(), machine.CPUTime()
	for t := 1; t < threads; t++ {
		wait.Go(func() { some(t, t, threads, searchers[t]) })
	}
	some(0, 0, threads, searchers[0])
	wait.Wait()
	a.WallEach = float64(time.Since(began).Nanoseconds()) / 1000 / float64(n)
	a.CPUEach = float64((machine.CPUTime() - spent).Nanoseconds()) / 1000 / float64(n)
	for _, err := range errs {
		if err != nil {
			return a, err
		}
	}
	a.P50, a.P99 = percentile(times, .5), percentile(times, .99)
	a.Resident = settled() - s.before
	return a, writeNumbers(r.Answers, rowsOf(found, r.K))
}

// rowsOf lays out k rows for each query; the largest number says that there is none.
func rowsOf(found [][]index.Hit, k int) []uint32 {
	answers := make([]uint32, 0, len(found)*k)
	for _, hits := range found {
		for _, h := range hits {
			answers = append(answers, h.Row)
		}
		for range k - len(hits) {
			answers = append(answers, math.MaxUint32)
		}
	}
	return answers
}
