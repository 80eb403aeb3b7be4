package rerank

import (
	"math"
	"testing"
)

// Whatever a server sends, scores that are taken are one number for each passage.
func FuzzReadResults(f *testing.F) {
	f.Add(`{"results":[{"index":1,"relevance_score":0.5},{"index":0,"relevance_score":-3}],"usage":{"total_tokens":3}}`)
	f.Add(`{"results":[{"index":0,"relevance_score":null}]}`)
	f.Add(`{"results":[{"index":0,"relevance_score":NaN}]}`)
	f.Add(`{"results":[{"index":-1},{"index":1e9}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ReadResults([]byte(text))
		if err != nil {
			return
		}
		scores, err := a.values(2)
		if err != nil {
			return
		}
		if len(scores) != 2 || math.IsNaN(scores[0]+scores[1]) || math.IsInf(scores[0], 0) || math.IsInf(scores[1], 0) {
			t.Errorf("scores %v", scores)
		}
	})
}
