package ivf

import (
	"math"
	"slices"

	"github.com/smartretriever/smartretriever/index/kernel"
	"github.com/smartretriever/smartretriever/index/vector"
)

// order gives the lists by the ranks of their centroids, best first. It sorts hardly
// more than are asked for.
type order struct {
	ix     *Index
	factor float32
	offset int32
	dots   []int32  // of centroids, with what makes their order that of ranks
	found  []uint32 // room for kernel.AtLeast
	keys   []uint64 // sorted part of the lists, ascending
	at     int      // number of those given
}

func (o *order) begin(ix *Index, q *vector.Query, lists int) {
	o.ix = ix
	o.factor = ix.scale * q.Scale()
	o.offset = q.Offset()
	o.at = 0
	o.dots = grow(o.dots, ix.lists)
	o.found = grow(o.found, ix.lists)
	kernel.DotU8Rows(o.dots, q.Code(), ix.centre.codes)
	if ix.metric == vector.L2 {
		o.addBiases()
	}
	o.sort(lists)
}

// addBiases makes dots those of the order by distance.
func (o *order) addBiases() {
	unit := o.factor
	if unit == 0 { // the query is the origin
		unit = -slices.Min(o.ix.centre.biases) / (1 << 30)
	}
	if !(unit > 0) {
		return
	}
	for i, b := range o.ix.centre.biases {
		o.dots[i] += int32(max(-1<<30, min(0, b/unit)))
	}
}

// next returns the next list and the product of the query and its centroid. It may be
// called once for every list.
func (o *order) next() (list int, product float32) {
	if o.at == len(o.keys) {
		o.sort(4 * o.at)
	}
	key := o.keys[len(o.keys)-1-o.at]
	o.at++
	list = int(uint32(key))
	dot := int32(uint32(key>>32) ^ 1<<31)
	product = o.factor * float32(dot-o.offset)
	if o.ix.metric == vector.L2 && o.factor > 0 {
		product -= o.ix.centre.biases[list]
	}
	return list, product
}

// sort sorts the best n lists or some more.
func (o *order) sort(n int) {
	m := kernel.AtLeast(o.found, o.dots, o.floor(n))
	o.keys = slices.Grow(o.keys[:0], m)
	for _, list := range o.found[:m] {
		o.keys = append(o.keys, uint64(uint32(o.dots[list])^1<<31)<<32|uint64(list))
	}
	slices.Sort(o.keys)
}

// floor returns a value that at least n lists reach, and not many more. It halves what lies
// between the least and the greatest: the kernel counts lists faster than anything
// else could sort them into classes.
func (o *order) floor(n int) int32 {
	least, most := int32(math.MaxInt32), int32(math.MinInt32)
	for _, x := range o.dots {
		least, most = min(least, x), max(most, x)
	}
	if n >= len(o.dots) {
		return least
	}
	low, high := int64(least), int64(most)+1 // n and more reach low, fewer high
	for high-low > 1 {
		middle := (low + high) / 2
		m := kernel.AtLeast(o.found, o.dots, int32(middle))
		if m < n {
			high = middle
			continue
		}
		low = middle
		if m <= n+n/4 {
			break
		}
	}
	return int32(low)
}
