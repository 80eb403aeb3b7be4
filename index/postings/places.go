package postings

import (
	"encoding/binary"
	"math/bits"

	"github.com/smartretriever/smartretriever/index/postings/kernel"
)

// The positions of a term lie apart from its postings, in parts that match its blocks or chunks. With more than one part, the end of each
// (uint32) stands before them. A part is
//
//	0 if every posting has as many positions as its term frequency says, else 1 and
//	the numbers of positions, as small numbers
//	the positions of all postings, one after the other: the first in a row as it is, the others as the difference to the one
//	before; in groups of up to 128, each the width (1 byte) and the packed differences, to the byte
const placeGroup = 128

// packPlaces appends the parts of a term. sizes are the numbers of postings of its blocks, counts the numbers of positions of each posting.
func (e *encoder) packPlaces(dst []byte, sizes []int, tfs, counts []uint8, places []uint32) []byte {
	start := len(dst)
	if len(sizes) > 1 {
		dst = append(dst, make([]byte, 4*len(sizes))...)
	}
	data := len(dst)
	for b, n := range sizes {
		total := 0
		for _, c := range counts[:n] {
			total += int(c)
		}
		dst = e.packPart(dst, tfs[:n], counts[:n], places[:total])
		tfs, counts, places = tfs[n:], counts[n:], places[total:]
		if len(sizes) > 1 {
			binary.LittleEndian.PutUint32(dst[start+4*b:], uint32(len(dst)-data))
		}
	}
	return dst
}

func (e *encoder) packPart(dst []byte, tfs, counts []uint8, places []uint32) []byte {
	same := true
	for i, c := range counts {
		same = same && int(c) == int(tfs[i])+1
	}
	if same {
		dst = append(dst, 0)
	} else {
		dst = packSmall(append(dst, 1), counts)
	}
	if len(places) == len(counts) { // one position each: nothing to take differences of
		for len(places) > 0 {
			group := places[:min(len(places), placeGroup)]
			all := uint32(0)
			for _, p := range group {
				all |= p
			}
			dst = packGroup(dst, group, all)
			places = places[len(group):]
		}
		return dst
	}
	group := &e.lows
	n, at, all := 0, 0, uint32(0)
	for _, c := range counts {
		before := uint32(0)
		for range c {
			p := places[at]
			at++
			group[n] = p - before
			all |= p - before
			before = p
			if n++; n == placeGroup {
				dst = packGroup(dst, group[:n], all)
				n, all = 0, 0
			}
		}
	}
	if n > 0 {
		dst = packGroup(dst, group[:n], all)
	}
	return dst
}

func packGroup(dst []byte, group []uint32, all uint32) []byte {
	width := bits.Len32(all)
	return packBits(append(dst, byte(width)), group, width)
}

// placesOf are the positions of one block of postings, decoded.
type placesOf struct {
	counts [kernel.ChunkRows]uint8
	starts [kernel.ChunkRows + 1]uint32
	places []uint32
}

// unpackPart decodes the positions of block b of n postings with term frequencies tfs.
func (s *Segment) unpackPart(dst *placesOf, t *Term, blocks, b, n int, tfs []uint8) {
	src := s.body[t.places.at:t.places.end()]
	if blocks > 1 {
		ends, data := src[:4*blocks], src[4*blocks:]
		from := uint32(0)
		if b > 0 {
			from = binary.LittleEndian.Uint32(ends[4*b-4:])
		}
		src = data[from:binary.LittleEndian.Uint32(ends[4*b:])]
	}
	explicit := src[0] != 0
	src = src[1:]
	if explicit {
		src = unpackSmall(&dst.counts, src, n)
	} else {
		for i, less := range tfs[:n] {
			dst.counts[i] = uint8(min(int(less)+1, MaxPositions))
		}
	}
	total := uint32(0)
	for i, c := range dst.counts[:n] {
		dst.starts[i] = total
		total += uint32(c)
	}
	dst.starts[n] = total
	dst.places = dst.places[:0]
	for left := int(total); left > 0; left -= placeGroup {
		width := int(src[0])
		if width > 32 {
			panic("postings: positions have an impossible width")
		}
		group := min(left, placeGroup)
		dst.places = unpackBits(dst.places, src[1:], group, width)
		src = src[1+(group*width+7)/8:]
	}
	if int(total) <= n && !explicit {
		return // one position each
	}
	for i := range n {
		row := dst.places[dst.starts[i]:dst.starts[i+1]]
		for j := 1; j < len(row); j++ {
			row[j] += row[j-1]
		}
	}
}
