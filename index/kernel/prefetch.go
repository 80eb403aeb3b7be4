package kernel

import "unsafe"

// Prefetch asks for the rows with the numbers at[i], of size elements each, to be
// brought near the processor, and does not wait for them. It changes nothing but
// times: numbers of rows that do not exist are as good as any.
func Prefetch[T any](rows []T, size int, at []uint32) {
	if len(rows) > 0 && size > 0 && len(at) > 0 {
		used.prefetch((*byte)(unsafe.Pointer(&rows[0])), size*int(unsafe.Sizeof(rows[0])), at)
	}
}

func plainPrefetch(*byte, int, []uint32) {}
