package weaviate

import (
	"slices"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/external/normal"
	"github.com/smartretriever/smartretriever/index/external/rpc"
)

// Operators of filters (base.proto).
const (
	opEqual       = 1
	opNotEqual    = 2
	opAnd         = 7
	opOr          = 8
	opContainsAny = 12
)

// The paths of filters.
const (
	pathID   = "_id"
	pathTags = "tags"
)

// Values of tags that stand for no fact: every object has one, and none the other.
const (
	everyObject = "all"
	noObject    = "none"
)

// filter returns a condition as a message Filters.
//
// Weaviate keeps the numbers that objects had before they were written again, and NotEqual is met by these. A search does not come upon them, but a
// deletion takes them for the objects of today: it deletes what does not meet the condition. So what is negated is joined with a value
// that every object has, of which Weaviate knows exactly who has it now.
func filter(c external.Condition) []byte {
	f := normal.Of(c)
	b := part(f)
	if !negates(f) {
		return b
	}
	both := rpc.AppendMessage(rpc.AppendUint(nil, 1, opAnd), 3, single(opEqual, pathTags, everyObject))
	return rpc.AppendMessage(both, 3, b)
}

// negates reports whether a form asks for objects without something.
func negates(f normal.Form) bool {
	return f.Op == normal.NotIDs || f.Op == normal.NotTags || slices.ContainsFunc(f.Forms, negates)
}

// part returns a form as a message Filters. Servers before 1.33 have no operator that negates another, so none is used.
func part(f normal.Form) []byte {
	switch f.Op {
	case normal.IDs, normal.NotIDs:
		values := make([]string, len(f.IDs))
		for i, id := range f.IDs {
			values[i] = uuidOf(id).String()
		}
		return list(pathID, values, f.Op == normal.NotIDs)
	case normal.Tags, normal.NotTags:
		values := make([]string, len(f.Tags))
		for i, tag := range f.Tags {
			values[i] = tag.String()
		}
		return list(pathTags, values, f.Op == normal.NotTags)
	}
	switch {
	case f.Everything():
		return single(opEqual, pathTags, everyObject)
	case f.Nothing():
		return single(opEqual, pathTags, noObject)
	}
	op := uint64(opAnd)
	if f.Op == normal.Any {
		op = opOr
	}
	b := rpc.AppendUint(nil, 1, op)
	for _, sub := range f.Forms {
		b = rpc.AppendMessage(b, 3, part(sub))
	}
	return b
}

// list is met by objects with one of the values, or, negated, by those with none of them.
func list(path string, values []string, negated bool) []byte {
	switch {
	case len(values) == 1 && negated:
		return single(opNotEqual, path, values[0])
	case len(values) == 1:
		return single(opEqual, path, values[0])
	case negated:
		b := rpc.AppendUint(nil, 1, opAnd)
		for _, v := range values {
			b = rpc.AppendMessage(b, 3, single(opNotEqual, path, v))
		}
		return b
	}
	var texts []byte
	for _, v := range values {
		texts = rpc.AppendString(texts, 1, v)
	}
	return target(rpc.AppendMessage(rpc.AppendUint(nil, 1, opContainsAny), 9, texts), path)
}

func single(op uint64, path, value string) []byte {
	return target(rpc.AppendString(rpc.AppendUint(nil, 1, op), 4, value), path)
}

func target(b []byte, path string) []byte {
	return rpc.AppendMessage(b, 20, rpc.AppendString(nil, 1, path))
}
