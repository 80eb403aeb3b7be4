package smartretriever_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	smartretriever "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/blob"
)

// blobPlace is a folder in the role of another place for originals: it gives out
// addresses, is closed, and can be told to refuse deletions as object lock does.
type blobPlace struct {
	*blob.Store
	mu     sync.Mutex
	locked bool
	swept  int // calls of SweepThese
	closed bool
	signed []string
}

func newBlobPlace(t *testing.T) *blobPlace {
	t.Helper()
	s, err := blob.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &blobPlace{Store: s}
}

func (p *blobPlace) Presign(_ context.Context, sha, name, mediaType string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.signed = append(p.signed, name+" "+mediaType)
	return "https://bucket.example.org/" + sha, nil
}

func (p *blobPlace) SweepThese(ctx context.Context, shas []string, unreferenced func(context.Context, []string) ([]string, error)) (blob.Swept, error) {
	p.mu.Lock()
	p.swept++
	locked := p.locked
	p.mu.Unlock()
	if locked {
		return blob.Swept{}, rag.Errorf(rag.KindRefused, "object lock keeps the object")
	}
	return p.Store.SweepThese(ctx, shas, unreferenced)
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

// TestOriginalThatIsLocked has a place that does not delete an original yet: the
// clean-up does not come back to it again and again, and it goes when all are looked
// through.
func TestOriginalThatIsLocked(t *testing.T) {
	p, dir := newBlobPlace(t), t.TempDir()
	p.locked = true
	r := open(t, dir, func(c *smartretriever.Config) { c.Blobs = p })
	res := add(t, r, rag.Scope{}, rag.Input{ExternalID: "tower", Name: "tower.txt", Content: strings.NewReader(towerText)})
	if err := r.DeleteDocument(t.Context(), rag.Scope{}, res.ID); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); !errors.Is(err, rag.ErrRefused) || p.swept != 1 {
		t.Errorf("%d tries, %v", p.swept, err)
	}
	r = open(t, dir, func(c *smartretriever.Config) { c.Blobs = p })
	again := add(t, r, rag.Scope{}, rag.Input{ExternalID: "bridge", Text: bridgeText})
	if err := r.DeleteDocument(t.Context(), rag.Scope{}, again.ID); err != nil {
		t.Fatal(err)
	}
	p.locked = false
	if err := r.Close(); err != nil || p.swept != 2 {
		t.Errorf("%d tries, %v", p.swept, err)
	}
	left := 0
	if err := p.Walk(t.Context(), func(blob.Info) error { left++; return nil }); err != nil || left != 1 {
		t.Errorf("%d are left, %v: the locked one waits until it is an hour old", left, err)
	}
}
