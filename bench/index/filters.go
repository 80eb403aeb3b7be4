package main

import (
	"context"
	"math"
	"slices"

	"github.com/smartretriever/smartretriever/bench/index/data"
)

// filterPart measures searches that may return some of the rows only, at the
// setting of each entrant that is fastest at a recall of .95, beside the time that it needs
// for that without a filter.
func filterPart(set string) func(*bench, context.Context) error {
	return func(b *bench, ctx context.Context) error {
		v, err := b.data.Vectors(ctx, set)
		if err != nil {
			return err
		}
		if err := b.data.MakeFilters(v); err != nil {
			return err
		}
		rivals := slices.DeleteFunc(b.vectorRivals(v), func(e *entrant) bool { return e.family != "faiss" })
		build := request{Base: v.Base(), Dims: v.Dims, Rows: v.Rows, K: 10, Count: data.FilterQueries, Threads: b.threads}
		entries, err := b.enterAll(ctx, append(rivals, b.ownVectors(v)...), set, build)
		if err != nil || b.rounds == 0 {
			closeAll(entries)
			return err
		}
		defer closeAll(entries)
		ask := build
		ask.Threads, ask.Queries = 1, v.Queries(data.HeldOut)
		judge, err := v.Judge(data.HeldOut, "")
		if err != nil {
			return err
		}
		free, err := b.contest(ctx, set+", no filter", entries, judge, ask)
		if err != nil {
			return err
		}
		_, unfiltered := best(free, entries, .95, anyOf(ours))
		for _, f := range data.Filters {
			if judge, err = v.Judge(data.HeldOut, f.Name); err != nil {
				return err
			}
			ask.Filter = v.Filter(f.Name)
			points, err := b.contest(ctx, set+", "+f.Name, entries, judge, ask)
			if err != nil {
				return err
			}
			b.report.Points = append(b.report.Points, points...)
			b.filterRows(set+", "+f.Name, points, entries, unfiltered)
		}
		return nil
	}
}

// anyOf is any entry of a family, one that looks at every row, too.
func anyOf(name string) func(*entry) bool { return func(e *entry) bool { return e.family == name } }

func (b *bench) filterRows(title string, points []*point, entries []*entry, unfiltered float64) {
	us, mine := best(points, entries, .95, anyOf(ours))
	them, theirs := best(points, entries, .95, anyOf("faiss"))
	note, slower := "", math.NaN()
	if us != nil {
		note = us.name
		slower = mine / unfiltered
	} else {
		mine = math.NaN()
	}
	rival := "best of FAISS"
	if them != nil {
		rival += ": " + them.name
	}
	b.report.add(row{Case: title, Metric: "µs at recall 0.95", Rival: rival, Note: note}, mine, theirs, -1)
	b.report.add(row{Case: title, Metric: "times the unfiltered search", Rival: "none", Note: note, Bar: bar(4), Limit: atMost}, slower, math.NaN(), -1)
	most := 0.
	for _, p := range points {
		if p.entry.family == ours {
			most = max(most, p.Recall)
		}
	}
	if most == 0 {
		most = math.NaN()
	}
	b.report.add(row{Case: title, Metric: "highest recall", Rival: "none", Bar: bar(.95), Limit: atLeast}, most, math.NaN(), 1)
}
