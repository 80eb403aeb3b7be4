package engine

import (
	"maps"
	"math"
	"slices"
	"sync/atomic"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/postings"
	"github.com/smartretriever/smartretriever/rag"
)

// state is what searches see: immutable, and alive as long as somebody holds it.
type state struct {
	refs  atomic.Int64
	views []*view // oldest segment first
	seq   int64
	ended bool // the index was closed
}

// view is a segment with what has happened to its rows since it was built. Immutable: a change makes a new one.
type view struct {
	seg  *segment
	live index.Bitmap // nil: all rows
	dead int          // rows that are not live
	// overrides are documents that have changed since, by ordinal; nil if there are none. Never changed once it is in a view.
	overrides map[uint32]*rag.Document
	deletes   *postings.Deletes // the dead rows, as the keyword side wants them; nil if there are none
}

// newState returns a state that its caller holds. It holds its segments.
func newState(views []*view, seq int64) *state {
	s := &state{views: views, seq: seq}
	s.refs.Store(1)
	for _, v := range views {
		v.seg.refs.Add(1)
	}
	return s
}

// retain takes hold of s, unless nobody else does any more.
func (s *state) retain() bool {
	for {
		n := s.refs.Load()
		if n == 0 {
			return false
		}
		if s.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (s *state) release() {
	if s.refs.Add(-1) == 0 {
		for _, v := range s.views {
			v.seg.release()
		}
	}
}

// acquire returns the current state, which the caller releases.
func (ix *Index) acquire() *state {
	for {
		if s := ix.current.Load(); s.retain() {
			return s
		}
	}
}

// install makes a state the current one. The caller holds ix.writing, and gives s away.
func (ix *Index) install(s *state) {
	ix.current.Swap(s).release()
}

// rows returns the number of live rows.
func (v *view) rows() int { return v.seg.rows() - v.dead }

// isLive reports whether a row is.
func (v *view) isLive(row uint32) bool { return v.live == nil || v.live.Has(row) }

// hide returns a view in which rows, which are live, are not. With no rows it is v itself.
func (v *view) hide(rows []uint32) *view {
	if len(rows) == 0 {
		return v
	}
	n := *v
	if v.live == nil {
		n.live = full(v.seg.rows())
	} else {
		n.live = slices.Clone(v.live)
	}
	for _, r := range rows {
		n.live.Clear(r)
	}
	n.dead += len(rows)
	n.deletes = v.deletes.With(v.seg.words, rows)
	return &n
}

// override returns a view with newer states of documents.
func (v *view) override(documents map[uint32]*rag.Document) *view {
	if len(documents) == 0 {
		return v
	}
	n := *v
	n.overrides = maps.Clone(v.overrides)
	if n.overrides == nil {
		n.overrides = make(map[uint32]*rag.Document, len(documents))
	}
	maps.Copy(n.overrides, documents)
	return &n
}

// document returns the state that a document has in the view.
func (v *view) document(ordinal uint32) *rag.Document {
	if d := v.overrides[ordinal]; d != nil {
		return d
	}
	return v.seg.documents.Document(ordinal)
}

// find returns the live row of a chunk.
func (v *view) find(id rag.ChunkID) (uint32, bool) {
	ids := v.seg.ids
	if len(ids) == 0 || int64(id) < ids[0] || int64(id) > ids[len(ids)-1] {
		return 0, false
	}
	i, ok := slices.BinarySearch(ids, int64(id))
	return uint32(i), ok && v.isLive(uint32(i))
}

// full returns the set of rows 0 to n-1.
func full(n int) index.Bitmap {
	b := make(index.Bitmap, (n+63)/64)
	for i := range b {
		b[i] = math.MaxUint64
	}
	if n%64 != 0 {
		b[len(b)-1] = 1<<(n%64) - 1
	}
	return b
}
