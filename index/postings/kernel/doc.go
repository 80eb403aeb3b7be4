// Package kernel unpacks blocks of postings and adds up their scores: assembly where the processor has what it needs, a plain
// Go twin of each function everywhere else and as the reference for the tests.
//
// Three versions are chosen among once at start: avx512 (with VBMI2: Ice Lake, Zen 4 and later), bmi2 (every processor with AVX2)
// and plain. All give exactly the same numbers: everything here is integer arithmetic.
//
// The exported functions check all that the assembly relies on: counts, widths, and that every byte that may be read lies within the
// capacity of its slice. What a damaged block can still do is to hold wrong rows; Add looks at each row before it uses it.
//
// The assembly is written by tools/asm/postings; a test compares the files with what it writes.
package kernel
