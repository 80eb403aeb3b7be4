package postings

import (
	"encoding/binary"
	"math/bits"
)

// The exact length of a row is that of its norm and a rest. The rests of 128 rows are packed with the width of the widest of them: 16 bytes
// for each bit. The part holds where each group begins (uint32, in units of 16 bytes, one more than there are groups) and, from the
// next multiple of 64, the groups.
const lengthGroup = 128

func packLengths(dst []byte, lengths []uint32, norms []uint8) []byte {
	groups := (len(lengths) + lengthGroup - 1) / lengthGroup
	start := len(dst)
	dst = append(dst, make([]byte, (4*(groups+1)+63)&^63)...)
	var rests [lengthGroup]uint32
	at := uint32(0)
	for g := range groups {
		from, to := g*lengthGroup, min((g+1)*lengthGroup, len(lengths))
		clear(rests[:])
		all := uint32(0)
		for i := from; i < to; i++ {
			rests[i-from] = lengths[i] - normLength(norms[i])
			all |= rests[i-from]
		}
		width := bits.Len32(all)
		dst = packBits(dst, rests[:], width)
		at += uint32(width)
		binary.LittleEndian.PutUint32(dst[start+4*(g+1):], at)
	}
	return dst
}

// Length returns the number of terms of a row, as Add counted them.
func (s *Segment) Length(row uint32) uint32 {
	length := normLength(s.norms[row])
	g := int(row / lengthGroup)
	from := binary.LittleEndian.Uint32(s.lengths[4*g:])
	width := binary.LittleEndian.Uint32(s.lengths[4*g+4:]) - from
	if width == 0 {
		return length
	}
	if width > 32 {
		panic("postings: lengths have an impossible width")
	}
	groups := (int(s.rows) + lengthGroup - 1) / lengthGroup
	src := s.lengths[(4*(groups+1)+63)&^63:][int(from)*16:]
	at := int(row%lengthGroup) * int(width)
	return length + uint32(binary.LittleEndian.Uint64(src[at>>3:][:8])>>(at&7)&(1<<width-1))
}
