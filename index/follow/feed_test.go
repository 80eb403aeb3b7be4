package follow

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/analyze"
)

const dims = 3

// feed is a store in memory: live chunks and the changes that led to them.
type feed struct {
	mu      sync.Mutex
	chunks  map[rag.ChunkID]rag.Record
	changes []rag.Change
	start   int64 // changes up to it were dropped
	next    rag.ChunkID
	version int64
	gone    bool
	live    int          // generation; 0 is 1
	lacks   map[int]bool // generations that miss an embedding
	err     error        // what calls answer with
	failing string       // the only call that does; "" for all
	block   chan struct{}
	calls   map[string]int
}

func newFeed() *feed {
	// The first write gives the data version 0, which must not pass for "never asked".
	return &feed{chunks: map[rag.ChunkID]rag.Record{}, next: 1, version: -1, calls: map[string]int{}}
}

// enter counts a call and gives the error that it has to return.
func (f *feed) enter(ctx context.Context, name string) error {
	f.mu.Lock()
	f.calls[name]++
	err, block := f.err, f.block
	if f.failing != "" && f.failing != name {
		err = nil
	}
	f.mu.Unlock()
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
		}
	}
	if err != nil {
		return err
	}
	return ctx.Err()
}

func (f *feed) Snapshot(ctx context.Context, collectionID int64, generation int, fn func(rag.Record) error) (int64, error) {
	if err := f.enter(ctx, "snapshot"); err != nil {
		return 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lacks[generation] {
		return 0, rag.Errorf(rag.KindConflict, "no embedding yet")
	}
	for _, r := range f.chunks {
		if err := fn(r); err != nil {
			return 0, err
		}
	}
	return f.last(), nil
}

func (f *feed) last() int64 {
	if len(f.changes) == 0 {
		return f.start
	}
	return f.changes[len(f.changes)-1].Seq
}

func (f *feed) Changes(ctx context.Context, collectionID, after int64, limit int) ([]rag.Change, error) {
	if err := f.enter(ctx, "changes"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gone {
		return nil, rag.Errorf(rag.KindNotFound, "gone")
	}
	if after < f.start || after > f.last() {
		return nil, rag.Errorf(rag.KindConflict, "the feed begins at %d", f.start)
	}
	at, _ := slices.BinarySearchFunc(f.changes, after+1, func(c rag.Change, seq int64) int { return int(c.Seq - seq) })
	return slices.Clone(f.changes[at:min(len(f.changes), at+limit)]), nil
}

func (f *feed) Records(ctx context.Context, collectionID int64, generation int, ids []rag.ChunkID) ([]rag.Record, error) {
	if err := f.enter(ctx, "records"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lacks[generation] {
		return nil, rag.Errorf(rag.KindConflict, "no embedding yet")
	}
	var out []rag.Record
	for _, id := range ids {
		if r, ok := f.chunks[id]; ok {
			out = append(out, r)
		}
	}
	return out, nil
}

func (f *feed) CollectionByID(ctx context.Context, id int64) (rag.Collection, error) {
	if err := f.enter(ctx, "collection"); err != nil {
		return rag.Collection{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gone {
		return rag.Collection{}, rag.Errorf(rag.KindNotFound, "gone")
	}
	return generation(collection(id), max(1, f.live)), nil
}

func (f *feed) DataVersion(ctx context.Context) (int64, error) {
	if err := f.enter(ctx, "version"); err != nil {
		return 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.version, nil
}

// put replaces a document by chunks with these texts and returns the seq.
func (f *feed) put(document string, texts ...string) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := &rag.Document{ID: rag.DocumentID(document)}
	for id, r := range f.chunks {
		if r.Document.ID == d.ID {
			delete(f.chunks, id)
			f.change(rag.ChangeDelete, id, d.ID)
		}
	}
	for i, text := range texts {
		v := make([]float32, dims)
		v[i%dims] = 1
		f.chunks[f.next] = rag.Record{ChunkID: f.next, Document: d, Text: text, Vector: v}
		f.change(rag.ChangePut, f.next, d.ID)
		f.next++
	}
	f.version++
	return f.last()
}

func (f *feed) change(op rag.ChangeOp, id rag.ChunkID, d rag.DocumentID) {
	f.changes = append(f.changes, rag.Change{Seq: f.last() + 1, CollectionID: 1, Op: op, ChunkID: id, DocumentID: d})
}

func (f *feed) with(fn func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn()
}

func (f *feed) count(name string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[name]
}

func collection(id int64) rag.Collection {
	return rag.Collection{ID: id, Name: fmt.Sprint("c", id), Generation: rag.Generation{Number: 1, Model: "m", Dimensions: dims}}
}

func generation(c rag.Collection, number int) rag.Collection {
	c.Generation.Number = number
	return c
}

func indexConfig(c rag.Collection) engine.Config {
	return engine.Config{Dimensions: c.Generation.Dimensions, Analyzer: analyze.For("")}
}

// start starts a follower that ends with the test.
func start(t *testing.T, cfg Config) *Follower {
	t.Helper()
	cfg.Index = indexConfig
	if cfg.Backend.Create == nil {
		cfg.Backend = backend
	}
	if cfg.StoreID == "" {
		cfg.StoreID = "store"
	}
	f, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// found searches for a word and returns how many chunks have it.
func found(t *testing.T, f *Follower, c rag.Collection, word string, minSeq int64) int {
	t.Helper()
	res, err := f.Searcher(c, minSeq).Search(t.Context(), rag.IndexQuery{Text: word, K: 1000})
	if err != nil {
		t.Fatalf("search for %q: %v", word, err)
	}
	return len(res.Keyword)
}

func expect(t *testing.T, what string, got, want int) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %d, want %d", what, got, want)
	}
}
