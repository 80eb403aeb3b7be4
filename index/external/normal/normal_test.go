package normal

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/rag"
)

func (f Form) match(id rag.ChunkID, tags []external.Tag) bool {
	has := func(t external.Tag) bool { return slices.Contains(tags, t) }
	met := func(f Form) bool { return f.match(id, tags) }
	switch f.Op {
	case All:
		return !slices.ContainsFunc(f.Forms, func(f Form) bool { return !met(f) })
	case Any:
		return slices.ContainsFunc(f.Forms, met)
	case Tags, NotTags:
		return slices.ContainsFunc(f.Tags, has) == (f.Op == Tags)
	}
	return slices.Contains(f.IDs, id) == (f.Op == IDs)
}

// sound reports whether a form keeps what its comment says.
func (f Form) sound() bool {
	switch f.Op {
	case All, Any:
		return len(f.Forms) >= 2 && !slices.ContainsFunc(f.Forms, func(sub Form) bool { return !sub.sound() || sub.Op == f.Op })
	case Tags, NotTags:
		return len(f.Tags) > 0
	}
	return len(f.IDs) > 0
}

func random(r *rand.Rand, depth int) external.Condition {
	var subs []external.Condition
	for range 1 + r.IntN(3) {
		if depth > 0 {
			subs = append(subs, random(r, depth-1))
		}
	}
	switch n := r.IntN(7); {
	case n == 0 && depth > 0:
		return external.Condition{All: subs}
	case n == 1 && depth > 0:
		return external.Condition{Any: subs}
	case n <= 3 && depth > 0:
		return external.Condition{Not: &subs[0]}
	case n == 4:
		return external.Condition{}
	case n == 5:
		return external.Condition{IDs: []rag.ChunkID{rag.ChunkID(r.IntN(4)), rag.ChunkID(r.IntN(4))}}
	}
	return external.Condition{Has: []external.Tag{external.Tag(r.IntN(4)), external.Tag(r.IntN(4))}}
}

// TestForms: a form is met by the items that the condition is met by.
func TestForms(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	folded := 0
	for range 5000 {
		c := random(r, 5)
		f := Of(c)
		if f.Everything() || f.Nothing() {
			folded++
		} else if !f.sound() {
			t.Fatalf("the form %+v of %+v", f, c)
		}
		for id := range rag.ChunkID(4) {
			for set := range 16 {
				var tags []external.Tag
				for n := range 4 {
					if set>>n&1 == 1 {
						tags = append(tags, external.Tag(n))
					}
				}
				if f.match(id, tags) != c.Match(id, tags) {
					t.Fatalf("item %d with %v: the form %+v of %+v says %v", id, tags, f, c, f.match(id, tags))
				}
			}
		}
	}
	if folded == 0 || folded == 5000 {
		t.Errorf("%d conditions are met by all or by none", folded)
	}
}
