//go:build !race

package unigram_test

import (
	"strings"
	"testing"
)

// The race detector empties pools at random, so this is not for it.
func TestNoAllocation(t *testing.T) {
	tok := open(t, config())
	in, dst := strings.Repeat("abc cab é ﬁ <s> ", 30), make([]int32, 0, 1000)
	if n := testing.AllocsPerRun(100, func() {
		dst = tok.Append(dst[:0], in, 500)
		tok.Count(in)
	}); n > 0.1 {
		t.Errorf("%v allocations", n)
	}
}
