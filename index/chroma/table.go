package chroma

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"math"
	"net/http"
	"slices"
	"strconv"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/external/normal"
	"github.com/smartretriever/smartretriever/index/external/rest"
	"github.com/smartretriever/smartretriever/rag"
)

// table is a collection. It is called by its id: a collection of the same name that is made later is another one.
type table struct {
	db         *Database
	path       string
	dimensions int
}

// post makes a request whose contents are private.
func (t *table) post(ctx context.Context, verb string, body, answer any) error {
	_, err := t.db.http.Do(ctx, rest.Request{Method: http.MethodPost, Path: t.path + "/" + verb, Body: body, Private: true}, answer)
	return err
}

// records are the columns of an upsert.
type records struct {
	IDs        []string   `json:"ids"`
	Embeddings []string   `json:"embeddings"` // base64 of 32-bit numbers, little end first
	URIs       []string   `json:"uris"`       // the documents
	Metadatas  []metadata `json:"metadatas"`
}

type metadata struct {
	ID   rag.ChunkID    `json:"id"`
	Tags []external.Tag `json:"tags"` // an empty list takes out those of an item that is replaced: what is not said stays
}

// maxRequest bounds the bytes of a request, by an estimate: an item may have hundreds of tags.
const maxRequest = 24 << 20

// Upsert checks all vectors before it sends any.
func (t *table) Upsert(ctx context.Context, items []external.Item) error {
	for _, i := range items {
		if err := t.check(i.Vector); err != nil {
			return err
		}
	}
	for len(items) > 0 {
		var r records
		for size := 0; len(items) > 0 && (size == 0 || size < maxRequest); items = items[1:] {
			i := items[0]
			tags := i.Tags
			if tags == nil {
				tags = []external.Tag{} // not null, which is refused
			}
			r.IDs = append(r.IDs, decimal(i.ID))
			r.Embeddings = append(r.Embeddings, encode(i.Vector))
			r.URIs = append(r.URIs, string(i.Document))
			r.Metadatas = append(r.Metadatas, metadata{i.ID, tags})
			size += base64.StdEncoding.EncodedLen(4*len(i.Vector)) + 21*len(tags) + 150
		}
		if err := t.post(ctx, "upsert", r, nil); err != nil {
			return err
		}
	}
	return nil
}

func (t *table) check(v []float32) error {
	if len(v) != t.dimensions {
		return rag.Errorf(rag.KindInvalid, "chroma: a vector has %d dimensions, those of the collection have %d", len(v), t.dimensions)
	}
	return nil
}

func encode(v []float32) string {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return base64.StdEncoding.EncodeToString(b)
}

func decimal(id rag.ChunkID) string { return strconv.FormatInt(int64(id), 10) }

// Delete deletes by id.
func (t *table) Delete(ctx context.Context, ids []rag.ChunkID) error {
	if len(ids) == 0 {
		return ctx.Err()
	}
	names := make([]string, len(ids))
	for n, id := range ids {
		names[n] = decimal(id)
	}
	return t.post(ctx, "delete", map[string]any{"ids": names}, nil)
}

// DeleteWhere deletes as many at a time as are done in seconds.
func (t *table) DeleteWhere(ctx context.Context, c external.Condition) error {
	const most = 10_000
	filter := everyRecord
	switch f := normal.Of(c); {
	case f.Nothing():
		return ctx.Err()
	case !f.Everything():
		filter = whereOf(f)
	}
	for {
		var answer struct {
			Deleted *int `json:"deleted"`
		}
		if err := t.post(ctx, "delete", map[string]any{"where": filter, "limit": most}, &answer); err != nil {
			return err
		}
		switch {
		case answer.Deleted == nil:
			return rag.Errorf(rag.KindInternal, "chroma: the answer does not tell how many records were deleted")
		case *answer.Deleted < most:
			return nil
		}
	}
}

// Search asks for the nearest records.
func (t *table) Search(ctx context.Context, q external.Query) (external.Result, error) {
	var res external.Result
	if q.Text != "" {
		return res, rag.Errorf(rag.KindInvalid, "chroma: texts are not searched by their words")
	}
	if q.Vector == nil {
		return res, ctx.Err()
	}
	if err := t.check(q.Vector); err != nil {
		return res, err
	}
	body := map[string]any{"query_embeddings": [][]float32{q.Vector}, "n_results": q.K, "include": []string{"distances", "uris"}}
	switch f := normal.Of(q.Where); {
	case f.Nothing():
		return res, ctx.Err()
	case !f.Everything():
		body["where"] = whereOf(f)
	}
	var answer struct { // one list for each vector of the query
		IDs       [][]string   `json:"ids"`
		Distances [][]*float32 `json:"distances"`
		URIs      [][]*string  `json:"uris"`
	}
	if err := t.post(ctx, "query", body, &answer); err != nil {
		return res, err
	}
	malformed := rag.Errorf(rag.KindInternal, "chroma: the answer is not a list of records with distances and documents")
	if len(answer.IDs) != 1 || len(answer.Distances) != 1 || len(answer.URIs) != 1 || len(answer.Distances[0]) != len(answer.IDs[0]) || len(answer.URIs[0]) != len(answer.IDs[0]) {
		return res, malformed
	}
	for n, name := range answer.IDs[0] {
		id, err := strconv.ParseInt(name, 10, 64)
		distance, document := answer.Distances[0][n], answer.URIs[0][n]
		if err != nil || distance == nil || document == nil {
			return external.Result{}, malformed
		}
		score := max(-1, min(1, 1-*distance))
		res.Vector = append(res.Vector, rag.Scored{ChunkID: rag.ChunkID(id), DocumentID: rag.DocumentID(*document), Score: score})
	}
	return res, nil
}

// IDs narrows a range of ids until it holds little more than what is asked for: Chroma lists records in an order of its own. Where that is about the order
// of ids, as chunks are numbered, two requests do.
func (t *table) IDs(ctx context.Context, after rag.ChunkID, limit int) ([]rag.ChunkID, error) {
	if limit <= 0 {
		return nil, ctx.Err()
	}
	most := 4*limit + 1
	for last := rag.ChunkID(math.MaxInt64); ; {
		var answer struct {
			IDs []string `json:"ids"`
		}
		between := where{"$and": []where{{idKey: where{"$gt": after}}, {idKey: where{"$lte": last}}}}
		if err := t.post(ctx, "get", map[string]any{"where": between, "limit": most, "include": []string{}}, &answer); err != nil {
			return nil, err
		}
		ids := make([]rag.ChunkID, len(answer.IDs))
		for n, name := range answer.IDs {
			id, err := strconv.ParseInt(name, 10, 64)
			if err != nil {
				return nil, rag.Errorf(rag.KindInternal, "chroma: there is a record that is no chunk")
			}
			ids[n] = rag.ChunkID(id)
		}
		slices.Sort(ids)
		if len(ids) < most {
			return ids[:min(limit, len(ids))], nil
		}
		last = ids[limit-1] // at least limit of them are not above it
	}
}

// Count asks for the number of records.
func (t *table) Count(ctx context.Context) (n int64, err error) {
	_, err = t.db.http.Do(ctx, rest.Request{Method: http.MethodGet, Path: t.path + "/count"}, &n)
	return n, err
}
