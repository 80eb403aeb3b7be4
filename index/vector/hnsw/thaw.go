package hnsw

import (
	"github.com/smartretriever/smartretriever/rag"
)

// NoSlot says in a renumbering that a slot is dropped.
const NoSlot = none

// Thaw makes a graph over the plane p out of the graph of s, whose slot i becomes slot
// to[i] of p; NoSlot drops it, as Delete does: its neighbours are connected among
// themselves. The other slots of p are not in the graph yet: to merge segments, thaw the
// graph of the largest and insert the vectors of the others. M is that of s, whatever
// cfg says. A renumbering that does not fit s and p, or names a slot twice, and damaged
// lists are KindInvalid.
func (s *Section) Thaw(p Plane, to []uint32, cfg Config) (*Graph, error) {
	cfg.M = s.M()
	cfg = cfg.WithDefaults()
	if err := p.check(); err != nil {
		return nil, err
	}
	if err := s.verify(); err != nil {
		return nil, err
	}
	if len(to) != s.n {
		return nil, rag.Errorf(rag.KindInvalid, "hnsw: %d new slots for %d", len(to), s.n)
	}
	level := make([]uint8, p.Len())
	for i := range level {
		level[i] = cfg.levelOf(uint32(i))
	}
	taken := newBits(p.Len())
	for i, x := range to {
		if x == none {
			continue
		}
		if int(x) >= p.Len() || !taken.set(x) {
			return nil, rag.Errorf(rag.KindInvalid, "hnsw: slot %d becomes %d of %d, or that is given twice", i, x, p.Len())
		}
		level[x] = 0
	}
	number := make([]uint32, s.n) // old slot to place among those with upper levels
	for i := range number {
		number[i] = none
	}
	for u, old := range s.slots {
		number[old] = uint32(u)
		if x := to[old]; x != none {
			for l, n := range s.nodes {
				if u < n {
					level[x] = uint8(l + 1)
				}
			}
		}
	}
	g, err := newGraph(p, cfg, level)
	if err != nil {
		return nil, err
	}
	t := &thawing{s: s, to: to, number: number}
	g.thaw(t)
	return g, nil
}

// thawing is what is needed to read an old graph in new slots.
type thawing struct {
	s      *Section
	to     []uint32
	number []uint32
	from   []uint32 // new slot to old one
}

// list appends the neighbours of an old slot, as old slots.
func (t *thawing) list(old uint32, level int, dst []uint32) []uint32 {
	if level == 0 {
		w := t.s.words(old, 0)
		return append(dst, w[1:1+int(w[0])]...)
	}
	if u := t.number[old]; u != none && int(u) < t.s.nodes[level-1] {
		for _, v := range t.s.upperList(u, level) {
			dst = append(dst, t.s.slots[v])
		}
	}
	return dst
}

func (g *Graph) thaw(t *thawing) {
	t.from = make([]uint32, len(g.level))
	for i := range t.from {
		t.from[i] = none
	}
	for old, x := range t.to {
		if x != none {
			t.from[x] = uint32(old)
			g.claimed.set(x)
			g.live.set(x)
			g.count.Add(1)
		}
	}
	g.parallel(func(b *builder, x uint32) {
		if t.from[x] == none {
			return
		}
		for l := range int(g.level[x]) + 1 {
			b.thawList(t, x, l)
		}
	})
	g.electEntry()
	newBuilder(g).growTree()
}

// thawList copies the list of x, with those beyond dead neighbours in their place.
func (b *builder) thawList(t *thawing, x uint32, level int) {
	b.walker.grow(len(t.to), b.stride(0))
	list, dead := b.list[:0], b.choice.left[:0]
	var memory [2 * maxM]uint32
	for _, old := range t.list(t.from[x], level, memory[:0]) {
		switch y := t.to[old]; {
		case y == none:
			dead = append(dead, old)
		case y != x:
			list = append(list, y)
		}
	}
	b.choice.left = dead
	if len(dead) == 0 {
		b.store(x, level, list)
		return
	}
	beyond := b.beyond(dead, func(old uint32, buf []uint32) []uint32 { return t.list(old, level, buf[:0]) },
		func(old uint32) bool { return t.to[old] != none })
	for i, old := range beyond {
		beyond[i] = t.to[old]
	}
	b.store(x, level, b.extend(x, level, list, beyond))
}
