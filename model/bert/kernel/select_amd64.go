package kernel

// Sets returns the sets that this processor can run, the fastest first.
func Sets() []*Set {
	var sets []*Set
	if hasAVX512() {
		sets = append(sets, avx512)
	}
	if hasAVXVNNI() {
		sets = append(sets, avxvnni)
	}
	if hasAVX2() {
		sets = append(sets, avx2)
	}
	return append(sets, Generic)
}
