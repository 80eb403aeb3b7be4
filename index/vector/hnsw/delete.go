package hnsw

import (
	"slices"
	"sync/atomic"
)

// sweepFrom is how many deleted nodes may be left in the lists of others, besides an
// eighth of the live ones, before a Delete sweeps.
const sweepFrom = 64

// Delete takes slot out of the graph. It reports whether it was in it. What pointed to
// it among its neighbours is connected anew, and the tree through it is mended, so that
// every node that is left can be reached. Nodes further away may still point to it: it
// is found no more, but until the next Sweep, which comes by itself, it is a stage on
// the way. Goroutine-safe; see Graph.
func (g *Graph) Delete(slot uint32) bool {
	g.change.Lock()
	defer g.change.Unlock()
	if !g.Has(slot) {
		return false
	}
	b := g.builders.Get().(*builder)
	defer g.builders.Put(b)
	g.forget(slot)
	if g.Len() == 0 {
		g.root = none
		g.parent[slot] = none
		return true
	}
	for l := range int(g.level[slot]) + 1 {
		b.bridge(slot, l)
	}
	b.rehome(slot)
	if g.stale > sweepFrom+g.Len()/8 {
		g.sweep()
	}
	return true
}

// DeleteAll takes all of slots out of the graph and returns how many were in it. For
// many it costs much less than to delete one after the other.
func (g *Graph) DeleteAll(slots []uint32) int {
	if len(slots) < g.Len()/16 {
		n := 0
		for _, slot := range slots {
			if g.Delete(slot) {
				n++
			}
		}
		return n
	}
	g.change.Lock()
	defer g.change.Unlock()
	n := 0
	for _, slot := range slots {
		if g.Has(slot) {
			g.forget(slot)
			n++
		}
	}
	if n == 0 {
		return 0
	}
	for i := range g.parent {
		g.parent[i] = none
	}
	g.sweep()
	newBuilder(g).growTree()
	return n
}

// Sweep mends all lists that still name deleted nodes. Goroutine-safe; see Graph.
func (g *Graph) Sweep() {
	g.change.Lock()
	defer g.change.Unlock()
	g.sweep()
}

// forget marks a slot as deleted and finds another entry if it was that.
func (g *Graph) forget(x uint32) {
	g.live.clear(x)
	g.claimed.clear(x)
	g.count.Add(-1)
	g.stale++
	if entry, _ := g.top(); entry == x {
		g.electEntry()
	}
}

// electEntry makes the first of the live nodes on the highest level the entry.
func (g *Graph) electEntry() {
	best, level := uint32(none), -1
	for i, l := range g.level {
		if int(l) > level && g.live.has(uint32(i)) {
			best, level = uint32(i), int(l)
		}
	}
	g.setEntry(best, max(level, 0))
}

// bridge takes x, which was deleted, out of the lists of its neighbours on one level, and
// connects these among themselves.
func (b *builder) bridge(x uint32, level int) {
	var memory [2 * maxM]uint32
	around := b.alive(b.load(x, level, memory[:]))
	for _, y := range around {
		if slices.Contains(b.load(y, level, b.list), x) {
			b.mend(y, level, around)
		}
	}
}

// alive keeps the live ones of list.
func (g *Graph) alive(list []uint32) []uint32 {
	return slices.DeleteFunc(list, func(y uint32) bool { return !g.live.has(y) })
}

// mend takes the dead out of the list of y, and adds what the heuristic picks of
// candidates, which are alive. What y has besides stays.
func (b *builder) mend(y uint32, level int, candidates []uint32) {
	list := b.alive(b.load(y, level, b.list))
	b.store(y, level, b.extend(y, level, list, candidates))
}

// extend returns list, the neighbours of y, with those of candidates that the
// heuristic picks beside them.
func (b *builder) extend(y uint32, level int, list, candidates []uint32) []uint32 {
	w := &b.walker
	for _, id := range list {
		w.visit(id)
	}
	w.visit(y)
	c := &b.choice
	c.all = append(c.all[:0], list...)
	for _, id := range candidates {
		if w.visit(id) {
			c.all = append(c.all, id)
		}
	}
	w.unmark()
	if len(c.all) == len(list) {
		return list
	}
	return b.choose(y, b.sorted(y, c.all, len(list)), b.room(level), b.room(level)/2)
}

// rehome mends the tree around x, which was deleted: each of its children finds another
// parent, or, if x was the root, the first of them becomes it.
func (b *builder) rehome(x uint32) {
	var memory [2 * maxM]uint32
	around := b.alive(b.load(x, 0, memory[:]))
	var orphans []uint32
	for _, y := range around {
		if b.parentOf(y) == x {
			atomic.StoreUint32(&b.parent[y], none)
			orphans = append(orphans, y)
		}
	}
	atomic.StoreUint32(&b.parent[x], none)
	if b.root == x {
		b.root, orphans = orphans[0], orphans[1:]
	}
	for _, y := range orphans {
		b.adopt(y, b.guardians(y, around))
	}
}

// guardians returns who may become the parent of y, nearest first: y's neighbours and the
// given nodes, without those below y.
func (b *builder) guardians(y uint32, around []uint32) []uint32 {
	all := append(b.alive(b.load(y, 0, b.list)), around...)
	slices.Sort(all)
	all = slices.DeleteFunc(slices.Compact(all), func(z uint32) bool { return b.below(z, y) })
	ids := make([]uint32, 0, len(all))
	for _, k := range b.sorted(y, all, 0) {
		ids = append(ids, keyID(k))
	}
	return ids
}
