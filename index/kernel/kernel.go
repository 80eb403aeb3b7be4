package kernel

// version is one way to compute everything in this package. Its functions get
// arguments that the public functions have checked: lengths fit, and there is at
// least one row and one dimension.
type version struct {
	name string

	dot       func(a, b []float32) float32
	dotRows   func(dst, q, rows []float32)
	dotGather func(dst, q, rows []float32, at []uint32) bool
	l2        func(a, b []float32) float32
	l2Rows    func(dst, q, rows []float32)

	dotF16Rows   func(dst, q []float32, rows []uint16)
	dotF16Gather func(dst, q []float32, rows []uint16, at []uint32) bool
	toF16        func(dst []uint16, src []float32)
	fromF16      func(dst []float32, src []uint16)

	dotU8Rows   func(dst []int32, q []int8, rows []uint8)
	dotU8Gather func(dst []int32, q []int8, rows []uint8, at []uint32) bool

	dotU4Rows   func(dst []int32, q []int8, rows []uint8)
	fastNibbles bool

	atLeast    func(dst []uint32, v []int32, floor int32) int
	atLeastF32 func(dst []uint32, v []float32, floor float32) int
	lookupScan func(dst []uint32, blocks, luts []byte, scale, bias, floor float32, first uint32) int
	hamming    func(dst []uint32, q, rows []uint64)
	prefetch   func(rows *byte, size int, at []uint32)
	signs      func(dst []uint32, planes, rows []byte, at []uint32, scale, bias, floor float32) (n int, ok bool)
	fastSigns  bool
}

// used is chosen at start and never changes, but for the tests, which go through
// all versions.
var used = best()

// Name says which version is in use; versions are listed in the package comment.
func Name() string { return used.name }

// best returns the fastest version that this processor can run.
func best() version {
	all := versions()
	return all[len(all)-1]
}

// plain is the reference and the fallback.
var plain = version{
	name:         "plain",
	dot:          plainDot,
	dotRows:      plainDotRows,
	dotGather:    plainDotGather,
	l2:           plainL2,
	l2Rows:       plainL2Rows,
	dotF16Rows:   plainDotF16Rows,
	dotF16Gather: plainDotF16Gather,
	toF16:        plainToF16,
	fromF16:      plainFromF16,
	dotU8Rows:    plainDotU8Rows,
	dotU8Gather:  plainDotU8Gather,
	dotU4Rows:    plainDotU4Rows,
	atLeast:      plainAtLeast,
	atLeastF32:   plainAtLeastF32,
	lookupScan:   plainLookupScan,
	hamming:      plainHamming,
	signs:        plainSignsAtLeast,
	prefetch:     plainPrefetch,
}

// rowOutOfRange panics for a number of a row that the rows do not have.
func rowOutOfRange() {
	panic("kernel: there is no such row")
}

// head returns the first n elements of s. It panics if s has fewer: what lies in its
// capacity does not count.
func head[T any](s []T, n int) []T {
	return s[:n:len(s)]
}
