package postings

import (
	"bytes"
	"context"
	"io"
	"slices"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/postings/kernel"
	"github.com/smartretriever/smartretriever/rag"
)

// Dropped stands in Part.Rows for a row that is not in the new segment.
const Dropped = ^uint32(0)

// Part is a segment to be merged. Rows says for each of its rows which row it becomes; kept rows keep their order.
type Part struct {
	Segment *Segment
	Rows    []uint32
}

// Merge writes the section of the rows that the parts keep, which must be numbered 0, 1, ... without a gap. It reads term by term in order, and
// needs memory for the postings of the most frequent term and for the new dictionary. What it writes is, bit for bit, what a Builder
// writes that gets the same rows. A part whose rows or parameters do not fit is KindInvalid; a cancelled ctx ends it.
func Merge(ctx context.Context, out io.Writer, parts []Part) error {
	if len(parts) == 0 {
		return NewBuilder().Write(out, Config{})
	}
	m := merger{parts: make([]mergePart, len(parts))}
	if err := m.rows(parts); err != nil {
		return err
	}
	return m.merge(ctx, out, parts[0].Segment.cfg)
}

type merger struct {
	parts   []mergePart
	lengths []uint32
	norms   []uint8
	apart   bool // the parts' rows follow each other, in the order of parts
	writer  writer
	block   kernel.Block
	decoded placesOf
	list    merged
	sorted  merged
	keys    []uint64
	spare   []uint64
	runs    []int
}

// merged is what is collected of a term.
type merged struct {
	rows   []uint32
	tfs    []uint8
	counts []uint8
	places []uint32
}

type mergePart struct {
	Part
	terms Terms
	more  bool
	whole bool   // nothing is dropped, and all rows move by the same number
	by    uint32 // that number
	first uint32 // the lowest of its new rows
}

// rows checks the maps of rows and computes the new lengths.
func (m *merger) rows(parts []Part) error {
	bad := func(what string) error { return rag.Errorf(rag.KindInvalid, "keyword merge: %s", what) }
	kept := 0
	for _, p := range parts {
		if p.Segment.cfg != parts[0].Segment.cfg {
			return bad("the segments have different parameters")
		}
		if len(p.Rows) != p.Segment.Rows() {
			return bad("a map of rows has another length than its segment")
		}
		for _, r := range p.Rows {
			if r != Dropped {
				kept++
			}
		}
	}
	if kept > MaxRows {
		return bad("too many rows")
	}
	m.lengths = make([]uint32, kept)
	var seen index.Bitmap
	seen = seen.Reset(kept)
	for i, p := range parts {
		part := mergePart{Part: p, whole: true, first: Dropped}
		next := uint32(0)
		for old, r := range p.Rows {
			if r == Dropped {
				part.whole = false
				continue
			}
			if int(r) >= kept || r < next || seen.Has(r) {
				return bad("new rows are not 0, 1, ... in the order of the old ones")
			}
			next = r + 1
			seen.Set(r)
			m.lengths[r] = p.Segment.Length(uint32(old))
			if part.first == Dropped {
				part.first = r
				part.by = r - uint32(old)
			}
			part.whole = part.whole && r-uint32(old) == part.by
		}
		m.parts[i] = part
	}
	slices.SortStableFunc(m.parts, func(a, b mergePart) int { return int(int64(a.first) - int64(b.first)) })
	// All rows are taken once, so parts that are runs of consecutive rows lie apart.
	m.apart = true
	at := uint32(0)
	for _, p := range m.parts {
		for _, r := range p.Rows {
			if r != Dropped {
				m.apart = m.apart && r == at
				at++
			}
		}
	}
	m.norms = make([]uint8, kept)
	for i, n := range m.lengths {
		m.norms[i] = normOf(n)
	}
	return nil
}

func (m *merger) merge(ctx context.Context, out io.Writer, cfg Config) error {
	w := &m.writer
	w.reset(out, cfg)
	w.begin(m.lengths, m.norms)
	for i := range m.parts {
		p := &m.parts[i]
		p.terms.Reset(p.Segment)
		p.more = p.terms.Next()
	}
	var name []byte
	for n := 0; ; n++ {
		if n%64 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		any := false
		for i := range m.parts {
			if p := &m.parts[i]; p.more && (!any || bytes.Compare(p.terms.Key(), name) < 0) {
				name = append(name[:0], p.terms.Key()...)
				any = true
			}
		}
		if !any {
			return w.finish()
		}
		m.term(name)
		if len(m.list.rows) > 0 {
			w.term(name, m.list.rows, m.list.tfs, m.list.counts, m.list.places)
		}
		if w.err != nil {
			return w.err
		}
	}
}

