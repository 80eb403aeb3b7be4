package opensearchtest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
)

// window is the most results of a search.
const window = 10_000

// request is the body of a search.
type request struct {
	Size   *int            `json:"size"`
	Source json.RawMessage `json:"_source"`
	Query  json.RawMessage `json:"query"`
	KNN    *struct {       // Elasticsearch
		Field       string          `json:"field"`
		QueryVector []float32       `json:"query_vector"`
		K           int             `json:"k"`
		Candidates  int             `json:"num_candidates"`
		Filter      json.RawMessage `json:"filter"`
	} `json:"knn"`
	Sort  []map[string]string `json:"sort"`
	After []int64             `json:"search_after"`
	Total *bool               `json:"track_total_hits"`
}

// nearest is what both products ask for by a vector.
type nearest struct {
	vector []float32
	k      int
	filter json.RawMessage
}

// knn reads OpenSearch's query by a vector, if a query is one.
func knn(query json.RawMessage) (n nearest, is bool, err error) {
	var q struct {
		KNN map[string]json.RawMessage `json:"knn"`
	}
	if json.Unmarshal(query, &q) != nil || q.KNN == nil {
		return n, false, nil
	}
	var body struct {
		Vector     []float32       `json:"vector"`
		K          int             `json:"k"`
		Filter     json.RawMessage `json:"filter"`
		Parameters *struct {
			Ef int `json:"ef_search"`
		} `json:"method_parameters"`
	}
	err = strict(q.KNN["vector"], &body)
	return nearest{body.Vector, body.K, body.Filter}, true, err
}

// openSearchScore is OpenSearch's score of an inner product.
func openSearchScore(product float32) float32 {
	if product >= 0 {
		return 1 + product
	}
	return 1 / (1 - product)
}

type hit struct {
	document *document
	score    float32
}

func (s *Server) search(c call) (any, *failure) {
	ix, _ := s.find(c.target)
	if ix == nil {
		return nil, missing(c.target)
	}
	return s.searchIn(ix, c.body, c.fault)
}

func (s *Server) searchIn(ix *index, body []byte, f Fault) (object, *failure) {
	var r request
	if err := strict(body, &r); err != nil {
		return nil, fail(400, "parsing_exception", "%v", err)
	}
	size := 10
	if r.Size != nil {
		size = *r.Size
	}
	if size < 0 || size > window {
		return nil, fail(400, "search_phase_execution_exception", "Result window is too large, from + size must be less than or equal to: [%d] but was [%d].", window, size)
	}
	hits, bad := s.hits(ix, r)
	if bad != nil {
		return nil, bad
	}
	hits = hits[:min(size, len(hits))]
	out := make([]object, len(hits))
	for i, h := range hits {
		one := object{"_index": ix.name, "_id": strconv.FormatInt(h.document.id, 10), "_score": h.score}
		if r.Sort != nil {
			one["_score"], one["sort"] = nil, []int64{h.document.id}
		}
		if source := chosen(r.Source, h.document.source); source != nil {
			one["_source"] = source
		}
		out[i] = one
	}
	failed := 0
	if f == Partial {
		failed, out = 1, out[:len(out)/2]
	}
	return object{"took": 1, "timed_out": f == Late, "_shards": object{"total": 2, "successful": 2 - failed, "skipped": 0, "failed": failed},
		"hits": object{"max_score": nil, "hits": out}}, nil
}

// chosen returns what a search wants of a document's source: a list of fields, or with false nothing.
func chosen(want json.RawMessage, source map[string]json.RawMessage) object {
	out := object{}
	var names []string
	switch {
	case string(want) == "false":
		return nil
	case json.Unmarshal(want, &names) == nil && want != nil:
	default:
		for name := range source {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if v, ok := source[name]; ok {
			out[name] = v
		}
	}
	return out
}

// hits returns what a search finds, in order.
func (s *Server) hits(ix *index, r request) ([]hit, *failure) {
	switch n, is, err := knn(r.Query); {
	case is && ix.product != OpenSearch:
		return nil, fail(400, "parsing_exception", "[knn] unknown field [vector]")
	case is && err != nil:
		return nil, fail(400, "parsing_exception", "[knn] %v", err)
	case is:
		if n.k < 1 || n.k > window {
			return nil, fail(400, "illegal_argument_exception", "[knn] requires k to be in the range (0, 10000]")
		}
		return ix.nearest(n)
	}
	if r.KNN != nil {
		k := *r.KNN
		switch {
		case ix.product != Elasticsearch:
			return nil, fail(400, "parsing_exception", "Unknown key for a START_OBJECT in [knn].")
		case k.Field != "vector":
			return nil, fail(400, "query_shard_exception", "field [%s] does not exist in the mapping", k.Field)
		case k.K < 1 || k.Candidates < k.K || k.Candidates > window:
			return nil, fail(400, "x_content_parse_exception", "[num_candidates] cannot be less than [k] nor exceed [10000]")
		case r.Query != nil:
			return nil, fail(400, "illegal_argument_exception", "this double does not mix knn and query")
		}
		return ix.nearest(nearest{k.QueryVector, k.K, k.Filter})
	}
	if r.Sort != nil {
		return ix.sorted(r)
	}
	return ix.worded(r.Query)
}

// nearest finds documents by a vector.
func (ix *index) nearest(n nearest) ([]hit, *failure) {
	if len(n.vector) != ix.mapping.dimensions() {
		return nil, fail(400, "search_phase_execution_exception", "Query vector has invalid dimension: %d. Dimension should be: %d", len(n.vector), ix.mapping.dimensions())
	}
	is := func(*document) bool { return true }
	if n.filter != nil {
		var bad *failure
		if is, bad = ix.compile(n.filter); bad != nil {
			return nil, bad
		}
	}
	var out []hit
	for _, d := range ix.visible {
		if d.vector == nil || !is(d) {
			continue
		}
		var product float32
		for i, x := range n.vector {
			product += x * d.vector[i]
		}
		score := openSearchScore(product)
		if ix.product == Elasticsearch {
			score = float32((1 + float64(product)/(length(n.vector)*length(d.vector))) / 2)
		}
		out = append(out, hit{d, score})
	}
	rank(out)
	return out[:min(n.k, len(out))], nil
}

func rank(hits []hit) {
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.document.id, b.document.id))
	})
}

