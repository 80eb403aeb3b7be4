package kernel

// AtLeast writes the indices i with v[i] >= floor to dst, in ascending order, and
// returns their number. It panics if dst is shorter than v; what it leaves in
// dst[:len(v)] beyond the indices has no meaning.
func AtLeast(dst []uint32, v []int32, floor int32) int {
	dst = head(dst, len(v))
	if len(v) == 0 {
		return 0
	}
	return used.atLeast(dst, v, floor)
}

// AtLeastF32 is AtLeast for floats. A NaN is never selected, and nothing is if
// floor is one.
func AtLeastF32(dst []uint32, v []float32, floor float32) int {
	dst = head(dst, len(v))
	if len(v) == 0 {
		return 0
	}
	return used.atLeastF32(dst, v, floor)
}

func plainAtLeast(dst []uint32, v []int32, floor int32) int {
	n := 0
	for i, x := range v {
		dst[n] = uint32(i) // n <= i: this place is free, and kept if x is selected
		if x >= floor {
			n++
		}
	}
	return n
}

func plainAtLeastF32(dst []uint32, v []float32, floor float32) int {
	n := 0
	for i, x := range v {
		dst[n] = uint32(i)
		if x >= floor {
			n++
		}
	}
	return n
}
