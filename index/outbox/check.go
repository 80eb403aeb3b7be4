package outbox

import (
	"context"
	"errors"
	"slices"

	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/rag"
)

// Stats counts what both sides hold.
func (ix *Index) Stats() engine.Stats {
	s := ix.words.Stats()
	if ix.reached.Load() >= s.Seq {
		s.Vectors = s.Chunks // but for those that never had one
	}
	return s
}

// Describe lists the engine's segments, and the space as if it were one more.
func (ix *Index) Describe() engine.Description {
	d := ix.words.Describe()
	d.Stats = ix.Stats()
	d.Effort = 0 // of the engine's own lists and graphs, of which there are none
	d.Segments = append(d.Segments, engine.SegmentDescription{File: ix.conn.cfg.Name + ": " + ix.space.Name, Rows: d.Stats.Vectors, Vectors: d.Stats.Vectors, Sections: map[string]int64{}})
	return d
}

// Explain says what both sides make of a chunk for a query; see engine.Index.Explain. The rank by meaning is known as far as the database gives results.
func (ix *Index) Explain(ctx context.Context, q rag.IndexQuery, id rag.ChunkID) (rag.Explanation, error) {
	direction, err := ix.direction(&q)
	if err != nil {
		return rag.Explanation{ChunkID: id}, err
	}
	e, err := ix.words.Explain(ctx, q, id)
	if err != nil || direction == nil || !e.Present {
		return e, err
	}
	table, err := ix.open(ctx, false)
	if err != nil {
		return e, err
	}
	one := &search{ix: ix, ask: external.Query{Vector: direction}, table: table}
	res, err := one.request(ctx, external.Condition{IDs: []rag.ChunkID{id}}, 1)
	if err != nil || len(res.Vector) == 0 {
		return e, err
	}
	e.Vector = float64(res.Vector[0].Score)
	if !e.Allowed {
		return e, nil
	}
	const ranked = 1000
	all := &search{ix: ix, ask: external.Query{Vector: direction, K: ranked}, query: q}
	res, err = all.run(ctx)
	e.VectorRank = 1 + slices.IndexFunc(res.Vector, func(h rag.Scored) bool { return h.ChunkID == id })
	return e, err
}

// Verify compares the checksums of the words' files, and the ids of what the database holds with those of the words. KindInvalid says what differs: Rebuild
// mends it. Nobody writes to the space meanwhile. KindUnavailable says that the database is behind, or cannot be asked.
func (ix *Index) Verify(ctx context.Context) error {
	if err := ix.words.Verify(ctx); err != nil {
		return err
	}
	ix.applying.Lock()
	defer ix.applying.Unlock()
	l, err := ix.turn(ctx)
	if err != nil {
		return err
	}
	p := l.space
	if p.Seq != ix.words.Seq() {
		return errors.Join(rag.Errorf(rag.KindUnavailable, "index: %s holds changes up to %d, and the words up to %d", ix.conn.cfg.Name, p.Seq, ix.words.Seq()), l.giveBack(p.Seq))
	}
	err = ix.compare(ctx, l)
	if rag.KindOf(err) == rag.KindNotFound {
		err = rag.Wrap(rag.KindInvalid, err, "index")
	}
	return errors.Join(err, l.giveBack(p.Seq))
}

// compare reports, as KindInvalid, in what the ids of the space differ from those of the words.
func (ix *Index) compare(ctx context.Context, l *lease) error {
	want, err := ix.words.IDs()
	if err != nil {
		return err
	}
	const page = 10_000
	var after rag.ChunkID
	strays, found := 0, 0
	for {
		var ids []rag.ChunkID
		err := l.do(ctx, func(ctx context.Context, t external.Table) (err error) {
			ids, err = t.IDs(ctx, after, page)
			return err
		})
		if err != nil {
			return err
		}
		for _, id := range ids {
			if _, ok := slices.BinarySearch(want, id); ok {
				found++
			} else {
				strays++
			}
		}
		if len(ids) < page {
			break
		}
		after = ids[len(ids)-1]
	}
	if lacking := len(want) - found; lacking+strays > 0 {
		return rag.Errorf(rag.KindInvalid, "index: %s lacks %d chunks, and has %d that are gone", ix.conn.cfg.Name, lacking, strays)
	}
	return nil
}

// IDs returns the chunks that there are, in ascending order.
func (ix *Index) IDs() ([]rag.ChunkID, error) { return ix.words.IDs() }