// sorted lists documents by ascending id, behind search_after.
func (ix *index) sorted(r request) ([]hit, *failure) {
	if len(r.Sort) != 1 || r.Sort[0]["id"] != "asc" || len(r.After) > 1 || r.Query != nil {
		return nil, fail(400, "illegal_argument_exception", "this double sorts by ascending id only")
	}
	var out []hit
	for _, d := range ix.visible {
		if len(r.After) == 0 || d.id > r.After[0] {
			out = append(out, hit{document: d})
		}
	}
	slices.SortFunc(out, func(a, b hit) int { return cmp.Compare(a.document.id, b.document.id) })
	return out, nil
}

// worded finds documents by a bool query that has to match words, or by any other query, which gives no scores.
func (ix *index) worded(query json.RawMessage) ([]hit, *failure) {
	if query == nil {
		query = json.RawMessage(`{"match_all":{}}`)
	}
	is, bad := ix.compile(query)
	if bad != nil {
		return nil, bad
	}
	var q struct {
		Bool struct {
			Must []struct {
				Match json.RawMessage
			}
		}
	}
	score := func(*document) float32 { return 1 }
	switch known := json.Unmarshal(query, &q); {
	case known != nil:
	case bytes.HasPrefix(bytes.TrimSpace(query), []byte(`{"bool"`)) && len(q.Bool.Must) == 0:
		score = func(*document) float32 { return 0 } // filters have none
	case len(q.Bool.Must) == 1 && q.Bool.Must[0].Match != nil:
		words, bad := ix.match(q.Bool.Must[0].Match)
		if bad != nil {
			return nil, bad
		}
		by := ix.bm25(words)
		score = func(d *document) float32 { return by.score(d.text) }
	}
	var out []hit
	for _, d := range ix.visible {
		if is(d) {
			out = append(out, hit{d, score(d)})
		}
	}
	rank(out)
	return out, nil
}

// header is the line before a search of a multi-search.
type header struct {
	Index   string `json:"index"`
	Partial *bool  `json:"allow_partial_search_results"`
}

// multiSearch makes several searches, each of which is answered for itself.
func (s *Server) multiSearch(c call) (any, *failure) {
	list, bad := lines(c.body)
	if bad != nil {
		return nil, bad
	}
	if len(list)%2 != 0 {
		return nil, fail(400, "action_request_validation_exception", "Validation Failed: 1: no requests added;")
	}
	responses := []object{}
	for pair := range slices.Chunk(list, 2) {
		var h header
		if err := strict(bytes.TrimSpace(pair[0]), &h); err != nil {
			return nil, fail(400, "illegal_argument_exception", "key is not supported in the metadata section: %v", err)
		}
		ix, _ := s.find(h.Index)
		if ix == nil {
			responses = append(responses, missing(h.Index).body())
			continue
		}
		one, bad := s.searchIn(ix, pair[1], c.fault)
		switch {
		case bad != nil:
			one = bad.body()
		case c.fault == Partial && h.Partial != nil && !*h.Partial:
			one = fail(503, "search_phase_execution_exception", "Partial shards failure").body()
		default:
			one["status"] = 200
		}
		responses = append(responses, one)
	}
	return object{"took": 1, "responses": responses}, nil
}

func (s *Server) count(c call) (any, *failure) {
	ix, _ := s.find(c.target)
	if ix == nil {
		return nil, missing(c.target)
	}
	failed := 0
	if c.fault == Partial {
		failed = 1
	}
	return object{"count": len(ix.visible), "_shards": object{"total": 1, "successful": 1 - failed, "failed": failed}}, nil
}
