package index

import "math/bits"

// Bitmap is a set of rows: bit r%64 of word r/64. The nil Bitmap is the empty
// set. Reading is safe from many goroutines, changing is not.
type Bitmap []uint64

// Has reports whether row is in the set.
func (b Bitmap) Has(row uint32) bool {
	w := int(row >> 6)
	return w < len(b) && b[w]>>(row&63)&1 != 0
}

// Set adds row, growing the set as needed.
func (b *Bitmap) Set(row uint32) {
	for int(row>>6) >= len(*b) {
		*b = append(*b, 0)
	}
	(*b)[row>>6] |= 1 << (row & 63)
}

// Clear removes row.
func (b Bitmap) Clear(row uint32) {
	if w := int(row >> 6); w < len(b) {
		b[w] &^= 1 << (row & 63)
	}
}

// Count returns the number of rows in the set.
func (b Bitmap) Count() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// Reset returns an empty set with room for rows 0 to n-1, in b's memory if that
// is large enough.
func (b Bitmap) Reset(n int) Bitmap {
	words := (n + 63) / 64
	if cap(b) < words {
		return make(Bitmap, words)
	}
	b = b[:words]
	clear(b)
	return b
}
