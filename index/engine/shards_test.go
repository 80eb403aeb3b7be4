package engine

import (
	"fmt"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/analyze"
)

// sharded is an index and one without shards beside it, to which the same is done.
type sharded struct {
	*testing.T
	ix, plain *Index
	puts      []rag.Record
	seq       int64
}

func (s *sharded) apply(puts []rag.Record, deletes []rag.ChunkID) {
	s.Helper()
	s.seq++
	for _, x := range []*Index{s.ix, s.plain} {
		if err := x.Apply(puts, deletes, s.seq); err != nil {
			s.Fatal(err)
		}
	}
}

// same compares what the two find, with and without a filter on the shards' key.
func (s *sharded) same(rng clustered) {
	s.Helper()
	filters := []rag.Filter{{}, rag.Eq("team", rag.Str("a")), rag.Eq("team", rag.Str("rare")), rag.Eq("year", rag.Num(7))}
	for i := range 20 {
		v, _ := rng.vector()
		q := rag.IndexQuery{Vector: v, Text: fmt.Sprintf("w%d w%d w%d", i%7, i%11, i), K: 10, Filter: filters[i%len(filters)]}
		got, err := s.ix.Search(s.Context(), q)
		if err != nil {
			s.Fatal(err)
		}
		want, err := s.plain.Search(s.Context(), q)
		if err != nil {
			s.Fatal(err)
		}
		for _, side := range []struct{ got, want []rag.Scored }{{got.Vector, want.Vector}, {got.Keyword, want.Keyword}} {
			if len(side.got) != len(side.want) {
				s.Fatalf("query %d: %d hits, %d without shards", i, len(side.got), len(side.want))
			}
			for j := range side.got {
				if d := side.got[j].Score - side.want[j].Score; d > 1e-5 || d < -1e-5 {
					s.Fatalf("query %d: hit %d scores %v, %v without shards", i, j, side.got[j].Score, side.want[j].Score)
				}
			}
		}
	}
}

// shards returns how many rows each shard has in segments of its own.
func (s *sharded) shards() map[string]int {
	n := map[string]int{}
	for _, d := range s.ix.Describe().Segments {
		n[d.Shard] += d.Rows
	}
	return n
}

// TestShards: rows are put by a key of their documents' metadata, and nothing else changes.
func TestShards(t *testing.T) {
	const dims, each = 16, 2500
	cfg := Config{Dimensions: dims, Analyzer: analyze.For(""), Type: TypeFlat, FlushRows: 1000, Dir: t.TempDir(), ShardBy: "team"}
	s := &sharded{T: t, ix: create(t, cfg), plain: create(t, Config{Dimensions: dims, Analyzer: analyze.For(""), Type: TypeFlat})}
	rng := newClustered(5, dims, 20)
	document := func(team string, n int) *rag.Document {
		return &rag.Document{ID: rag.DocumentID(fmt.Sprintf("%s-%d", team, n)), Metadata: rag.Metadata{"team": rag.Str(team), "year": rag.Num(float64(n % 10))}}
	}
	id := 0
	add := func(d *rag.Document, chunks int) {
		for range chunks {
			id++
			v, _ := rng.vector()
			s.puts = append(s.puts, rag.Record{ChunkID: rag.ChunkID(id), Document: d, Vector: v, Text: fmt.Sprintf("w%d w%d w%d", id%7, id%11, id%400)})
		}
	}
	for n := range each / 10 { // the teams' documents come mixed
		for _, team := range []string{"a", "b", "c"} {
			add(document(team, n), 10)
		}
		if n < 5 {
			add(document("rare", n), 10)
		}
	}
	for from := 0; from < len(s.puts); from += 500 {
		s.apply(s.puts[from:min(from+500, len(s.puts))], nil)
	}
	s.same(rng)
	optimize := func() {
		t.Helper()
		if err := s.ix.Optimize(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	optimize()
	want := map[string]int{"a": each, "b": each, "c": each, "": 50}
	if got := s.shards(); len(s.ix.Describe().Segments) != 4 || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("shards %v, want %v", got, want)
	}
	s.same(rng)

	// A document goes over to another team: it is found there at once, and moves with the next merge.
	moved := document("a", 3)
	moved.Metadata["team"] = rag.Str("b")
	var again []rag.Record
	for _, p := range s.puts {
		if p.Document.ID == moved.ID {
			p.Document = moved
			again = append(again, p)
		}
	}
	s.apply(again[:1], nil)
	s.same(rng)
	optimize()
	want["a"], want["b"] = each-10, each+10
	if got := s.shards(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("shards %v, want %v", got, want)
	}
	s.same(rng)

	// A shard that loses most of its rows goes back to the small ones.
	var gone []rag.ChunkID
	for _, p := range s.puts {
		if p.Document.Metadata["team"].Text() == "c" && len(gone) < each-10 {
			gone = append(gone, p.ChunkID)
		}
	}
	s.apply(nil, gone)
	s.same(rng)
	optimize()
	delete(want, "c")
	want[""] = 60
	if got := s.shards(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("shards %v, want %v", got, want)
	}
	s.same(rng)

	// The files say what is where; another key is a matter of merging, not of building anew.
	reopen := func(by string) {
		t.Helper()
		if err := s.ix.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.ix.Close(); err != nil {
			t.Fatal(err)
		}
		cfg.ShardBy = by
		ix, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = ix.Close() })
		s.ix = ix
	}
	reopen("team")
	if got := s.shards(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("after opening: shards %v, want %v", got, want)
	}
	s.same(rng)
	reopen("year")
	s.same(rng)
	optimize()
	if got := s.shards(); len(got) != 1 || got[""] != id-len(gone) { // no year has enough
		t.Errorf("by year: %v", got)
	}
	s.same(rng)
	reopen("")
	optimize()
	if got := s.ix.Describe().Segments; len(got) != 1 {
		t.Errorf("%d segments without shards", len(got))
	}
	s.same(rng)
}
