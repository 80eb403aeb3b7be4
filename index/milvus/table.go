package milvus

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/external/rpc"
	"github.com/smartretriever/smartretriever/rag"
)

// table is a collection that is loaded.
type table struct {
	db         *Database
	space      external.Space
	collection string
}

// ask calls a method that concerns the collection. One that was released meanwhile is loaded again.
func (t *table) ask(ctx context.Context, method string, message []byte) ([]byte, error) {
	answer, err := t.db.ask(ctx, method, message)
	if s, ok := errors.AsType[*status](err); ok && s.code == codeNotLoaded {
		if err := t.load(ctx); err != nil {
			return nil, err
		}
		return t.db.ask(ctx, method, message)
	}
	return answer, err
}

// Upsert implements external.Table.
func (t *table) Upsert(ctx context.Context, items []external.Item) error {
	for _, i := range items {
		switch {
		case len(i.Vector) != t.space.Dimensions:
			return rag.Errorf(rag.KindInvalid, "milvus: item %d has a vector of %d dimensions, the space has %d", i.ID, len(i.Vector), t.space.Dimensions)
		case len(i.Tags) > maxTags:
			return rag.Errorf(rag.KindInvalid, "milvus: item %d has %d tags, of which Milvus keeps %d: its document has too many values or readers", i.ID, len(i.Tags), maxTags)
		case len(i.Document) > maxDocument:
			return rag.Errorf(rag.KindInvalid, "milvus: the document of item %d has an id of %d bytes, at most %d are kept", i.ID, len(i.Document), maxDocument)
		}
	}
	for len(items) > 0 {
		n := t.fit(items)
		if _, err := t.ask(ctx, "Upsert", columns(t.db.request(t.collection), t.space, items[:n])); err != nil {
			return err
		}
		items = items[n:]
	}
	return nil
}

// fit returns how many of the items go into a message, at least one. All of them do, unless they have thousands of tags.
func (t *table) fit(items []external.Item) int {
	size := 0
	for n, i := range items {
		size += 4*len(i.Vector) + len(i.Text) + 10*len(i.Tags) + len(i.Document) + 64 // a tag has up to ten bytes
		if n > 0 && size > maxMessage {
			return n
		}
	}
	return len(items)
}

