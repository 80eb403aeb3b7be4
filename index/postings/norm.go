package postings

import "math/bits"

// A norm is the length of a row in a byte, as Lucene's SmallFloat.intToByte4 makes it: exact to 39, then with four significant bits,
// rounded down. What is cut off is kept beside it (lengths.go), because the mean length is exact.

// normOf returns the norm of a length.
func normOf(length uint32) uint8 {
	if length < 24 {
		return uint8(length)
	}
	v := length - 24
	n := bits.Len32(v)
	if n < 4 {
		return uint8(24 + v)
	}
	shift := n - 4
	return uint8(min(24+(v>>shift&7|uint32(shift+1)<<3), 255))
}

// normLengths is what normLength returns for each norm.
var normLengths = func() (t [256]uint32) {
	for i := range t {
		t[i] = decodeNorm(uint8(i))
	}
	return t
}()

// normLength returns the shortest length of that norm.
func normLength(norm uint8) uint32 { return normLengths[norm] }

func decodeNorm(norm uint8) uint32 {
	if norm < 24 {
		return uint32(norm)
	}
	v := uint32(norm - 24)
	if shift := v >> 3; shift > 0 {
		return 24 + (v&7|8)<<(shift-1)
	}
	return 24 + v
}
