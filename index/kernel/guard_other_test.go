//go:build !unix

package kernel

import "testing"

// edge is a side of readable memory.
type edge int

const (
	atStart edge = iota
	atEnd
)

// guarded returns n bytes, without a guard on this system.
func guarded(_ testing.TB, _ edge, n int) []byte { return make([]byte, n, max(n, 1)) }
