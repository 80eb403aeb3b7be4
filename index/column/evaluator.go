package column

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/smartretriever/smartretriever/index"
)

// set is a set of documents in the making. Its memory belongs to the evaluator,
// and the operations use up their operands.
type set struct {
	form  setForm
	list  []uint32 // ascending
	words []uint64
}

type setForm uint8

const (
	emptySet setForm = iota
	fullSet
	listSet  // few: the members
	denseSet // many: a bit for each document
)

// listShare is the share of documents up to which a set is a list.
const listShare = 64

// shortList is the size up to which sets are joined as lists: sorting them is
// then cheaper than a bitmap.
const shortList = 64

// evaluator holds the memory of one evaluation.
type evaluator struct {
	table   *Table
	lists   [][]uint32
	bitmaps [][]uint64
	text    []byte
	wanted  []byte
}

// maxKept bounds what an evaluator in the pool holds on to.
const maxKept = 16

func (e *evaluator) free() {
	e.table = nil
	e.lists = e.lists[:min(len(e.lists), maxKept)]
	e.bitmaps = e.bitmaps[:min(len(e.bitmaps), maxKept)]
	evaluators.Put(e)
}

func (e *evaluator) newList() []uint32 {
	if n := len(e.lists); n > 0 {
		l := e.lists[n-1]
		e.lists = e.lists[:n-1]
		return l[:0]
	}
	return nil
}

func (e *evaluator) newWords() []uint64 {
	var w []uint64
	if n := len(e.bitmaps); n > 0 {
		w = e.bitmaps[n-1]
		e.bitmaps = e.bitmaps[:n-1]
	}
	return index.Bitmap(w).Reset(e.table.Len())
}

func (e *evaluator) release(s set) {
	if s.list != nil {
		e.lists = append(e.lists, s.list)
	}
	if s.words != nil {
		e.bitmaps = append(e.bitmaps, s.words)
	}
}

// fieldSet returns a set of the section's own area.
func (e *evaluator) fieldSet(r ref) set { return e.load(e.table.setData, r) }

// load returns the set of a reference.
func (e *evaluator) load(sets []byte, r ref) set {
	switch {
	case r == refNone:
		return set{form: emptySet}
	case r == refAll:
		return set{form: fullSet}
	case r < refSet:
		if int(r) >= e.table.Len() {
			panic(damage("a set has a member that is too high"))
		}
		return set{form: listSet, list: append(e.newList(), uint32(r))}
	}
	data := setAt(sets, r)
	if size, _, _ := encodedSet(data); size <= e.table.Len()/listShare {
		return e.listed(appendMembers(e.newList(), data, e.table.Len()))
	}
	w := e.newWords()
	orSet(w, data)
	return set{form: denseSet, words: w}
}

func (e *evaluator) listed(list []uint32) set {
	if len(list) == 0 {
		e.release(set{list: list})
		return set{form: emptySet}
	}
	return set{form: listSet, list: list}
}

// ranks returns the documents with a value of the ranks [from, to). Where every
// document has one value at most and most values are wanted, the others are
// gathered and taken from the documents that have any.
func (e *evaluator) ranks(c *column, from, to int) set {
	n := int(c.values)
	switch {
	case from >= to:
		return set{form: emptySet}
	case to-from == 1:
		return e.load(c.sets, c.ref(from))
	case from == 0 && to == n:
		return e.fieldSet(c.holders)
	}
	postings := c.before(to) - c.before(from)
	if postings <= shortList {
		return e.shortUnion(c, from, to)
	}
	w := e.newWords()
	if c.single && postings > int(c.count)/2 {
		e.orRanks(w, c, 0, from)
		e.orRanks(w, c, to, n)
		return e.and(e.fieldSet(c.holders), e.not(set{form: denseSet, words: w}))
	}
	e.orRanks(w, c, from, to)
	return set{form: denseSet, words: w}
}

func (e *evaluator) shortUnion(c *column, from, to int) set {
	list := e.newList()
	for rank := from; rank < to; rank++ {
		switch r := c.ref(rank); {
		case r < refSet:
			if int(r) >= e.table.Len() {
				panic(damage("a set has a member that is too high"))
			}
			list = append(list, uint32(r))
		case r == refAll:
			e.release(set{list: list})
			return set{form: fullSet}
		default:
			list = appendMembers(list, setAt(c.sets, r), e.table.Len())
		}
		if len(list) > shortList {
			panic(damage("a column has more documents than it says"))
		}
	}
	slices.Sort(list)
	return e.listed(slices.Compact(list))
}

// orRanks adds the documents of the values [from, to).
func (e *evaluator) orRanks(words []uint64, c *column, from, to int) {
	refs := c.refs[4*from : 4*to]
	read := 0
	for ; len(refs) >= 4; refs = refs[4:] {
		switch r := ref(binary.LittleEndian.Uint32(refs)); {
		case r < refSet:
			words[r>>6] |= 1 << (r & 63)
		case r == refAll:
			setRange(words, 0, e.table.Len())
		default:
			data := setAt(c.sets, r)
			// Each set belongs to one value, so all together cannot be larger than
			// their area: a damaged column must not take the square of its size.
			_, _, body := encodedSet(data)
			if read += len(body); read > len(c.sets) {
				panic(damage("sets overlap"))
			}
			orSet(words, data)
		}
	}
}

