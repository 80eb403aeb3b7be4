package engine

import (
	"slices"

	"github.com/smartretriever/smartretriever/rag"
)

// Visible returns the chunks that a query may see, in ascending order of id in each segment, with the sequence number that this is true of: those of documents that match its
// filter and are open to its scope, and that its operators do not rule out. It is for vectors that are kept elsewhere. A nil list with all set
// means every chunk that there is. Errors are those of Search.
func (ix *Index) Visible(q rag.IndexQuery) (ids []rag.ChunkID, all bool, seq int64, err error) {
	q.K = max(q.K, 1)
	q.Vector = nil
	if err := ix.checkQuery(&q); err != nil {
		return nil, false, 0, err
	}
	s := ix.acquire()
	defer s.release()
	if s.ended {
		return nil, false, 0, ErrClosed
	}
	r := &run{ix: ix, state: s, q: &q}
	r.chooser.reset(&q)
	err = r.guard(func() error {
		r.compile()
		all = true
		for _, v := range s.views {
			c := r.constrain(v, r.chooser.choose(v))
			r.choices = append(r.choices, c)
			all = all && c.count == v.rows()
		}
		if all {
			return nil
		}
		ids = []rag.ChunkID{}
		for i, v := range s.views {
			c := r.choices[i]
			for row := range uint32(v.seg.rows()) {
				if c.rows == nil || c.rows.Has(row) {
					ids = append(ids, rag.ChunkID(v.seg.ids[row]))
				}
			}
		}
		return nil
	})
	return ids, all, s.seq, err
}

// IDs returns the chunks that there are, in ascending order.
func (ix *Index) IDs() ([]rag.ChunkID, error) {
	s := ix.acquire()
	defer s.release()
	if s.ended {
		return nil, ErrClosed
	}
	var ids []rag.ChunkID
	err := (&run{ix: ix, state: s}).guard(func() error {
		for _, v := range s.views {
			for row := range uint32(v.seg.rows()) {
				if v.isLive(row) {
					ids = append(ids, rag.ChunkID(v.seg.ids[row]))
				}
			}
		}
		return nil
	})
	slices.Sort(ids)
	return ids, err
}
