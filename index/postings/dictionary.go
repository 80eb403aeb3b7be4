package postings

import (
	"bytes"
	"encoding/binary"
)

// The dictionary holds the terms in ascending order of bytes, in blocks of 16, each term without what it shares with the one before it in its block:
//
//	length of what is shared, length of the rest (uvarints), the rest
//	document frequency, length of the positions (uvarints)
//	one posting: its row (uvarint), the term frequency less one (byte)
//	else: length of the postings (uvarint), and of a single block its impact (byte)
//
// The index has, block by block, the first eight bytes of the first term as a big-endian number (8 bytes), where the postings and
// the positions of its first term begin in the section (8 bytes each), and where the block begins in the dictionary (4 bytes): four
// arrays, one after the other. A search halves the first, which is small, and reads one block.
const (
	dictBlock = 16
	indexSize = 28
)

// span is a part of the section.
type span struct {
	at uint64
	n  uint64
}

func (s span) end() uint64 { return s.at + s.n }

// Term is a term's entry in the dictionary of a segment. It is of no use with another segment.
type Term struct {
	number       uint32 // its place in the order of terms
	df           uint32
	row          uint32
	less, impact uint8
	list, places span
}

// DF returns the number of rows that hold the term, deleted ones included.
func (t *Term) DF() int { return int(t.df) }

// Number returns the place of the term in the order of the segment's terms.
func (t *Term) Number() int { return int(t.number) }

// keyOf is the number that the index has for a term: terms in order have keys in order.
func keyOf(term []byte) uint64 {
	var k [8]byte
	copy(k[:], term)
	return binary.BigEndian.Uint64(k[:])
}

// dictWriter collects entries.
type dictWriter struct {
	data   []byte
	keys   []uint64
	lists  []uint64
	places []uint64
	starts []uint32
	n      uint32
	last   []byte
}

// begins says whether the next term is the first of a block.
func (d *dictWriter) begins() bool { return d.n%dictBlock == 0 }

// add appends an entry. Where its block begins, the places of its list and positions must be right; else they follow from those before.
func (d *dictWriter) add(name []byte, t *Term, f form) {
	shared := 0
	if d.begins() {
		d.keys = append(d.keys, keyOf(name))
		d.lists = append(d.lists, t.list.at)
		d.places = append(d.places, t.places.at)
		d.starts = append(d.starts, uint32(len(d.data)))
	} else {
		for shared < len(name) && shared < len(d.last) && name[shared] == d.last[shared] {
			shared++
		}
	}
	b := binary.AppendUvarint(d.data, uint64(shared))
	b = binary.AppendUvarint(b, uint64(len(name)-shared))
	b = append(b, name[shared:]...)
	b = binary.AppendUvarint(b, uint64(t.df))
	b = binary.AppendUvarint(b, t.places.n)
	if f == formOne {
		b = append(binary.AppendUvarint(b, uint64(t.row)), t.less)
	} else {
		b = binary.AppendUvarint(b, t.list.n)
		if f == formBlock {
			b = append(b, t.impact)
		}
	}
	d.data = b
	d.last = append(d.last[:0], name...)
	d.n++
}

// dictionary is the one of an opened segment.
type dictionary struct {
	data   []byte
	blocks int
	terms  uint32
	keys   []byte
	lists  []byte
	places []byte
	starts []byte
}

func (d *dictionary) key(b int) uint64 { return binary.LittleEndian.Uint64(d.keys[8*b:]) }

// first returns the first term of a block.
func (d *dictionary) first(b int) []byte {
	src := d.data[binary.LittleEndian.Uint32(d.starts[4*b:]):]
	_, n := binary.Uvarint(src)
	src = src[max(n, 0):]
	length, n := binary.Uvarint(src)
	return src[max(n, 0):][:length]
}

