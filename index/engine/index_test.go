package engine

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/index/indextest"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/analyze"
)

func TestConfig(t *testing.T) {
	a := analyze.For("")
	for name, c := range map[string]Config{
		"nothing":             {},
		"no analyzer":         {Dimensions: 4},
		"no dimensions":       {Analyzer: a},
		"too many dimensions": {Dimensions: MaxDimensions + 1, Analyzer: a},
		"negative k1":         {Dimensions: 4, Analyzer: a, K1: -1},
		"b above 1":           {Dimensions: 4, Analyzer: a, B: 1.1},
		"negative flush":      {Dimensions: 4, Analyzer: a, FlushRows: -1},
	} {
		if _, err := Create(c); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%s: error %v, want an invalid one", name, err)
		}
	}
	if _, err := Open(Config{Dimensions: 4, Analyzer: a}); !errors.Is(err, rag.ErrNotFound) {
		t.Errorf("opening memory: %v", err)
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
	ix := create(t, Config{Dimensions: dims, Analyzer: analyze.For(""), Dir: t.TempDir()})
	next := rag.ChunkID(1)
	current := map[int][]rag.ChunkID{}
	replace := func(cycle int) {
		d := &rag.Document{ID: rag.DocumentID(fmt.Sprint("d", cycle%documents))}
		var puts []rag.Record
		var ids []rag.ChunkID
		for c := range chunks + cycle%3 {
			v := make([]float32, dims)
			v[(cycle+c)%dims] = 1
			puts = append(puts, rag.Record{ChunkID: next, Document: d, Text: texts(cycle, c), Vector: v})
			ids = append(ids, next)
			next++
		}
		if err := ix.Apply(puts, current[cycle%documents], int64(cycle+1)); err != nil {
			t.Fatal(err)
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
	before := heap()
	for c := warm; c < cycles; c++ {
		replace(c)
	}
	if after, st := heap(), ix.Stats(); after > before+2<<20 || st.Dead > 2*st.Chunks+2*tidyDead {
		t.Errorf("the heap grew from %d to %d bytes; %+v", before, after, st)
	}
	var all []rag.ChunkID
	for _, ids := range current {
		all = append(all, ids...)
	}
	if err := ix.Apply(nil, all, int64(cycles+1)); err != nil {
		t.Fatal(err)
	}
	if s := ix.Stats(); s.Chunks != 0 || s.Dead != 0 || s.Segments != 0 || s.Postings != 0 || s.Vectors != 0 || s.Bytes != 0 {
		t.Errorf("after deleting everything there is %+v", s)
	}
}

func TestStats(t *testing.T) {
	ix := create(t, small(2))
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
	if got.Bytes <= 0 || got.Memory < got.Bytes {
		t.Errorf("%d bytes, %d of memory", got.Bytes, got.Memory)
	}
	got.Bytes, got.Memory = 0, 0
	if want := (Stats{Chunks: 3, Vectors: 1, Postings: 4, Segments: 1, Seq: 9}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	d1 := ix.Describe()
	if len(d1.Segments) != 1 || d1.Segments[0].Rows != 3 || d1.Segments[0].Terms != 3 || d1.Segments[0].Sections["words"] == 0 {
		t.Errorf("description %+v", d1)
	}
}

// TestChoicesDoNotOutliveChanges asks the same filtered query between changes, by
// principals who differ.
func TestChoicesDoNotOutliveChanges(t *testing.T) {
	ix := create(t, small(1))
	for round := range 20 {
		acl := []string{"anna", "ben", "\xfe"}[round%3] // what is no UTF-8 must not look alike
		color := []string{"red", "blue", "re\xff", "re\xfe"}[round%4]
		d := &rag.Document{ID: "a", ACL: []string{acl}, Metadata: rag.Metadata{"color": rag.Str(color)}}
		puts := []rag.Record{{ChunkID: 1, Document: d, Text: "word"}}
		if round%2 == 1 {
			puts[0].ChunkID = 2 // the other chunk's segment learns of the document by an overlay
		}
		if err := ix.Apply(puts, nil, int64(round+1)); err != nil {
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

func TestTerms(t *testing.T) {
	ix := create(t, small(1))
	d := &rag.Document{ID: "a"}
	for i, text := range []string{"wind tunnel", "wind and rain", "wind"} {
		if err := ix.Apply([]rag.Record{{ChunkID: rag.ChunkID(i + 1), Document: d, Text: text}}, nil, int64(i+1)); err != nil {
			t.Fatal(err)
		}
	}
	res, err := ix.Search(t.Context(), rag.IndexQuery{Text: "the wind, tunnels & snow", K: 1, Terms: true})
	if err != nil {
		t.Fatal(err)
	}
	idf := func(df float64) float64 { return math.Log(1 + (3-df+.5)/(df+.5)) }
	want := []rag.Term{{Span: rag.Span{Start: 4, End: 8}, IDF: idf(3)}, {Span: rag.Span{Start: 10, End: 17}, IDF: idf(1)}, {Span: rag.Span{Start: 20, End: 24}, IDF: idf(0)}}
	if !slices.EqualFunc(res.Terms, want, func(a, b rag.Term) bool { return a.Span == b.Span && math.Abs(a.IDF-b.IDF) < 1e-12 }) {
		t.Errorf("got %+v, want %+v", res.Terms, want)
	}
}

func TestClosed(t *testing.T) {
	ix, err := Create(small(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := ix.Search(t.Context(), rag.IndexQuery{Text: "a", K: 1}); !errors.Is(err, ErrClosed) {
		t.Errorf("search: %v", err)
	}
	if err := ix.Optimize(t.Context()); err != nil && !errors.Is(err, ErrClosed) {
		t.Errorf("optimize: %v", err)
	}
	if err := ix.Close(); err != nil {
		t.Errorf("close again: %v", err)
	}
}

// TestTwoProcesses opens one folder twice: the second reads what the first has committed, follows on its own, and writes nothing.
func TestTwoProcesses(t *testing.T) {
	cfg := exact(indextest.Dims)
	cfg.Dir = t.TempDir()
	first := create(t, cfg)
	h := indextest.NewHistory(9)
	for range 30 {
		h.Step(t, first)
	}
	if err := first.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	second, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if !first.Owner() || second.Owner() {
		t.Fatal("the second opening took the folder")
	}
	for range 30 {
		h.Step(t, first)
		h.CatchUp(t, second)
		h.Check(t, second)
		for _, ix := range []*Index{first, second} {
			if err := ix.Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	h.Check(t, second)
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Remove(nil, cfg.Dir); err != nil {
		t.Fatal(err)
	}
	if third, err := Open(cfg); err != nil {
		t.Errorf("the folder was removed under its owner: %v", err)
	} else if err := third.Close(); err != nil {
		t.Error(err)
	}
}

// TestOtherSettings: files are only read by an index that means the same by them.
func TestOtherSettings(t *testing.T) {
	cfg := exact(indextest.Dims)
	cfg.Dir, cfg.Identity = t.TempDir(), Identity{Store: "s", Collection: 3, Generation: 1, Model: "m"}
	ix, err := Create(cfg)
	if err != nil {
		t.Fatal(err)
	}
	indextest.NewHistory(1).Step(t, ix)
	if err := errors.Join(ix.Commit(t.Context()), ix.Close()); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"store":      func(c *Config) { c.Identity.Store = "other" },
		"generation": func(c *Config) { c.Identity.Generation = 2 },
		"model":      func(c *Config) { c.Identity.Model = "other" },
		"dimensions": func(c *Config) { c.Dimensions++ },
		"k1":         func(c *Config) { c.K1 = 2 },
		"b":          func(c *Config) { c.B = -1 },
		"analyzer":   func(c *Config) { c.Analyzer = analyze.For("de") },
	} {
		other := cfg
		change(&other)
		if _, err := Open(other); !errors.Is(err, rag.ErrConflict) {
			t.Errorf("another %s: error %v, want a conflict", name, err)
		}
	}
	if ix, err = Open(cfg); err != nil {
		t.Fatal(err)
	}
	if err := ix.Close(); err != nil {
		t.Error(err)
	}
}

const concurrentDefault = 5 * time.Second

var concurrentTime = flag.Duration("concurrent.time", concurrentDefault, "how long everything runs at once")

// TestConcurrent lets writers, searches, merges, commits and purges run at once; the race detector looks on, and in the end
// everything is right.
func TestConcurrent(t *testing.T) {
	cfg := exact(indextest.Dims)
	cfg.Dir = t.TempDir()
	ix := create(t, cfg)
	h := indextest.NewHistory(4)
	limit := *concurrentTime
	if testing.Short() && limit == concurrentDefault {
		limit = time.Second
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var wg sync.WaitGroup
	again := func(what string, fn func(context.Context) error) {
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := fn(ctx); err != nil && ctx.Err() == nil {
					t.Errorf("%s: %v", what, err)
					return
				}
			}
		})
	}
	queries := make([]rag.IndexQuery, 100)
	for i := range queries {
		queries[i] = h.Query()
	}
	for s := range 2 {
		n := s
		again("search", func(ctx context.Context) error {
			n++
			res, err := ix.Search(ctx, queries[n%len(queries)])
			if err == nil && (len(res.Vector) > queries[n%len(queries)].K) {
				err = errors.New("too many hits")
			}
			return err
		})
	}
	again("commit", ix.Commit)
	again("purge", ix.Purge)
	again("optimize", ix.Optimize)
	again("verify", ix.Verify)
	for ctx.Err() == nil {
		h.Step(t, ix)
	}
	wg.Wait()
	for range 20 {
		h.Check(t, ix)
	}
}

// TestSearchAllocatesItsResultOnly holds what a search allocates beside its result once it is warm.
func TestSearchAllocatesItsResultOnly(t *testing.T) {
	if raceEnabled {
		t.Log("the race detector allocates")
		return
	}
	ix := create(t, exact(indextest.Dims))
	h := indextest.NewHistory(6)
	for range 40 {
		h.Step(t, ix)
	}
	q := rag.IndexQuery{Text: "w1 w2 w3", Vector: h.Query().Vector, K: 10}
	for len(q.Vector) == 0 {
		q.Vector = h.Query().Vector
	}
	search := func() {
		if _, err := ix.Search(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	search()
	// Two lists, the stages, an id of a document for each hit, and what looking at the text's normal form takes.
	if n := testing.AllocsPerRun(200, search); n > 3+2*10+1 {
		t.Errorf("%v allocations a search", n)
	}
}
