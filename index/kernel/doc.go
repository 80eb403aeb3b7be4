// Package kernel computes what a search spends its time on, as fast as the processor
// allows, behind ordinary Go functions: dot products and distances of float32 vectors,
// dot products with rows of float16 numbers and of bytes, scans of codes of four bits,
// counts of different bits, and the selection of what reaches a floor.
//
// # Functions
//
// A function for rows takes them one after the other, without gaps; a function that
// gathers takes numbers of rows. Lengths and alignment are free. What does not fit
// together panics in Go, before any assembly runs, and a number of a row that does not
// exist panics too: no arguments lead to a read or a write outside of the slices, whatever
// a damaged file made of them. No function keeps or allocates anything, and all can be
// called by many goroutines at once.
//
// # Formats
//
//	float32     Dot, L2      the usual vectors
//	float16     DotF16Rows   IEEE 754 binary16 in a uint16; sums are those of float32
//	bytes       DotU8Rows    rows of unsigned bytes, a query of signed ones
//	4-bit numbers DotU4Rows  rows of half a byte a dimension, a query of signed bytes
//	4-bit codes LookupScan   blocks of 32 vectors, laid out for byte permutations
//	bits        HammingRows  words of 64
//	signs       SignsAtLeast rows of bits with two factors, a query of 4 bits
//
// Rows of bytes are unsigned because the fastest instruction, VPDPBUSD, multiplies unsigned
// with signed bytes. Signed values are stored with 128 added; that adds 128 times the sum of
// the query to every result, the same for all rows, so that it changes no ranking.
//
// # Versions
//
// One version is chosen once at start, by what the processor and the operating system
// support; Name says which. Where a version has nothing of its own, it has what the one
// before it has.
//
//	plain       Go; the reference for the tests, and for all other processors
//	avx2        AVX2, FMA, F16C, POPCNT: Intel since Haswell, AMD since Zen
//	avxvnni     and AVX-VNNI, for bytes: Alder Lake and others without AVX-512
//	avx512      F, BW, DQ, VL, BMI2: Skylake-X
//	avx512vnni  and VNNI, for bytes: Cascade Lake
//	avx512vbmi  and VBMI, VPOPCNTDQ, BITALG, for codes and bits: Ice Lake, Zen 4
//	neon        every 64-bit Arm processor
//	neondot     and dot products of bytes: Neoverse N1, Apple M1
//
// The assembly for amd64 is made by the generator in tools/asm/vector (go run ./vector in
// tools/asm), which a test runs again to compare; that for arm64 is written by hand, and
// run in an emulator by scripts/arm64.sh. GODEBUG=cpu.avx512vbmi=off and the like let a
// program run with an earlier version.
//
// # Exactness
//
// Integers are exact in every version. A sum over bytes has at most MaxByteDims products of
// at most 255*128 in absolute value, 2,139,095,040 together, which an int32 holds; more
// dimensions panic. None of the instructions used for them saturates on the way: AVX2 widens
// bytes to 16 bits and adds two products at a time in 32 (VPMADDWD) instead of adding them in
// 16 (VPMADDUBSW, which DotU4Rows may use: 2*15*128 fits), and NEON adds every product to 32 bits. A sum of LookupScan has at most
// 65,536 bytes; where it is kept in 16 bits it is moved to 32 after 64 chunks, 256 bytes of
// at most 255, 65,280 together. The estimates of LookupScan and SignsAtLeast are rounded after every
// multiplication and addition, never fused, so that every processor selects the same vectors.
// ToF16 and FromF16 give the same bits everywhere.
//
// Sums of floats are added in an order of their own by each version, and differ in the last
// bits (relative error about 1e-6 of the sum of absolute products, measured for up to a few
// thousand dimensions). Within one process, a function gives the same bits for the same two
// vectors, whatever their alignment, whether the row is alone, among others or gathered.
//
// # Ends of vectors
//
// Nothing beyond the slices is read. AVX-512 loads the last elements under a mask. So does
// AVX2 for float32; for float16 and bytes it loads the last whole register of the vector
// instead, and sets to zero what was taken before. Vectors shorter than such a register are
// left to plain Go. Results are written where they belong; only functions that select write
// beyond them, within the bounds that their comments give.
package kernel
