package engine

import (
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

// TestOperators: what operators rule out is found by neither side, in any segment, and by nobody whom the filter keeps from it.
func TestOperators(t *testing.T) {
	ix := create(t, small(2))
	texts := []string{"flat earth maps", "earth is flat", "earthworks and geology", "geometry of earth", "nothing of it"}
	for i, text := range texts {
		d := &rag.Document{ID: rag.DocumentID(text), Metadata: rag.Metadata{"n": rag.Num(float64(i + 1))}}
		put := rag.Record{ChunkID: rag.ChunkID(i + 1), Document: d, Text: text, Vector: []float32{1, float32(i)}}
		if err := ix.Apply([]rag.Record{put}, nil, int64(i+1)); err != nil {
			t.Fatal(err)
		}
	}
	ids := func(hits []rag.Scored) (out []rag.ChunkID) {
		for _, h := range hits {
			out = append(out, h.ChunkID)
		}
		slices.Sort(out)
		return out
	}
	for _, c := range []struct {
		text           string
		vector, words  []rag.ChunkID
		vectorFiltered []rag.ChunkID // with n >= 2
	}{
		{"earth", []rag.ChunkID{1, 2, 3, 4, 5}, []rag.ChunkID{1, 2, 4}, []rag.ChunkID{2, 3, 4, 5}},
		{`"flat earth"`, []rag.ChunkID{1}, []rag.ChunkID{1}, nil},
		{`+earth -flat`, []rag.ChunkID{4}, []rag.ChunkID{4}, []rag.ChunkID{4}},
		{`earth -"is flat"`, []rag.ChunkID{3, 4, 5}, []rag.ChunkID{4}, []rag.ChunkID{3, 4, 5}}, // "is" is a stop word: flat alone
		{"geo*", []rag.ChunkID{1, 2, 3, 4, 5}, []rag.ChunkID{3, 4}, []rag.ChunkID{2, 3, 4, 5}},
		{"+geo*", []rag.ChunkID{3, 4}, []rag.ChunkID{3, 4}, []rag.ChunkID{3, 4}},
		{"erth~", []rag.ChunkID{1, 2, 3, 4, 5}, []rag.ChunkID{1, 2, 4}, []rag.ChunkID{2, 3, 4, 5}},
		{"+absent", nil, nil, nil},
	} {
		q := rag.IndexQuery{Text: c.text, Operators: c.text, Vector: []float32{1, 1}, K: 10}
		res, err := ix.Search(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if got := ids(res.Vector); !slices.Equal(got, c.vector) {
			t.Errorf("%s: vectors find %v, want %v", c.text, got, c.vector)
		}
		if got := ids(res.Keyword); !slices.Equal(got, c.words) {
			t.Errorf("%s: words find %v, want %v", c.text, got, c.words)
		}
		q.Filter = rag.Filter{Type: rag.OpGte, Key: "n", Value: rag.Num(2)}
		if res, err = ix.Search(t.Context(), q); err != nil {
			t.Fatal(err)
		}
		if got := ids(res.Vector); !slices.Equal(got, c.vectorFiltered) {
			t.Errorf("%s, filtered: vectors find %v, want %v", c.text, got, c.vectorFiltered)
		}
	}
}
