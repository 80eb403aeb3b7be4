//go:build servers

package weaviate_test

import (
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/external/rest"
	"github.com/smartretriever/smartretriever/index/indextest"
	"github.com/smartretriever/smartretriever/index/weaviate"
	"github.com/smartretriever/smartretriever/rag"
)

// serverConfig returns where scripts/weaviate-server.sh has started a server.
func serverConfig(t testing.TB) weaviate.Config {
	t.Helper()
	cfg := weaviate.Config{Address: os.Getenv("WEAVIATE_URL"), GRPC: os.Getenv("WEAVIATE_GRPC"), APIKey: os.Getenv("WEAVIATE_API_KEY")}
	if cfg.Address == "" {
		t.Fatal("WEAVIATE_URL is not set; scripts/test-vectors.sh starts a server")
	}
	return cfg
}

func open(t testing.TB, cfg weaviate.Config) *weaviate.Database {
	t.Helper()
	db, err := weaviate.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func restart(t testing.TB) { indextest.RestartDaemon(t, os.Getenv("WEAVIATE_SERVER")) }

func TestSuite(t *testing.T) {
	cfg := serverConfig(t)
	indextest.Database(t, func(t *testing.T) indextest.DatabaseFixture {
		rest, rpc := indextest.NewGate(t, strings.TrimPrefix(cfg.Address, "http://")), indextest.NewGate(t, strings.TrimPrefix(cfg.GRPC, "grpc://"))
		cfg := cfg
		cfg.Address, cfg.GRPC = "http://"+rest.Address(), "grpc://"+rpc.Address()
		another := func(t testing.TB) external.Database { return open(t, cfg) }
		return indextest.DatabaseFixture{
			DB: another(t), Another: another, Restart: restart,
			Stop:  func(t testing.TB) { rest.Stop(t); rpc.Stop(t) },
			Start: func(t testing.TB) { rest.Start(t); rpc.Start(t) },
			Stranger: func(t testing.TB) external.Database {
				wrong := cfg
				wrong.APIKey = "wrong-4711"
				return open(t, wrong)
			},
			Secrets: []string{cfg.APIKey, "wrong-4711"},
		}
	})
}

func put(t *testing.T, table external.Table, items []external.Item) {
	t.Helper()
	for batch := range slices.Chunk(items, 500) {
		if err := table.Upsert(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMoreThanOneCall: more items than Weaviate finds for one call, on three shards, are listed in order, counted and deleted.
func TestMoreThanOneCall(t *testing.T) {
	cfg := serverConfig(t)
	cfg.Index, cfg.Shards = weaviate.Flat, 3
	db := open(t, cfg)
	table := indextest.OpenSpace(t, db, external.Space{Name: "many", Dimensions: 2})
	const n = 10_500
	var items []external.Item
	for id := rag.ChunkID(n); id > 0; id-- {
		items = append(items, external.Item{ID: id, Document: "d", Vector: []float32{0.6, 0.8}, Tags: []external.Tag{external.Tag(id % 100)}})
	}
	put(t, table, items)
	ids, err := table.IDs(t.Context(), 0, n+1)
	if err != nil || len(ids) != n || ids[0] != 1 || ids[n-1] != n || !slices.IsSorted(ids) {
		t.Errorf("%d ids: %v", len(ids), err)
	}
	res, err := table.Search(t.Context(), external.Query{Vector: []float32{1, 0}, K: 500, Where: external.Condition{Has: []external.Tag{1, 2}}})
	if err != nil || len(res.Vector) != 210 {
		t.Errorf("%d items found, want 210 (%v)", len(res.Vector), err)
	}
	if err := table.DeleteWhere(t.Context(), external.Condition{Not: &external.Condition{IDs: []rag.ChunkID{7, n}}}); err != nil {
		t.Fatal(err)
	}
	if ids, err := table.IDs(t.Context(), 0, 10); err != nil || !slices.Equal(ids, []rag.ChunkID{7, n}) {
		t.Errorf("%v are left, %v", ids, err)
	}
	if n, err := table.Count(t.Context()); n != 2 || err != nil {
		t.Errorf("%d are counted, %v", n, err)
	}
}

// TestTexts: whatever is in a text, it is kept, and found by its words.
func TestTexts(t *testing.T) {
	table := indextest.OpenSpace(t, open(t, serverConfig(t)), external.Space{Name: "texts", Dimensions: 2, Text: true})
	long := strings.Repeat("ä ", 40_000) + "behind"
	var items []external.Item
	for id, text := range []string{"", "plain words", "\"quoted\" 'words' \\ \x00 and $more {", "日本語 🙂 words\xff", "early the " + long} {
		items = append(items, external.Item{ID: rag.ChunkID(id + 1), Document: "d", Vector: []float32{1, 0}, Text: text})
	}
	put(t, table, items)
	indextest.FindsByWords(t, table, map[string][]rag.ChunkID{
		"words": {2, 3, 4}, "QUOTED": {3}, "more": {3}, "early": {5}, "behind": {5}, "the": {5}, "absent": nil,
		"?!": nil, " ": nil, "\"}) \\": nil, "\xff": nil, "🙂 plain": {2},
	})
}

// TestRewritten: a deletion by what items have not, after all of them were written again. Weaviate still has numbers of the earlier ones, which meet it.
func TestRewritten(t *testing.T) {
	table := indextest.OpenSpace(t, open(t, serverConfig(t)), external.Space{Name: "rewritten", Dimensions: 2})
	var items []external.Item
	for id := range rag.ChunkID(20) {
		items = append(items, external.Item{ID: id + 1, Vector: []float32{1, 0}, Tags: []external.Tag{external.Tag(id % 2)}})
	}
	put(t, table, items)
	put(t, table, items)
	none := external.Condition{All: []external.Condition{{Not: &external.Condition{Has: []external.Tag{0}}}, {Not: &external.Condition{Has: []external.Tag{1}}}}}
	for _, c := range []struct {
		where external.Condition
		left  int64
	}{{none, 20}, {external.Condition{Not: &external.Condition{Has: []external.Tag{1}}}, 10}, {external.Condition{Not: &external.Condition{IDs: []rag.ChunkID{2, 4}}}, 2}} {
		if err := table.DeleteWhere(t.Context(), c.where); err != nil {
			t.Fatal(err)
		}
		if n, err := table.Count(t.Context()); n != c.left || err != nil {
			t.Errorf("%d items are left, want %d (%v)", n, c.left, err)
		}
	}
}

// TestReadOnly: when a server can write no more, as with a full disk, nothing is said to be stored.
func TestReadOnly(t *testing.T) {
	cfg := serverConfig(t)
	table := indextest.OpenSpace(t, open(t, cfg), external.Space{Name: "readonly", Dimensions: 2})
	put(t, table, []external.Item{{ID: 1, Vector: []float32{1, 0}}})
	admin, err := rest.New(rest.Config{Product: "weaviate", Address: cfg.Address, Secrets: map[string]string{"Authorization": "Bearer " + cfg.APIKey}})
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	const path = "/v1/schema/Smartretriever_readonly/shards"
	var shards []struct {
		Name string `json:"name"`
	}
	if _, err := admin.Do(t.Context(), rest.Request{Method: http.MethodGet, Path: path}, &shards); err != nil || len(shards) != 1 {
		t.Fatalf("%v: %v", shards, err)
	}
	set := func(status string) {
		t.Helper()
		if _, err := admin.Do(t.Context(), rest.Request{Method: http.MethodPut, Path: path + "/" + shards[0].Name, Body: map[string]string{"status": status}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	set("READONLY")
	if err := table.Upsert(t.Context(), []external.Item{{ID: 2, Vector: []float32{1, 0}}, {ID: 3, Vector: []float32{1, 0}}}); !errors.Is(err, rag.ErrUnavailable) {
		t.Errorf("an upsert: %v, want that it is unavailable", err)
	}
	if err := table.DeleteWhere(t.Context(), external.Condition{}); !errors.Is(err, rag.ErrUnavailable) {
		t.Errorf("a deletion: %v, want that it is unavailable", err)
	}
	set("READY")
	if n, err := table.Count(t.Context()); n != 1 || err != nil {
		t.Errorf("%d items, %v", n, err)
	}
}
