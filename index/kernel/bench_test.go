package kernel

import (
	"fmt"
	"testing"
)

// benchDims are those of small static embeddings, of MiniLM and its like, and of large
// models.
var benchDims = []int{128, 384, 1536}

// benchRows is a number of rows that stay in the first or second cache.
const benchRows = 64

// bench measures a function with every version, per row or whatever n counts.
func bench(b *testing.B, what string, n, bytes int, run func()) {
	for _, v := range versions() {
		b.Run(what+"/"+v.name, func(b *testing.B) {
			with(b, v)
			b.ReportAllocs()
			b.SetBytes(int64(bytes))
			for b.Loop() {
				run()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/row")
		})
	}
}

func BenchmarkFloats(b *testing.B) {
	rng := newRand()
	for _, dims := range benchDims {
		q, rows := random(rng, dims), random(rng, benchRows*dims)
		dst, at := make([]float32, benchRows), randomAt(rng, benchRows/2, benchRows)
		size := 4 * dims
		bench(b, fmt.Sprintf("Dot/%d", dims), 1, size, func() { Dot(q, rows) })
		bench(b, fmt.Sprintf("DotRows/%d", dims), benchRows, benchRows*size, func() { DotRows(dst, q, rows) })
		bench(b, fmt.Sprintf("DotGather/%d", dims), len(at), len(at)*size, func() { DotGather(dst, q, rows, at) })
		bench(b, fmt.Sprintf("L2Rows/%d", dims), benchRows, benchRows*size, func() { L2Rows(dst, q, rows) })
	}
}

func BenchmarkF16(b *testing.B) {
	rng := newRand()
	for _, dims := range benchDims {
		q, rows := random(rng, dims), make([]uint16, benchRows*dims)
		floats := random(rng, benchRows*dims)
		ToF16(rows, floats)
		dst, at := make([]float32, benchRows), randomAt(rng, benchRows/2, benchRows)
		bench(b, fmt.Sprintf("DotF16Rows/%d", dims), benchRows, 2*len(rows), func() { DotF16Rows(dst, q, rows) })
		bench(b, fmt.Sprintf("DotF16Gather/%d", dims), len(at), 2*len(at)*dims, func() { DotF16Gather(dst, q, rows, at) })
		bench(b, fmt.Sprintf("ToF16/%d", dims), benchRows, 4*len(rows), func() { ToF16(rows, floats) })
		bench(b, fmt.Sprintf("FromF16/%d", dims), benchRows, 4*len(rows), func() { FromF16(floats, rows) })
	}
}

func BenchmarkBytes(b *testing.B) {
	rng := newRand()
	for _, dims := range append([]int{100, 768}, benchDims...) {
		q, rows := randomInt8(rng, dims), randomBytes(rng, benchRows*dims)
		dst, at := make([]int32, benchRows), randomAt(rng, benchRows/2, benchRows)
		bench(b, fmt.Sprintf("DotU8Rows/%d", dims), benchRows, len(rows), func() { DotU8Rows(dst, q, rows) })
		bench(b, fmt.Sprintf("DotU8Gather/%d", dims), len(at), len(at)*dims, func() { DotU8Gather(dst, q, rows, at) })
	}
}

// BenchmarkNibbles has rows of half the size of those of bytes.
func BenchmarkNibbles(b *testing.B) {
	rng := newRand()
	for _, dims := range benchDims {
		q, rows, dst := randomInt8(rng, dims), randomBytes(rng, benchRows*dims/2), make([]int32, benchRows)
		bench(b, fmt.Sprintf("DotU4Rows/%d", dims), benchRows, len(rows), func() { DotU4Rows(dst, q, rows) })
	}
}

// BenchmarkAtLeast selects one of 100 numbers, and every second.
func BenchmarkAtLeast(b *testing.B) {
	rng := newRand()
	const n = 4096
	v, f, dst := make([]int32, n), make([]float32, n), make([]uint32, n)
	for i := range v {
		v[i] = int32(rng.IntN(100))
		f[i] = float32(v[i])
	}
	for _, percent := range []int32{1, 50} {
		bench(b, fmt.Sprintf("AtLeast/%d%%", percent), n, 4*n, func() { AtLeast(dst, v, 100-percent) })
		bench(b, fmt.Sprintf("AtLeastF32/%d%%", percent), n, 4*n, func() { AtLeastF32(dst, f, float32(100-percent)) })
	}
}

// BenchmarkLookupScan scans lists of 1024 vectors of one-bit codes, of which 2 % are
// selected.
func BenchmarkLookupScan(b *testing.B) {
	rng := newRand()
	const n = 1024
	for _, dims := range append([]int{256}, benchDims...) {
		chunks := dims / 16
		c := randomCodes(rng, n, 4*chunks)
		luts := randomBytes(rng, 64*chunks)
		for v := range c.f {
			c.f[v], c.b[v] = 1, float32(v%50)*1e6
		}
		blocks, dst := c.blocks(chunks), make([]uint32, n+LookupSlack)
		bench(b, fmt.Sprintf("LookupScan/%d", dims), n, len(blocks), func() { LookupScan(dst, blocks, luts, 1, 0, 49e6, 0) })
	}
}

func BenchmarkHamming(b *testing.B) {
	rng := newRand()
	for _, dims := range benchDims {
		words := dims / 64
		q, rows, dst := randomWords(rng, words), randomWords(rng, benchRows*words), make([]uint32, benchRows)
		bench(b, fmt.Sprintf("HammingRows/%d", dims), benchRows, 8*len(rows), func() { HammingRows(dst, q, rows) })
	}
}

// BenchmarkSignsAtLeast selects half of the rows.
func BenchmarkSignsAtLeast(b *testing.B) {
	rng := newRand()
	for _, dims := range benchDims {
		s := randomSigns(rng, dims, benchRows)
		at := randomAt(rng, benchRows/2, benchRows)
		dst := make([]uint32, len(at))
		bench(b, fmt.Sprintf("SignsAtLeast/%d", dims), len(at), len(at)*s.size, func() { SignsAtLeast(dst, s.planes, s.rows, at, .02, .5, 5) })
	}
}
