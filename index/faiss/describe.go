//go:build faiss

package faiss

import (
	"context"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/rag"
)

// Stats counts what both sides hold. Dead is what is gone from the side that keeps more of it, which is FAISS's between two calls of Compact.
func (ix *Index) Stats() engine.Stats {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	s := ix.words.Stats()
	if ix.closed {
		return s
	}
	s.Vectors, s.Dead = len(ix.v.where), max(s.Dead, ix.v.dead())
	s.Memory += ix.v.memory()
	s.Bytes += ix.bytes()
	if ix.filedAt >= 0 {
		s.Files++
	}
	return s
}

// bytes returns the size of the newest file of vectors, or, where there is none, of what it would hold. The caller holds mu.
func (ix *Index) bytes() int64 {
	if ix.filedAt >= 0 {
		return ix.filedSize
	}
	return ix.v.memory()
}

// Describe lists the engine's segments, and FAISS's index as if it were one more.
func (ix *Index) Describe() engine.Description {
	d := ix.words.Describe()
	d.Stats = ix.Stats()
	d.Effort = 0 // of the engine's own lists and graphs, of which there are none
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	if ix.closed {
		return d
	}
	s := engine.SegmentDescription{
		Rows: len(ix.v.where), Dead: ix.v.dead(), Vectors: len(ix.v.where), Lists: ix.v.native.lists, Graph: ix.v.native.kind == hnsw,
		Bytes: ix.bytes(), Sections: map[string]int64{"vectors": int64(len(ix.v.ids)) * int64(4*ix.v.native.dims)},
	}
	if ix.filedAt >= 0 {
		s.File = fileName(ix.filedAt)
	}
	d.Segments = append(d.Segments, s)
	return d
}

// Explain says what both sides make of a chunk for a query; see engine.Index.Explain.
func (ix *Index) Explain(ctx context.Context, q rag.IndexQuery, id rag.ChunkID) (rag.Explanation, error) {
	direction, err := ix.direction(&q)
	if err != nil {
		return rag.Explanation{ChunkID: id}, err
	}
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	if err := ix.closedError(); err != nil {
		return rag.Explanation{ChunkID: id}, err
	}
	e, err := ix.words.Explain(ctx, q, id)
	p, held := ix.v.where[id]
	if err != nil || direction == nil || !held {
		return e, err
	}
	var score [1]float32
	if err := ix.v.native.score(direction, []int64{int64(p)}, score[:]); err != nil {
		return e, err
	}
	e.Vector = float64(score[0])
	if !e.Allowed {
		return e, nil
	}
	s, err := ix.visible(q)
	if err != nil {
		return e, err
	}
	this := index.Hit{ID: id, Score: score[0]}
	e.VectorRank = 1
	err = ix.v.scores(ctx, direction, s, func(h index.Hit) {
		if h.Before(this) {
			e.VectorRank++
		}
	})
	return e, err
}

// IDs returns the chunks that there are, in ascending order.
func (ix *Index) IDs() ([]rag.ChunkID, error) { return ix.words.IDs() }

// Verify compares the checksums of every file. KindInvalid names what is damaged. What FAISS searches is a copy in memory.
func (ix *Index) Verify(ctx context.Context) error {
	if err := ix.words.Verify(ctx); err != nil {
		return err
	}
	ix.applying.Lock() // no commit replaces the file meanwhile
	defer ix.applying.Unlock()
	if ix.filedAt < 0 {
		return nil
	}
	err := verify(ctx, &ix.cfg, ix.filedAt)
	if rag.KindOf(err) != rag.KindNotFound {
		return err
	}
	if !ix.Owner() {
		return nil // the process that is has replaced it
	}
	return rag.Wrap(rag.KindInvalid, err, "faiss: the file of the vectors is gone")
}
