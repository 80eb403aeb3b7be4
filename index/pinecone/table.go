package pinecone

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/external/normal"
	"github.com/smartretriever/smartretriever/index/external/rest"
	"github.com/smartretriever/smartretriever/rag"
)

// Bounds of what Pinecone takes, with some room: 2 MB a request, 1,000 records or ids, 40 KB of metadata.
const (
	maxRequest  = 1_900_000
	maxRecords  = 1_000
	maxMetadata = 40_000
)

// table is a namespace.
type table struct {
	db        *Database
	ix        *index
	namespace string
	fresh     *freshness
}

// post makes a request whose contents are private.
func (t *table) post(ctx context.Context, path string, body, answer any) (http.Header, error) {
	return t.ix.http.Do(ctx, rest.Request{Method: http.MethodPost, Path: path, Body: body, Private: true}, answer)
}

type record struct {
	ID       string    `json:"id"`
	Values   []float32 `json:"values"`
	Metadata metadata  `json:"metadata"`
}

type metadata struct {
	ID       string         `json:"id"`
	Document rag.DocumentID `json:"document"`
	Tags     []string       `json:"tags"`
}

// tags returns the tags that a record has.
func (m metadata) tags() ([]external.Tag, error) {
	var out []external.Tag
	for _, name := range m.Tags {
		if name == everyTag {
			continue
		}
		n, err := strconv.ParseUint(name, 16, 64)
		if err != nil {
			return nil, rag.Errorf(rag.KindInternal, "pinecone: there is a record with a tag that is none")
		}
		out = append(out, external.Tag(n))
	}
	return out, nil
}

// Upsert writes records, in requests of the size that Pinecone takes.
func (t *table) Upsert(ctx context.Context, items []external.Item) error {
	records := make([]json.RawMessage, len(items))
	for n, i := range items {
		if err := t.check(i.Vector); err != nil {
			return err
		}
		r := record{idName(i.ID), i.Vector, metadata{idName(i.ID), i.Document, append(tagNames(i.Tags), everyTag)}}
		if m, err := json.Marshal(r.Metadata); err != nil || len(m) > maxMetadata {
			return rag.Errorf(rag.KindInvalid, "pinecone: item %d has %d tags, more than the metadata of a record holds", i.ID, len(i.Tags))
		}
		var err error
		if records[n], err = json.Marshal(r); err != nil {
			return rag.Errorf(rag.KindInvalid, "pinecone: item %d has a vector with what is no number", i.ID)
		}
	}
	for len(records) > 0 {
		n, size := 1, len(records[0])
		for n < min(len(records), maxRecords) && size+len(records[n]) < maxRequest {
			size += len(records[n]) + 1
			n++
		}
		if err := t.upsert(ctx, records[:n]); err != nil {
			return err
		}
		records = records[n:]
	}
	return ctx.Err()
}

func (t *table) upsert(ctx context.Context, records []json.RawMessage) error {
	var answer struct {
		Count json.Number `json:"upsertedCount"`
	}
	header, err := t.post(ctx, "/vectors/upsert", map[string]any{"namespace": t.namespace, "vectors": records}, &answer)
	if err != nil {
		return err
	}
	t.fresh.wrote(header)
	if n, err := answer.Count.Int64(); err != nil || n != int64(len(records)) {
		return rag.Errorf(rag.KindUnavailable, "pinecone: of %d records %s were taken", len(records), cmp.Or(answer.Count.String(), "an unknown number"))
	}
	return nil
}

func (t *table) check(v []float32) error {
	if len(v) != t.ix.dimensions {
		return rag.Errorf(rag.KindInvalid, "pinecone: a vector has %d dimensions, those of the index have %d", len(v), t.ix.dimensions)
	}
	return nil
}