// block returns the block that holds the term if any does: the last one whose first term is not greater, -1 if there is none.
func (d *dictionary) block(term []byte) int {
	key := keyOf(term)
	lo, hi := 0, d.blocks // the first block whose key is greater
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); d.key(mid) <= key {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	end := lo
	if end == 0 || d.key(end-1) < key {
		return end - 1
	}
	// Blocks with the same key: compare whole terms.
	lo, hi = 0, end
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); d.key(mid) < key {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	for hi = end; lo < hi; {
		if mid := int(uint(lo+hi) >> 1); bytes.Compare(d.first(mid), term) <= 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo - 1
}

// Terms walks the dictionary of a segment in ascending order of bytes. The zero Terms walks nothing. Not goroutine-safe.
type Terms struct {
	s    *Segment
	src  []byte
	b    int // the block that is read
	left int // entries of it that are not read
	next uint32
	name []byte
	term Term
	list uint64 // where the next postings and positions begin
	plc  uint64
}

// Terms returns an iterator that stands before the first term.
func (s *Segment) Terms() Terms {
	t := Terms{}
	t.Reset(s)
	return t
}

// Reset puts the iterator before the first term of s. It keeps its memory.
func (t *Terms) Reset(s *Segment) {
	*t = Terms{s: s, name: t.name[:0], b: -1}
}

// load makes block b the one that is read.
func (t *Terms) load(b int) {
	d := &t.s.dict
	t.b = b
	t.src = d.data[binary.LittleEndian.Uint32(d.starts[4*b:]):]
	t.next = uint32(b) * dictBlock
	t.left = min(dictBlock, int(d.terms-t.next))
	t.list = binary.LittleEndian.Uint64(d.lists[8*b:])
	t.plc = binary.LittleEndian.Uint64(d.places[8*b:])
	t.name = t.name[:0]
}

// Next moves to the next term, and says whether there is one.
func (t *Terms) Next() bool {
	if t.left == 0 {
		if t.s == nil || t.b+1 >= t.s.dict.blocks {
			return false
		}
		t.load(t.b + 1)
	}
	shared, rest := t.number(), t.number()
	if rest > MaxTermBytes || shared > MaxTermBytes-rest {
		panic("postings: a term has an impossible length")
	}
	t.name = append(t.name[:shared], t.take(rest)...)
	e := &t.term
	*e = Term{number: t.next}
	df := t.number()
	if df == 0 || df > uint64(t.s.rows) {
		panic("postings: a term has an impossible document frequency")
	}
	e.df = uint32(df)
	e.places = span{t.plc, t.number()}
	t.plc += e.places.n
	switch formOf(e.df, t.s.rows) {
	case formOne:
		row := t.number()
		if row >= uint64(t.s.rows) {
			panic("postings: a term has an impossible row")
		}
		e.row, e.less = uint32(row), t.take(1)[0]
		e.impact = 255
	case formBlock:
		e.list = span{t.list, t.number()}
		e.impact = t.take(1)[0]
	default:
		e.list = span{t.list, t.number()}
		e.impact = 255
	}
	t.list += e.list.n
	t.next++
	t.left--
	return true
}

func (t *Terms) number() uint64 {
	if len(t.src) > 0 && t.src[0] < 0x80 { // most are
		v := t.src[0]
		t.src = t.src[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(t.src)
	if n <= 0 {
		panic("postings: the dictionary is damaged")
	}
	t.src = t.src[n:]
	return v
}

func (t *Terms) take(n uint64) []byte {
	b := t.src[:n:n]
	t.src = t.src[n:]
	return b
}

// Seek moves to the first term that is not before key, and says whether there is one. It can move in both directions.
func (t *Terms) Seek(key []byte) bool {
	if t.s == nil || t.s.dict.blocks == 0 {
		return false
	}
	b := max(0, t.s.dict.block(key))
	// Go on from here if the key lies ahead in the same block.
	if b != t.b || t.next == uint32(b)*dictBlock || bytes.Compare(t.name, key) >= 0 {
		t.load(b)
	}
	for t.Next() {
		if bytes.Compare(t.name, key) >= 0 {
			return true
		}
	}
	return false
}

// Key returns the term where the iterator stands, until it moves.
func (t *Terms) Key() []byte { return t.name }

// Term returns the entry where the iterator stands.
func (t *Terms) Term() Term { return t.term }

// Lookup finds a term. it is memory for the search, which can be used again; what it walked before is forgotten.
func (s *Segment) Lookup(term []byte, it *Terms) (Term, bool) {
	it.Reset(s)
	b := s.dict.block(term)
	if b < 0 {
		return Term{}, false
	}
	it.load(b)
	for it.left > 0 && it.Next() {
		switch bytes.Compare(it.name, term) {
		case 0:
			return it.term, true
		case 1:
			return Term{}, false
		}
	}
	return Term{}, false
}
