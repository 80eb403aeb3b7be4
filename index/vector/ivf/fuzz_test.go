package ivf_test

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/index/vector/ivf"
	"github.com/smartretriever/smartretriever/rag"
)

// fuzzed returns the sections of a small index.
func fuzzed(tb testing.TB, m vector.Metric) (*vector.Set, []byte) {
	src := clusters(rand.New(rand.NewPCG(8, 8)), 150, 5, 20, m)
	plan, err := ivf.Build(tb.Context(), src, m, ivf.Params{Lists: 6, Rotate: m == vector.L2})
	if err != nil {
		tb.Fatal(err)
	}
	return open(tb, plan, src, m, vector.Float16).Set(), sectionOf(tb, plan)
}

// FuzzOpen opens and searches damaged sections: an error, any result, or a panic of a
// search or of compacting are fine; reading elsewhere is not.
func FuzzOpen(f *testing.F) {
	sets := map[vector.Metric]*vector.Set{}
	for _, m := range metrics {
		set, data := fuzzed(f, m)
		sets[m] = set
		f.Add(data, byte(m), uint32(0), uint64(0))
		f.Add(data, byte(m), uint32(len(data)/2), uint64(1)<<63)
	}
	f.Fuzz(func(t *testing.T, data []byte, m byte, at uint32, value uint64) {
		set := sets[vector.Metric(m)]
		if set == nil {
			return
		}
		data = section.Usable(slices.Clone(data))
		if len(data) >= 8 {
			at %= uint32(len(data) - 7)
			binary.LittleEndian.PutUint64(data[at:], binary.LittleEndian.Uint64(data[at:])^value)
		}
		ix, err := ivf.Open(data, set)
		if err != nil {
			if rag.KindOf(err) != rag.KindInvalid {
				t.Fatal(err)
			}
			return
		}
		searchDamaged(t, ix)
	})
}

func searchDamaged(tb testing.TB, ix *ivf.Index) {
	defer func() { _ = recover() }()
	var q vector.Query
	if err := q.Set([]float32{1, .5, 0, -1, 2}, ix.Set().Metric()); err != nil {
		tb.Error(err)
	}
	var sc ivf.Scratch
	ctx := context.Background()
	for _, allowed := range []index.Bitmap{nil, {1 << 5}, {^uint64(0), ^uint64(0)}} {
		_, _ = ix.Search(ctx, &q, 3, ivf.SearchParams{}, allowed, everything, &sc, nil)
	}
	rows := make([]uint32, ix.Set().Rows())
	for i := range rows {
		rows[i] = uint32(i)
	}
	if merged, err := vector.Merge([]vector.Part{{Set: ix.Set(), NewRow: rows}}, len(rows)); err == nil {
		if plan, err := ix.Compact(merged); err == nil {
			sectionOf(tb, plan)
		}
	}
}

// TestDamagedSections does what FuzzOpen does, for each byte of a section.
func TestDamagedSections(t *testing.T) {
	set, data := fuzzed(t, vector.L2)
	for at := range data {
		bad := section.Usable(slices.Clone(data))
		bad[at] ^= 0xff
		if ix, err := ivf.Open(bad, set); err == nil {
			searchDamaged(t, ix)
		}
	}
}
