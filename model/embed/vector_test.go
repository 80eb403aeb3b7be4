package embed

import (
	"math"
	"testing"
)

// Whatever a server sends, vectors that are taken are whole and of unit length.
func FuzzAnswer(f *testing.F) {
	f.Add(`{"data":[{"index":0,"embedding":[1,2]},{"index":1,"embedding":"AACAPwAAAEA="}],"usage":{"total_tokens":3}}`, 2)
	f.Add(`{"data":[{"index":0,"embedding":[null,1e39]}]}`, 0)
	f.Add(`{"data":[{"index":0,"embedding":[NaN]}]}`, 1)
	f.Add(`{"data":[{"index":-1,"embedding":[[1]]}],"error":"x"}`, 1)
	f.Fuzz(func(t *testing.T, text string, dimensions int) {
		a, err := ReadData([]byte(text))
		if err != nil || dimensions < 0 || dimensions > 100 {
			return
		}
		vectors, err := a.vectors(2, dimensions)
		if err != nil {
			return
		}
		for _, v := range vectors {
			var sum float64
			for _, x := range v {
				sum += float64(x) * float64(x)
			}
			if len(v) != len(vectors[0]) || (dimensions > 0 && len(v) != dimensions) || !(math.Abs(sum-1) < 1e-4) {
				t.Errorf("%d dimensions, length² %v", len(v), sum)
			}
		}
	})
}
