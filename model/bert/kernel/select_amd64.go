package kernel

// Sets returns the sets that this processor can run, the fastest first.
func Sets() []*Set {
	var sets []*Set
	if hasAVX512VNNI() {
		sets = append(sets, avx512vnni)
	}
	if hasAVXVNNI() {
		sets = append(sets, avxvnni)
	}
	if hasAVX512() {
		sets = append(sets, avx512)
	}
	if hasAVX2() {
		sets = append(sets, avx2)
	}
	return append(sets, Generic)
}