// cut returns a text as Milvus takes it: at most so long, and without what is no UTF-8.
func cut(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= maxText {
		return text
	}
	end := maxText
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// Delete implements external.Table.
func (t *table) Delete(ctx context.Context, ids []rag.ChunkID) error {
	if len(ids) == 0 {
		return nil
	}
	return t.DeleteWhere(ctx, external.Condition{IDs: ids})
}

// DeleteWhere implements external.Table.
func (t *table) DeleteWhere(ctx context.Context, where external.Condition) error {
	expr := filter(where)
	if expr == "" {
		expr = everything // Milvus does not take an empty one here
	}
	_, err := t.ask(ctx, "Delete", rpc.AppendString(t.db.request(t.collection), 5, expr))
	return err
}

// Search implements external.Table.
func (t *table) Search(ctx context.Context, q external.Query) (external.Result, error) {
	if q.Vector != nil && len(q.Vector) != t.space.Dimensions {
		return external.Result{}, rag.Errorf(rag.KindInvalid, "milvus: the query has a vector of %d dimensions, the space has %d", len(q.Vector), t.space.Dimensions)
	}
	if q.Text != "" && !t.space.Text {
		return external.Result{}, rag.Errorf(rag.KindInvalid, "milvus: space %s keeps no texts", t.space.Name)
	}
	var r external.Result
	g, ctx := errgroup.WithContext(ctx)
	where := filter(q.Where)
	if q.Vector != nil {
		g.Go(func() (err error) {
			r.Vector, err = t.search(ctx, "vector", placeholder(searchFloats, floatBytes(q.Vector)), q.K, where, t.searchParams(q.K))
			return err
		})
	}
	if q.Text != "" {
		g.Go(func() (err error) {
			r.Keyword, err = t.search(ctx, "words", placeholder(searchText, []byte(cut(q.Text))), q.K, where, map[string]any{})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return external.Result{}, err
	}
	return r, nil
}

// searchParams are those of the configured kind of index. If the space was made with another one, Milvus takes its own values.
func (t *table) searchParams(k int) map[string]any {
	switch c := t.db.cfg; c.Index {
	case HNSW:
		return map[string]any{"ef": max(c.Ef, k)}
	case IVFFlat:
		return map[string]any{"nprobe": c.NProbe}
	}
	return map[string]any{}
}

func (t *table) search(ctx context.Context, field string, what []byte, k int, where string, params map[string]any) ([]rag.Scored, error) {
	metric := "COSINE"
	if field == "words" {
		metric = "BM25"
	}
	list, _ := json.Marshal(params) // numbers cannot fail
	b := t.db.request(t.collection)
	b = rpc.AppendString(b, 5, where)
	b = rpc.AppendMessage(b, 6, what)
	b = rpc.AppendUint(b, 7, 1) // the filter is in the language of today
	b = rpc.AppendString(b, 8, "document")
	b = appendPair(b, 9, "anns_field", field)
	b = appendPair(b, 9, "topk", strconv.Itoa(k))
	b = appendPair(b, 9, "metric_type", metric)
	b = appendPair(b, 9, "params", string(list))
	b = rpc.AppendUint(b, 12, 1) // one query
	answer, err := t.ask(ctx, "Search", b)
	if err != nil {
		return nil, err
	}
	hits, err := readHits(answer)
	if err != nil {
		return nil, err
	}
	for i, h := range hits {
		if field == "vector" {
			hits[i].Score = min(max(h.Score, -1), 1)
		} else {
			hits[i].Score = float32(math.Abs(float64(h.Score))) // Milvus Lite tells them as distances, below 0
		}
	}
	return hits, nil
}

// IDs implements external.Table.
func (t *table) IDs(ctx context.Context, from rag.ChunkID, limit int) ([]rag.ChunkID, error) {
	var ids []rag.ChunkID
	for len(ids) < limit {
		n := min(limit-len(ids), maxK)
		page, err := t.page(ctx, from, n)
		if err != nil {
			return nil, err
		}
		for _, id := range page {
			ids = append(ids, rag.ChunkID(id))
		}
		if len(page) < n {
			break
		}
		from = ids[len(ids)-1]
	}
	return ids, nil
}

// page reads a page as Milvus' own iterators do: these two parameters have it sort by the primary key before it cuts off.
func (t *table) page(ctx context.Context, from rag.ChunkID, n int) ([]int64, error) {
	b := t.db.request(t.collection)
	b = rpc.AppendString(b, 4, after(from))
	b = rpc.AppendString(b, 5, "id")
	b = appendPair(b, 9, "limit", strconv.Itoa(n))
	b = appendPair(b, 9, "iterator", "True")
	b = appendPair(b, 9, "reduce_stop_for_best", "True")
	answer, err := t.ask(ctx, "Query", b)
	if err != nil {
		return nil, err
	}
	ids, err := readLongs(answer, 2, "id")
	if err != nil {
		return nil, malformed("%w", err)
	}
	if len(ids) > n {
		return nil, malformed("%d ids where %d were asked for", len(ids), n)
	}
	for i := range ids {
		if before := int64(from); ids[i] <= before {
			return nil, malformed("the ids are not in order: %d comes after %d", ids[i], before)
		}
		from = rag.ChunkID(ids[i])
	}
	return ids, nil
}

// Count implements external.Table.
func (t *table) Count(ctx context.Context) (int64, error) {
	answer, err := t.ask(ctx, "Query", rpc.AppendString(t.db.request(t.collection), 5, "count(*)"))
	if err != nil {
		return 0, err
	}
	n, err := readLongs(answer, 2, "count(*)")
	if err != nil || len(n) != 1 {
		return 0, malformed("%d counts: %w", len(n), err)
	}
	return n[0], nil
}
