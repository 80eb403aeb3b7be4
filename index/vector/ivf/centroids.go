package ivf

import (
	"math"

	"github.com/smartretriever/smartretriever/index/kernel"
	"github.com/smartretriever/smartretriever/index/vector"
)

// centroids are the centres of the lists, as bytes like the vectors: byte b stands for
// scale*(b-128). They are exactly what the bytes say, so that what is computed from
// them at building is true at searching.
type centroids struct {
	n, dims, stride int
	scale           float32
	codes           []uint8   // stride bytes each
	biases          []float32 // -|c|²/2 each
}

// newCentroids rounds n centres.
func newCentroids(values []float32, dims int) *centroids {
	c := &centroids{n: len(values) / dims, dims: dims, stride: (dims + 63) &^ 63, scale: 1}
	var largest float32
	for _, x := range values {
		largest = max(largest, x, -x)
	}
	if scale := largest / 127; scale > 0 {
		c.scale = scale
	}
	c.codes = make([]uint8, c.n*c.stride)
	c.biases = make([]float32, c.n)
	for i := range c.n {
		c.set(i, values[i*dims:][:dims])
	}
	return c
}

// set rounds centre i.
func (c *centroids) set(i int, values []float32) {
	code := c.codes[i*c.stride:][:c.stride]
	vector.Encode(code, values, c.scale)
	for j := c.dims; j < c.stride; j++ {
		code[j] = 128
	}
	c.biases[i] = c.bias(i)
}

func (c *centroids) bias(i int) float32 {
	sum := 0
	for _, b := range c.codes[i*c.stride:][:c.dims] {
		x := int(b) - 128
		sum += x * x
	}
	return float32(-float64(sum) * float64(c.scale) * float64(c.scale) / 2)
}

// vector writes centre i to dst.
func (c *centroids) vector(i int, dst []float32) {
	for j, b := range c.codes[i*c.stride:][:c.dims] {
		dst[j] = c.scale * float32(int32(b)-128)
	}
}

// vectors returns all centres.
func (c *centroids) vectors() []float32 {
	v := make([]float32, c.n*c.dims)
	for i := range c.n {
		c.vector(i, v[i*c.dims:][:c.dims])
	}
	return v
}

// nearest compares vectors with all centres.
//
// It works in whole numbers: the nearest centre of x has the largest <x,c> - |c|²/2,
// divided by both scales.
type nearest struct {
	c      *centroids
	biases []int32
	dots   []int32
}

func (c *centroids) nearest(scale float32) *nearest {
	s := &nearest{c: c, biases: make([]int32, c.n), dots: make([]int32, c.n)}
	unit := float64(scale) * float64(c.scale)
	for i, b := range c.biases {
		s.biases[i] = int32(max(-1<<30, math.RoundToEven(float64(b)/unit)))
	}
	return s
}

// compare makes s.dots those of a vector's signed bytes, too large by 128 times their sum.
func (s *nearest) compare(code []int8) {
	kernel.DotU8Rows(s.dots, code, s.c.codes)
}

// best returns the nearest centre after compare.
func (s *nearest) best() int {
	best, at := int32(math.MinInt32), 0
	biases := s.biases[:len(s.dots)]
	for i, dot := range s.dots {
		if x := dot + biases[i]; x > best {
			best, at = x, i
		}
	}
	return at
}

// shortlist is the number of near centres among which the second list of a vector is
// chosen.
const shortlist = 24

// near writes the nearest centres after compare to dst, nearest first, and
// returns their number.
func (s *nearest) near(dst *[shortlist]int32) int {
	var values [shortlist]int32
	n := 0
	least := int32(math.MinInt32)
	biases := s.biases[:len(s.dots)]
	for i, dot := range s.dots {
		x := dot + biases[i]
		if x <= least {
			continue
		}
		if n < shortlist {
			n++
		}
		j := n - 1
		for ; j > 0 && values[j-1] < x; j-- {
			values[j], dst[j] = values[j-1], dst[j-1]
		}
		values[j], dst[j] = x, int32(i)
		if n == shortlist {
			least = values[n-1]
		}
	}
	return n
}
