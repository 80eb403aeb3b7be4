// Package fuse makes one list of the two that a hybrid search finds.
//
// ZScore, the default, compares the two searches by how far a score stands out
// from the other candidates of its own list; RRF looks at ranks alone. Both are
// pure functions of their arguments. Measured on SciFact, Cranfield and
// HotpotQA, the z-score sum finds as much as RRF or more with every embedding
// model that was tried.
package fuse

import (
	"cmp"
	"math"
	"slices"

	"github.com/smartretriever/smartretriever/rag"
)

// Candidates is the number of scores per list that ZScore is made for: ask each
// side for at least as many, however few hits are wanted in the end.
const Candidates = 100

// Fused is a candidate of one or both lists.
type Fused struct {
	ChunkID    rag.ChunkID
	DocumentID rag.DocumentID
	Score      float64
	// Vector and Keyword are the scores in the two lists, the ranks count from 1;
	// both are 0 for a list that does not hold the chunk.
	Vector      float64
	Keyword     float64
	VectorRank  int
	KeywordRank int
}

// ZScore fuses by the sum of z-scores. Within each list, which must be in
// descending order, z = (score - mean) / std, with mean and population standard
// deviation of its first Candidates scores; a chunk that a list does not hold
// has that list's lowest z. The result is
//
//	alpha * z(vector) + (1 - alpha) * z(keyword)
//
// in descending order, ties by ascending chunk id. alpha, from 0 to 1, is used as
// it is given. When one list is empty the result is the other, scored by its z.
//
// A keyword list with fewer than Candidates entries holds every chunk that shares
// a word with the query; all others have a BM25 score of exactly 0. That 0 is
// then counted, once, as one more score of the list, and its z is the lowest: so
// the only chunk with a rare word stands out from those without, and so does the
// second of two.
//
// Where all scores of a list are equal, z is 0 for its chunks and for all others.
func ZScore(vector, keyword []rag.Scored, alpha float64) []Fused {
	v, k := standardize(vector, false), standardize(keyword, len(keyword) < Candidates)
	out := union(vector, keyword)
	wv, wk := weights(vector, keyword, alpha)
	for i := range out {
		f := &out[i]
		f.Score = wv*v.of(f.Vector, f.VectorRank) + wk*k.of(f.Keyword, f.KeywordRank)
	}
	return order(out)
}

// RRF fuses by weighted reciprocal rank (Cormack, Clarke and Büttcher, SIGIR
// 2009): the result is
//
//	alpha / (k + rank in vector) + (1 - alpha) / (k + rank in keyword)
//
// with nothing added for a list that does not hold the chunk, in descending
// order, ties by ascending chunk id. k is not negative; 60 is usual. When one list
// is empty the result is the other, with weight 1.
func RRF(vector, keyword []rag.Scored, k int, alpha float64) []Fused {
	k = max(k, 0)
	out := union(vector, keyword)
	wv, wk := weights(vector, keyword, alpha)
	for i := range out {
		f := &out[i]
		if f.VectorRank > 0 {
			f.Score += wv / float64(k+f.VectorRank)
		}
		if f.KeywordRank > 0 {
			f.Score += wk / float64(k+f.KeywordRank)
		}
	}
	return order(out)
}

func weights(vector, keyword []rag.Scored, alpha float64) (v, k float64) {
	switch {
	case len(keyword) == 0:
		return 1, 0
	case len(vector) == 0:
		return 0, 1
	}
	return alpha, 1 - alpha
}

// scale turns the scores of one list into z-scores.
type scale struct {
	mean, std, lowest float64
}

func standardize(list []rag.Scored, withZero bool) scale {
	if len(list) == 0 {
		return scale{}
	}
	scores := make([]float64, 0, Candidates+1)
	for _, s := range list[:min(len(list), Candidates)] {
		scores = append(scores, float64(s.Score))
	}
	last := float64(list[len(list)-1].Score)
	if withZero {
		scores = append(scores, 0)
		last = min(last, 0)
	}
	var s scale
	for _, x := range scores {
		s.mean += x
	}
	s.mean /= float64(len(scores))
	for _, x := range scores {
		s.std += (x - s.mean) * (x - s.mean)
	}
	s.std = math.Sqrt(s.std / float64(len(scores)))
	s.lowest = s.z(last)
	return s
}

// z is 0 for every score where the scores differ by rounding only.
func (s scale) z(score float64) float64 {
	if s.std <= 1e-9*math.Abs(s.mean) {
		return 0
	}
	return (score - s.mean) / s.std
}

func (s scale) of(score float64, rank int) float64 {
	if rank == 0 {
		return s.lowest
	}
	return s.z(score)
}

// union merges the lists by chunk. A chunk that stands in a list twice counts
// where it stands first.
func union(vector, keyword []rag.Scored) []Fused {
	out := make([]Fused, 0, len(vector)+len(keyword))
	at := make(map[rag.ChunkID]int, len(vector)+len(keyword))
	entry := func(s rag.Scored) *Fused {
		i, ok := at[s.ChunkID]
		if !ok {
			i = len(out)
			at[s.ChunkID] = i
			out = append(out, Fused{ChunkID: s.ChunkID, DocumentID: s.DocumentID})
		}
		return &out[i]
	}
	for i, s := range vector {
		if f := entry(s); f.VectorRank == 0 {
			f.Vector, f.VectorRank = float64(s.Score), i+1
		}
	}
	for i, s := range keyword {
		if f := entry(s); f.KeywordRank == 0 {
			f.Keyword, f.KeywordRank = float64(s.Score), i+1
		}
	}
	return out
}

func order(out []Fused) []Fused {
	slices.SortFunc(out, func(a, b Fused) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ChunkID, b.ChunkID))
	})
	return out
}
