package opensearch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/indextest"
	"github.com/smartretriever/smartretriever/index/indextest/opensearchtest"
	"github.com/smartretriever/smartretriever/index/opensearch"
	"github.com/smartretriever/smartretriever/rag"
)

var space = external.Space{Name: "s", Dimensions: 3, Text: true}

func TestFaults(t *testing.T) {
	for _, product := range []string{opensearchtest.OpenSearch, opensearchtest.Elasticsearch} {
		t.Run(product, func(t *testing.T) { testFaults(t, double(t, product)) })
	}
}

func testFaults(t *testing.T, srv *opensearchtest.Server) {
	table := indextest.OpenSpace(t, open(t, srv.URL(), nil), space)
	upsert := func() error { return table.Upsert(t.Context(), indextest.Fan(10, "confidential words")) }
	search := func() error {
		_, err := table.Search(t.Context(), external.Query{Vector: []float32{1, 0, 0}, Text: "confidential", K: 3})
		return err
	}
	deletion := func() error { return table.DeleteWhere(t.Context(), external.Condition{Has: []external.Tag{1}}) }
	for name, tt := range map[string]struct {
		call  string
		fault opensearchtest.Fault
		do    func() error
		want  rag.Kind
		left  int64 // items that are there then
	}{
		"starting":             {"_bulk", opensearchtest.Unavailable, upsert, rag.KindUnavailable, 0},
		"busy":                 {"_bulk", opensearchtest.Busy, upsert, rag.KindExhausted, 0},
		"half a batch":         {"_bulk", opensearchtest.Half, upsert, rag.KindExhausted, 5},
		"disk nearly full":     {"_bulk", opensearchtest.Blocked, upsert, rag.KindExhausted, 0},
		"an item unanswered":   {"_bulk", opensearchtest.Short, upsert, rag.KindUnavailable, 10},
		"not JSON":             {"_bulk", opensearchtest.Broken, upsert, rag.KindInternal, 0},
		"a shard is missing":   {"_msearch", opensearchtest.Partial, search, rag.KindUnavailable, 0},
		"a search too long":    {"_msearch", opensearchtest.Late, search, rag.KindUnavailable, 0},
		"a search too much":    {"_msearch", opensearchtest.Busy, search, rag.KindExhausted, 0},
		"a deletion fails":     {"_delete_by_query", opensearchtest.Failing, deletion, rag.KindUnavailable, 0},
		"a deletion too long":  {"_delete_by_query", opensearchtest.Late, deletion, rag.KindUnavailable, 0},
		"a count of a part":    {"_count", opensearchtest.Partial, func() error { _, err := table.Count(t.Context()); return err }, rag.KindUnavailable, 0},
		"a list of a part":     {"_search", opensearchtest.Partial, func() error { _, err := table.IDs(t.Context(), 0, 5); return err }, rag.KindUnavailable, 0},
		"a deletion in a rush": {"_bulk", opensearchtest.Busy, func() error { return table.Delete(t.Context(), []rag.ChunkID{1, 2}) }, rag.KindExhausted, 0},
	} {
		t.Run(name, func(t *testing.T) {
			indextest.CheckFault(t, table, func() { srv.Inject(tt.call, tt.fault) }, tt.do, tt.want, tt.left, password, "confidential")
		})
	}
}

// Where an item is refused for good and another for now, the error is final: a further try cannot succeed.
func TestTheGravestFaultOfABatch(t *testing.T) {
	srv := double(t, opensearchtest.Elasticsearch)
	table := indextest.OpenSpace(t, open(t, srv.URL(), nil), space)
	batch := indextest.Fan(4, "confidential words")
	batch[2].Vector = []float32{0, 0, 0} // which cosines do not take
	srv.Inject("_bulk", opensearchtest.Half)
	err := table.Upsert(t.Context(), batch)
	if !errors.Is(err, rag.ErrInvalid) || !strings.Contains(err.Error(), "3 of 4 items") || strings.Contains(err.Error(), "confidential") {
		t.Errorf("%v (%s)", err, rag.KindOf(err))
	}
}

func TestSilence(t *testing.T) {
	srv := double(t, opensearchtest.OpenSearch)
	indextest.OpenSpace(t, open(t, srv.URL(), nil), space)
	srv.Inject("_alias", opensearchtest.Hang, opensearchtest.Hang)
	hasty := open(t, srv.URL(), func(c *opensearch.Config) { c.Timeout = 50 * time.Millisecond })
	if _, err := hasty.Spaces(t.Context()); !errors.Is(err, rag.ErrUnavailable) || !strings.Contains(err.Error(), "no answer within 50ms") {
		t.Errorf("the server is silent: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := open(t, srv.URL(), nil).Spaces(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the caller has no more time: %v", err)
	}
}

