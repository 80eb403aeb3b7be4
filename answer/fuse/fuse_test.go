package fuse

import (
	"math"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

func list(pairs ...float64) []rag.Scored {
	var out []rag.Scored
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, rag.Scored{ChunkID: rag.ChunkID(pairs[i]), Score: float32(pairs[i+1])})
	}
	return out
}

type want struct {
	id    rag.ChunkID
	score float64
}

func check(t *testing.T, got []Fused, wants []want) {
	t.Helper()
	if len(got) != len(wants) {
		t.Fatalf("got %d candidates, want %d: %+v", len(got), len(wants), got)
	}
	for i, w := range wants {
		if got[i].ChunkID != w.id || math.Abs(got[i].Score-w.score) > 1e-6 {
			t.Errorf("place %d: chunk %d with %.7f, want chunk %d with %.7f", i+1, got[i].ChunkID, got[i].Score, w.id, w.score)
		}
	}
}

// long returns Candidates entries with ids from first on: half of them score
// high, half low, so that mean and standard deviation are (high+low)/2 and
// (high-low)/2.
func long(first int, high, low float64) []rag.Scored {
	var pairs []float64
	for i := range Candidates {
		s := high
		if i >= Candidates/2 {
			s = low
		}
		pairs = append(pairs, float64(first+i), s)
	}
	return list(pairs...)
}

func TestZScoreOfFullLists(t *testing.T) {
	// The vector list holds chunks 1 to 100 (1-50 have z 1, the others -1), the
	// keyword list chunks 26 to 125 (26-75 have z 1, the others -1).
	got := ZScore(long(1, 0.8, 0.6), long(26, 12, 4), 0.25)
	score := map[rag.ChunkID]float64{}
	for _, f := range got {
		score[f.ChunkID] = f.Score
	}
	for id, w := range map[rag.ChunkID]float64{
		1:   0.25 - 0.75,  // not in the keyword list: its lowest z, -1
		26:  0.25 + 0.75,  // high in both
		60:  -0.25 + 0.75, // low in the vector list
		90:  -1,           // low in both
		125: -1,           // not in the vector list, low in the keyword list
	} {
		if math.Abs(score[id]-w) > 1e-5 {
			t.Errorf("chunk %d has %.6f, want %.6f", id, score[id], w)
		}
	}
	if len(got) != 125 {
		t.Errorf("got %d candidates, want 125", len(got))
	}
}

func TestZScoreOfLongerLists(t *testing.T) {
	// Scores after the hundredth have no part in mean and deviation, but keep
	// their own z.
	v := append(long(1, 3, 1), list(500, 0)...)
	got := ZScore(v, nil, 0.5)
	if last := got[len(got)-1]; last.ChunkID != 500 || math.Abs(last.Score+2) > 1e-6 {
		t.Errorf("the last is chunk %d with %v, want chunk 500 with -2", last.ChunkID, last.Score)
	}
}

func TestZScoreOfShortLists(t *testing.T) {
	r32 := math.Sqrt(1.5)
	for _, c := range []struct {
		name            string
		vector, keyword []rag.Scored
		alpha           float64
		want            []want
	}{
		{"both empty", nil, nil, 0.5, nil},
		{"keywords alone: 4, 2 and the 0 outside",
			nil, list(7, 4, 3, 2), 0.5, []want{{7, r32}, {3, 0}}},
		{"vectors alone, whatever alpha",
			list(1, 0.9, 2, 0.5), nil, 0, []want{{1, 1}, {2, -1}}},
		{"ties by id",
			list(9, 0.5, 4, 0.5, 6, 0.5), nil, 0.5, []want{{4, 0}, {6, 0}, {9, 0}}},
		{"the only match stands out: keyword z is 1 for it and -1 for the others",
			list(1, 0.9, 2, 0.5), list(2, 8), 0.5, []want{{1, 0}, {2, 0}}},
		{"alpha as given",
			list(1, 0.9, 2, 0.5), list(2, 8), 0.4, []want{{2, -0.4 + 0.6}, {1, 0.4 - 0.6}}},
		{"two equal matches are both above the rest",
			list(1, 0.9, 2, 0.5), list(2, 8, 3, 8), 0,
			[]want{{2, math.Sqrt2 / 2}, {3, math.Sqrt2 / 2}, {1, -math.Sqrt2}}},
		{"outside the vector list: its lowest z",
			list(1, 0.9, 2, 0.5), list(3, 8), 1, []want{{1, 1}, {2, -1}, {3, -1}}},
		{"one chunk in all", list(5, 0.3), list(5, 2), 0.5, []want{{5, 0.5}}},
	} {
		t.Run(c.name, func(t *testing.T) { check(t, ZScore(c.vector, c.keyword, c.alpha), c.want) })
	}
}

func TestRRF(t *testing.T) {
	for _, c := range []struct {
		name            string
		vector, keyword []rag.Scored
		k               int
		alpha           float64
		want            []want
	}{
		{"both empty", nil, nil, 60, 0.5, nil},
		{"ranks from both sides", list(1, 0.9, 2, 0.5), list(2, 8, 3, 1), 60, 0.5,
			[]want{{2, 0.5/62 + 0.5/61}, {1, 0.5 / 61}, {3, 0.5 / 62}}},
		{"weights", list(1, 0.9), list(2, 8), 9, 0.3, []want{{2, 0.07}, {1, 0.03}}},
		{"ties by id", list(8, 0.9), list(2, 8), 60, 0.5, []want{{2, 0.5 / 61}, {8, 0.5 / 61}}},
		{"one list alone, whatever alpha", list(8, 0.9, 2, 0.1), nil, 0, 0, []want{{8, 1}, {2, 0.5}}},
	} {
		t.Run(c.name, func(t *testing.T) { check(t, RRF(c.vector, c.keyword, c.k, c.alpha), c.want) })
	}
}

func TestFusedKeepsScoresAndRanks(t *testing.T) {
	vector := []rag.Scored{{ChunkID: 1, DocumentID: "a", Score: 0.75}, {ChunkID: 2, DocumentID: "b", Score: 0.5}}
	keyword := []rag.Scored{{ChunkID: 2, DocumentID: "b", Score: 3}, {ChunkID: 2, DocumentID: "b", Score: 1}}
	for name, got := range map[string][]Fused{"zscore": ZScore(vector, keyword, 0.9), "rrf": RRF(vector, keyword, 60, 0.9)} {
		byID := map[rag.ChunkID]Fused{}
		for _, f := range got {
			f.Score = 0
			byID[f.ChunkID] = f
		}
		if w := (Fused{ChunkID: 1, DocumentID: "a", Vector: 0.75, VectorRank: 1}); byID[1] != w {
			t.Errorf("%s: got %+v, want %+v", name, byID[1], w)
		}
		if w := (Fused{ChunkID: 2, DocumentID: "b", Vector: 0.5, VectorRank: 2, Keyword: 3, KeywordRank: 1}); byID[2] != w {
			t.Errorf("%s: got %+v, want %+v", name, byID[2], w)
		}
		if len(got) != 2 {
			t.Errorf("%s: %d candidates, want 2", name, len(got))
		}
	}
}
