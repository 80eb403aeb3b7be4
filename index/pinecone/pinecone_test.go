package pinecone_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/indextest"
	"github.com/smartretriever/smartretriever/index/indextest/pineconetest"
	"github.com/smartretriever/smartretriever/index/pinecone"
	"github.com/smartretriever/smartretriever/rag"
)

const key = "pc-right-key-2718"

func open(t testing.TB, cfg pinecone.Config) *pinecone.Database {
	t.Helper()
	if cfg.Key == "" {
		cfg.Key = key
	}
	db, err := pinecone.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// TestSuite runs the suite on a double whose queries see writes late.
func TestSuite(t *testing.T) {
	server := pineconetest.New(t, pineconetest.Config{Key: key, Lag: 1})
	indextest.Database(t, func(t *testing.T) indextest.DatabaseFixture {
		gate := indextest.NewGate(t, strings.TrimPrefix(server.URL(), "http://"))
		cfg := pinecone.Config{Control: "http://" + gate.Address()}
		stranger := cfg
		stranger.Key = "pc-wrong-key-1618"
		return indextest.DatabaseFixture{
			DB:      open(t, cfg),
			Another: func(t testing.TB) external.Database { return open(t, cfg) },
			Stop:    gate.Stop, Start: gate.Start,
			Stranger: func(t testing.TB) external.Database { return open(t, stranger) },
			Secrets:  []string{key, stranger.Key},
			Cannot: map[indextest.Promise]string{
				indextest.SeenElsewhere: "Pinecone is consistent in the end only, and tells the number of a write to who made it",
				indextest.GoneIsGone:    "Pinecone makes a namespace with the first write to it",
			},
		}
	})
}

// space returns an open space of two dimensions.
func space(t testing.TB, db external.Database) external.Table {
	t.Helper()
	table, err := db.Open(t.Context(), external.Space{Name: "one", Dimensions: 2})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func items(ids ...rag.ChunkID) []external.Item {
	var out []external.Item
	for _, id := range ids {
		out = append(out, external.Item{ID: id, Document: "d" + rag.DocumentID(strconv.Itoa(int(id))), Vector: []float32{1, 0}, Tags: []external.Tag{external.Tag(id % 2)}})
	}
	return out
}

// TestNeverSeen: where writes are not seen in time, a search answers without them, and what would be taken for exact fails.
func TestNeverSeen(t *testing.T) {
	server := pineconetest.New(t, pineconetest.Config{Key: key, Lag: 1 << 30})
	table := space(t, open(t, pinecone.Config{Control: server.URL(), Freshness: 50 * time.Millisecond}))
	if err := table.Upsert(t.Context(), items(1, 2)); err != nil {
		t.Fatal(err)
	}
	if res, err := table.Search(t.Context(), external.Query{Vector: []float32{1, 0}, K: 3}); err != nil || len(res.Vector) > 0 {
		t.Errorf("search: %v, %v", res, err)
	}
	if n := server.Calls("POST /query"); n < 2 {
		t.Errorf("a search asked %d times for what is not seen", n)
	}
	if ids, err := table.IDs(t.Context(), 0, 3); !errors.Is(err, rag.ErrUnavailable) {
		t.Errorf("ids: %v, %v", ids, err)
	}
	if n, err := table.Count(t.Context()); !errors.Is(err, rag.ErrUnavailable) {
		t.Errorf("count: %v, %v", n, err)
	}
	if err := table.DeleteWhere(t.Context(), external.Condition{Has: []external.Tag{1}}); !errors.Is(err, rag.ErrUnavailable) {
		t.Errorf("delete: %v", err)
	}
}

// TestWithoutNumbers: a server that tells no numbers of writes is believed.
func TestWithoutNumbers(t *testing.T) {
	server := pineconetest.New(t, pineconetest.Config{Key: key, Silent: true})
	table := space(t, open(t, pinecone.Config{Control: server.URL()}))
	if err := table.Upsert(t.Context(), items(1, 2)); err != nil {
		t.Fatal(err)
	}
	if n, err := table.Count(t.Context()); n != 2 || err != nil {
		t.Errorf("count: %d, %v", n, err)
	}
	if n := server.Calls("POST /query"); n != 0 {
		t.Errorf("%d queries to wait for nothing", n)
	}
}

// TestLooseNin: were $nin of a list met by one value outside of the array, nothing that should stay would be deleted or found.
func TestLooseNin(t *testing.T) {
	server := pineconetest.New(t, pineconetest.Config{Key: key, LooseNin: true})
	table := space(t, open(t, pinecone.Config{Control: server.URL()}))
	if err := table.Upsert(t.Context(), items(1, 2, 3, 4, 5)); err != nil {
		t.Fatal(err)
	}
	even := external.Condition{Not: &external.Condition{Has: []external.Tag{1}}}
	res, err := table.Search(t.Context(), external.Query{Vector: []float32{1, 0}, K: 10, Where: even})
	if err != nil || len(res.Vector) != 2 {
		t.Errorf("search: %v, %v", res, err)
	}
	if err := table.DeleteWhere(t.Context(), even); err != nil {
		t.Error(err)
	}
	if ids, err := table.IDs(t.Context(), 0, 10); err != nil || len(ids) != 3 || ids[0] != 1 || ids[1] != 3 || ids[2] != 5 {
		t.Errorf("left are %v, %v", ids, err)
	}
}

// TestHalfAnswers: of a batch that was taken in part it is not said that it was taken.
func TestHalfAnswers(t *testing.T) {
	server := pineconetest.New(t, pineconetest.Config{Key: key, HalfUpserts: true})
	table := space(t, open(t, pinecone.Config{Control: server.URL()}))
	if err := table.Upsert(t.Context(), items(1, 2)); !errors.Is(err, rag.ErrUnavailable) {
		t.Errorf("error %v, want that it is to be tried again", err)
	}
}

// TestHost: with an index that is there no other one is asked for or made.
func TestHost(t *testing.T) {
	server := pineconetest.New(t, pineconetest.Config{Key: key})
	space(t, open(t, pinecone.Config{Control: server.URL(), Index: "shared"}))
	db := open(t, pinecone.Config{Control: "http://127.0.0.1:1", Host: server.Host("shared-2"), Prefix: "mine"})
	table := space(t, db)
	if err := table.Upsert(t.Context(), items(1)); err != nil {
		t.Fatal(err)
	}
	if names, err := db.Spaces(t.Context()); err != nil || len(names) != 1 || names[0] != "one" {
		t.Errorf("spaces of the prefix: %v, %v", names, err)
	}
	if _, err := db.Open(t.Context(), external.Space{Name: "one", Dimensions: 3}); !errors.Is(err, rag.ErrConflict) {
		t.Errorf("a space with other dimensions: %v", err)
	}
	if _, err := db.Open(t.Context(), external.Space{Name: "two", Dimensions: 3}); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("dimensions that the index has not: %v", err)
	}
	if err := db.Drop(t.Context(), "one"); err != nil {
		t.Error(err)
	}
	if names, err := open(t, pinecone.Config{Control: server.URL(), Index: "shared"}).Spaces(t.Context()); err != nil || len(names) != 1 {
		t.Errorf("the spaces of another prefix are %v (%v), want theirs", names, err)
	}
}

// TestManyTags: an item whose tags the metadata cannot hold is refused before anything is sent.
func TestManyTags(t *testing.T) {
	server := pineconetest.New(t, pineconetest.Config{Key: key})
	table := space(t, open(t, pinecone.Config{Control: server.URL()}))
	batch := items(1, 2)
	for n := range 2500 {
		batch[1].Tags = append(batch[1].Tags, external.Tag(n+10))
	}
	if err := table.Upsert(t.Context(), batch); !errors.Is(err, rag.ErrInvalid) || !strings.Contains(err.Error(), "item 2") {
		t.Errorf("error %v, want an invalid item 2", err)
	}
	if n, err := table.Count(t.Context()); n != 0 || err != nil {
		t.Errorf("%d items are there (%v)", n, err)
	}
}

// TestSpacesInPages: more namespaces than a page has.
func TestSpacesInPages(t *testing.T) {
	server := pineconetest.New(t, pineconetest.Config{Key: key})
	db := open(t, pinecone.Config{Control: server.URL()})
	const many = 230
	for n := range many {
		if _, err := db.Open(t.Context(), external.Space{Name: "s" + strconv.Itoa(n), Dimensions: 2 + n%2}); err != nil {
			t.Fatal(err)
		}
	}
	if names, err := db.Spaces(t.Context()); err != nil || len(names) != many {
		t.Errorf("%d spaces (%v), want %d", len(names), err, many)
	}
}

func TestValidate(t *testing.T) {
	_, err := pinecone.New(pinecone.Config{Host: "index.pinecone.io", Control: "https://me:" + key + "@x", Index: "Big Index", Cloud: "the cloud", Prefix: "a.b", Freshness: -1})
	if !errors.Is(err, rag.ErrInvalid) {
		t.Fatalf("error %v", err)
	}
	for _, want := range []string{"API key", "the address must", "name or password", "index's name", "cloud and region", "prefix", "negative"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not tell of %q: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), key) {
		t.Errorf("the error tells the key: %v", err)
	}
}