// last is the last body that a double was sent, as JSON.
func last(t *testing.T, srv *opensearchtest.Server, call string, line int) map[string]any {
	t.Helper()
	sent := srv.Sent(call)
	var out map[string]any
	if err := json.Unmarshal([]byte(strings.Split(sent[len(sent)-1], "\n")[line]), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// within follows a path of members.
func within(v any, path ...string) any {
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

func TestSettingsReachTheServer(t *testing.T) {
	change := func(c *opensearch.Config) {
		c.Prefix, c.Shards, c.Replicas, c.Engine, c.M, c.EfConstruct, c.Ef = "mine_", 3, 2, opensearch.Lucene, 24, 200, 300
	}
	search := external.Query{Vector: []float32{1, 0, 0}, Text: "w", K: 7, Where: external.Condition{Has: []external.Tag{10}}}
	for product, tt := range map[string]struct {
		index, search map[string]any // by path
	}{
		opensearchtest.OpenSearch: {
			map[string]any{
				"settings/index/knn": true, "settings/index/number_of_shards": 3., "settings/index/number_of_replicas": 2., "mappings/dynamic": "strict",
				"mappings/properties/vector/type": "knn_vector", "mappings/properties/vector/dimension": 3., "mappings/properties/vector/method/engine": "lucene",
				"mappings/properties/vector/method/space_type": "innerproduct", "mappings/properties/vector/method/parameters/m": 24., "mappings/properties/vector/method/parameters/ef_construction": 200.,
			},
			map[string]any{"size": 7., "query/knn/vector/k": 7., "query/knn/vector/method_parameters/ef_search": 300., "query/knn/vector/filter/terms/tags": []any{"000000000000000a"}},
		},
		opensearchtest.Elasticsearch: {
			map[string]any{
				"settings/index/knn": nil, "mappings/properties/vector/type": "dense_vector", "mappings/properties/vector/dims": 3., "mappings/properties/vector/similarity": "cosine",
				"mappings/properties/vector/index_options/type": "hnsw", "mappings/properties/vector/index_options/m": 24., "mappings/properties/vector/index_options/ef_construction": 200.,
			},
			map[string]any{"size": 7., "knn/k": 7., "knn/num_candidates": 300., "knn/filter/terms/tags": []any{"000000000000000a"}, "query": nil},
		},
	} {
		srv := double(t, product)
		db := open(t, srv.URL(), change)
		table := indextest.OpenSpace(t, db, space)
		if _, err := table.Search(t.Context(), search); err != nil {
			t.Fatal(err)
		}
		made := srv.Sent("index")
		var index map[string]any
		for _, body := range made {
			if body != "" { // of a request that makes one
				_ = json.Unmarshal([]byte(body), &index)
			}
		}
		check := func(what string, in map[string]any, want map[string]any) {
			for path, value := range want {
				if got := within(in, strings.Split(path, "/")...); fmt.Sprint(got) != fmt.Sprint(value) {
					t.Errorf("%s: %s: %s is %v, want %v", product, what, path, got, value)
				}
			}
		}
		check("index", index, tt.index)
		check("search by a vector", last(t, srv, "_msearch", 1), tt.search)
		check("search by words", last(t, srv, "_msearch", 3), map[string]any{"size": 7.})
		if n := len(srv.Sent("_msearch")); n != 1 {
			t.Errorf("%s: both lists took %d calls", product, n)
		}
		// Without settings the server's own hold, but for Elasticsearch's candidates.
		plain := indextest.OpenSpace(t, open(t, srv.URL(), nil), space)
		if _, err := plain.Search(t.Context(), external.Query{Vector: []float32{1, 0, 0}, K: 80}); err != nil {
			t.Fatal(err)
		}
		body := last(t, srv, "_msearch", 1)
		if c := within(body, "knn", "num_candidates"); product == opensearchtest.Elasticsearch && c != 120. {
			t.Errorf("%v candidates", c)
		}
		if product == opensearchtest.OpenSearch && within(body, "query", "knn", "vector", "method_parameters") != nil {
			t.Error("parameters that were not configured")
		}
	}
}

func TestAPIKey(t *testing.T) {
	srv := double(t, opensearchtest.Elasticsearch)
	db := open(t, srv.URL(), func(c *opensearch.Config) { c.User, c.Password, c.APIKey = "", "", "QVBJLWtleQ==" })
	if s, err := db.Describe(t.Context()); err != nil || s.Product != "Elasticsearch" || s.Version != "8.19.3" {
		t.Errorf("%+v, %v", s, err)
	}
}

// What others have in the same cluster is neither listed nor taken.
func TestBesideOthers(t *testing.T) {
	srv := double(t, opensearchtest.OpenSearch)
	theirs := open(t, srv.URL(), func(c *opensearch.Config) { c.Prefix = "theirs_" })
	indextest.OpenSpace(t, theirs, space)
	db := open(t, srv.URL(), nil)
	indextest.OpenSpace(t, db, space)
	if names, err := db.Spaces(t.Context()); err != nil || !slices.Equal(names, []string{"s"}) {
		t.Errorf("the spaces are %v (%v)", names, err)
	}
	if err := db.Drop(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	if names, err := theirs.Spaces(t.Context()); err != nil || !slices.Equal(names, []string{"s"}) {
		t.Errorf("their spaces are %v (%v)", names, err)
	}
}

// A batch whose tags make it larger than servers take goes in several requests.
func TestLargeBodiesAreDivided(t *testing.T) {
	srv := double(t, opensearchtest.OpenSearch)
	table := indextest.OpenSpace(t, open(t, srv.URL(), nil), space)
	batch := indextest.Fan(100, "confidential words")
	for i := range batch {
		for n := range 6_000 {
			batch[i].Tags = append(batch[i].Tags, external.Tag(n+2))
		}
	}
	if err := table.Upsert(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	sent := srv.Sent("_bulk")
	if len(sent) < 2 {
		t.Errorf("%d requests", len(sent))
	}
	for _, body := range sent {
		if len(body) > 8<<20 {
			t.Errorf("a request of %d bytes", len(body))
		}
	}
	if n, err := table.Count(t.Context()); err != nil || n != 100 {
		t.Errorf("%d items (%v)", n, err)
	}
}

// More items than a deletion takes at a time, and more ids than a search lists.
func TestBeyondAWindow(t *testing.T) {
	srv := double(t, opensearchtest.OpenSearch)
	table := indextest.OpenSpace(t, open(t, srv.URL(), nil), space)
	const n = 10_500
	for batch := range slices.Chunk(indextest.Fan(n, "confidential words"), 2100) {
		if err := table.Upsert(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	if ids, err := table.IDs(t.Context(), 0, 2*n); err != nil || len(ids) != n || ids[n-1] != n {
		t.Errorf("%d ids (%v)", len(ids), err)
	}
	if err := table.DeleteWhere(t.Context(), external.Condition{Has: []external.Tag{1}}); err != nil {
		t.Fatal(err)
	}
	if n, err := table.Count(t.Context()); err != nil || n != 0 {
		t.Errorf("%d items are left (%v)", n, err)
	}
}

func TestNotFinite(t *testing.T) {
	srv := double(t, opensearchtest.OpenSearch)
	table := indextest.OpenSpace(t, open(t, srv.URL(), nil), space)
	nan := []float32{float32(math.NaN()), 0, 0}
	if err := table.Upsert(t.Context(), []external.Item{{ID: 1, Vector: nan}}); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("upsert: %v", err)
	}
	if _, err := table.Search(t.Context(), external.Query{Vector: nan, K: 1}); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("search: %v", err)
	}
}

func TestValidate(t *testing.T) {
	err := opensearch.Config{Address: "ftp://h", Product: "solr", User: "a:b", Password: "hush", APIKey: "k", Prefix: "Übung", Engine: "nmslib", Shards: -1, Replicas: -2, M: 1, EfConstruct: 5000, Ef: 20_000, Analyzer: `"`}.Validate()
	if !errors.Is(err, rag.ErrInvalid) {
		t.Fatal(err)
	}
	for _, want := range []string{"http://HOST:PORT", "solr", "colon", "exclude", "prefix", "nmslib", "shards is -1", "replicas is -2", "m is 1", "ef_construct is 5000", "ef is 20000", "analyzer"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing about %q in: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "hush") {
		t.Error("the error holds the password")
	}
	if err := (opensearch.Config{Address: "https://h:9200/path"}).Validate(); err != nil {
		t.Error(err)
	}
	if err := (opensearch.Config{Address: "https://h", User: "u"}).Validate(); !errors.Is(err, rag.ErrInvalid) {
		t.Error("a user without a password")
	}
}
