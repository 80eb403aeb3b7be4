package main

import (
	"context"
	"math"
	"runtime"
)

// enginePart measures the engine as a whole: words and vectors of a million rows, opened from files, searched at once, and changed.
func enginePart(b *bench, ctx context.Context) error {
	w, built, err := b.openWhole(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = w.ix.Close() }() // what was put in for the measurement is not kept
	if b.rounds == 0 {
		return nil
	}
	add := func(metric string, ours float64, limit string, bar *number, note string) {
		b.report.add(row{Case: "1M rows, words and 128 dimensions", Rival: "none", Metric: metric, Limit: limit, Bar: bar, Note: note}, ours, math.NaN(), better(limit))
	}
	if built > 0 {
		add("building, s", built.Seconds(), "", nil, "")
	}
	opening, err := w.openings(b.rounds)
	if err != nil {
		return err
	}
	add("opening, ms", opening, atMost, bar(100), "")
	d := w.ix.Describe()
	add("bytes a row", float64(d.Bytes)/float64(max(d.Chunks, 1)), "", nil, "")
	for _, k := range []int{10, 100} {
		var p50, p99 []float64
		for range b.rounds + 1 {
			all, err := w.searches(ctx, k)
			if err != nil {
				return err
			}
			p50, p99 = append(p50, percentile(all, .5)), append(p99, percentile(all, .99))
		}
		p50, p99 = p50[1:], p99[1:] // the first round warms the caches
		limits := [2]*number{bar(2), bar(6)}
		if k != 10 {
			limits = [2]*number{}
		}
		name := map[int]string{10: "hybrid search, top 10", 100: "hybrid search, top 100"}[k]
		add(name+", p50 ms", median(p50), limitOf(limits[0]), limits[0], "")
		add(name+", p99 ms", median(p99), limitOf(limits[1]), limits[1], "")
	}
	const seconds = 10
	before, err := w.under(ctx, seconds, false)
	if err != nil {
		return err
	}
	during, err := w.under(ctx, seconds, true)
	if err != nil {
		return err
	}
	add("rows/s put in while searching", during.rate, atLeast, bar(.95*targetRate), "batches of 50, held at 5,000 rows/s")
	add("searches/s then, of those before", during.searches/before.searches, atLeast, bar(.5), "")
	add("a batch until searches see it, p99 ms", percentile(during.visible, .99), atMost, bar(50), "")
	var before2, after2 runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before2)
	const n = 200
	for i := range n {
		if _, err := w.ix.Search(ctx, w.query(i, 10)); err != nil {
			return err
		}
	}
	runtime.ReadMemStats(&after2)
	add("allocations a search, top 10", float64(after2.Mallocs-before2.Mallocs)/n, "", nil, "the two lists, and an id of a document for each hit, are among them")
	return nil
}

func limitOf(bar *number) string {
	if bar == nil {
		return ""
	}
	return atMost
}

// better is what a report wants to know of a figure: whether a higher one is better.
func better(limit string) int {
	if limit == atMost {
		return -1
	}
	return 1
}