// dense returns the same set as a bitmap.
func (e *evaluator) dense(s set) set {
	if s.form == denseSet {
		return s
	}
	w := e.newWords()
	if s.form == fullSet {
		setRange(w, 0, e.table.Len())
	}
	for _, m := range s.list {
		w[m>>6] |= 1 << (m & 63)
	}
	e.release(s)
	return set{form: denseSet, words: w}
}

func (e *evaluator) not(s set) set {
	switch s.form {
	case emptySet:
		return set{form: fullSet}
	case fullSet:
		return set{form: emptySet}
	}
	s = e.dense(s)
	for i := range s.words {
		s.words[i] = ^s.words[i]
	}
	trim(s.words, e.table.Len())
	return s
}

// trim clears the bits from n on.
func trim(words []uint64, n int) {
	if n&63 != 0 {
		words[n>>6] &= 1<<(n&63) - 1
	}
}

func (e *evaluator) and(a, b set) set {
	if a.form > b.form {
		a, b = b, a
	}
	switch {
	case a.form == emptySet:
		e.release(b)
		return a
	case a.form == fullSet:
		return b
	case a.form == denseSet:
		for i, w := range b.words {
			a.words[i] &= w
		}
		e.release(b)
		return a
	case b.form == denseSet:
		kept := a.list[:0]
		for _, m := range a.list {
			if b.words[m>>6]>>(m&63)&1 != 0 {
				kept = append(kept, m)
			}
		}
		e.release(b)
		return e.listed(kept)
	}
	kept, rest := a.list[:0], b.list
	for _, m := range a.list {
		for len(rest) > 0 && rest[0] < m {
			rest = rest[1:]
		}
		if len(rest) > 0 && rest[0] == m {
			kept = append(kept, m)
		}
	}
	e.release(b)
	return e.listed(kept)
}

func (e *evaluator) or(a, b set) set {
	if a.form > b.form {
		a, b = b, a
	}
	switch {
	case a.form == emptySet:
		return b
	case a.form == fullSet:
		e.release(b)
		return a
	case b.form == listSet && len(a.list)+len(b.list) <= shortList:
		list := append(a.list, b.list...)
		e.release(b)
		slices.Sort(list)
		return e.listed(slices.Compact(list))
	case a.form == listSet:
		b = e.dense(b)
		for _, m := range a.list {
			b.words[m>>6] |= 1 << (m & 63)
		}
		e.release(a)
		return b
	}
	for i, w := range b.words {
		a.words[i] |= w
	}
	e.release(b)
	return a
}

// toRows returns the rows of a set of documents.
func (e *evaluator) toRows(s set, dst index.Bitmap) (rows index.Bitmap, count int) {
	t := e.table
	rows = dst.Reset(t.Rows())
	if rows == nil {
		rows = index.Bitmap{} // nil would be every row
	}
	switch {
	case s.form == denseSet && t.rowForm == rowsEqual:
		copy(rows, s.words)
	case s.form == denseSet && t.rowForm == rowsAny && index.Bitmap(s.words).Count() > t.Len()/16:
		gather(rows, s.words, t.owners)
	case s.form == denseSet:
		for i, w := range s.words {
			for w != 0 {
				first := bits.TrailingZeros64(w)
				run := bits.TrailingZeros64(^(w >> first))
				t.setRows(rows, uint32(64*i+first), uint32(run))
				w &^= (1<<run - 1) << first
			}
		}
	default:
		for _, m := range s.list {
			t.setRows(rows, m, 1)
		}
	}
	e.release(s)
	if len(rows) > 0 {
		trim(rows, t.Rows())
	}
	return rows, rows.Count()
}

// setRows adds the rows of n documents from an ordinal on.
func (t *Table) setRows(rows index.Bitmap, ordinal, n uint32) {
	if t.rowForm == rowsEqual {
		setRange(rows, int(ordinal), int(ordinal+n))
		return
	}
	from, to := uint32At(t.firsts, int(ordinal)), uint32At(t.firsts, int(ordinal+n))
	if t.rowForm == rowsRanges {
		setRange(rows, int(from), int(to))
		return
	}
	for i := from; i < to; i++ {
		row := uint32At(t.grouped, int(i))
		rows[row>>6] |= 1 << (row & 63)
	}
}

// gather asks for each row whether its document is in the set.
func gather(rows index.Bitmap, words []uint64, owners []byte) {
	const chunk = 4 * 64 // bytes of owners to one word of rows
	for i := range rows {
		if len(owners) < chunk {
			rows[i] = gatherWord(words, owners)
			return
		}
		var w uint64
		for j := chunk - 4; j >= 0; j -= 4 {
			m := binary.LittleEndian.Uint32(owners[j:chunk])
			w = w<<1 | words[m>>6]>>(m&63)&1
		}
		rows[i] = w
		owners = owners[chunk:]
	}
}

// gatherWord is gather for the last rows, fewer than 64.
func gatherWord(words []uint64, owners []byte) (w uint64) {
	for at := uint(0); len(owners) >= 4; at++ {
		m := binary.LittleEndian.Uint32(owners)
		w |= words[m>>6] >> (m & 63) & 1 << (at & 63)
		owners = owners[4:]
	}
	return w
}
