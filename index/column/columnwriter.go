package column

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/smartretriever/smartretriever/rag"
)

// columnWriter takes the values of a column in ascending order and writes the
// column. It is used for one column after another and keeps its memory.
type columnWriter struct {
	documents  int
	fieldSets  *setWriter // of the section
	head       head
	dict       []byte
	refs       []byte
	blocks     []byte
	sets       setWriter
	last       []byte // the text before
	holders    []uint32
	seen       []uint64 // holders as a bitmap, once they are many
	seenMany   bool
	duplicates bool // a document holds two values
}

func (w *columnWriter) begin(form uint8) {
	w.head = head{form: form}
	w.dict, w.refs, w.blocks, w.last, w.holders = w.dict[:0], w.refs[:0], w.blocks[:0], w.last[:0], w.holders[:0]
	w.sets.reset(w.documents)
	w.seenMany, w.duplicates = false, false
}

// text adds a string, which is above the one before, and the documents that
// hold it, in ascending order.
func (w *columnWriter) text(s []byte, members []uint32) error {
	if w.head.form == formUUID {
		u, ok := parseUUID(s)
		if !ok {
			return rag.Errorf(rag.KindInternal, "column: %q is not a UUID", s)
		}
		w.posting(members)
		w.dict = append(w.dict, u[:]...)
		return w.check()
	}
	shared := 0
	if !w.posting(members) {
		for shared < min(len(s), len(w.last)) && s[shared] == w.last[shared] {
			shared++
		}
	}
	w.dict = binary.AppendUvarint(w.dict, uint64(shared))
	w.dict = binary.AppendUvarint(w.dict, uint64(len(s)-shared))
	w.dict = append(w.dict, s[shared:]...)
	w.last = append(w.last[:shared], s[shared:]...)
	return w.check()
}

// number adds a number as text adds a string. Minus zero must have become zero.
func (w *columnWriter) number(x float64, members []uint32) error {
	w.posting(members)
	w.dict = binary.LittleEndian.AppendUint64(w.dict, math.Float64bits(x))
	return w.check()
}

func (w *columnWriter) check() error {
	if w.head.values > maxDocuments || len(w.sets.data) > maxSets {
		return rag.Errorf(rag.KindInvalid, "column: a field is too large for one segment")
	}
	return nil
}

// posting adds the set of the next value and reports whether it begins a block.
func (w *columnWriter) posting(members []uint32) (begins bool) {
	if begins = w.head.values%blockValues == 0; begins {
		w.blocks = binary.LittleEndian.AppendUint64(w.blocks, uint64(len(w.dict)))
		w.blocks = binary.LittleEndian.AppendUint64(w.blocks, w.head.postings)
	}
	w.refs = binary.LittleEndian.AppendUint32(w.refs, uint32(w.sets.add(members)))
	w.head.values++
	w.head.postings += uint64(len(members))
	w.hold(members)
	return begins
}

// hold remembers who has a value: as a list while it is short, so that a field
// of few documents costs little, then as a bitmap.
func (w *columnWriter) hold(members []uint32) {
	if !w.seenMany {
		w.holders = append(w.holders, members...)
		if len(w.holders) <= 64+w.documents/64 {
			return
		}
		members, w.seenMany = w.holders, true
		w.seen = slices.Grow(w.seen[:0], (w.documents+63)/64)[:(w.documents+63)/64]
		clear(w.seen)
	}
	for _, m := range members {
		bit := uint64(1) << (m & 63)
		w.duplicates = w.duplicates || w.seen[m>>6]&bit != 0
		w.seen[m>>6] |= bit
	}
}

func (w *columnWriter) closeHolders() {
	if w.seenMany {
		w.holders = appendOnes(w.holders[:0], w.seen)
	} else {
		slices.Sort(w.holders)
		n := len(w.holders)
		w.holders = slices.Compact(w.holders)
		w.duplicates = n > len(w.holders)
	}
	w.head.single = !w.duplicates
	w.head.holders = w.fieldSets.add(w.holders)
	w.head.count = uint32(len(w.holders))
}

// finish writes the column and returns the place of its head and its bytes.
func (w *columnWriter) finish(s *sink) (at, size uint64) {
	w.closeHolders()
	from := s.align()
	w.head.dict, w.head.dictLen = from, uint64(len(w.dict))
	s.write(w.dict)
	w.head.refs = s.align()
	s.write(w.refs)
	w.head.blocks = s.align()
	s.write(w.blocks)
	w.head.setsAt, w.head.setsSize = s.align(), uint64(len(w.sets.data))
	s.write(w.sets.data)
	at = s.align()
	w.head.write(s)
	return at, s.at() - from
}

// setWriter collects an area of sets.
type setWriter struct {
	documents int
	data      []byte
}

func (w *setWriter) reset(documents int) {
	w.documents = documents
	w.data = w.data[:0]
}

// add returns the reference of a set, whose members ascend strictly.
func (w *setWriter) add(members []uint32) ref {
	switch {
	case len(members) == 0:
		return refNone
	case len(members) == 1:
		return ref(members[0])
	case len(members) == w.documents:
		return refAll
	}
	at := len(w.data)
	w.data = appendSet(w.data, members)
	return refSet | ref(at/4)
}
