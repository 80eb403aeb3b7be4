package hnsw

import (
	"cmp"
	"io"
	"slices"

	"github.com/smartretriever/smartretriever/index/section"
)

// Write writes the graph of the live nodes. They are numbered anew without gaps, in the
// order of their slots: slot i of the section is the i-th live slot. It sweeps first, so
// that no way of a dead node is lost. Goroutine-safe; it holds up changes.
func (g *Graph) Write(w io.Writer) error {
	g.change.Lock()
	defer g.change.Unlock()
	g.sweep()
	e := newWriter(g, w)
	for _, part := range []func() error{e.header, e.sketches, e.ground, e.slots, e.levels} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// writer writes the parts of a section in their order.
type writer struct {
	*Graph
	w     io.Writer
	slot  []uint32 // old slot to new one; none for the dead
	upper []uint32 // old slots that have upper levels, the higher ones first
	order []uint32 // old slot to its place among upper
	h     header
}

func newWriter(g *Graph, w io.Writer) *writer {
	e := &writer{Graph: g, w: w, slot: make([]uint32, len(g.level)), order: make([]uint32, len(g.level))}
	n := uint32(0)
	for x := range e.slot {
		e.slot[x], e.order[x] = none, none
		if g.live.has(uint32(x)) {
			e.slot[x] = n
			n++
			if g.level[x] > 0 {
				e.upper = append(e.upper, uint32(x))
			}
		}
	}
	slices.SortStableFunc(e.upper, func(x, y uint32) int { return cmp.Compare(g.level[y], g.level[x]) })
	e.h = header{n: int(n), m: g.m, width: g.plane.Dims}
	for i, x := range e.upper {
		e.order[x] = uint32(i)
		for l := range int(g.level[x]) {
			if l == len(e.h.nodes) {
				e.h.nodes = append(e.h.nodes, 0)
			}
			e.h.nodes[l]++
		}
	}
	if entry, _ := g.top(); entry != none {
		e.h.entry = e.slot[entry]
		if len(e.upper) > 0 {
			e.h.start = e.order[entry]
		}
	}
	return e
}

func (e *writer) header() error {
	_, err := e.w.Write(e.h.append(nil))
	return err
}

// sketches writes the centre of the live rows and their sketches, if they have any.
func (e *writer) sketches() error {
	size := sketchSize(e.plane.Dims)
	if size == 0 {
		return nil
	}
	var live []uint32
	for x, to := range e.slot {
		if to != none {
			live = append(live, uint32(x))
		}
	}
	centre := e.plane.centreOf(live)
	if _, err := e.w.Write(centre); err != nil {
		return err
	}
	if err := e.pad(len(centre)); err != nil {
		return err
	}
	buf := make([]byte, 64*size)
	for some := range slices.Chunk(live, 64) {
		clear(buf)
		for i, x := range some {
			e.plane.sketch(buf[i*size:][:size], x, centre)
		}
		if _, err := e.w.Write(buf[:len(some)*size]); err != nil {
			return err
		}
	}
	return e.pad(len(live) * size)
}

func (e *writer) ground() error {
	return e.lists(0, func(yield func(uint32) bool) {
		for x, to := range e.slot {
			if to != none && !yield(uint32(x)) {
				return
			}
		}
	}, e.slot)
}

func (e *writer) slots() error {
	new := make([]uint32, len(e.upper))
	for i, x := range e.upper {
		new[i] = e.slot[x]
	}
	return e.part(len(new), func(put func([]uint32) error) error { return put(new) })
}

func (e *writer) levels() error {
	for l, n := range e.h.nodes {
		if err := e.lists(l+1, slices.Values(e.upper[:n]), e.order); err != nil {
			return err
		}
	}
	return nil
}

// lists writes the lists of nodes on one level, with what number stands for each slot.
func (e *writer) lists(level int, nodes func(func(uint32) bool), number []uint32) error {
	n := e.h.n
	if level > 0 {
		n = e.h.nodes[level-1]
	}
	stride := e.stride(level)
	return e.part(n*stride, func(put func([]uint32) error) (err error) {
		list, buf := make([]uint32, stride), make([]uint32, 0, 1<<12+stride)
		for x := range nodes {
			at := len(buf)
			buf = append(buf, 0)
			for _, y := range e.load(x, level, list) {
				if e.live.has(y) {
					buf = append(buf, number[y])
				}
			}
			buf[at] = uint32(len(buf) - at - 1)
			end := len(buf)
			buf = buf[:at+stride]
			clear(buf[end:])
			if len(buf) >= 1<<12 {
				if err = put(buf); err != nil {
					return err
				}
				buf = buf[:0]
			}
		}
		return put(buf)
	})
}

// part writes so many words, which fill puts, and what is missing to a multiple of 64 bytes.
func (e *writer) part(words int, fill func(put func([]uint32) error) error) error {
	err := fill(func(words []uint32) error {
		_, err := e.w.Write(section.Bytes(words))
		return err
	})
	if err != nil {
		return err
	}
	return e.pad(4 * words)
}

// pad writes what is missing to a multiple of 64 bytes.
func (e *writer) pad(size int) error {
	_, err := e.w.Write(make([]byte, section.Pad(int64(size))))
	return err
}
