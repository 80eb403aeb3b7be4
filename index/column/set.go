package column

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// A set of ordinals is named by a reference of 32 bits: below 1<<31 it is the
// only member itself, so that a column of unique values needs nothing else;
// otherwise it is one of two constants, or the place of an encoded set in an
// area of sets, in units of four bytes.
type ref uint32

const (
	refSet  ref = 1 << 31
	refNone ref = 1<<32 - 2
	refAll  ref = 1<<32 - 1

	maxDocuments = 1<<31 - 1
	maxSets      = (1<<31 - 2) * 4 // bytes of an area of sets
)

// An encoded set begins with its size (bit 31 clear) and the members, four bytes
// each, or with its size (bit 31 set), a number of bytes, and so many bytes in
// the portable Roaring format (github.com/RoaringBitmap/RoaringFormatSpec). The
// shorter of the two is taken. Both are padded to four bytes.
const setRoaring = 1 << 31

const (
	roaringPlain = 12346 // cookie of a set without runs
	roaringRuns  = 12347
	roaringIndex = 4 // containers from which a set with runs has offsets
	arrayMax     = 4096
	wordsPerKey  = 1 << 16 / 64
)

// appendSet encodes members, which ascend strictly and are at least two.
func appendSet(dst []byte, members []uint32) []byte {
	if size := roaringSize(members); size+4 < 4*len(members) {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(members))|setRoaring)
		dst = binary.LittleEndian.AppendUint32(dst, uint32(size))
		dst = appendRoaring(dst, members)
		return append(dst, make([]byte, -len(dst)&3)...)
	}
	dst = slices.Grow(binary.LittleEndian.AppendUint32(dst, uint32(len(members))), 4*len(members))
	for _, m := range members {
		dst = binary.LittleEndian.AppendUint32(dst, m)
	}
	return dst
}

// container is the members of a set with the same upper 16 bits.
type container struct {
	members []uint32
	runs    int
}

func (c container) isRun() bool {
	return 2+4*c.runs < min(2*len(c.members), 8*wordsPerKey)
}

func (c container) size() int {
	switch {
	case c.isRun():
		return 2 + 4*c.runs
	case len(c.members) <= arrayMax:
		return 2 * len(c.members)
	}
	return 8 * wordsPerKey
}

// nextContainer splits the first container off.
func nextContainer(members []uint32) (c container, rest []uint32) {
	n, key := 1, members[0]>>16
	c.runs = 1
	for n < len(members) && members[n]>>16 == key {
		if members[n] != members[n-1]+1 {
			c.runs++
		}
		n++
	}
	c.members = members[:n]
	return c, members[n:]
}

func roaringSize(members []uint32) int {
	size, n, runs := 0, 0, false
	for rest := members; len(rest) > 0; n++ {
		var c container
		c, rest = nextContainer(rest)
		size += c.size()
		runs = runs || c.isRun()
	}
	return size + roaringHead(n, runs)
}

func roaringHead(n int, runs bool) int {
	if !runs {
		return 8 + 8*n
	}
	head := 4 + (n+7)/8 + 4*n
	if n >= roaringIndex {
		head += 4 * n
	}
	return head
}

func appendRoaring(dst []byte, members []uint32) []byte {
	var cs []container
	runs := false
	for rest := members; len(rest) > 0; {
		var c container
		c, rest = nextContainer(rest)
		cs = append(cs, c)
		runs = runs || c.isRun()
	}
	le := binary.LittleEndian
	if runs {
		dst = le.AppendUint32(dst, roaringRuns|uint32(len(cs)-1)<<16)
		at := len(dst)
		dst = append(dst, make([]byte, (len(cs)+7)/8)...)
		for i, c := range cs {
			if c.isRun() {
				dst[at+i/8] |= 1 << (i % 8)
			}
		}
	} else {
		dst = le.AppendUint32(dst, roaringPlain)
		dst = le.AppendUint32(dst, uint32(len(cs)))
	}
	for _, c := range cs {
		dst = le.AppendUint16(dst, uint16(c.members[0]>>16))
		dst = le.AppendUint16(dst, uint16(len(c.members)-1))
	}
	if !runs || len(cs) >= roaringIndex {
		at := roaringHead(len(cs), runs)
		for _, c := range cs {
			dst = le.AppendUint32(dst, uint32(at))
			at += c.size()
		}
	}
	for _, c := range cs {
		dst = c.appendTo(dst)
	}
	return dst
}

func (c container) appendTo(dst []byte) []byte {
	le := binary.LittleEndian
	switch {
	case c.isRun():
		dst = le.AppendUint16(dst, uint16(c.runs))
		for i := 0; i < len(c.members); {
			j := i + 1
			for j < len(c.members) && c.members[j] == c.members[j-1]+1 {
				j++
			}
			dst = le.AppendUint16(le.AppendUint16(dst, uint16(c.members[i])), uint16(j-i-1))
			i = j
		}
	case len(c.members) <= arrayMax:
		for _, m := range c.members {
			dst = le.AppendUint16(dst, uint16(m))
		}
	default:
		at := len(dst)
		dst = append(dst, make([]byte, 8*wordsPerKey)...)
		for _, m := range c.members {
			dst[at+int(m&0xffff)/8] |= 1 << (m % 8)
		}
	}
	return dst
}

// encodedSet returns the size of the set at the beginning of data, and its body:
// the members, or the Roaring bytes.
func encodedSet(data []byte) (size int, roaring bool, body []byte) {
	head := binary.LittleEndian.Uint32(data)
	size = int(head &^ setRoaring)
	if head&setRoaring == 0 {
		return size, false, data[4 : 4+4*size]
	}
	return size, true, data[8 : 8+int(binary.LittleEndian.Uint32(data[4:]))]
}

