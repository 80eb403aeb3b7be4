package milvus

import (
	"strconv"

	"github.com/smartretriever/smartretriever/index/external"
)

// The filters that every item meets, and none: ids are above 0.
const (
	everything = "id > 0"
	nothing    = "id < 0"
)

// filter returns a condition in Milvus' filter language, "" where there is none. It is made of numbers only, so there is nothing to quote.
//
// The least 64-bit integer cannot be written in filters of older servers, whose parser takes the digits without the sign; one tag of 2⁶⁴ is it.
func filter(c external.Condition) string {
	if c.IsZero() {
		return ""
	}
	return string(appendCondition(nil, c))
}

func appendCondition(b []byte, c external.Condition) []byte {
	switch {
	case len(c.IDs) > 0:
		return appendList(append(b, "id in "...), c.IDs)
	case len(c.Has) > 0:
		return append(appendList(append(b, "array_contains_any(tags, "...), c.Has), ')')
	case len(c.All) > 0:
		return appendJoined(b, c.All, " and ")
	case len(c.Any) > 0:
		return appendJoined(b, c.Any, " or ")
	case c.Not == nil:
		return append(b, everything...)
	case c.Not.IsZero():
		return append(b, nothing...)
	}
	b = append(b, "not ("...)
	return append(appendCondition(b, *c.Not), ')')
}

func appendJoined(b []byte, subs []external.Condition, with string) []byte {
	for i, sub := range subs {
		if i > 0 {
			b = append(b, with...)
		}
		b = append(b, '(')
		b = append(appendCondition(b, sub), ')')
	}
	return b
}

func appendList[T ~int64](b []byte, values []T) []byte {
	b = append(b, '[')
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(v), 10)
	}
	return append(b, ']')
}
