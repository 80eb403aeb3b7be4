package bert

import (
	"math"

	"github.com/smartretriever/smartretriever/model/bert/weightfile"
)

// archMPNet is BERT with a number added to the score of every query and key, which
// a head has learned for their distance (Song et al. 2020, after T5).
const archMPNet = "mpnet"

const (
	maxBuckets = 1024
	// farthest is the distance from which on all are one.
	farthest = 128
)

// relativeScores spreads a table of buckets x heads out: for each head what a key at
// distance -(MaxTokens-1) to MaxTokens-1 from the query adds.
func relativeScores(table []float32, m weightfile.Model) [][]float32 {
	if len(table) == 0 {
		return nil
	}
	out := make([][]float32, m.Heads)
	for h := range out {
		out[h] = make([]float32, 2*m.MaxTokens-1)
		for i := range out[h] {
			out[h][i] = table[bucket(i-(m.MaxTokens-1), m.Buckets)*m.Heads+h]
		}
	}
	return out
}

// bucket returns the row for a key's distance from the query. Half of the buckets
// are for keys before the query, half for those after it; half of each are for near
// keys, one each, the others for ever longer stretches, up to the farthest. It is
// computed in 32 bits, as the models were trained.
func bucket(distance, buckets int) int {
	half, first := buckets/2, 0
	if distance > 0 {
		first = half
	} else {
		distance = -distance
	}
	near := half / 2
	if distance < near {
		return first + distance
	}
	far := float32(math.Log(float64(float32(distance)/float32(near)))) / float32(math.Log(farthest/float64(near))) * float32(half-near)
	return first + min(near+int(far), half-1)
}

// distances returns what distances add to a head's scores, or nil.
func (m *Model) distances(head int) []float32 {
	if m.relative == nil {
		return nil
	}
	return m.relative[head]
}

// addDistances adds to the scores of the query at a place.
func addDistances(scores, distances []float32, place int) {
	middle := len(distances) / 2
	for i, d := range distances[middle-place:][:len(scores)] {
		scores[i] += d
	}
}
