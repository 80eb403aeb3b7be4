package postings

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"sync"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/postings/kernel"
)

// Deletes is the set of rows of a segment that are deleted. It is a value: With returns a new one, and the old one stays what it was, so that
// searches go on with the set they began with. BM25 counts only rows that are left, so Deletes also knows how many rows and how much length are
// gone, and how many postings of each term that was asked for: this is counted once, and from then on only for the rows that are new. A nil
// *Deletes is the empty set. Goroutine-safe.
type Deletes struct {
	rows    index.Bitmap
	count   int
	filled  uint32 // deleted rows with at least one term
	length  uint64 // of them
	history *history
	at      int // how much of the history this set is
}

// history is the deleted rows in the order in which they went, and the counts, shared by sets that came from each other.
type history struct {
	sync.Mutex
	rows   []uint32
	counts map[uint32]counted
}

// counted is the number of postings of a term whose rows are among the first at rows of the history.
type counted struct {
	n  uint32
	at int
}

// maxCounted bounds the terms whose counts are remembered.
const maxCounted = 1 << 16

// With returns the set with more rows of s, the segment that the set is of. Rows that are in it already, or that the segment does not
// have, change nothing.
func (d *Deletes) With(s *Segment, rows []uint32) *Deletes {
	n := &Deletes{}
	if d != nil {
		*n = *d
	}
	n.rows = make(index.Bitmap, (int(s.rows)+63)/64)
	if d != nil {
		copy(n.rows, d.rows)
	}
	var added []uint32
	for _, r := range rows {
		if r >= s.rows || n.rows.Has(r) {
			continue
		}
		n.rows.Set(r)
		added = append(added, r)
		n.count++
		if length := s.Length(r); length > 0 {
			n.filled++
			n.length += uint64(length)
		}
	}
	h := n.history
	if h == nil {
		h = &history{counts: map[uint32]counted{}}
	}
	h.Lock()
	defer h.Unlock()
	if len(h.rows) != n.at { // another set came from d before: its history goes on without us
		old := h
		h = &history{rows: slices.Clone(old.rows[:n.at]), counts: map[uint32]counted{}}
		for t, c := range old.counts {
			if c.at <= n.at {
				h.counts[t] = c
			}
		}
	}
	h.rows = append(h.rows, added...)
	n.history, n.at = h, len(h.rows)
	return n
}

// Len returns the number of deleted rows.
func (d *Deletes) Len() int {
	if d == nil {
		return 0
	}
	return d.count
}

// Has says whether a row is deleted.
func (d *Deletes) Has(row uint32) bool { return d != nil && d.rows.Has(row) }

// Rows returns the set as a bitmap, which must not be changed.
func (d *Deletes) Rows() index.Bitmap {
	if d == nil {
		return nil
	}
	return d.rows
}

// live returns the number of rows with terms that are left, and their length.
func (v View) live() (filled, length uint64) {
	filled, length = uint64(v.Segment.filled), v.Segment.total
	if v.Deletes != nil {
		filled -= uint64(v.Deletes.filled)
		length -= v.Deletes.length
	}
	return filled, length
}

// deleted returns how many postings of t are of deleted rows. block is memory to decode into.
func (d *Deletes) deleted(s *Segment, t *Term, block *kernel.Block) uint32 {
	if d == nil || d.count == 0 {
		return 0
	}
	h := d.history
	h.Lock()
	c, known := h.counts[t.number]
	rows := h.rows[:max(d.at, c.at)]
	h.Unlock()
	if known && c.at == d.at {
		return c.n
	}
	// The rows between what was counted and this set, which may be the older of the two.
	between := rows[min(c.at, d.at):]
	var n uint32
	if known && len(between)*4 < int(t.df) {
		some := countRows(s, t, between, block)
		if c.at > d.at {
			return c.n - some
		}
		n = c.n + some
	} else if len(rows) == d.at && d.at*4 < int(t.df) {
		n = countRows(s, t, rows, block)
	} else {
		n = countBitmap(s, t, d.rows, block)
	}
	h.Lock()
	if c := h.counts[t.number]; c.at <= d.at {
		if len(h.counts) >= maxCounted {
			clear(h.counts)
		}
		h.counts[t.number] = counted{n, d.at}
	}
	h.Unlock()
	return n
}

// countRows returns how many of the rows, in any order, are in the postings of t.
func countRows(s *Segment, t *Term, rows []uint32, block *kernel.Block) uint32 {
	rows = slices.Clone(rows)
	slices.Sort(rows)
	l := s.openList(t)
	n, b, decoded, size := uint32(0), 0, -1, 0
	for _, r := range rows {
		if b = l.find(b, r); b >= l.blocks {
			break
		}
		if l.form == formDense {
			if _, ok := chunkHas(l.blockData(b), r); ok {
				n++
			}
			continue
		}
		if b != decoded {
			decoded, size = b, l.decode(block, b)
		}
		if _, ok := slices.BinarySearch(block.Rows[:size], r); ok {
			n++
		}
	}
	return n
}

// countBitmap returns how many of the postings of t are of rows in the set.
func countBitmap(s *Segment, t *Term, set index.Bitmap, block *kernel.Block) uint32 {
	l := s.openList(t)
	n := uint32(0)
	for b := range l.blocks {
		if l.form == formDense {
			src := l.blockData(b)
			for i := range kernel.ChunkRows / 64 {
				if w := b*kernel.ChunkRows/64 + i; w < len(set) {
					n += uint32(bits.OnesCount64(set[w] & binary.LittleEndian.Uint64(src[8*i:])))
				}
			}
			continue
		}
		for _, r := range block.Rows[:l.decode(block, b)] {
			if set.Has(r) {
				n++
			}
		}
	}
	return n
}
