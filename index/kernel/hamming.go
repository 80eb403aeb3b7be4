package kernel

import "math/bits"

// HammingRows sets dst[i] to the number of bits in which q and row i of rows differ.
// Rows lie one after the other, len(q) words each. It panics if rows is shorter than
// len(dst) rows.
func HammingRows(dst []uint32, q, rows []uint64) {
	rows = head(rows, len(dst)*len(q))
	if len(rows) == 0 {
		clear(dst)
		return
	}
	used.hamming(dst, q, rows)
}

func plainHamming(dst []uint32, q, rows []uint64) {
	for i := range dst {
		row := rows[i*len(q):][:len(q)]
		n := 0
		for j, word := range q {
			n += bits.OnesCount64(word ^ row[j])
		}
		dst[i] = uint32(n)
	}
}