// term collects the postings of a term from the parts that have it, and moves these on.
func (m *merger) term(name []byte) {
	l := &m.list
	*l = merged{l.rows[:0], l.tfs[:0], l.counts[:0], l.places[:0]}
	m.runs = m.runs[:0]
	for i := range m.parts {
		p := &m.parts[i]
		if !p.more || !bytes.Equal(p.terms.Key(), name) {
			continue
		}
		m.runs = append(m.runs, len(l.rows))
		t := p.terms.Term()
		m.collect(p, &t)
		p.more = p.terms.Next()
	}
	if !m.apart && len(m.runs) > 1 {
		m.sort()
	}
}

// collect appends the postings of a part's term.
func (m *merger) collect(p *mergePart, t *Term) {
	l := p.Segment.openList(t)
	dst := &m.list
	for b := range l.blocks {
		n := l.decode(&m.block, b)
		p.Segment.unpackPart(&m.decoded, t, l.blocks, b, n, m.block.TFs[:n])
		if p.whole {
			for _, r := range m.block.Rows[:n] {
				_ = p.Rows[r] // a damaged row
				dst.rows = append(dst.rows, r+p.by)
			}
			dst.tfs = append(dst.tfs, m.block.TFs[:n]...)
			dst.counts = append(dst.counts, m.decoded.counts[:n]...)
			dst.places = append(dst.places, m.decoded.places...)
			continue
		}
		for i, r := range m.block.Rows[:n] {
			if r = p.Rows[r]; r == Dropped {
				continue
			}
			dst.rows = append(dst.rows, r)
			dst.tfs = append(dst.tfs, m.block.TFs[i])
			dst.counts = append(dst.counts, m.decoded.counts[i])
			dst.places = append(dst.places, m.decoded.places[m.decoded.starts[i]:m.decoded.starts[i+1]]...)
		}
	}
}

// sort brings the runs of the parts, each in order, together in the order of rows.
func (m *merger) sort() {
	l := &m.list
	m.keys = m.keys[:0]
	for i, r := range l.rows {
		m.keys = append(m.keys, uint64(r)<<32|uint64(i))
	}
	m.spare = slices.Grow(m.spare[:0], len(m.keys))[:len(m.keys)]
	runs := append(m.runs, len(m.keys))
	for len(runs) > 2 {
		half := runs[:1]
		for i := 0; i+1 < len(runs); i += 2 {
			if i+2 == len(runs) { // one is left over
				copy(m.spare[runs[i]:], m.keys[runs[i]:])
				half = append(half, runs[i+1])
				break
			}
			mergeRuns(m.spare[runs[i]:runs[i+2]], m.keys[runs[i]:runs[i+1]], m.keys[runs[i+1]:runs[i+2]])
			half = append(half, runs[i+2])
		}
		runs = half
		m.keys, m.spare = m.spare, m.keys
	}
	starts := slices.Grow(m.sorted.rows[:0], len(l.rows)) // of the positions of each posting, before they are sorted
	at := uint32(0)
	for _, c := range l.counts {
		starts = append(starts, at)
		at += uint32(c)
	}
	s := merged{tfs: m.sorted.tfs[:0], counts: m.sorted.counts[:0], places: m.sorted.places[:0]}
	for i, k := range m.keys {
		j := uint32(k)
		l.rows[i] = uint32(k >> 32)
		s.tfs = append(s.tfs, l.tfs[j])
		s.counts = append(s.counts, l.counts[j])
		s.places = append(s.places, l.places[starts[j]:][:l.counts[j]]...)
	}
	s.rows = starts
	m.sorted = s
	l.tfs, m.sorted.tfs = s.tfs, l.tfs
	l.counts, m.sorted.counts = s.counts, l.counts
	l.places, m.sorted.places = s.places, l.places
}

// mergeRuns merges two runs in order into dst.
func mergeRuns(dst, a, b []uint64) {
	for i := range dst {
		if len(b) == 0 || len(a) > 0 && a[0] < b[0] {
			dst[i] = a[0]
			a = a[1:]
		} else {
			dst[i] = b[0]
			b = b[1:]
		}
	}
}