// Delete deletes by id.
func (t *table) Delete(ctx context.Context, ids []rag.ChunkID) error {
	for part := range slices.Chunk(ids, maxRecords) {
		if err := t.delete(ctx, map[string]any{"ids": names(part)}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (t *table) delete(ctx context.Context, body map[string]any) error {
	body["namespace"] = t.namespace
	header, err := t.post(ctx, "/vectors/delete", body, nil)
	if err == nil {
		t.fresh.wrote(header)
	}
	return err
}

// DeleteWhere deletes by filter, but looks at what a negation of tags selects first.
func (t *table) DeleteWhere(ctx context.Context, c external.Condition) error {
	f := normal.Of(c)
	switch {
	case f.Nothing():
		return ctx.Err()
	case f.Everything():
		return t.delete(ctx, map[string]any{"deleteAll": true})
	}
	if err := t.await(ctx); err != nil { // nothing says that a filter selects what queries do not see yet
		return err
	}
	if !negates(f) {
		return t.delete(ctx, map[string]any{"filter": filterOf(f)})
	}
	return t.deleteSelected(ctx, c, filterOf(f))
}

// deleteSelected deletes by id those records of a filter that meet the condition.
func (t *table) deleteSelected(ctx context.Context, c external.Condition, selects filter) error {
	body := map[string]any{"namespace": t.namespace, "filter": selects, "limit": 100}
	for {
		var page struct {
			Vectors map[string]struct {
				Metadata metadata `json:"metadata"`
			} `json:"vectors"`
			Pagination pagination `json:"pagination"`
		}
		if _, err := t.post(ctx, "/vectors/fetch_by_metadata", body, &page); err != nil {
			return err
		}
		var ids []rag.ChunkID
		for name, v := range page.Vectors {
			id, meets, err := v.Metadata.meets(name, c)
			if err != nil {
				return err
			}
			if meets {
				ids = append(ids, id)
			}
		}
		if err := t.Delete(ctx, ids); err != nil {
			return err
		}
		if page.Pagination.Next == "" {
			return nil
		}
		body["paginationToken"] = page.Pagination.Next
	}
}

// meets reports whether a record meets a condition.
func (m metadata) meets(name string, c external.Condition) (rag.ChunkID, bool, error) {
	id, err := parseID(name)
	if err != nil {
		return 0, false, err
	}
	tags, err := m.tags()
	if err != nil {
		return 0, false, err
	}
	return id, c.Match(id, tags), nil
}

type match struct {
	ID       string   `json:"id"`
	Score    float32  `json:"score"`
	Metadata metadata `json:"metadata"`
}

// Search asks for the nearest records, again until it is told those that this process has written.
func (t *table) Search(ctx context.Context, q external.Query) (external.Result, error) {
	var res external.Result
	if q.Text != "" {
		return res, rag.Errorf(rag.KindInvalid, "pinecone: texts are not searched by their words")
	}
	if q.Vector == nil {
		return res, ctx.Err()
	}
	if err := t.check(q.Vector); err != nil {
		return res, err
	}
	body := map[string]any{"namespace": t.namespace, "vector": q.Vector, "topK": q.K, "includeMetadata": true}
	switch f := normal.Of(q.Where); {
	case f.Nothing():
		return res, ctx.Err()
	case !f.Everything():
		body["filter"] = filterOf(f)
	}
	var matches []match
	wanted := t.fresh.wanted()
	_, err := poll(ctx, t.db.cfg.Freshness, func() (bool, error) {
		var answer struct {
			Matches []match `json:"matches"`
		}
		header, err := t.post(ctx, "/query", body, &answer)
		matches = answer.Matches
		return err == nil && t.fresh.reached(header, wanted), err
	})
	if err != nil {
		return res, err
	}
	for _, m := range matches {
		id, meets, err := m.Metadata.meets(m.ID, q.Where)
		if err != nil {
			return external.Result{}, err
		}
		if meets {
			res.Vector = append(res.Vector, rag.Scored{ChunkID: id, DocumentID: m.Metadata.Document, Score: max(-1, min(1, m.Score))})
		}
	}
	slices.SortStableFunc(res.Vector, func(a, b rag.Scored) int { return cmp.Compare(b.Score, a.Score) }) // filtered matches come in any order
	return res, nil
}

// Count tells what Pinecone tells of the namespace, once the writes of this process are seen.
func (t *table) Count(ctx context.Context) (int64, error) {
	if err := t.await(ctx); err != nil {
		return 0, err
	}
	var answer struct {
		Name  string      `json:"name"`
		Count json.Number `json:"record_count"` // a number, or digits in quotes; 0 may be left out
	}
	if _, err := t.ix.http.Do(ctx, rest.Request{Method: http.MethodGet, Path: namespacePath(t.namespace)}, &answer); err != nil {
		return 0, err
	}
	if answer.Count == "" && answer.Name == t.namespace {
		return 0, nil
	}
	n, err := answer.Count.Int64()
	if err != nil {
		return 0, rag.Errorf(rag.KindInternal, "pinecone: the answer does not tell the number of records")
	}
	return n, nil
}
