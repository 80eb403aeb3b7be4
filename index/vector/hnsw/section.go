package hnsw

import (
	"encoding/binary"

	"github.com/smartretriever/smartretriever/index/kernel"
	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/rag"
)

const (
	magic      = "SRHNSW\x00\x02" // the last byte is the version
	headerSize = 128
)

// Section is an opened graph that does not change. All its methods may run at the same
// time. What it reads of its memory may be damaged until the section's checksum was
// verified: a search then gives any result, or panics with an index out of range.
type Section struct {
	header
	links // the ground alone
	// slots are the nodes that have upper levels, those of higher levels first; a node's
	// place among them is its number there. levels[l-1] has the lists of level l
	// in the order of these numbers, which the lists hold too.
	slots  []uint32
	levels [][]uint32
	sketches
}

// header is what the first bytes of a section say. The places of all parts follow from it.
type header struct {
	n     int
	m     int
	width int    // bytes of a row of the plane
	entry uint32 // a slot; 0 if there are none
	start uint32 // its number among the nodes with upper levels; 0 if there are none
	// nodes[l-1] is how many nodes reach level l.
	nodes []int
}

func (h header) append(b []byte) []byte {
	b = append(b, magic...)
	for _, x := range []int{h.n, h.m, h.width, len(h.nodes), int(h.entry), int(h.start)} {
		b = binary.LittleEndian.AppendUint32(b, uint32(x))
	}
	for _, x := range h.nodes {
		b = binary.LittleEndian.AppendUint32(b, uint32(x))
	}
	return append(b, make([]byte, headerSize-len(b))...)
}

func parseHeader(data []byte) (header, error) {
	var h header
	if len(data) < headerSize || string(data[:len(magic)]) != magic {
		return h, rag.Errorf(rag.KindInvalid, "no graph section of a known version")
	}
	word := func(i int) int { return int(binary.LittleEndian.Uint32(data[len(magic)+4*i:])) }
	h = header{n: word(0), m: word(1), width: word(2), entry: uint32(word(4)), start: uint32(word(5))}
	levels := word(3)
	if h.width < 1 || h.width > kernel.MaxByteDims {
		return h, rag.Errorf(rag.KindInvalid, "graph section: rows of %d bytes", h.width)
	}
	if h.n >= MaxSlots || h.m < minM || h.m > maxM || levels > maxLevel || int(h.entry) >= max(h.n, 1) {
		return h, rag.Errorf(rag.KindInvalid, "graph section: %d slots, M %d, %d levels, entry %d", h.n, h.m, levels, h.entry)
	}
	last := h.n
	for l := range levels {
		k := word(6 + l)
		if k < 1 || k > last {
			return h, rag.Errorf(rag.KindInvalid, "graph section: %d nodes on level %d, %d below", k, l+1, last)
		}
		h.nodes = append(h.nodes, k)
		last = k
	}
	if levels > 0 && int(h.start) >= last || levels == 0 && h.start != 0 {
		return h, rag.Errorf(rag.KindInvalid, "graph section: entry %d of %d", h.start, last)
	}
	return h, nil
}

// parts are the sizes of the parts after the header: the centre of the sketches, the
// sketches, the ground, the slots of the nodes with upper levels, and the lists of each
// upper level.
func (h header) parts() []int {
	sizes := []int{0, 0, 4 * h.n * (2*h.m + 1), 0}
	if size := sketchSize(h.width); size > 0 {
		sizes[0], sizes[1] = h.width, h.n*size
	}
	for l, k := range h.nodes {
		if l == 0 {
			sizes[3] = 4 * k
		}
		sizes = append(sizes, 4*k*(h.m+1))
	}
	return sizes
}

// Open makes a Section of the bytes of a graph of n slots, which it keeps and does not
// copy. They begin at a multiple of 64. What is wrong with the header or the
// length, and a graph of another number of slots, is KindInvalid. Its time does not
// depend on the number of slots.
func Open(data []byte, n int) (*Section, error) {
	h, err := parseHeader(data)
	if err != nil {
		return nil, err
	}
	if h.n != n {
		return nil, rag.Errorf(rag.KindInvalid, "graph section: %d slots, want %d", h.n, n)
	}
	s := &Section{header: h}
	at, parts := headerSize, [][]byte{}
	for _, size := range h.parts() {
		if size+int(section.Pad(int64(size))) > len(data)-at {
			return nil, rag.Errorf(rag.KindInvalid, "graph section: cut off at %d bytes", len(data))
		}
		parts = append(parts, data[at:][:size])
		at += size + int(section.Pad(int64(size)))
	}
	if at != len(data) {
		return nil, rag.Errorf(rag.KindInvalid, "graph section: %d bytes, want %d", len(data), at)
	}
	s.sketches = sketches{dims: h.width, centre: parts[0], rows: parts[1]}
	s.links = links{m: h.m, ground: section.View[uint32](parts[2])}
	s.slots = section.View[uint32](parts[3])
	for _, part := range parts[4:] {
		s.levels = append(s.levels, section.View[uint32](part))
	}
	if len(s.slots) > 0 && s.slots[h.start] != h.entry {
		return nil, rag.Errorf(rag.KindInvalid, "graph section: the entry %d is not node %d", h.entry, h.start)
	}
	return s, nil
}

// Slots returns the number of slots, all of which are in the graph.
func (s *Section) Slots() int { return s.n }

// M returns the M with which the graph was built.
func (s *Section) M() int { return s.header.m }

// upperList returns the list of node number u on an upper level.
func (s *Section) upperList(u uint32, level int) []uint32 {
	stride := s.stride(1)
	at := int(u) * stride
	w := s.levels[level-1][at : at+stride : at+stride]
	return w[1 : 1+int(w[0])]
}

// landing goes down from the entry to level 0 and returns the slot it arrives at.
func (s *Section) landing(sc *Scratch, p *Plane, q Probe) uint32 {
	if len(s.levels) == 0 {
		return s.entry
	}
	at := s.start
	best := sc.rankOne(p, q, s.slots[at])
	for level := len(s.levels); level >= 1; level-- {
		for {
			list := s.upperList(at, level)
			for i, u := range list {
				sc.ids[i] = s.slots[u]
			}
			last := at
			for i, r := range sc.rank(p, q, sc.ids[:len(list)]) {
				if r > best {
					best, at = r, list[i]
				}
			}
			if at == last {
				break
			}
		}
	}
	return s.slots[at]
}
