package hnsw

import (
	"slices"
	"sync/atomic"
)

// Every live node but one, the root, has a parent, and has it on level 0 among its
// neighbours, as the parent has it. Lists are pruned around these edges, never through
// them. They make a tree of all live nodes that can be walked both ways, so that from every
// live node each other one is reached on level 0.

// related reports whether x and y are parent and child. Who prunes the list of y holds the
// lock of y. A child of y cannot appear meanwhile, as it does so under that lock. If y is
// being adopted by x at this very time, x may be pruned away, and is linked again after
// the adoption, which is then seen.
func (g *Graph) related(y, x uint32) bool {
	return g.parentOf(x) == y || g.parentOf(y) == x
}

func (g *Graph) parentOf(x uint32) uint32 { return atomic.LoadUint32(&g.parent[x]) }

// adopt gives x, which has none, a parent: the first of candidates that has few
// children, else the first that has room for one, else the first with room on some way
// down from the root. The candidates are live, and not below x in the tree.
func (b *builder) adopt(x uint32, candidates []uint32) {
	for _, most := range []int{b.room(0) / 2, b.room(0)} {
		for _, y := range candidates {
			if b.adoptBy(y, x, most) {
				return
			}
		}
	}
	at := b.root
	for !b.adoptBy(at, x, b.room(0)) {
		at = b.child(at)
	}
}

// adoptBy makes y the parent of x if y's family, with x, has at most so many members. A
// place is kept for y's own parent, which y may not have yet.
func (b *builder) adoptBy(y, x uint32, most int) bool {
	if !b.bear(y, x, most) {
		return false
	}
	b.link(x, y, 0)
	return true
}

// bear is adoptBy without the link from x to y.
func (b *builder) bear(y, x uint32, most int) bool {
	l := b.lock(y)
	defer l.Unlock()
	family := 2
	for _, z := range b.load(y, 0, b.list) {
		if b.parentOf(z) == y {
			family++
		}
	}
	if family > most {
		return false
	}
	atomic.StoreUint32(&b.parent[x], y)
	b.linkLocked(y, x, 0)
	return true
}

// child returns some child of y, which has one.
func (b *builder) child(y uint32) uint32 {
	l := b.lock(y)
	defer l.Unlock()
	list := b.load(y, 0, b.list)
	return list[slices.IndexFunc(list, func(z uint32) bool { return b.parentOf(z) == y })]
}

// below reports whether x is y or above y in the tree.
func (g *Graph) below(y, x uint32) bool {
	for ; y != none; y = g.parentOf(y) {
		if y == x {
			return true
		}
	}
	return false
}

// growTree makes the tree anew, for nodes that have lists and no parents: those that the
// entry leads to are taken level by level, breadth first; whoever is not found is
// adopted by one of those that it leads to, or else by the nearest that is in the
// tree. The caller holds change for writing.
func (b *builder) growTree() {
	root, _ := b.top()
	b.root = root
	if root == none {
		return
	}
	t := &tree{builder: b, in: newBits(len(b.level))}
	t.spread(root)
	for t.gather() {
	}
	for x := range uint32(len(b.level)) {
		if b.live.has(x) && !t.in.has(x) {
			t.fetch(x)
		}
	}
	// So far parents have their children as neighbours. Now children get their parents.
	for x := range uint32(len(b.level)) {
		if p := b.parentOf(x); p != none {
			b.link(x, p, 0)
		}
	}
}

// tree is the memory of growTree.
type tree struct {
	*builder
	in    bits
	queue []uint32
}

// spread makes x's neighbours x's children, and theirs theirs, where they are in no tree yet.
func (t *tree) spread(x uint32) {
	t.in.set(x)
	t.queue = append(t.queue[:0], x)
	for len(t.queue) > 0 {
		y := t.queue[0]
		t.queue = t.queue[1:]
		// At most half of a list, so that half can be chosen freely.
		free := t.room(0)/2 - 1
		list := t.load(y, 0, t.list)
		for _, z := range list {
			if t.parentOf(z) == y { // those that y had adopted already
				free--
			}
		}
		for _, z := range list {
			if free <= 0 {
				break
			}
			if t.live.has(z) && t.in.set(z) {
				t.parent[z] = y
				t.queue = append(t.queue, z)
				free--
			}
		}
	}
}

// gather lets nodes outside of the tree be adopted by neighbours inside, and reports
// whether there was one.
func (t *tree) gather() bool {
	found := false
	for x := range uint32(len(t.level)) {
		if !t.live.has(x) || t.in.has(x) {
			continue
		}
		inside := t.inside(t.load(x, 0, t.list))
		if len(inside) > 0 {
			found = true
			t.plant(x, inside)
		}
	}
	return found
}

// fetch looks for the nodes nearest to x and lets one of them adopt it.
func (t *tree) fetch(x uint32) {
	entry, top := t.top()
	t.chooseAll(x, entry, top)
	t.plant(x, t.inside(t.chosen[0]))
}

func (t *tree) inside(list []uint32) (inside []uint32) {
	for _, y := range list {
		if t.live.has(y) && t.in.has(y) {
			inside = append(inside, y)
		}
	}
	return inside
}

// plant has x adopted by one of candidates, or anyone, and spreads from it.
func (t *tree) plant(x uint32, candidates []uint32) {
	t.adopt(x, candidates)
	t.spread(x)
}
