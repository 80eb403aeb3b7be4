package vector

import (
	"unsafe"

	"github.com/smartretriever/smartretriever/index/section"
)

// Aligned reports whether memory begins where sections begin, so that its parts can be
// viewed as numbers.
func Aligned(data []byte) bool {
	return uintptr(unsafe.Pointer(unsafe.SliceData(data)))%section.Align == 0
}
