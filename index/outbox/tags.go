package outbox

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"slices"
	"strconv"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/rag"
)

// The facts that tags stand for. A tag's hash begins with one of these.
const (
	factValue  = 'v' // a key has a value
	factKey    = 'k' // a key is there
	factReader = 'r' // a principal may read the document
	factOpen   = 'o' // everybody may
	factEpoch  = 'e' // the item was put in since a rebuilding began
)

func tagOf(fact byte, parts ...string) external.Tag {
	h := fnv.New64a()
	_, _ = h.Write([]byte{fact})
	for _, p := range parts {
		var n [8]byte
		binary.LittleEndian.PutUint64(n[:], uint64(len(p))) // so that no two lists of parts are the same bytes
		_, _ = h.Write(n[:])
		_, _ = h.Write([]byte(p))
	}
	return external.Tag(h.Sum64())
}

func valueTag(key string, v rag.Value) external.Tag {
	switch v.Kind() {
	case rag.StringValue:
		return tagOf(factValue, key, "s", v.Text())
	case rag.NumberValue:
		f := v.Number()
		if f == 0 {
			f = 0 // of the two zeros, which are equal
		}
		return tagOf(factValue, key, "n", strconv.FormatUint(math.Float64bits(f), 16))
	}
	return tagOf(factValue, key, "b", strconv.FormatBool(v.True()))
}

var openTag = tagOf(factOpen)

func keyTag(key string) external.Tag          { return tagOf(factKey, key) }
func readerTag(principal string) external.Tag { return tagOf(factReader, principal) }
func epochTag(epoch int64) external.Tag       { return tagOf(factEpoch, strconv.FormatInt(epoch, 10)) }

// tagsOf returns the tags of a document, ascending.
func tagsOf(d *rag.Document, epoch int64) []external.Tag {
	tags := []external.Tag{epochTag(epoch)}
	add := func(key string, v rag.Value) {
		if v.Kind() == rag.NullValue {
			return
		}
		tags = append(tags, keyTag(key))
		for _, e := range v.Items() {
			tags = append(tags, valueTag(key, e))
		}
	}
	for key, v := range d.Metadata {
		add(key, v)
	}
	for _, key := range rag.SystemKeys {
		add(key, d.Lookup(key))
	}
	if len(d.ACL) == 0 {
		tags = append(tags, openTag)
	}
	for _, p := range d.ACL {
		tags = append(tags, readerTag(p))
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}

// conditionOf returns a condition that every chunk meets which a query may see. Chunks that it may not see can meet it as well: order and prefixes are
// nothing that tags tell of.
func conditionOf(q rag.IndexQuery) external.Condition {
	var all []external.Condition
	if !q.Scope.Admin {
		readers := []external.Tag{openTag}
		for _, p := range q.Scope.Principals {
			readers = append(readers, readerTag(p))
		}
		all = append(all, external.Condition{Has: readers})
	}
	if c := relaxed(q.Filter, false); !c.IsZero() {
		all = append(all, c)
	}
	switch len(all) {
	case 0:
		return external.Condition{}
	case 1:
		return all[0]
	}
	return external.Condition{All: all}
}

// relaxed returns a condition that is met wherever f is, or, negated, wherever f is not. The zero Condition is what nothing can be said of.
func relaxed(f rag.Filter, negated bool) external.Condition {
	switch f.Type {
	case rag.OpNot:
		return relaxed(f.Filters[0], !negated)
	case rag.OpAnd, rag.OpOr:
		return relaxedList(f.Filters, (f.Type == rag.OpAnd) != negated, negated)
	case rag.OpEq, rag.OpIn:
		return hasValue(f, negated)
	case rag.OpNe, rag.OpNin:
		return hasValue(f, !negated)
	case rag.OpExists:
		want := f.Value.Kind() == rag.NullValue || f.Value.True()
		return hasKey(f.Key, want == negated)
	case rag.OpGt, rag.OpGte, rag.OpLt, rag.OpLte, rag.OpPrefix:
		if !negated {
			return hasKey(f.Key, false) // where a key is not there, these do not hold
		}
	}
	return external.Condition{}
}

// relaxedList joins the relaxed conditions of subs: all of them, or one.
func relaxedList(subs []rag.Filter, all, negated bool) external.Condition {
	var out []external.Condition
	for _, sub := range subs {
		c := relaxed(sub, negated)
		if c.IsZero() {
			if !all {
				return external.Condition{} // one of several that everything may meet is met by everything
			}
			continue
		}
		out = append(out, c)
	}
	switch {
	case len(out) == 0:
		return external.Condition{}
	case len(out) == 1:
		return out[0]
	case all:
		return external.Condition{All: out}
	}
	return external.Condition{Any: out}
}

func hasKey(key string, negated bool) external.Condition {
	return negate(external.Condition{Has: []external.Tag{keyTag(key)}}, negated)
}

// hasValue says that a key has one of the filter's values.
func hasValue(f rag.Filter, negated bool) external.Condition {
	var tags []external.Tag
	for _, v := range f.Value.Items() {
		tags = append(tags, valueTag(f.Key, v))
	}
	if len(tags) == 0 { // in an empty list there is nothing, and outside of it everything
		if negated {
			return external.Condition{}
		}
		return external.Condition{Has: []external.Tag{tagOf(factValue)}} // of no value
	}
	return negate(external.Condition{Has: tags}, negated)
}

func negate(c external.Condition, negated bool) external.Condition {
	if !negated {
		return c
	}
	return external.Condition{Not: &c}
}
