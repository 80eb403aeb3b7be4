package vector

import (
	"math"

	"github.com/smartretriever/smartretriever/rag"
)

// MaxDims is the largest number of dimensions.
const MaxDims = 4096

// maxNorm bounds the length of vectors that are not brought to unit length, so that
// no square of a sum of two overflows a float32.
const maxNorm = 1 << 60

// Metric says how alike two vectors are. Its numbers are part of the file format.
type Metric uint8

// The metrics and the scores they give; more is better in each.
const (
	Cosine       Metric = 1 // the cosine of the angle: all vectors are brought to unit length
	InnerProduct Metric = 2 // the sum of products
	L2           Metric = 3 // minus the square of the Euclidean distance
)

var metricNames = map[Metric]string{Cosine: "cosine", InnerProduct: "inner_product", L2: "l2"}

// String returns the metric's name, which ParseMetric reads.
func (m Metric) String() string {
	if name, ok := metricNames[m]; ok {
		return name
	}
	return "unknown metric"
}

// ParseMetric returns the metric called name: cosine, inner_product or l2. Its error
// is KindInvalid.
func ParseMetric(name string) (Metric, error) {
	for m, n := range metricNames {
		if n == name {
			return m, nil
		}
	}
	return 0, rag.Errorf(rag.KindInvalid, "unknown metric %q; known are cosine, inner_product, l2", name)
}

// Check says what keeps v from being a vector, or a query, of so many dimensions
// under metric m: a wrong length, a value that is not a finite number, a zero vector
// that has no direction for the cosine, a length beyond 2^60 for the others. Its
// error is KindInvalid.
func Check(v []float32, dims int, m Metric) error {
	if len(v) != dims {
		return rag.Errorf(rag.KindInvalid, "the vector has %d dimensions, %d are expected", len(v), dims)
	}
	switch n := norm(v); {
	case n-n != 0: // squares of float32 are finite in float64, and so are their sums
		for i, x := range v {
			if x-x != 0 {
				return rag.Errorf(rag.KindInvalid, "value %d of the vector is %v", i, x)
			}
		}
	case m == Cosine && n == 0:
		return rag.Errorf(rag.KindInvalid, "the vector is zero: it has no direction to compare by the cosine")
	case m != Cosine && n > maxNorm:
		return rag.Errorf(rag.KindInvalid, "the vector is too long: its norm is %g, at most %g is allowed", n, float64(maxNorm))
	}
	return nil
}

// Normalize brings v, which passed Check for the cosine, to unit length.
func Normalize(v []float32) {
	scale := 1 / norm(v)
	for i, x := range v {
		v[i] = float32(float64(x) * scale)
	}
}

// norm is the length of v. Four sums spare an addition the wait for the one before.
func norm(v []float32) float64 {
	var s0, s1, s2, s3 float64
	for ; len(v) >= 4; v = v[4:] {
		a, b, c, d := float64(v[0]), float64(v[1]), float64(v[2]), float64(v[3])
		s0 += a * a
		s1 += b * b
		s2 += c * c
		s3 += d * d
	}
	for _, x := range v {
		s0 += float64(x) * float64(x)
	}
	return math.Sqrt(s0 + s1 + (s2 + s3))
}
