package opensearch

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/external/rest"
	"github.com/smartretriever/smartretriever/rag"
)

// filter is a query that documents meet or do not.
func filter(c external.Condition) object {
	switch {
	case len(c.IDs) > 0:
		return object{"terms": object{"id": c.IDs}}
	case len(c.Has) > 0:
		return object{"terms": object{"tags": hex(c.Has)}}
	case len(c.All) > 0:
		return object{"bool": object{"filter": filters(c.All)}}
	case len(c.Any) > 0:
		return object{"bool": object{"should": filters(c.Any), "minimum_should_match": 1}}
	case c.Not != nil:
		return object{"bool": object{"must_not": []object{filter(*c.Not)}}}
	}
	return object{"match_all": object{}}
}

func filters(cs []external.Condition) []object {
	out := make([]object, len(cs))
	for i, c := range cs {
		out[i] = filter(c)
	}
	return out
}

// nearest is the body of a search by a vector. The filter is part of it: it restricts what is looked at, not what was found.
func (t *table) nearest(q external.Query) object {
	cfg := t.db.cfg
	b := object{"size": q.K, "_source": []string{"document"}}
	if t.product == Elasticsearch {
		candidates := max(q.K, cfg.Ef)
		if cfg.Ef == 0 {
			candidates = max(100, q.K*3/2)
		}
		knn := object{"field": "vector", "query_vector": q.Vector, "k": q.K, "num_candidates": min(candidates, maxWindow)}
		if !q.Where.IsZero() {
			knn["filter"] = filter(q.Where)
		}
		b["knn"] = knn
		return b
	}
	knn := object{"vector": q.Vector, "k": q.K}
	if !q.Where.IsZero() {
		knn["filter"] = filter(q.Where)
	}
	if cfg.Ef > 0 {
		knn["method_parameters"] = object{"ef_search": max(q.K, cfg.Ef)}
	}
	b["query"] = object{"knn": object{"vector": knn}}
	return b
}

// words is the body of a search by the words of a text: BM25, one of them is enough.
func (t *table) words(q external.Query) object {
	match := object{"must": []object{{"match": object{"text": object{"query": q.Text}}}}}
	if !q.Where.IsZero() {
		match["filter"] = []object{filter(q.Where)}
	}
	return object{"size": q.K, "_source": []string{"document"}, "track_total_hits": false, "query": object{"bool": match}}
}

// found is the answer to a search, or what is wrong with it.
type found struct {
	Status   int
	Error    *fault
	TimedOut bool                 `json:"timed_out"`
	Shards   struct{ Failed int } `json:"_shards"`
	Hits     struct {
		Hits []struct {
			ID     string                            `json:"_id"`
			Score  float32                           `json:"_score"` // null is 0
			Source struct{ Document rag.DocumentID } `json:"_source"`
		}
	}
}

// whole reports whether a search was answered for all that there is.
func (f found) whole(product string) error {
	switch {
	case f.Error != nil:
		return rag.Errorf(kindOf(f.Status, f.Error.Type), "%s: search: status %d, %s", product, f.Status, f.Error.Type)
	case f.TimedOut, f.Shards.Failed > 0:
		return rag.Errorf(rag.KindUnavailable, "%s: a part of the index did not answer in time", product)
	}
	return nil
}

// Search implements external.Table. Both lists come in one call.
func (t *table) Search(ctx context.Context, q external.Query) (external.Result, error) {
	var bodies []object
	if q.Vector != nil {
		if err := t.fits(q.Vector); err != nil {
			return external.Result{}, err
		}
		bodies = append(bodies, t.nearest(q))
	}
	if q.Text != "" {
		bodies = append(bodies, t.words(q))
	}
	if len(bodies) == 0 {
		return external.Result{}, nil
	}
	answers, err := t.searches(ctx, bodies)
	if err != nil {
		return external.Result{}, err
	}
	var res external.Result
	if q.Vector != nil {
		if res.Vector, err = t.scored(answers[0]); err != nil {
			return external.Result{}, err
		}
		for i := range res.Vector {
			res.Vector[i].Score = cosine(t.product, res.Vector[i].Score)
		}
	}
	if q.Text != "" {
		if res.Keyword, err = t.scored(answers[len(answers)-1]); err != nil {
			return external.Result{}, err
		}
	}
	return res, nil
}