// roaringSet walks the containers of a set in the Roaring format. What it
// reads may be damaged: every place is found by slicing, which Go checks.
type roaringSet struct {
	data  []byte // of the whole set
	heads []byte // key and size of each container
	runs  []byte // bit for each container, nil without runs
	at    int    // of the next container's data
	i     int
}

func readRoaring(data []byte) roaringSet {
	le := binary.LittleEndian
	cookie := le.Uint32(data)
	if cookie == roaringPlain {
		n := int(le.Uint32(data[4:]))
		return roaringSet{data: data, heads: data[8 : 8+4*n], at: roaringHead(n, false)}
	}
	if cookie&0xffff != roaringRuns {
		panic(damage("a set has an unknown form"))
	}
	n := int(cookie>>16) + 1
	marks := (n + 7) / 8
	return roaringSet{data: data, runs: data[4 : 4+marks], heads: data[4+marks : 4+marks+4*n], at: roaringHead(n, true)}
}

// next returns the next container: its first possible member, its kind and data.
func (s *roaringSet) next() (base uint32, run, dense bool, data []byte, ok bool) {
	if 4*s.i >= len(s.heads) {
		return 0, false, false, nil, false
	}
	base = uint32(binary.LittleEndian.Uint16(s.heads[4*s.i:])) << 16
	size := int(binary.LittleEndian.Uint16(s.heads[4*s.i+2:])) + 1
	bytes := 2 * size
	switch {
	case s.runs != nil && s.runs[s.i/8]>>(s.i%8)&1 != 0:
		run = true
		bytes = 4 * int(binary.LittleEndian.Uint16(s.data[s.at:]))
		s.at += 2
	case size > arrayMax:
		dense = true
		bytes = 8 * wordsPerKey
	}
	data = s.data[s.at : s.at+bytes]
	s.at += bytes
	s.i++
	return base, run, dense, data, true
}

// orSet adds an encoded set to words.
func orSet(words []uint64, data []byte) {
	_, roaring, body := encodedSet(data)
	if !roaring {
		for ; len(body) >= 4; body = body[4:] {
			m := binary.LittleEndian.Uint32(body)
			words[m>>6] |= 1 << (m & 63)
		}
		return
	}
	s := readRoaring(body)
	for {
		base, run, dense, data, ok := s.next()
		if !ok {
			return
		}
		part := words[base>>6:]
		part = part[:min(len(part), wordsPerKey)]
		switch {
		case run:
			for ; len(data) >= 4; data = data[4:] {
				start := int(binary.LittleEndian.Uint16(data))
				setRange(part, start, start+int(binary.LittleEndian.Uint16(data[2:]))+1)
			}
		case dense:
			for i := range part {
				part[i] |= binary.LittleEndian.Uint64(data[8*i:])
			}
		default:
			for ; len(data) >= 2; data = data[2:] {
				m := binary.LittleEndian.Uint16(data)
				part[m>>6] |= 1 << (m & 63)
			}
		}
	}
}

// appendMembers appends the members of an encoded set, all below limit.
func appendMembers(dst []uint32, data []byte, limit int) []uint32 {
	size, roaring, body := encodedSet(data)
	from := len(dst)
	dst = slices.Grow(dst, min(size, limit))
	if !roaring {
		for ; len(body) >= 4; body = body[4:] {
			dst = append(dst, binary.LittleEndian.Uint32(body))
		}
	} else {
		dst = appendRoaringMembers(dst, body, from+limit)
	}
	for i, m := range dst[from:] {
		if int(m) >= limit || (i > 0 && m <= dst[from+i-1]) {
			panic(damage("a set is not in order"))
		}
	}
	return dst
}

func appendRoaringMembers(dst []uint32, body []byte, most int) []uint32 {
	s := readRoaring(body)
	for {
		base, run, dense, data, ok := s.next()
		if !ok {
			return dst
		}
		if len(dst) > most {
			panic(damage("a set has more members than there are documents"))
		}
		switch {
		case run:
			for ; len(data) >= 4 && len(dst) <= most; data = data[4:] {
				m := base + uint32(binary.LittleEndian.Uint16(data))
				for range int(binary.LittleEndian.Uint16(data[2:])) + 1 {
					dst = append(dst, m)
					m++
				}
			}
		case dense:
			for i := range wordsPerKey {
				for w := binary.LittleEndian.Uint64(data[8*i:]); w != 0; w &= w - 1 {
					dst = append(dst, base+uint32(64*i+bits.TrailingZeros64(w)))
				}
			}
		default:
			for ; len(data) >= 2; data = data[2:] {
				dst = append(dst, base+uint32(binary.LittleEndian.Uint16(data)))
			}
		}
	}
}

// setRange sets bits from (inclusive) to to (exclusive).
func setRange(words []uint64, from, to int) {
	if from >= to {
		return
	}
	first, last := from>>6, (to-1)>>6
	low, high := ^uint64(0)<<(from&63), ^uint64(0)>>(63-(to-1)&63)
	if first == last {
		words[first] |= low & high
		return
	}
	words[first] |= low
	for i := first + 1; i < last; i++ {
		words[i] = ^uint64(0)
	}
	words[last] |= high
}

// appendOnes appends the members of a bitmap.
func appendOnes(dst []uint32, words []uint64) []uint32 {
	for i, w := range words {
		for ; w != 0; w &= w - 1 {
			dst = append(dst, uint32(64*i+bits.TrailingZeros64(w)))
		}
	}
	return dst
}
