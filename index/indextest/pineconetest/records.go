package pineconetest

import (
	"cmp"
	"encoding/json"
	"maps"
	"math"
	"net/url"
	"slices"
)

// What the API takes and gives.
const (
	maxRequest  = 2 << 20
	maxRecords  = 1000
	maxMetadata = 40 << 10
	maxAnswer   = 4 << 20
	maxTopK     = 10_000
)

func upsert(r dataRequest) (any, error) {
	var req struct {
		Namespace string   `json:"namespace"`
		Vectors   []record `json:"vectors"`
	}
	if err := read(r.Request, maxRequest, &req); err != nil {
		return nil, err
	}
	if len(req.Vectors) == 0 || len(req.Vectors) > maxRecords {
		return nil, refuse(400, "an upsert has 1 to %d vectors, not %d", maxRecords, len(req.Vectors))
	}
	for _, v := range req.Vectors {
		if err := r.ix.check(v); err != nil {
			return nil, err
		}
	}
	if r.s.cfg.HalfUpserts {
		req.Vectors = req.Vectors[:len(req.Vectors)/2]
	}
	n := r.ix.namespaces[req.Namespace]
	if n == nil { // the first write makes it
		n = newNamespace()
		r.ix.namespaces[req.Namespace] = n
	}
	n.write(r, func(seen map[string]record) {
		for _, v := range req.Vectors {
			seen[v.ID] = v
		}
	})
	return map[string]any{"upsertedCount": len(req.Vectors)}, nil
}

func (ix *index) check(v record) error {
	if v.ID == "" || len(v.ID) > 512 {
		return refuse(400, "a vector has an id of 1 to 512 bytes")
	}
	if len(v.Values) != ix.dimension {
		return refuse(400, "Vector dimension %d does not match the dimension of the index %d", len(v.Values), ix.dimension)
	}
	if !slices.ContainsFunc(v.Values, func(x float32) bool { return x != 0 }) {
		return refuse(400, "Dense vectors must contain at least one non-zero value")
	}
	if data, err := json.Marshal(v.Metadata); err != nil || len(data) > maxMetadata {
		return refuse(400, "metadata size is %d bytes, which exceeds the limit of %d bytes per vector", len(data), maxMetadata)
	}
	for key, value := range v.Metadata {
		switch value := value.(type) {
		case string, float64, bool:
		case []any:
			if slices.ContainsFunc(value, func(e any) bool { _, ok := e.(string); return !ok }) {
				return refuse(400, "Metadata value must be a string, number, boolean or list of strings, got a list with others for field '%s'", key)
			}
		default:
			return refuse(400, "Metadata value must be a string, number, boolean or list of strings, got another for field '%s'", key)
		}
	}
	return nil
}

func deleteRecords(r dataRequest) (any, error) {
	var req struct {
		Namespace string         `json:"namespace"`
		IDs       []string       `json:"ids"`
		DeleteAll bool           `json:"deleteAll"`
		Filter    map[string]any `json:"filter"`
	}
	if err := read(r.Request, maxRequest, &req); err != nil {
		return nil, err
	}
	ways := 0
	for _, given := range []bool{req.IDs != nil, req.DeleteAll, req.Filter != nil} {
		if given {
			ways++
		}
	}
	switch {
	case ways != 1:
		return nil, refuse(400, "one of ids, deleteAll and filter has to be given")
	case req.IDs != nil && (len(req.IDs) == 0 || len(req.IDs) > maxRecords):
		return nil, refuse(400, "a delete has 1 to %d ids, not %d", maxRecords, len(req.IDs))
	}
	meets, err := r.s.parse(req.Filter)
	if err != nil {
		return nil, err
	}
	n := r.ix.namespaces[req.Namespace]
	if n == nil {
		return nil, refuse(404, "Namespace not found")
	}
	n.write(r, func(seen map[string]record) {
		maps.DeleteFunc(seen, func(id string, v record) bool {
			if req.IDs != nil {
				return slices.Contains(req.IDs, id)
			}
			return meets(v.Metadata)
		})
	})
	return struct{}{}, nil
}

