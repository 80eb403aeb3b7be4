package ivf

import (
	"context"
	"math/rand/v2"
	"slices"

	"github.com/smartretriever/smartretriever/index/vector"
)

// sample is a part of the vectors, as signed bytes.
type sample struct {
	n, dims, stride int
	scale           float32
	codes           []int8
}

func (s *sample) code(i int) []int8 { return s.codes[i*s.stride:][:s.stride] }

// encode writes the signed bytes of v to dst, using room for its unsigned ones.
func encode(dst []int8, room []uint8, v []float32, scale float32) {
	vector.Encode(room, v, scale)
	for j, b := range room[:len(v)] {
		dst[j] = int8(b ^ 0x80)
	}
}

// draw takes m of the vectors by chance, in their order.
func draw(ctx context.Context, src vector.Source, m int, scale float32, rng *rand.Rand, threads int) (*sample, error) {
	n, dims := src.Len(), src.Dims()
	all := make([]uint32, n)
	for i := range all {
		all[i] = uint32(i)
	}
	for i := range m {
		j := i + rng.IntN(n-i)
		all[i], all[j] = all[j], all[i]
	}
	drawn := all[:m]
	slices.Sort(drawn)
	s := &sample{n: m, dims: dims, stride: (dims + 63) &^ 63, scale: scale}
	s.codes = make([]int8, m*s.stride)
	err := parallel(ctx, threads, m, 256, func(_, from, to int) {
		v, room := make([]float32, dims), make([]uint8, dims)
		for i := from; i < to; i++ {
			encode(s.code(i), room, src.Vector(int(drawn[i]), v), scale)
		}
	})
	return s, err
}

// learn finds centres by k-means (Lloyd's algorithm): from some of the sample,
// vectors go to their nearest centres and centres to the means of their vectors, in turn.
//
// All sums are of whole numbers, so the threads that share them leave no trace.
func (s *sample) learn(ctx context.Context, p Params, rng *rand.Rand) (*centroids, error) {
	means := make([]float32, p.Lists*s.dims)
	for i, at := range rng.Perm(s.n)[:p.Lists] {
		s.decode(at, means[i*s.dims:][:s.dims])
	}
	c := newCentroids(means, s.dims)
	list := make([]uint32, s.n)
	for range p.Iterations {
		if err := s.assign(ctx, c, p.Threads, list); err != nil {
			return nil, err
		}
		start, members := group(list, p.Lists)
		err := parallel(ctx, p.Threads, p.Lists, 16, func(_, from, to int) {
			sums := make([]int32, s.stride)
			for i := from; i < to; i++ {
				s.mean(members[start[i]:start[i+1]], sums, means[i*s.dims:][:s.dims])
			}
		})
		if err != nil {
			return nil, err
		}
		for i := range p.Lists {
			if start[i] == start[i+1] { // a centre without vectors begins again
				s.decode(rng.IntN(s.n), means[i*s.dims:][:s.dims])
			}
		}
		c = newCentroids(means, s.dims)
	}
	return c, nil
}

func (s *sample) decode(i int, dst []float32) {
	for j, x := range s.code(i)[:s.dims] {
		dst[j] = s.scale * float32(x)
	}
}

// assign writes the nearest centre of each vector to list.
func (s *sample) assign(ctx context.Context, c *centroids, threads int, list []uint32) error {
	return parallel(ctx, threads, s.n, 1024, func(_, from, to int) {
		near := c.nearest(s.scale)
		for i := from; i < to; i++ {
			near.compare(s.code(i))
			list[i] = uint32(near.best())
		}
	})
}

func (s *sample) mean(members []uint32, sums []int32, dst []float32) {
	if len(members) == 0 {
		return
	}
	clear(sums)
	for _, i := range members {
		for j, x := range s.code(int(i)) {
			sums[j] += int32(x)
		}
	}
	scale := float64(s.scale) / float64(len(members))
	for j := range dst {
		dst[j] = float32(float64(sums[j]) * scale)
	}
}

// group sorts the numbers 0 to len(list)-1 by their list: those of list l, in
// ascending order, are members[start[l]:start[l+1]].
func group(list []uint32, lists int) (start, members []uint32) {
	start = make([]uint32, lists+1)
	for _, l := range list {
		start[l+1]++
	}
	for l := range lists {
		start[l+1] += start[l]
	}
	at := slices.Clone(start)
	members = make([]uint32, len(list))
	for i, l := range list {
		members[at[l]] = uint32(i)
		at[l]++
	}
	return start, members
}
