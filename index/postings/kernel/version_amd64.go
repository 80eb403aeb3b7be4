package kernel

import "golang.org/x/sys/cpu"

func best() version {
	all := versions()
	return all[len(all)-1]
}

// versions lists what this processor can run, the fastest last.
func versions() []version {
	all := []version{plain}
	if cpu.X86.HasBMI1 && cpu.X86.HasBMI2 && cpu.X86.HasPOPCNT && cpu.X86.HasAVX2 {
		all = append(all, version{"bmi2", bmi2Rows, bmi2Chunk, bmi2Small, amd64Add, amd64AddFind, avx2Peaks, avx2Above})
	}
	if cpu.X86.HasBMI2 && cpu.X86.HasPOPCNT && cpu.X86.HasAVX2 && cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL &&
		cpu.X86.HasAVX512VBMI && cpu.X86.HasAVX512VBMI2 {
		all = append(all, version{"avx512", avx512Rows, avx512Chunk, avx512Small, amd64Add, amd64AddFind, avx2Peaks, avx2Above})
	}
	return all
}

func avx512Rows(b *Block, src []byte, n, low, high int, base uint32) {
	rowsAVX512(&b.Rows[0], &b.ones[0], &src[:1][0], n, low, high, base)
}

func avx512Chunk(b *Block, bitmap *[ChunkRows / 8]byte, base uint32) int {
	return chunkAVX512(&b.Rows[0], &bitmap[0], base)
}

func avx512Small(dst *[ChunkRows]uint8, src []byte, n, width, ones, more int) {
	if n > 0 {
		smallAVX512(&dst[0], &src[:1][0], n, width, ones, more)
	}
}

func bmi2Rows(b *Block, src []byte, n, low, high int, base uint32) {
	rowsBMI2(&b.Rows[0], &src[:1][0], n, low, high, base)
}

func bmi2Chunk(b *Block, bitmap *[ChunkRows / 8]byte, base uint32) int {
	return chunkBMI2(&b.Rows[0], &bitmap[0], base)
}

func bmi2Small(dst *[ChunkRows]uint8, src []byte, n, width, ones, more int) {
	if n > 0 {
		smallBMI2(&dst[0], &src[:1][0], n, width, ones, more)
	}
}

func amd64Add(acc, rows []uint32, tfs, norms []uint8, table *Table, lo, weight uint32) {
	size := min(len(acc), len(norms))
	if len(rows) == 0 || size == 0 {
		return
	}
	addAMD64(&acc[0], &rows[0], &tfs[0], &norms[0], &table[0], len(rows), lo, uint32(size), weight)
}

func amd64AddFind(acc, rows []uint32, tfs, norms []uint8, table *Table, lo, weight, need uint32, found []uint32) int {
	size := min(len(acc), len(norms))
	if len(rows) == 0 || size == 0 {
		return 0
	}
	return addFindAMD64(&acc[0], &rows[0], &tfs[0], &norms[0], &table[0], len(rows), lo, uint32(size), weight, need, &found[0])
}

func avx2Peaks(sums []uint16, peaks []uint8, weight uint16) {
	n := len(sums) &^ 15
	if n > 0 {
		_ = peaks[n-1]
		addPeaksAVX2(&sums[0], &peaks[0], n, weight)
	}
	peaksPlain(sums[n:], peaks[n:], weight)
}

func avx2Above(dst []uint64, sums []uint16, least uint16) int {
	if len(dst) == 0 {
		return 0
	}
	return aboveAVX2(&dst[0], &sums[:64*len(dst)][0], 64*len(dst), least)
}