func fetchByMetadata(r dataRequest) (any, error) {
	var req struct {
		Namespace       string         `json:"namespace"`
		Filter          map[string]any `json:"filter"`
		Limit           int            `json:"limit"`
		PaginationToken string         `json:"paginationToken"`
	}
	if err := read(r.Request, maxRequest, &req); err != nil {
		return nil, err
	}
	meets, err := r.s.parse(req.Filter)
	if err != nil {
		return nil, err
	}
	if req.Limit < 1 || req.Limit > 10_000 || len(req.Filter) == 0 {
		return nil, refuse(400, "a filter and a limit of 1 to 10,000 have to be given")
	}
	out, next := map[string]any{}, map[string]any(nil)
	if n := r.ix.namespaces[req.Namespace]; n != nil {
		last := ""
		for _, id := range slices.Sorted(maps.Keys(n.seen)) {
			if id <= req.PaginationToken || !meets(n.seen[id].Metadata) {
				continue
			}
			if len(out) == req.Limit {
				next = map[string]any{"next": last}
				break
			}
			out[id], last = n.seen[id], id
		}
	}
	return map[string]any{"namespace": req.Namespace, "vectors": out, "pagination": next}, nil
}

func list(r dataRequest) (any, error) {
	var ids []string
	q := r.URL.Query()
	if n := r.ix.namespaces[q.Get("namespace")]; n != nil {
		ids = slices.Sorted(maps.Keys(n.seen))
	}
	ids, next, err := page(ids, withoutEmpty(q), "namespace", "prefix", "limit", "paginationToken")
	if err != nil {
		return nil, err
	}
	out := []any{}
	for _, id := range ids {
		out = append(out, map[string]any{"id": id})
	}
	return map[string]any{"namespace": q.Get("namespace"), "vectors": out, "pagination": next}, nil
}

func withoutEmpty(q url.Values) url.Values {
	out := maps.Clone(q)
	maps.DeleteFunc(out, func(_ string, v []string) bool { return len(v) == 1 && v[0] == "" })
	return out
}

type match struct {
	ID       string         `json:"id"`
	Score    float32        `json:"score"`
	Values   []float32      `json:"values"`
	Metadata map[string]any `json:"metadata,omitempty"`
}

func query(r dataRequest) (any, error) {
	var req struct {
		Namespace       string         `json:"namespace"`
		Vector          []float32      `json:"vector"`
		TopK            int            `json:"topK"`
		Filter          map[string]any `json:"filter"`
		IncludeMetadata bool           `json:"includeMetadata"`
		IncludeValues   bool           `json:"includeValues"`
	}
	if err := read(r.Request, maxRequest, &req); err != nil {
		return nil, err
	}
	switch {
	case req.TopK < 1 || req.TopK > maxTopK:
		return nil, refuse(400, "topK must be 1 to %d, not %d", maxTopK, req.TopK)
	case len(req.Vector) != r.ix.dimension:
		return nil, refuse(400, "Query vector dimension %d does not match the dimension of the index %d", len(req.Vector), r.ix.dimension)
	}
	meets, err := r.s.parse(req.Filter)
	if err != nil {
		return nil, err
	}
	matches := []match{}
	if n := r.ix.namespaces[req.Namespace]; n != nil {
		for id, v := range n.query(r) {
			if meets(v.Metadata) {
				matches = append(matches, match{id, cosine(req.Vector, v.Values), []float32{}, v.Metadata})
			}
		}
	}
	slices.SortFunc(matches, func(a, b match) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID)) })
	matches = matches[:min(len(matches), req.TopK)]
	if req.Filter != nil {
		slices.Reverse(matches) // filtered matches are the best, in any order
	}
	for i := range matches {
		if !req.IncludeMetadata {
			matches[i].Metadata = nil
		}
	}
	answer := map[string]any{"namespace": req.Namespace, "matches": matches, "usage": map[string]any{"readUnits": 1}}
	if data, err := json.Marshal(answer); err != nil || len(data) > maxAnswer {
		return nil, refuse(400, "the result of the query has %d bytes, more than %d", len(data), maxAnswer)
	}
	return answer, nil
}

func cosine(a, b []float32) float32 {
	var dot, aa, bb float64
	for i := range a {
		dot += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return float32(dot / math.Sqrt(aa*bb))
}
