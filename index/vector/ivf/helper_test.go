package ivf_test

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/index/vector/ivf"
)

// build makes an index of src in memory.
func build(tb testing.TB, src vector.Source, m vector.Metric, st vector.Storage, p ivf.Params) *ivf.Index {
	tb.Helper()
	plan, err := ivf.Build(tb.Context(), src, m, p)
	if err != nil {
		tb.Fatal(err)
	}
	return open(tb, plan, src, m, st)
}

func open(tb testing.TB, plan *ivf.Plan, src vector.Source, m vector.Metric, st vector.Storage) *ivf.Index {
	tb.Helper()
	rows := 0
	if n := src.Len(); n > 0 {
		rows = int(src.Row(n-1)) + 1
	}
	var out bytes.Buffer
	if err := vector.Write(&out, src, plan.Order(), vector.Params{Metric: m, Storage: st, Rows: rows}); err != nil {
		tb.Fatal(err)
	}
	set, err := vector.Open(section.Usable(out.Bytes()))
	if err != nil {
		tb.Fatal(err)
	}
	out = bytes.Buffer{}
	if err := plan.Write(tb.Context(), &out); err != nil {
		tb.Fatal(err)
	}
	ix, err := ivf.Open(section.Usable(out.Bytes()), set)
	if err != nil {
		tb.Fatal(err)
	}
	return ix
}

func prepare(tb testing.TB, vectors [][]float32, m vector.Metric) []*vector.Query {
	tb.Helper()
	qs := make([]*vector.Query, len(vectors))
	for i, v := range vectors {
		qs[i] = new(vector.Query)
		if err := qs[i].Set(v, m); err != nil {
			tb.Fatal(err)
		}
	}
	return qs
}

var everything = float32(math.Inf(-1))

// truth returns the best k of every query.
func truth(tb testing.TB, s *vector.Set, qs []*vector.Query, k int, allowed index.Bitmap) [][]index.Hit {
	tb.Helper()
	var sc vector.Scratch
	out := make([][]index.Hit, len(qs))
	for i, q := range qs {
		var err error
		if out[i], err = s.Exact(tb.Context(), q, k, allowed, everything, &sc, nil); err != nil {
			tb.Fatal(err)
		}
	}
	return out
}

// recall returns the share of want's rows that got has, or whose score it equals.
func recall(got, want [][]index.Hit) float64 {
	found, all := 0, 0
	for i := range want {
		all += len(want[i])
		for _, w := range want[i] {
			if slices.ContainsFunc(got[i], func(h index.Hit) bool { return h.Row == w.Row }) {
				found++
			}
		}
	}
	return float64(found) / float64(max(all, 1))
}
