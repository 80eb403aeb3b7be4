package hnsw

import "sync/atomic"

// links are lists of neighbours, one a node and level. On level 0 node i's list begins
// at i*stride: its length, then room for stride-1 slots. The lists of the upper
// levels of a node lie behind each other at above[i].
//
// While a graph is open to changes, a word is written and read with atomic operations
// only. A list is written as entries first, then length, and an entry is never
// anything but a slot that was once inserted, so whatever mixture of old and
// new a reader meets is a list of slots.
type links struct {
	m      int
	ground []uint32 // level 0
	above  []uint32 // where the upper lists of a node begin; unused for nodes without
	upper  []uint32
	level  []uint8
}

// newLinks returns empty lists for nodes with these levels.
func newLinks(m int, level []uint8) links {
	l := links{m: m, level: level, above: make([]uint32, len(level))}
	l.ground = make([]uint32, len(level)*l.stride(0))
	at := 0
	for i, up := range level {
		l.above[i] = uint32(at)
		at += int(up) * l.stride(1)
	}
	l.upper = make([]uint32, at)
	return l
}

func (l *links) room(level int) int {
	if level == 0 {
		return 2 * l.m
	}
	return l.m
}

func (l *links) stride(level int) int { return l.room(level) + 1 }

// words returns the memory of a list: length, then entries.
func (l *links) words(id uint32, level int) []uint32 {
	n := l.stride(level)
	if level == 0 {
		at := int(id) * n
		return l.ground[at : at+n : at+n]
	}
	at := int(l.above[id]) + (level-1)*n
	return l.upper[at : at+n : at+n]
}

// load copies a list into buf, which has room for one.
func (l *links) load(id uint32, level int, buf []uint32) []uint32 {
	w := l.words(id, level)
	n := int(atomic.LoadUint32(&w[0]))
	w = w[1 : 1+n]
	buf = buf[:n]
	for i := range w {
		buf[i] = atomic.LoadUint32(&w[i])
	}
	return buf
}

// store replaces a list. One goroutine at a time stores into a list.
func (l *links) store(id uint32, level int, list []uint32) {
	w := l.words(id, level)
	for i, v := range list {
		if atomic.LoadUint32(&w[1+i]) != v { // a store costs more than twenty loads
			atomic.StoreUint32(&w[1+i], v)
		}
	}
	atomic.StoreUint32(&w[0], uint32(len(list)))
}
