package postings

import "encoding/binary"

// packBits appends values of width bits (at most 32), least significant bit first, filled up to a byte.
func packBits(dst []byte, values []uint32, width int) []byte {
	if width == 0 {
		return dst
	}
	var hold uint64
	held := 0
	for _, v := range values {
		hold |= uint64(v) << held
		if held += width; held >= 32 {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(hold))
			hold >>= 32
			held -= 32
		}
	}
	for ; held > 0; held -= 8 {
		dst = append(dst, byte(hold))
		hold >>= 8
	}
	return dst
}

// unpackBits appends n values of width bits, at most 32, from src, after whose end 8 bytes can be read.
func unpackBits(dst []uint32, src []byte, n, width int) []uint32 {
	if width == 0 {
		for range n {
			dst = append(dst, 0)
		}
		return dst
	}
	src = src[:(n*width+7)/8+8]
	mask := uint64(1)<<width - 1
	for i, at := 0, 0; i < n; i, at = i+1, at+width {
		dst = append(dst, uint32(binary.LittleEndian.Uint64(src[at>>3:])>>(at&7)&mask))
	}
	return dst
}
