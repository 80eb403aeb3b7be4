// Package weights holds the built-in text encoder's weights as part of the
// program: bge-small-en-v1.5, quantised to 8 bits by tools/quantize. SOURCE.md
// says where they come from, LICENSE who may use them.
package weights

import (
	_ "embed"
	"unsafe"
)

//go:embed bge-small-en-v1.5.int8.bin
var bgeSmallEnV15 string

// BGESmallEnV15 returns the weight file for bert.Open. The bytes lie in the
// program's read-only memory and must not be written to.
func BGESmallEnV15() []byte {
	return unsafe.Slice(unsafe.StringData(bgeSmallEnV15), len(bgeSmallEnV15))
}
