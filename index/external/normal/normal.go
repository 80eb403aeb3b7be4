// Package normal turns conditions into negation normal form, for databases that can ask for "not one of these" and not for the opposite of any
// condition (index/chroma, index/pinecone).
package normal

import (
	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/rag"
)

// Op is what a Form asks for.
type Op int

// The kinds of forms.
const (
	All     Op = iota // all of Forms are met; of none of them, this is met by every item
	Any               // one of Forms is met; of none of them, this is met by no item
	Tags              // the item has one of Tags
	NotTags           // it has none of them
	IDs               // it is one of IDs
	NotIDs            // it is none of them
)

// Form is a condition without negations of conditions. All and Any have two Forms or more, but for the two that are met by every item and by none; those are
// never a part of another. Tags and IDs are never empty.
type Form struct {
	Op    Op
	Forms []Form
	Tags  []external.Tag
	IDs   []rag.ChunkID
}

// Everything reports whether every item meets the form.
func (f Form) Everything() bool { return f.Op == All && len(f.Forms) == 0 }

// Nothing reports whether no item meets the form.
func (f Form) Nothing() bool { return f.Op == Any && len(f.Forms) == 0 }

// Of returns the form of a condition.
func Of(c external.Condition) Form { return of(c, false) }

func of(c external.Condition, negated bool) Form {
	leaf := func(f Form, opposite Op) Form {
		if negated {
			f.Op = opposite
		}
		return f
	}
	switch {
	case len(c.IDs) > 0:
		return leaf(Form{Op: IDs, IDs: c.IDs}, NotIDs)
	case len(c.Has) > 0:
		return leaf(Form{Op: Tags, Tags: c.Has}, NotTags)
	case len(c.All) > 0:
		return join(c.All, true, negated)
	case len(c.Any) > 0:
		return join(c.Any, false, negated)
	case c.Not != nil:
		return of(*c.Not, !negated)
	}
	return leaf(Form{Op: All}, Any)
}

// join forms all, or any, of conditions. The opposite of all is any of the opposites, and the other way round.
func join(conditions []external.Condition, all, negated bool) Form {
	out := Form{Op: Any}
	if all != negated {
		out.Op = All
	}
	for _, c := range conditions {
		f := of(c, negated)
		switch {
		case f.Everything() && out.Op == Any, f.Nothing() && out.Op == All:
			return f // it decides alone
		case f.Everything(), f.Nothing(): // it changes nothing
		case f.Op == out.Op:
			out.Forms = append(out.Forms, f.Forms...)
		default:
			out.Forms = append(out.Forms, f)
		}
	}
	if len(out.Forms) == 1 {
		return out.Forms[0]
	}
	return out
}
