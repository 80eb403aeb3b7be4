package kernel

import "golang.org/x/sys/cpu"

// versions lists what this processor can run, the fastest last. Each version has
// what the one before has, but for what it does better. x/sys/cpu says yes only to what
// the operating system supports too.
func versions() []version {
	x := &cpu.X86
	all := []version{plain}
	if !(x.HasAVX2 && x.HasFMA && x.HasF16C && x.HasPOPCNT) {
		return all
	}
	v := withAVX2(plain)
	all = append(all, v)
	if x.HasAVXVNNI {
		all = append(all, withAVXVNNI(v))
	}
	if !(x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasBMI2) {
		return all
	}
	v = withAVX512(v)
	all = append(all, v)
	if !x.HasAVX512VNNI {
		return all
	}
	v = withVNNI(v)
	all = append(all, v)
	if !(x.HasAVX512VBMI && x.HasAVX512VPOPCNTDQ && x.HasAVX512BITALG) {
		return all
	}
	return append(all, withVBMI(v))
}

func withAVX2(v version) version {
	v.name = "avx2"
	v.dot, v.dotRows, v.dotGather = dotAVX2, dotRowsAVX2, dotGatherAVX2
	v.l2, v.l2Rows = l2AVX2, l2RowsAVX2
	v.dotF16Rows, v.dotF16Gather = dotF16RowsFrom8, dotF16GatherFrom8
	v.toF16, v.fromF16 = toF16By8, fromF16By8
	v.dotU8Rows, v.dotU8Gather = bytesFrom32(dotU8RowsAVX2, dotU8GatherAVX2)
	v.dotU4Rows, v.fastNibbles = dotU4RowsAVX2, true
	v.atLeast, v.atLeastF32 = atLeastBy8, atLeastF32By8
	v.lookupScan = lookupScanAVX2
	v.hamming = hammingPOPCNT
	v.prefetch = prefetchT0
	return v
}

// withAVXVNNI adds products of bytes where there is no AVX-512: Alder Lake.
func withAVXVNNI(v version) version {
	v.name = "avxvnni"
	v.dotU8Rows, v.dotU8Gather = bytesFrom32(dotU8RowsAVXVNNI, dotU8GatherAVXVNNI)
	return v
}

// withAVX512 uses the foundation and the extensions BW, DQ and VL: Skylake-X.
func withAVX512(v version) version {
	v.name = "avx512"
	v.dot, v.dotRows, v.dotGather = dotAVX512, dotRowsAVX512, dotGatherAVX512
	v.l2, v.l2Rows = l2AVX512, l2RowsAVX512
	v.dotF16Rows, v.dotF16Gather = dotF16RowsAVX512, dotF16GatherAVX512
	v.toF16, v.fromF16 = toF16AVX512, fromF16AVX512
	v.dotU8Rows, v.dotU8Gather = dotU8RowsAVX512, dotU8GatherAVX512
	v.atLeast, v.atLeastF32 = atLeastAVX512, atLeastF32AVX512
	return v
}

// withVNNI adds products of bytes: Cascade Lake.
func withVNNI(v version) version {
	v.name = "avx512vnni"
	v.dotU8Rows, v.dotU8Gather = dotU8RowsVNNI, dotU8GatherVNNI
	v.dotU4Rows = dotU4RowsVNNI
	return v
}

// withVBMI adds permutations of bytes and counts of bits: Ice Lake, Zen 4.
func withVBMI(v version) version {
	v.name = "avx512vbmi"
	v.lookupScan = lookupScanVBMI
	v.hamming = hammingVPOPCNT
	v.signs, v.fastSigns = signsBITALG, true
	return v
}

// AVX2 loads bytes and half floats in whole registers only. Shorter vectors are for
// plain Go, and so is what is left of lists.

func dotF16RowsFrom8(dst, q []float32, rows []uint16) {
	if len(q) < 8 {
		plainDotF16Rows(dst, q, rows)
		return
	}
	dotF16RowsAVX2(dst, q, rows)
}

func dotF16GatherFrom8(dst, q []float32, rows []uint16, at []uint32) bool {
	if len(q) < 8 {
		return plainDotF16Gather(dst, q, rows, at)
	}
	return dotF16GatherAVX2(dst, q, rows, at)
}

// bytesFrom32 makes the functions of a version from those in assembly.
func bytesFrom32(
	rows func(dst []int32, q []int8, rows []uint8),
	gather func(dst []int32, q []int8, rows []uint8, at []uint32) bool,
) (
	func(dst []int32, q []int8, rows []uint8),
	func(dst []int32, q []int8, rows []uint8, at []uint32) bool,
) {
	const least = 32
	anyRows := func(dst []int32, q []int8, data []uint8) {
		if len(q) < least {
			plainDotU8Rows(dst, q, data)
			return
		}
		rows(dst, q, data)
	}
	anyGather := func(dst []int32, q []int8, data []uint8, at []uint32) bool {
		if len(q) < least {
			return plainDotU8Gather(dst, q, data, at)
		}
		return gather(dst, q, data, at)
	}
	return anyRows, anyGather
}

func toF16By8(dst []uint16, src []float32) {
	n := len(src) &^ 7
	if n > 0 {
		toF16AVX2(dst[:n], src[:n])
	}
	plainToF16(dst[n:], src[n:])
}

func fromF16By8(dst []float32, src []uint16) {
	n := len(src) &^ 7
	if n > 0 {
		fromF16AVX2(dst[:n], src[:n])
	}
	plainFromF16(dst[n:], src[n:])
}

func atLeastBy8(dst []uint32, v []int32, floor int32) int {
	i, n := len(v)&^7, 0
	if i > 0 {
		n = atLeastAVX2(dst, v[:i], floor)
	}
	for ; i < len(v); i++ {
		if v[i] >= floor {
			dst[n] = uint32(i)
			n++
		}
	}
	return n
}

func atLeastF32By8(dst []uint32, v []float32, floor float32) int {
	i, n := len(v)&^7, 0
	if i > 0 {
		n = atLeastF32AVX2(dst, v[:i], floor)
	}
	for ; i < len(v); i++ {
		if v[i] >= floor {
			dst[n] = uint32(i)
			n++
		}
	}
	return n
}