// searches makes several searches in one call.
func (t *table) searches(ctx context.Context, bodies []object) ([]found, error) {
	var lines bytes.Buffer
	write := json.NewEncoder(&lines)
	for _, b := range bodies {
		// Without leave for partial results a search fails whose shards cannot all answer.
		for _, line := range []object{{"index": t.alias, "allow_partial_search_results": false}, b} {
			if err := write.Encode(line); err != nil {
				return nil, rag.Errorf(rag.KindInvalid, "%s: the vector of a query holds a number that is not finite", t.product)
			}
		}
	}
	var answer struct{ Responses []found }
	r := rest.Request{Method: http.MethodPost, Path: "/_msearch", Body: lines.Bytes(), ContentType: "application/x-ndjson", Private: true}
	if err := t.db.do(ctx, r, &answer); err != nil {
		return nil, err
	}
	if len(answer.Responses) != len(bodies) {
		return nil, rag.Errorf(rag.KindInternal, "%s: %d searches are answered for %d", t.product, len(bodies), len(answer.Responses))
	}
	for _, f := range answer.Responses {
		if err := f.whole(t.product); err != nil {
			return nil, err
		}
	}
	return answer.Responses, nil
}

// scored returns the results of a search, with the scores of the server.
func (t *table) scored(f found) ([]rag.Scored, error) {
	out := make([]rag.Scored, len(f.Hits.Hits))
	for i, h := range f.Hits.Hits {
		id, err := t.chunkID(h.ID)
		if err != nil {
			return nil, err
		}
		out[i] = rag.Scored{ChunkID: id, DocumentID: h.Source.Document, Score: h.Score}
	}
	return out, nil
}

// chunkID reads an _id.
func (t *table) chunkID(id string) (rag.ChunkID, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n < 1 {
		return 0, rag.Errorf(rag.KindInternal, "%s: the index of %s holds a document that this program did not put there", t.product, t.alias)
	}
	return rag.ChunkID(n), nil
}

// IDs implements external.Table. A search has a bound of results, so several follow each other where more are asked for.
func (t *table) IDs(ctx context.Context, after rag.ChunkID, limit int) ([]rag.ChunkID, error) {
	var ids []rag.ChunkID
	for len(ids) < limit {
		size := min(limit-len(ids), maxWindow)
		var answer found
		body := object{"size": size, "sort": []object{{"id": "asc"}}, "search_after": []rag.ChunkID{after}, "_source": false, "track_total_hits": false}
		if err := t.db.do(ctx, rest.Request{Method: http.MethodPost, Path: t.path("/_search"), Body: body}, &answer); err != nil {
			return nil, err
		}
		if err := answer.whole(t.product); err != nil {
			return nil, err
		}
		for _, h := range answer.Hits.Hits {
			id, err := t.chunkID(h.ID)
			if err != nil {
				return nil, err
			}
			ids = append(ids, id)
			after = id
		}
		if len(answer.Hits.Hits) < size {
			break
		}
	}
	return ids, nil
}

// Count implements external.Table.
func (t *table) Count(ctx context.Context) (int64, error) {
	var answer struct {
		Count  int64
		Shards struct{ Failed int } `json:"_shards"`
	}
	if err := t.db.do(ctx, rest.Request{Method: http.MethodGet, Path: t.path("/_count")}, &answer); err != nil {
		return 0, err
	}
	if answer.Shards.Failed > 0 {
		return 0, rag.Errorf(rag.KindUnavailable, "%s: a part of the index did not answer", t.product)
	}
	return answer.Count, nil
}
