package qdrant

import (
	"context"
	"math"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/external/rpc"
	"github.com/smartretriever/smartretriever/rag"
)

// table is a collection.
type table struct {
	db         *Database
	name       string
	dimensions int
	replicated bool
}

var _ external.Table = (*table)(nil)

// Upsert implements external.Table.
func (t *table) Upsert(ctx context.Context, items []external.Item) error {
	for _, it := range items {
		if err := t.fits(it.Vector); err != nil {
			return err
		}
	}
	for len(items) > 0 {
		n := fitting(items)
		if err := t.change(ctx, "qdrant.Points/Upsert", upsertPoints(t.name, items[:n])); err != nil {
			return err
		}
		items = items[n:]
	}
	return nil
}

// maxMessage is where an upsert is divided, in bytes: Qdrant has no bound, gateways before it have.
const maxMessage = 24 << 20

// fitting returns how many of the items, one or more, go into one message.
func fitting(items []external.Item) int {
	const tag, point = 14, 128 // as a message, and what is around the rest
	size := 0
	for n, it := range items {
		size += 4*len(it.Vector) + tag*len(it.Tags) + len(it.Document) + point
		if size > maxMessage && n > 0 {
			return n
		}
	}
	return len(items)
}

// fits checks a vector before it is sent, as a batch is refused in the middle.
func (t *table) fits(v []float32) error {
	if len(v) != t.dimensions {
		return rag.Errorf(rag.KindInvalid, "qdrant: a vector has %d dimensions, and the collection %s has %d", len(v), t.name, t.dimensions)
	}
	return nil
}

// change calls a method that changes points and reports whether it is done.
func (t *table) change(ctx context.Context, method string, message []byte) error {
	answer, err := t.db.call(ctx, method, message)
	if err != nil {
		return err
	}
	return applied(answer)
}

// Delete implements external.Table.
func (t *table) Delete(ctx context.Context, ids []rag.ChunkID) error {
	if len(ids) == 0 {
		return nil
	}
	return t.change(ctx, "qdrant.Points/Delete", deletePoints(t.name, rpc.AppendMessage(nil, 1, pointIDs(ids))))
}

// DeleteWhere implements external.Table.
func (t *table) DeleteWhere(ctx context.Context, where external.Condition) error {
	return t.change(ctx, "qdrant.Points/Delete", deletePoints(t.name, rpc.AppendMessage(nil, 2, filter(where))))
}

// Search implements external.Table.
func (t *table) Search(ctx context.Context, q external.Query) (external.Result, error) {
	if q.Text != "" {
		return external.Result{}, rag.Errorf(rag.KindInvalid, "qdrant: texts cannot be searched by their words")
	}
	if q.Vector == nil {
		return external.Result{}, nil
	}
	if err := t.fits(q.Vector); err != nil {
		return external.Result{}, err
	}
	answer, err := t.db.call(ctx, "qdrant.Points/Query", t.query(q))
	if err != nil {
		return external.Result{}, err
	}
	found, err := readResults(answer)
	return external.Result{Vector: found}, err
}

// IDs implements external.Table. Qdrant scrolls in the order of the ids.
func (t *table) IDs(ctx context.Context, after rag.ChunkID, limit int) ([]rag.ChunkID, error) {
	answer, err := t.db.call(ctx, "qdrant.Points/Scroll", t.scroll(uint64(after)+1, min(limit, math.MaxInt32)))
	if err != nil {
		return nil, err
	}
	return readIDs(answer)
}

// Count implements external.Table.
func (t *table) Count(ctx context.Context) (int64, error) {
	answer, err := t.db.call(ctx, "qdrant.Points/Count", t.count())
	if err != nil {
		return 0, err
	}
	return readCount(answer)
}
