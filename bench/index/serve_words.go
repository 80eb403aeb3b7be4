package main

import (
	"bytes"
	"context"
	"math"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/bench/machine"
	"github.com/smartretriever/smartretriever/index"
)

// wordServer answers for one engine.
type wordServer struct {
	engine keywordEngine
	before float64 // bytes in memory before the index was loaded
}

func (s *wordServer) answer(ctx context.Context, r request) (a reply, err error) {
	switch r.Op {
	case "build":
		return building(func() (int, error) { return s.engine.Build(ctx, r.Docs, r.Words, r.Threads, r.Index) }, r.Index)
	case "load":
		a, s.before, err = loading(func() error { return s.engine.Open(r.Index) })
		return a, err
	}
	return s.search(ctx, r)
}

func (s *wordServer) search(ctx context.Context, r request) (a reply, err error) {
	text, err := os.ReadFile(r.Queries)
	if err != nil {
		return a, err
	}
	var queries [][]string
	for line := range bytes.Lines(text) {
		queries = append(queries, strings.Fields(string(line)))
	}
	n := len(queries)
	times, spent, found := make([]uint32, n), make([]uint32, n), make([][]index.Hit, n)
	for i := range found {
		found[i] = make([]index.Hit, 0, r.K)
	}
	search := s.engine.Searcher()
	runtime.LockOSThread() // whose processor time is that of a query
	defer runtime.UnlockOSThread()
	all := func(step int) error {
		for i := 0; i < n; i += step {
			began, before := time.Now(), threadTime()
			hits, err := search(ctx, queries[i], r.K, found[i][:0])
			spent[i] = uint32(min((threadTime() - before).Nanoseconds(), math.MaxUint32))
			times[i] = uint32(min(time.Since(began).Nanoseconds(), math.MaxUint32))
			if err != nil {
				return err
			}
			found[i] = hits
		}
		return nil
	}
	if err := all(10); err != nil { // warm
		return a, err
	}
	began, before := time.Now(), machine.CPUTime()
	if err := all(1); err != nil {
		return a, err
	}
	a.WallEach = float64(time.Since(began).Nanoseconds()) / 1000 / float64(n)
	a.CPUEach = float64((machine.CPUTime() - before).Nanoseconds()) / 1000 / float64(n)
	a.Resident = settled() - s.before
	scores := make([]uint32, 0, n*r.K)
	for _, hits := range found {
		for _, h := range hits {
			scores = append(scores, math.Float32bits(h.Score))
		}
		scores = append(scores, make([]uint32, r.K-len(hits))...)
	}
	for path, numbers := range map[string][]uint32{r.Answers: rowsOf(found, r.K), r.Scores: scores, r.Times: times, r.Spent: spent} {
		if err := writeNumbers(path, numbers); err != nil {
			return a, err
		}
	}
	return a, nil
}
