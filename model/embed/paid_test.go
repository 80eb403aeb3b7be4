package embed

import (
	"testing"

	"github.com/smartretriever/smartretriever/model/batch"
)

func TestPaid(t *testing.T) {
	of := func(width int, texts ...string) []*batch.Item[[]float32] {
		var out []*batch.Item[[]float32]
		for _, text := range texts {
			out = append(out, &batch.Item[[]float32]{Text: text, Result: make([]float32, width), Done: width > 0})
		}
		return out
	}
	var p paid
	p.keep(append(of(4, "a", "b"), of(0, "c")...))
	if missing := p.take(of(0, "a", "c", "a")); len(missing) != 2 || missing[0].Text != "c" {
		t.Errorf("missing %v: what was taken is the caller's, what never came is not there", missing)
	}
	half := maxPaidBytes/8 + 1 // two of these are more than is kept
	p.keep(of(half, "d", "e"))
	if missing := p.take(of(0, "b", "d", "e")); len(missing) != 2 || missing[0].Text != "b" || missing[1].Text != "d" {
		t.Errorf("missing %v, want the two oldest", missing)
	}
	if p.bytes != 0 || len(p.vectors) != 0 {
		t.Errorf("%d bytes in %d vectors are left", p.bytes, len(p.vectors))
	}
}
