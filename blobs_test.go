package smartretriever_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	smartretriever "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/indextest"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/blob"
)

// blobPlace is a folder in the role of another place for originals: it gives out
// addresses, is closed, and can be told to refuse deletions as object lock does.
type blobPlace struct {
	*blob.Store
	mu     sync.Mutex
	locked bool
	swept  map[string]int // how often SweepThese was called for a digest
	closed bool
	signed []string
}

func newBlobPlace(t *testing.T) *blobPlace {
	t.Helper()
	s, err := blob.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &blobPlace{Store: s, swept: map[string]int{}}
}

func (p *blobPlace) Presign(_ context.Context, sha, name, mediaType string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.signed = append(p.signed, name+" "+mediaType)
	return "https://bucket.example.org/" + sha, nil
}

func (p *blobPlace) SweepThese(ctx context.Context, shas []string, unreferenced func(context.Context, []string) ([]string, error)) (blob.Swept, error) {
	p.mu.Lock()
	for _, sha := range shas {
		p.swept[sha]++
	}
	locked := p.locked
	p.mu.Unlock()
	if locked {
		return blob.Swept{}, rag.Errorf(rag.KindRefused, "object lock keeps the object")
	}
	return p.Store.SweepThese(ctx, shas, unreferenced)
}

// lock says whether what is there can be deleted.
func (p *blobPlace) lock(locked bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.locked = locked
}

// tries is how often the clean-up has tried to delete a text.
func (p *blobPlace) tries(text string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.swept[fmt.Sprintf("%x", sha256.Sum256([]byte(text)))]
}

func (p *blobPlace) Close() error {
	p.closed = true
	return nil
}

func (p *blobPlace) String() string { return "bucket docs" }

func TestOriginalsElsewhere(t *testing.T) {
	p, dir := newBlobPlace(t), t.TempDir()
	r := open(t, dir, func(c *smartretriever.Config) { c.Blobs = p })
	res := add(t, r, rag.Scope{}, rag.Input{ExternalID: "tower", Source: "docs/tower.txt", Name: "tower.txt", Content: strings.NewReader(towerText), ACL: []string{"ann"}})
	ann := rag.Scope{Principals: []string{"ann"}}
	_, content, err := r.Original(t.Context(), ann, res.ID)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(content); err != nil || string(data) != towerText || content.Close() != nil {
		t.Errorf("%q, %v", data, err)
	}
	name := func(d rag.Document) string { return d.Source }
	if at, err := r.OriginalURL(t.Context(), ann, res.ID, name); err != nil || at != "" || len(p.signed) != 0 {
		t.Errorf("an address that nobody asked for: %q, %v", at, err)
	}
	for _, h := range r.Health(t.Context()) {
		if h.Name == "originals" && (!h.OK || h.Detail != "bucket docs") {
			t.Errorf("health: %+v", h)
		}
	}
	if err := r.Close(); err != nil || !p.closed {
		t.Errorf("closed %v, %v", p.closed, err)
	}
	r = open(t, dir, func(c *smartretriever.Config) { c.Blobs, c.PresignOriginals = p, true })
	if at, err := r.OriginalURL(t.Context(), ann, res.ID, name); err != nil || !strings.HasPrefix(at, "https://bucket.example.org/") {
		t.Errorf("%q, %v", at, err)
	}
	if at, err := r.OriginalURL(t.Context(), rag.Scope{Principals: []string{"bob"}}, res.ID, name); !errors.Is(err, rag.ErrNotFound) || at != "" || len(p.signed) != 1 || p.signed[0] != "docs/tower.txt text/plain" {
		t.Errorf("who may not see it: %q, %v; signed %q", at, err, p.signed)
	}
}

// TestOriginalThatIsLocked has a place that does not delete an original yet: it is said, the
// clean-up does not come back to it again and again, and it goes when all are looked
// through.
func TestOriginalThatIsLocked(t *testing.T) {
	p, dir := newBlobPlace(t), t.TempDir()
	p.lock(true)
	var log said
	r := open(t, dir, func(c *smartretriever.Config) { c.Blobs, c.Logger = p, slog.New(slog.NewTextHandler(&log, nil)) })
	res := add(t, r, rag.Scope{}, rag.Input{ExternalID: "tower", Name: "tower.txt", Content: strings.NewReader(towerText)})
	if err := r.DeleteDocument(t.Context(), rag.Scope{}, res.ID); err != nil {
		t.Fatal(err)
	}
	faults, _ := verify(t, r)
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	// VerifyAll tells of it, or the clean-up's log, whichever came first.
	if all := log.String() + strings.Join(faults, "\n"); !strings.Contains(all, "object lock keeps the object") || p.tries(towerText) != 1 {
		t.Errorf("%d tries; said was %s", p.tries(towerText), all)
	}
	p.lock(false)
	r = open(t, dir, func(c *smartretriever.Config) { c.Blobs = p })
	again := add(t, r, rag.Scope{}, rag.Input{ExternalID: "bridge", Name: "bridge.txt", Content: strings.NewReader(bridgeText)})
	if err := r.DeleteDocument(t.Context(), rag.Scope{}, again.ID); err != nil {
		t.Fatal(err)
	}
	if faults, _ := verify(t, r); len(faults) > 0 {
		t.Error(faults)
	}
	if err := r.Close(); err != nil || p.tries(towerText) != 1 || p.tries(bridgeText) == 0 {
		t.Errorf("%d and %d tries, %v", p.tries(towerText), p.tries(bridgeText), err)
	}
	left := 0
	if err := p.Walk(t.Context(), func(blob.Info) error { left++; return nil }); err != nil || left != 1 {
		t.Errorf("%d are left, %v: the locked one waits until it is an hour old", left, err)
	}
}

// TestLockedOriginalsKeepNothingElse: what else there is of a collection that is deleted goes,
// whatever becomes of its originals.
func TestLockedOriginalsKeepNothingElse(t *testing.T) {
	p, db := newBlobPlace(t), indextest.NewMemory(external.Limits{TopK: 10_000, Items: 1000, IDs: 1000})
	p.lock(true)
	r := open(t, t.TempDir(), func(c *smartretriever.Config) {
		inMemory(db)(c)
		c.Blobs = p
	})
	add(t, r, rag.Scope{}, rag.Input{ExternalID: "tower", Name: "tower.txt", Content: strings.NewReader(towerText)})
	if hits := search(t, r, rag.Scope{}, rag.Query{Text: "Who built it?", K: 1}); len(hits) != 1 || len(db.Names()) != 1 {
		t.Fatalf("%d hits, spaces %v", len(hits), db.Names())
	}
	if err := r.DeleteCollection(t.Context(), rag.Scope{}); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil && !errors.Is(err, rag.ErrRefused) {
		t.Error(err)
	}
	if names := db.Names(); len(names) > 0 || p.tries(towerText) == 0 {
		t.Errorf("the database has %v after %d tries to delete the original", names, p.tries(towerText))
	}
}

// said is what is written, by any number of goroutines.
type said struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *said) Write(data []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(data)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}
