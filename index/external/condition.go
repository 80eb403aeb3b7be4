package external

import (
	"slices"
	"strconv"

	"github.com/smartretriever/smartretriever/rag"
)

// Tag stands for one fact about a document: that a key of its metadata has a value, that the key is there, that a principal may read it. It is a
// hash, so that a database need not be told what it stands for, and takes the same place whatever the fact. Databases without 64-bit
// integers keep its String.
type Tag int64

// String returns the tag's 16 hexadecimal digits.
func (t Tag) String() string {
	s := strconv.FormatUint(uint64(t), 16)
	return "0000000000000000"[:16-len(s)] + s
}

// Condition is what items have to meet: a tree that databases can be asked with nothing but lists. The zero Condition is met by all. At most one of
// IDs, Has, All, Any and Not is set.
type Condition struct {
	IDs []rag.ChunkID // the item is one of these
	Has []Tag         // the item has one of these tags
	All []Condition   // all are met
	Any []Condition   // one is met
	Not *Condition    // it is not met
}

// IsZero reports whether every item meets the condition.
func (c Condition) IsZero() bool {
	return len(c.IDs) == 0 && len(c.Has) == 0 && len(c.All) == 0 && len(c.Any) == 0 && c.Not == nil
}

// Match reports whether an item meets the condition. It is what adapters are tested against.
func (c Condition) Match(id rag.ChunkID, tags []Tag) bool {
	switch {
	case len(c.IDs) > 0:
		return slices.Contains(c.IDs, id)
	case len(c.Has) > 0:
		return slices.ContainsFunc(c.Has, func(t Tag) bool { return slices.Contains(tags, t) })
	case len(c.All) > 0:
		return !slices.ContainsFunc(c.All, func(sub Condition) bool { return !sub.Match(id, tags) })
	case len(c.Any) > 0:
		return slices.ContainsFunc(c.Any, func(sub Condition) bool { return sub.Match(id, tags) })
	case c.Not != nil:
		return !c.Not.Match(id, tags)
	}
	return true
}
