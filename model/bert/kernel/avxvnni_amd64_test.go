package kernel

// testSets are those of the processor and, where it has AVX-512, the tiles of
// avxvnni in the form that it can run.
func testSets() []*Set {
	sets := Sets()
	if hasAVX512VNNI() {
		evex := withLinear(avx2, "avxvnni as evex", func(dst []float32, stride int, x *Rows, l *Linear) {
			linearVNNI(dst, stride, x, l, true)
		})
		sets = append([]*Set{evex}, sets...)
	}
	return sets
}
