package engine

import (
	"encoding/binary"
	"maps"
	"math"
	"sync"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/rag"
)

// chooser says which rows of each segment a query may see. It serves one query.
type chooser struct {
	filter rag.Filter
	scope  rag.Scope
	key    []byte // of filter and scope, in which queries that may see different rows differ
}

func (c *chooser) reset(q *rag.IndexQuery) {
	c.filter, c.scope = q.Filter, q.Scope
	c.key = appendFilter(appendScope(c.key[:0], &q.Scope), &q.Filter)
}

// choice is the rows of a view that a query may see.
type choice struct {
	rows  index.Bitmap // nil: all of the segment's
	count int
}

// choose returns the live rows of v whose documents match and may be seen. The bitmap is not changed by anybody.
func (c *chooser) choose(v *view) choice {
	open := c.scope.Admin || !v.seg.documents.Restricted() && len(v.overrides) == 0
	if open && c.filter.IsZero() {
		return choice{v.live, v.rows()}
	}
	if got, ok := v.seg.chosen.get(c.key, v); ok {
		return got
	}
	rows, _ := v.seg.documents.Select(&c.filter, &c.scope, v.overrides, nil)
	var got choice
	switch {
	case rows == nil:
		got = choice{v.live, v.rows()}
	case v.live == nil:
		got = choice{rows, rows.Count()}
	default:
		for i := range rows {
			rows[i] &= v.live[i]
		}
		got = choice{rows, rows.Count()}
	}
	v.seg.chosen.put(c.key, v, got)
	return got
}

// appendScope writes what tells scopes apart.
func appendScope(b []byte, s *rag.Scope) []byte {
	if s.Admin {
		return append(b, 1)
	}
	b = binary.AppendUvarint(append(b, 0), uint64(len(s.Principals)))
	for _, p := range s.Principals {
		b = appendString(b, p)
	}
	return b
}

// appendFilter writes a filter. Every part has its length before it, so that no two of them run into each other.
func appendFilter(b []byte, f *rag.Filter) []byte {
	b = appendString(appendString(b, string(f.Type)), f.Key)
	b = appendValue(b, f.Value)
	b = binary.AppendUvarint(b, uint64(len(f.Filters)))
	for i := range f.Filters {
		b = appendFilter(b, &f.Filters[i])
	}
	return b
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendValue(b []byte, v rag.Value) []byte {
	b = append(b, byte(v.Kind()))
	switch v.Kind() {
	case rag.StringValue:
		b = appendString(b, v.Text())
	case rag.NumberValue:
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v.Number()))
	case rag.BoolValue:
		if v.True() {
			return append(b, 1)
		}
		b = append(b, 0)
	case rag.ListValue:
		b = binary.AppendUvarint(b, uint64(len(v.Items())))
		for _, e := range v.Items() {
			b = appendValue(b, e)
		}
	}
	return b
}

// selections remembers choices of one segment, until its view changes.
type selections struct {
	mu    sync.Mutex
	by    map[string]choice
	bytes int
	dead  int                      // of the view that they are of
	over  map[uint32]*rag.Document // its overlays
}

// maxSelections bounds the memory of a segment's choices.
const maxSelections = 4 << 20

func (s *selections) get(key []byte, v *view) (choice, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.of(v) {
		return choice{}, false
	}
	c, ok := s.by[string(key)]
	return c, ok
}

// of reports whether the choices are those of v: of one segment rows only ever die, so that equally many dead rows are the same ones.
func (s *selections) of(v *view) bool {
	return s.by != nil && s.dead == v.dead && maps.Equal(s.over, v.overrides)
}

func (s *selections) put(key []byte, v *view, c choice) {
	size := len(key) + len(c.rows)*8 + 64
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.of(v) || s.bytes+size > maxSelections {
		s.by, s.bytes, s.dead, s.over = map[string]choice{}, 0, v.dead, v.overrides
	}
	if size <= maxSelections {
		s.by[string(key)] = c
		s.bytes += size
	}
}
