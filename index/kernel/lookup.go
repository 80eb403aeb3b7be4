package kernel

import (
	"encoding/binary"
	"math"
)

// The layout of LookupScan's blocks.
const (
	// LookupBlock is the number of vectors in a block.
	LookupBlock = 32
	// LookupSlack is how many places dst has beyond the number of vectors.
	LookupSlack = 16
	// lookupChunk is the size of the codes of four sub-quantisers in a block, and
	// of their tables.
	lookupChunk = 64
	// maxLookupTables bounds the sub-quantisers, so that sums fit into an int32.
	maxLookupTables = 1 << 16
)

// LookupBlockSize returns the size in bytes of a block of codes of so many chunks.
func LookupBlockSize(chunks int) int { return chunks*lookupChunk + 8*LookupBlock }

// LookupScan estimates the scores of vectors from codes of 4 bits, and writes those
// that reach a floor to dst: first plus the index of each vector with
//
//	(float32(sum)*scale + bias)*f + b >= floor
//
// in ascending order. It returns their number. sum is the sum over all
// sub-quantisers m of luts[16*m+code], the vector's code for m; f and b belong to
// the vector. All operations round to float32, on every processor alike, so that
// the selection is the same everywhere.
//
// luts holds 16 bytes for each of 4*chunks sub-quantisers, up to 65,536 of them. A
// block holds 32 vectors: chunks times 64 bytes of codes, 32 float32 f, 32 float32 b.
// Byte 4*v+s of chunk j (v up to 15, s up to 3) has the code of vector v for
// sub-quantiser 4*j+s in its lower half, that of vector v+16 in its upper half. A
// place without a vector has an f of 0 and a b of -Inf: with a floor above -Inf it is
// never selected, nor is anything whose estimate is a NaN.
//
// It panics if luts is not whole chunks, blocks not whole blocks, or dst shorter
// than LookupSlack more than the vectors in blocks: whole registers are stored, and
// what they leave beyond the results has no meaning.
func LookupScan(dst []uint32, blocks, luts []byte, scale, bias, floor float32, first uint32) int {
	if len(luts)%lookupChunk != 0 || len(luts) > 16*maxLookupTables {
		panic("kernel: tables are not whole chunks, or too many")
	}
	size := LookupBlockSize(len(luts) / lookupChunk)
	if len(blocks)%size != 0 {
		panic("kernel: codes are not whole blocks")
	}
	if len(blocks) == 0 {
		return 0
	}
	dst = head(dst, len(blocks)/size*LookupBlock+LookupSlack)
	if len(luts) == 0 {
		return plainLookupScan(dst, blocks, luts, scale, bias, floor, first)
	}
	return used.lookupScan(dst, blocks, luts, scale, bias, floor, first)
}

func plainLookupScan(dst []uint32, blocks, luts []byte, scale, bias, floor float32, first uint32) int {
	codes := len(luts)
	size := LookupBlockSize(codes / lookupChunk)
	n := 0
	for ; len(blocks) > 0; blocks = blocks[size:] {
		var sums [LookupBlock]int32
		for at := 0; at < codes; at += 4 {
			v := at % lookupChunk / 4
			tables := luts[at/lookupChunk*lookupChunk:][:lookupChunk]
			for s, code := range blocks[at : at+4] {
				sums[v] += int32(tables[16*s+int(code&15)])
				sums[v+16] += int32(tables[16*s+int(code>>4)])
			}
		}
		factors, biases := blocks[codes:], blocks[codes+4*LookupBlock:]
		for v, sum := range sums {
			f := math.Float32frombits(binary.LittleEndian.Uint32(factors[4*v:]))
			b := math.Float32frombits(binary.LittleEndian.Uint32(biases[4*v:]))
			// The conversions keep the compiler from fusing products and sums.
			estimate := float32((float32(float32(sum)*scale)+bias)*f) + b
			if estimate >= floor {
				dst[n] = first + uint32(v)
				n++
			}
		}
		first += LookupBlock
	}
	return n
}
