package vector

import (
	"math"

	"github.com/smartretriever/smartretriever/rag"
)

// Query is a query vector, prepared for all sets of the same metric and dimensions.
// Set prepares it, and may be called again; then the same Query may be used by many
// searches at the same time.
type Query struct {
	metric Metric
	vec    []float32
	code   []int8
	scale  float32
	offset int32
	norm   float64 // |q|, rounded up
	err    float64 // |q - scale*code|, rounded up
}

// Set makes v, which is copied, the query. For the cosine it is brought to unit
// length. What Check refuses is KindInvalid; the query is then not to be used.
func (q *Query) Set(v []float32, m Metric) error {
	if len(v) < 1 || len(v) > MaxDims {
		return rag.Errorf(rag.KindInvalid, "the query has %d dimensions, 1 to %d are possible", len(v), MaxDims)
	}
	if err := Check(v, len(v), m); err != nil {
		return err
	}
	q.metric = m
	q.vec = append(q.vec[:0], v...)
	if m == Cosine {
		Normalize(q.vec)
	}
	q.quantise()
	return nil
}

func (q *Query) quantise() {
	n := stride(len(q.vec))
	if cap(q.code) < n {
		q.code = make([]int8, n)
	}
	q.code = q.code[:n]
	clear(q.code)
	if q.scale = largest(q.vec) / 127; q.scale < leastNormal {
		q.scale = 0 // it would have too few bits
	}
	var sum int32
	var lost float64
	if q.scale > 0 {
		sum, lost = q.round(1 / float64(q.scale))
		q.err = math.Sqrt(lost) * roundUp
	} else { // all is zero, or too small for a scale
		q.err = norm(q.vec) * roundUp
	}
	q.offset = 128 * sum
	q.norm = norm(q.vec) * roundUp
}

// round writes the code, and returns the sum of its values and that of the squares
// of what is lost. No value is further from zero than 127 times the scale, but for its rounding.
func (q *Query) round(inverse float64) (sum int32, lost float64) {
	scale, code := float64(q.scale), q.code[:len(q.vec)]
	var even, odd float64
	for i, x := range q.vec {
		c := round(float64(x) * inverse)
		code[i] = int8(int32(c))
		sum += int32(c)
		e := float64(x) - scale*c
		even, odd = odd, even+e*e // so that additions wait less for each other
	}
	return sum, even + odd
}

// largest returns the largest absolute value of v, whose values are finite.
func largest(v []float32) float32 {
	const sign = 1 << 31
	var m uint32 // bits of floats without their signs are in the order of floats
	for _, x := range v {
		m = max(m, math.Float32bits(x)&^sign)
	}
	return math.Float32frombits(m)
}

// leastNormal is the least float32 with all its bits.
const leastNormal = 0x1p-126

// roundUp makes an upper bound of a float64 sum of up to MaxDims terms.
const roundUp = 1 + 1e-12

// Metric returns the metric.
func (q *Query) Metric() Metric { return q.metric }

// Dims returns the number of dimensions.
func (q *Query) Dims() int { return len(q.vec) }

// Vector returns the query; of unit length for the cosine. It is not to be changed.
func (q *Query) Vector() []float32 { return q.vec }

// Norm returns the length of the query.
func (q *Query) Norm() float64 { return q.norm }

// Code returns the query as bytes of the kernel functions, padded with zeros to the
// stride of sets: Code()[j] stands for Scale()*Code()[j].
func (q *Query) Code() []int8 { return q.code }

// Scale returns the step between two values of Code.
func (q *Query) Scale() float32 { return q.scale }

// Offset returns 128 times the sum of Code: what a product with unsigned bytes is
// larger than one with what they stand for.
func (q *Query) Offset() int32 { return q.offset }

// Rank returns the rank that a score stands for: what Factor and Biases of a set
// lead to.
func (q *Query) Rank(score float32) float32 {
	if q.metric == L2 {
		return float32((float64(score) + q.norm*q.norm) / 2)
	}
	return score
}

// fits says why q cannot be asked of s.
func (q *Query) fits(s *Set) error {
	if q.metric != s.metric || len(q.vec) != s.dims {
		return rag.Errorf(rag.KindInvalid, "the query is for %d dimensions and %v, the index for %d and %v",
			len(q.vec), q.metric, s.dims, s.metric)
	}
	return nil
}
