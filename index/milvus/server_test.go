//go:build servers

package milvus_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/external/rpc"
	"github.com/smartretriever/smartretriever/index/indextest"
	"github.com/smartretriever/smartretriever/index/milvus"
	"github.com/smartretriever/smartretriever/rag"
)

// serverAddress returns where scripts/milvus-server.sh has started a server.
func serverAddress(t testing.TB) string {
	t.Helper()
	address := os.Getenv("MILVUS_ADDR")
	if address == "" {
		t.Fatal("MILVUS_ADDR is not set; scripts/test-vectors.sh starts a server")
	}
	return address
}

func open(t testing.TB, cfg milvus.Config) *milvus.Database {
	t.Helper()
	cfg.Timeout = time.Minute // of a busy machine
	db, err := milvus.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func restart(t testing.TB) { indextest.RestartDaemon(t, os.Getenv("MILVUS_SERVER")) }

func TestSuite(t *testing.T) {
	address := serverAddress(t)
	indextest.Database(t, func(t *testing.T) indextest.DatabaseFixture {
		gate := indextest.NewGate(t, address)
		another := func(t testing.TB) external.Database {
			return open(t, milvus.Config{Address: "grpc://" + gate.Address()})
		}
		return indextest.DatabaseFixture{DB: another(t), Another: another, Stop: gate.Stop, Start: gate.Start, Restart: restart}
	})
}

// TestMoreThanAPage: more items than Milvus gives in one answer are listed, counted and deleted.
func TestMoreThanAPage(t *testing.T) {
	db := open(t, milvus.Config{Address: "grpc://" + serverAddress(t)})
	table := indextest.OpenSpace(t, db, external.Space{Name: "many", Dimensions: 2})
	const n = 17_000
	var items []external.Item
	for id := rag.ChunkID(n); id > 0; id-- {
		items = append(items, external.Item{ID: id, Document: "d", Vector: []float32{0.6, 0.8}})
	}
	for batch := range slices.Chunk(items, db.Limits().Items) {
		if err := table.Upsert(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	ids, err := table.IDs(t.Context(), 0, n+1)
	if err != nil || len(ids) != n || ids[0] != 1 || ids[n-1] != n || !slices.IsSorted(ids) {
		t.Errorf("%d ids: %v", len(ids), err)
	}
	if err := table.DeleteWhere(t.Context(), external.Condition{Not: &external.Condition{IDs: []rag.ChunkID{7, n}}}); err != nil {
		t.Fatal(err)
	}
	if ids, err := table.IDs(t.Context(), 0, 10); err != nil || !slices.Equal(ids, []rag.ChunkID{7, n}) {
		t.Errorf("%v are left, %v", ids, err)
	}
}

// TestTexts: whatever is in a text, it is kept, and found by its words up to the length that Milvus takes.
func TestTexts(t *testing.T) {
	db := open(t, milvus.Config{Address: "grpc://" + serverAddress(t)})
	table := indextest.OpenSpace(t, db, external.Space{Name: "texts", Dimensions: 2, Text: true})
	long := strings.Repeat("ä ", 40_000) + "behind"
	for id, text := range []string{"", "plain words", "\"quoted\" 'words' \\ \x00 and $more", "日本語 🙂 words\xff", "early " + long} {
		if err := table.Upsert(t.Context(), []external.Item{{ID: rag.ChunkID(id + 1), Document: "d", Vector: []float32{1, 0}, Text: text}}); err != nil {
			t.Fatalf("text %d: %v", id+1, err)
		}
	}
	indextest.FindsByWords(t, table, map[string][]rag.ChunkID{
		"words": {2, 3, 4}, "QUOTED": {3}, "more": {3}, "early": {5}, "behind": nil, "absent": nil,
		"?!": nil, " ": nil, "\" or id > 0 \\": nil, "\xff": nil, "🙂 plain": {2},
	})
}

// TestIndexTypes: every kind of index that can be configured is one that the server knows, with all its parameters.
func TestIndexTypes(t *testing.T) {
	for _, index := range []milvus.IndexType{milvus.HNSW, milvus.IVFFlat, milvus.Flat, milvus.AutoIndex} {
		db := open(t, milvus.Config{Address: "http://" + serverAddress(t), Index: index, NList: 4})
		table := indextest.OpenSpace(t, db, external.Space{Name: "index_" + strings.ToLower(string(index)), Dimensions: 4})
		var items []external.Item
		for id := range rag.ChunkID(300) {
			v := []float32{0, 0, 0, 0}
			v[id%4] = 1
			items = append(items, external.Item{ID: id + 1, Document: "d", Vector: v})
		}
		if err := table.Upsert(t.Context(), items); err != nil {
			t.Fatal(err)
		}
		res, err := table.Search(t.Context(), external.Query{Vector: []float32{0, 1, 0, 0}, K: 75})
		if err != nil || len(res.Vector) != 75 {
			t.Fatalf("%s: %d items, %v", index, len(res.Vector), err)
		}
		for _, h := range res.Vector {
			if h.ChunkID%4 != 2 || h.Score < .999 {
				t.Errorf("%s: item %d has the score %v", index, h.ChunkID, h.Score)
			}
		}
	}
}

// TestReleasedByOthers: a space that an administrator released is loaded again by the next call.
func TestReleasedByOthers(t *testing.T) {
	address := serverAddress(t)
	table := indextest.OpenSpace(t, open(t, milvus.Config{Address: "grpc://" + address}), external.Space{Name: "released", Dimensions: 2})
	item := external.Item{ID: 5, Document: "d", Vector: []float32{1, 0}}
	if err := table.Upsert(t.Context(), []external.Item{item}); err != nil {
		t.Fatal(err)
	}
	admin, err := rpc.New(rpc.Config{Product: "milvus", Address: "grpc://" + address})
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	for name, run := range map[string]func() (int, error){
		"search": func() (int, error) {
			res, err := table.Search(t.Context(), external.Query{Vector: item.Vector, K: 3})
			return len(res.Vector), err
		},
		"ids":   func() (int, error) { ids, err := table.IDs(t.Context(), 0, 3); return len(ids), err },
		"count": func() (int, error) { n, err := table.Count(t.Context()); return int(n), err },
	} {
		if _, err := admin.Call(t.Context(), "milvus.proto.milvus.MilvusService/ReleaseCollection", rpc.AppendString(nil, 3, "smartretriever_released")); err != nil {
			t.Fatal(err)
		}
		if n, err := run(); n != 1 || err != nil {
			t.Errorf("%s of a released space: %d, %v", name, n, err)
		}
	}
}

// TestDatabases: the spaces of one database of the server are not those of another.
func TestDatabases(t *testing.T) {
	address := serverAddress(t)
	admin, err := rpc.New(rpc.Config{Product: "milvus", Address: "grpc://" + address})
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if _, err := admin.Call(t.Context(), "milvus.proto.milvus.MilvusService/CreateDatabase", rpc.AppendString(nil, 2, "library")); err != nil {
		t.Fatal(err)
	}
	here, there := open(t, milvus.Config{Address: "grpc://" + address}), open(t, milvus.Config{Address: "grpc://" + address, Database: "library"})
	shared := external.Space{Name: "shared", Dimensions: 2}
	one, two := indextest.OpenSpace(t, here, shared), indextest.OpenSpace(t, there, shared)
	if err := one.Upsert(t.Context(), []external.Item{{ID: 1, Vector: []float32{1, 0}}}); err != nil {
		t.Fatal(err)
	}
	if n, err := two.Count(t.Context()); n != 0 || err != nil {
		t.Errorf("%d items in the other database, %v", n, err)
	}
	if err := there.Drop(t.Context(), "shared"); err != nil {
		t.Fatal(err)
	}
	if n, err := one.Count(t.Context()); n != 1 || err != nil {
		t.Errorf("%d items after a drop in the other database, %v", n, err)
	}
	if _, err := open(t, milvus.Config{Address: "grpc://" + address, Database: "nowhere"}).Open(t.Context(), external.Space{Name: "s", Dimensions: 2}); rag.KindOf(err) != rag.KindInvalid {
		t.Errorf("a database that is not there: %v", err)
	}
}
