package ivf

import (
	"context"

	"github.com/smartretriever/smartretriever/index/kernel"
	"github.com/smartretriever/smartretriever/index/vector"
)

// none is the second list of a vector that has no other.
const none = ^uint32(0)

// assign returns the list of each vector and, unless it is to be in one alone, a
// second one.
//
// The second list is that of SOAR (Sun et al. 2023): among the nearest centres the one
// for which |r'|² + <r',r>²/|r|² is least, r and r' being what is left of the vector
// beside its first and this centre. If the query is such that the first list is a bad
// guess, it lies along r; then r' at a right angle to it keeps the second a good one.
func assign(ctx context.Context, src vector.Source, c *centroids, scale float32, p Params) (first, second []uint32, err error) {
	n, dims := src.Len(), src.Dims()
	first = make([]uint32, n)
	if !p.Single && c.n > 1 {
		second = make([]uint32, n)
	}
	centres := c.vectors()
	err = parallel(ctx, p.Threads, n, 1024, func(_, from, to int) {
		near := c.nearest(scale)
		v, room, code := make([]float32, dims), make([]uint8, dims), make([]int8, c.stride)
		for i := from; i < to; i++ {
			x := src.Vector(i, v)
			encode(code, room, x, scale)
			near.compare(code)
			if second == nil {
				first[i] = uint32(near.best())
				continue
			}
			var best [shortlist]int32
			m := near.near(&best)
			first[i] = uint32(best[0])
			second[i] = orthogonal(x, centres, best[:m])
		}
	})
	return first, second, err
}

// orthogonal returns the second list of x, whose first is near[0].
func orthogonal(x, centres []float32, near []int32) uint32 {
	centre := func(i int32) []float32 { return centres[int(i)*len(x):][:len(x)] }
	c := centre(near[0])
	xc := kernel.Dot(x, c)
	left := kernel.L2(x, c)
	var best float32
	at := none
	for _, l := range near[1:] {
		d := centre(l)
		// <r',r> = <x-d, x-c>, and |x|² - <x,c> = <x-c,x>.
		loss := kernel.L2(x, d)
		if left > 0 {
			product := kernel.Dot(x, x) - xc - kernel.Dot(x, d) + kernel.Dot(c, d)
			loss += product * product / left
		}
		if at == none || loss < best {
			best, at = loss, uint32(l)
		}
	}
	return at
}
