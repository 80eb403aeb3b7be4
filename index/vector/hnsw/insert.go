package hnsw

import (
	"math"
	"slices"
)

// builder is the memory of an insertion or a repair.
type builder struct {
	*Graph
	walker Scratch
	row    []int8 // the probe of the walk
	other  []int8 // the probe of a choice
	chosen [maxLevel + 1][]uint32
	choice choice
	around []key
	queue  []uint32
	list   []uint32
}

func newBuilder(g *Graph) *builder {
	b := &builder{Graph: g, row: make([]int8, g.plane.Dims), other: make([]int8, g.plane.Dims), list: make([]uint32, g.stride(0))}
	g.ready(&b.walker)
	return b
}

// Insert puts slot, whose row is in the plane, into the graph. It reports whether it
// was not there: a slot that is live, or being inserted, is left alone. It panics if
// there is no such slot. Goroutine-safe.
func (g *Graph) Insert(slot uint32) bool {
	b := g.builders.Get().(*builder)
	defer g.builders.Put(b)
	return b.insert(slot)
}

func (b *builder) insert(x uint32) bool {
	b.change.RLock()
	defer b.change.RUnlock()
	if !b.claimed.set(x) {
		return false
	}
	level := int(b.level[x])
	entry, top := b.top()
	if entry == none || level > top {
		b.raise.Lock()
		defer b.raise.Unlock()
		entry, top = b.top()
	}
	if entry == none {
		for l := 0; l <= level; l++ {
			b.relink(x, l, nil)
		}
		b.root = x
		b.live.set(x)
		b.count.Add(1)
		b.setEntry(x, level)
		return true
	}
	b.chooseAll(x, entry, top)
	// All lists of x are complete before the first way leads to it.
	for l := level; l >= 0; l-- {
		b.relink(x, l, b.chosen[l])
	}
	b.live.set(x)
	b.adopt(x, b.chosen[0])
	for l := 0; l <= min(level, top); l++ {
		for _, y := range b.chosen[l] {
			b.link(y, x, l)
		}
	}
	b.count.Add(1)
	if level > top {
		b.setEntry(x, level)
	}
	return true
}

// relink replaces a list of x by itself.
func (b *builder) relink(x uint32, level int, list []uint32) {
	l := b.lock(x)
	b.store(x, level, list)
	l.Unlock()
}

// chooseAll finds the neighbours of x on each of its levels, nearest first.
func (b *builder) chooseAll(x, entry uint32, top int) {
	q, sum := b.plane.probe(b.row, x)
	w := &b.walker
	b.ready(w)
	level := int(b.level[x])
	at := w.descend(&b.src, q, entry, top, level+1)
	for l := level; l >= 0; l-- {
		b.chosen[l] = b.chosen[l][:0]
		if l > top {
			continue
		}
		w.walk(&b.src, q, at, l, b.cfg.EfConstruction, math.MaxInt)
		at = keyID(w.best.keys[0])
		around := b.around[:0]
		for _, k := range w.best.keys {
			if id := keyID(k); id != x && b.live.has(id) {
				around = append(around, newKey(keyRank(k)-zero*sum, id))
			}
		}
		b.around = around
		b.chosen[l] = append(b.chosen[l], b.choose(x, around, b.cfg.M, b.room(l)/2)...)
	}
	if len(b.chosen[0]) == 0 { // nothing but dead nodes all around
		b.chosen[0] = append(b.chosen[0], entry)
	}
}

// link makes x a neighbour of y, unless y has no room and nearer or more useful ones.
func (b *builder) link(y, x uint32, level int) {
	l := b.lock(y)
	defer l.Unlock()
	b.linkLocked(y, x, level)
}

func (b *builder) linkLocked(y, x uint32, level int) {
	list := b.load(y, level, b.list)
	if slices.Contains(list, x) {
		return
	}
	list = append(list, x)
	if len(list) > b.room(level) {
		list = b.prune(y, level, list)
	}
	b.store(y, level, list)
}
