package column

import (
	"bytes"
	"encoding/binary"
	"math"
	"sort"
)

// column is one column of a field, opened in the bytes of a section. Its methods
// panic as runtime errors do where the bytes are damaged.
type column struct {
	head
	dictionary, refs, blocks, sets []byte

	all int // documents of the section
}

// column opens the column whose head is at a place of the section.
func (t *Table) column(at uint64) column {
	c := column{head: readHead(t.part(at, headSize)), all: t.Len()}
	c.dictionary = t.part(c.dict, c.dictLen)
	c.sets = t.part(c.setsAt, c.setsSize)
	c.blocks = t.part(c.head.blocks, 16*((uint64(c.values)+blockValues-1)/blockValues))
	c.refs = t.part(c.head.refs, 4*uint64(c.values))
	return c
}

func (t *Table) part(at, size uint64) []byte {
	if at > uint64(len(t.data)) || size > uint64(len(t.data))-at {
		panic(damage("a part lies outside"))
	}
	return t.data[at : at+size]
}

func (c *column) ref(rank int) ref { return ref(binary.LittleEndian.Uint32(c.refs[4*rank:])) }

func (c *column) number(rank int) float64 {
	return math.Float64frombits(binary.LittleEndian.Uint64(c.dictionary[8*rank:]))
}

func (c *column) uuid(rank int) []byte { return c.dictionary[uuidSize*rank:][:uuidSize] }

// block returns the bytes of a dictionary from the first value of a block on.
func (c *column) block(b int) []byte {
	return c.dictionary[binary.LittleEndian.Uint64(c.blocks[16*b:]):]
}

// text appends the string of a rank to dst, which is its only content.
func (c *column) text(dst []byte, rank int) []byte {
	dst = dst[:0]
	if c.form == formUUID {
		return appendUUID(dst, c.uuid(rank))
	}
	data := c.block(rank / blockValues)
	for range rank%blockValues + 1 {
		dst, data = nextText(dst, data)
	}
	return dst
}

// nextText decodes the front-coded string at the beginning of data: how many
// bytes it shares with the one before it, which is in dst, how many follow, and
// these.
func nextText(dst, data []byte) (text, rest []byte) {
	shared, data := uvarint(data)
	size, data := uvarint(data)
	return append(dst[:min(shared, uint64(len(dst)))], data[:size]...), data[size:]
}

// uvarint is binary.Uvarint for bytes that may be damaged.
func uvarint(data []byte) (v uint64, rest []byte) {
	if data[0] < 0x80 {
		return uint64(data[0]), data[1:]
	}
	v, n := binary.Uvarint(data)
	if n <= 0 {
		panic(damage("a number does not end"))
	}
	return v, data[n:]
}

// seekText returns the rank of the first string that is not below text, and
// whether it is text itself. buf is memory for strings, returned for reuse.
func (c *column) seekText(text, buf []byte) (rank int, found bool, _ []byte) {
	n := int(c.values)
	if u, ok := parseUUID(text); ok && c.form == formUUID {
		rank = sort.Search(n, func(i int) bool { return bytes.Compare(c.uuid(i), u[:]) >= 0 })
		return rank, rank < n && bytes.Equal(c.uuid(rank), u[:]), buf
	}
	if c.form == formUUID { // the text may be a prefix of some
		rank = sort.Search(n, func(i int) bool {
			buf = c.text(buf, i)
			return bytes.Compare(buf, text) >= 0
		})
		return rank, false, buf
	}
	// The last block whose first string is not above text.
	blocks := (n + blockValues - 1) / blockValues
	b := sort.Search(blocks, func(i int) bool {
		_, data := uvarint(c.block(i))
		size, data := uvarint(data)
		return bytes.Compare(data[:size], text) > 0
	}) - 1
	if b < 0 {
		return 0, false, buf
	}
	data := c.block(b)
	buf = buf[:0]
	for rank = b * blockValues; rank < min((b+1)*blockValues, n); rank++ {
		buf, data = nextText(buf, data)
		if order := bytes.Compare(buf, text); order >= 0 {
			return rank, order == 0, buf
		}
	}
	return rank, false, buf
}

// seekNumber is seekText for numbers.
func (c *column) seekNumber(x float64) (rank int, found bool) {
	n := int(c.values)
	rank = sort.Search(n, func(i int) bool { return c.number(i) >= x })
	return rank, rank < n && c.number(rank) == x
}

// before returns the number of postings of the values below rank.
func (c *column) before(rank int) int {
	if rank >= int(c.values) {
		return int(c.postings)
	}
	b := rank / blockValues
	n := int(binary.LittleEndian.Uint64(c.blocks[16*b+8:]))
	for i := b * blockValues; i < rank; i++ {
		n += refCount(c.sets, c.ref(i), c.all)
	}
	return n
}

// refCount returns the size of a set, of which all is that of the set of all.
func refCount(sets []byte, r ref, all int) int {
	switch {
	case r < refSet:
		return 1
	case r == refNone:
		return 0
	case r == refAll:
		return all
	}
	return int(binary.LittleEndian.Uint32(setAt(sets, r)) &^ setRoaring)
}

// setAt returns the bytes of an area of sets from a set on.
func setAt(sets []byte, r ref) []byte { return sets[int(r&^refSet)*4:] }
