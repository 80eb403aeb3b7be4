package memory_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/index/memory"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/analyze"
)

func TestConfig(t *testing.T) {
	a := analyze.For("")
	for name, c := range map[string]memory.Config{
		"nothing":             {},
		"no analyzer":         {Dimensions: 4},
		"no dimensions":       {Analyzer: a},
		"too many dimensions": {Dimensions: memory.MaxDimensions + 1, Analyzer: a},
		"negative k1":         {Dimensions: 4, Analyzer: a, K1: -1},
		"b above 1":           {Dimensions: 4, Analyzer: a, B: 1.1},
	} {
		if _, err := memory.New(c); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%s: error %v, want an invalid one", name, err)
		}
	}
}

// texts gives texts whose words come up once in a thousand rounds.
func texts(round, chunk int) string {
	return fmt.Sprintf("common text of round number%d with item%d and pair%d-%d", round%1000, chunk, round%1000, chunk)
}

// TestReplacingDoesNotGrow replaces documents 10,000 times. New words come and
// old ones go all the time; what is held must stay the same.
func TestReplacingDoesNotGrow(t *testing.T) {
	const documents, chunks, dims = 20, 5, 32
	cycles := 10_000
	if testing.Short() {
		cycles = 2_000
	}
	ix := open(t, dims)
	v := make([]float32, dims)
	next := rag.ChunkID(1)
	current := map[int][]rag.ChunkID{}
	replace := func(cycle int) {
		d := &rag.Document{ID: rag.DocumentID(fmt.Sprint("d", cycle%documents))}
		var puts []rag.Record
		for c := range chunks + cycle%3 {
			clear(v)
			v[(cycle+c)%dims] = 1
			puts = append(puts, rag.Record{ChunkID: next, Document: d, Text: texts(cycle, c), Vector: append([]float32{}, v...)})
			next++
		}
		if err := ix.Apply(puts, current[cycle%documents], int64(cycle+1)); err != nil {
			t.Fatal(err)
		}
		var ids []rag.ChunkID
		for _, p := range puts {
			ids = append(ids, p.ChunkID)
		}
		current[cycle%documents] = ids
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	warm := cycles / 10
	for c := range warm {
		replace(c)
	}
	heapBefore, before := heap(), ix.Stats()
	for c := warm; c < cycles; c++ {
		replace(c)
	}
	heapAfter, after := heap(), ix.Stats()
	if after.Chunks > before.Chunks+2*documents || after.Terms > before.Terms*11/10 || after.Bytes > before.Bytes*11/10 {
		t.Errorf("before %+v\nafter  %+v", before, after)
	}
	if heapAfter > heapBefore+1<<20 {
		t.Errorf("the heap grew from %d to %d bytes", heapBefore, heapAfter)
	}
	var all []rag.ChunkID
	for _, ids := range current {
		all = append(all, ids...)
	}
	if err := ix.Apply(nil, all, int64(cycles+1)); err != nil {
		t.Fatal(err)
	}
	if s := ix.Stats(); s.Chunks != 0 || s.Documents != 0 || s.Terms != 0 || s.Postings != 0 || s.Vectors != 0 {
		t.Errorf("after deleting everything there is %+v", s)
	}
}

func TestStats(t *testing.T) {
	ix := open(t, 2)
	d := &rag.Document{ID: "a"}
	err := ix.Apply([]rag.Record{
		{ChunkID: 1, Document: d, Text: "one two two", Vector: []float32{1, 0}},
		{ChunkID: 2, Document: d, Text: "two three"},
		{ChunkID: 3, Document: &rag.Document{ID: "b"}},
	}, nil, 9)
	if err != nil {
		t.Fatal(err)
	}
	got := ix.Stats()
	if got.Bytes <= 0 {
		t.Errorf("%d bytes", got.Bytes)
	}
	got.Bytes = 0
	if want := (memory.Stats{Chunks: 3, Vectors: 1, Documents: 2, Terms: 3, Postings: 4, Seq: 9}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestVerdictsDoNotOutliveChanges asks the same filtered query between changes, by
// principals who differ.
func TestVerdictsDoNotOutliveChanges(t *testing.T) {
	ix := open(t, 1)
	for round := range 20 {
		acl := []string{"anna", "ben", "\xfe"}[round%3] // what is no UTF-8 must not look alike
		color := []string{"red", "blue", "re\xff", "re\xfe"}[round%4]
		d := &rag.Document{ID: "a", ACL: []string{acl}, Metadata: rag.Metadata{"color": rag.Str(color)}}
		if err := ix.Apply([]rag.Record{{ChunkID: 1, Document: d, Text: "word"}}, nil, int64(round+1)); err != nil {
			t.Fatal(err)
		}
		for range 2 { // computed, then remembered
			for _, who := range []string{"anna", "ben", "anna,ben", "\xff", "\xfe"} {
				for _, want := range []string{"red", "blue", "re\xff"} {
					scope := rag.Scope{Principals: strings.Split(who, ",")}
					res, err := ix.Search(t.Context(), rag.IndexQuery{Text: "word", K: 1, Scope: scope, Filter: rag.Eq("color", rag.Str(want))})
					if err != nil {
						t.Fatal(err)
					}
					if found := len(res.Keyword) == 1; found != (slices.Contains(scope.Principals, acl) && want == color) {
						t.Fatalf("round %d: %q looks for %q, the document is %q and for %q: found %v", round, who, want, color, acl, found)
					}
				}
			}
		}
	}
}
