package kernel

import "golang.org/x/sys/cpu"

// Sets returns the sets that this processor can run, the fastest first.
func Sets() []*Set {
	var sets []*Set
	if hasAVX512() {
		sets = append(sets, avx512)
	}
	return append(sets, Generic)
}

func hasAVX2() bool { return cpu.X86.HasAVX2 && cpu.X86.HasFMA }
