package hnsw

import (
	"slices"

	"github.com/smartretriever/smartretriever/index/kernel"
)

// choice is the memory of choosing neighbours.
type choice struct {
	out   []uint32
	left  []uint32 // candidates, nearest first
	near  []int32  // how near the candidate is to the node that chooses
	must  []bool
	dots  []int32
	keys  []key
	ranks []int32
	all   []uint32
}

// choose picks at most room neighbours for base out of keys, which are other nodes in
// descending order of rank seen from base, without zero's part: Malkov and Yashunin's
// heuristic. The nearest candidate is taken, then all that are nearer to it than to base
// are dropped: they can be reached through it. And so on, until none is left. What is
// taken therefore lies in different directions. Keys with a mark are taken in any
// case; there are at most room of them.
//
// Where that leaves fewer than least, the nearest of the dropped fill the list up to that
// number: dense places, where one neighbour covers nearly all, need more than a few ways.
//
// The result is valid until the next call.
func (b *builder) choose(base uint32, keys []key, room, least int) []uint32 {
	c := &b.choice
	c.out, c.left, c.near, c.must = c.out[:0], c.left[:0], c.near[:0], c.must[:0]
	// How near r is to base and how near it is to another candidate c are compared as
	// dot + bias without r's own bias, which is in both.
	bias := b.plane.rowBias(base)
	free := room
	for _, k := range keys {
		id, must := keyID(k), k&mark != 0
		c.left = append(c.left, id)
		c.near = append(c.near, keyRank(k)-b.plane.rowBias(id)+bias)
		c.must = append(c.must, must)
		if must {
			free--
		}
	}
	for len(c.left) > 0 {
		id, must := c.left[0], c.must[0]
		if !must {
			if free == 0 {
				c.drop(nil, 0)
				continue
			}
			free--
		}
		c.out = append(c.out, id)
		if len(c.left) == 1 || free == 0 {
			c.drop(nil, 0)
			continue
		}
		q, sum := b.plane.probe(b.other, id)
		c.dots = slices.Grow(c.dots[:0], len(c.left))[:len(c.left)]
		kernel.DotU8Gather(c.dots, q.Codes, b.plane.Codes, c.left)
		c.drop(c.dots, zero*sum-b.plane.rowBias(id))
	}
	for _, k := range keys {
		if len(c.out) >= least {
			break
		}
		if id := keyID(k); !slices.Contains(c.out, id) {
			c.out = append(c.out, id)
		}
	}
	return c.out
}

// drop takes the first candidate away, and those which are nearer to it than to the node
// that chooses, or are the same as it: one of equal neighbours leads to the others. dots
// holds the nearness of each to the first, too high by offset; nil drops no other.
func (c *choice) drop(dots []int32, offset int32) {
	n := 0
	for i := 1; i < len(c.left); i++ {
		if dots != nil && !c.must[i] {
			same := dots[i] == dots[0] && c.near[i] == c.near[0]
			if same || dots[i]-offset > c.near[i] {
				continue
			}
		}
		c.left[n], c.near[n], c.must[n] = c.left[i], c.near[i], c.must[i]
		n++
	}
	c.left, c.near, c.must = c.left[:n], c.near[:n], c.must[:n]
}

// prune chooses among the neighbours of node y, of which there are more than it has room
// for. The edges of the tree stay.
func (b *builder) prune(y uint32, level int, list []uint32) []uint32 {
	return b.choose(y, b.family(y, level, b.sorted(y, list, 0)), b.room(level), b.room(level)/2)
}

// sorted returns the keys of other nodes seen from y, without zero's part, in
// descending order. The first so many of ids get a mark.
func (b *builder) sorted(y uint32, ids []uint32, marked int) []key {
	c := &b.choice
	c.ranks = slices.Grow(c.ranks[:0], len(ids))[:len(ids)]
	q, sum := b.plane.probe(b.other, y)
	b.plane.ranks(c.ranks, q, ids)
	c.keys = c.keys[:0]
	for i, id := range ids {
		k := newKey(c.ranks[i]-zero*sum, id)
		if i < marked {
			k |= mark
		}
		c.keys = append(c.keys, k)
	}
	slices.Sort(c.keys)
	slices.Reverse(c.keys)
	return c.keys
}

// family marks y's parent and children.
func (b *builder) family(y uint32, level int, keys []key) []key {
	if level == 0 {
		for i, k := range keys {
			if b.related(y, keyID(k)) {
				keys[i] |= mark
			}
		}
	}
	return keys
}
