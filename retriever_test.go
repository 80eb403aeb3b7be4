package smartretriever_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	smartretriever "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/answer"
	"github.com/smartretriever/smartretriever/ingest"
	"github.com/smartretriever/smartretriever/model/embed/bert"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/sqlite"
)

var (
	_ ingest.Embedder = (*bert.Embedder)(nil)
	_ answer.Embedder = (*bert.Embedder)(nil)
	_ ingest.Store    = (*sqlite.Store)(nil)
	_ answer.Chunks   = (*sqlite.Store)(nil)
)

func open(t *testing.T, dir string, change func(*smartretriever.Config)) *smartretriever.Retriever {
	t.Helper()
	cfg := smartretriever.Config{Dir: dir}
	if change != nil {
		change(&cfg)
	}
	r, err := smartretriever.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return r
}

func add(t *testing.T, r *smartretriever.Retriever, scope rag.Scope, in rag.Input) rag.AddResult {
	t.Helper()
	res, err := r.AddDocument(t.Context(), scope, in)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func search(t *testing.T, r *smartretriever.Retriever, scope rag.Scope, q rag.Query) []rag.Hit {
	t.Helper()
	res, err := r.Search(t.Context(), scope, q)
	if err != nil {
		t.Fatal(err)
	}
	return res.Hits
}

const (
	towerText  = "The Eiffel Tower was completed in 1889. It stands 330 metres tall.\n\nIt was built by Gustave Eiffel's company for a world's fair."
	bridgeText = "The Golden Gate Bridge opened in 1937. Its towers rise 227 metres above the water."
)

func TestFromDocumentToCitation(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir, nil)
	tower := add(t, r, rag.Scope{}, rag.Input{ExternalID: "tower", Title: "Eiffel Tower", Text: towerText})
	add(t, r, rag.Scope{}, rag.Input{ExternalID: "bridge", Title: "Golden Gate", Text: bridgeText})

	a, err := r.Query(t.Context(), rag.Scope{}, rag.Question{Text: "How tall is the Eiffel Tower?"})
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Citations) == 0 || a.Refused {
		t.Fatalf("no citation: %+v", a)
	}
	c := a.Citations[0]
	text, err := r.Text(t.Context(), rag.Scope{}, c.Document.ID, c.Version)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(c.Span.Of(text.Content)))
	if c.Document.ID != tower.ID || c.Span.Of(text.Content) != c.Quote || hex.EncodeToString(sum[:]) != c.SHA256 {
		t.Errorf("the citation does not match its source: %+v", c)
	}
	if again, err := r.Query(t.Context(), rag.Scope{}, rag.Question{Text: "How tall is the Eiffel Tower?"}); err != nil || !again.Cached || again.Text != a.Text {
		t.Errorf("the second answer: cached %v, %v", again.Cached, err)
	}

	// The same after the folder was closed and opened.
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = open(t, dir, nil)
	if hits := search(t, r, rag.Scope{}, rag.Query{Text: "bridge opened", K: 1}); len(hits) != 1 || hits[0].Document.ExternalID != "bridge" {
		t.Errorf("after reopening: %+v", hits)
	}
	if res := add(t, r, rag.Scope{}, rag.Input{ExternalID: "tower", Title: "Eiffel Tower", Text: towerText}); res.State != rag.Unchanged {
		t.Errorf("the same document again is %s", res.State)
	}
}

func TestEveryCommittedChangeIsSeen(t *testing.T) {
	r := open(t, t.TempDir(), nil)
	words := strings.Fields("amber basalt cobalt dolomite ebony feldspar granite hematite")
	for i, w := range words {
		add(t, r, rag.Scope{}, rag.Input{ExternalID: "stone", Text: "The stone in the box is " + w + "."})
		hits := search(t, r, rag.Scope{}, rag.Query{Text: w})
		if len(hits) != 1 || !strings.Contains(hits[0].Text, w) || hits[0].Version != i+1 {
			t.Fatalf("after writing %q: %+v", w, hits)
		}
	}
	doc, err := r.FindDocument(t.Context(), rag.Scope{}, "stone")
	if err != nil {
		t.Fatal(err)
	}
	meta := rag.Metadata{"colour": rag.Str("red")}
	if _, err := r.UpdateDocument(t.Context(), rag.Scope{}, doc.ID, rag.DocumentChange{Metadata: &meta}); err != nil {
		t.Fatal(err)
	}
	if hits := search(t, r, rag.Scope{}, rag.Query{Text: "stone", Filter: rag.Eq("colour", rag.Str("red"))}); len(hits) != 1 {
		t.Errorf("new metadata is not seen by a filter: %+v", hits)
	}
	if err := r.DeleteDocument(t.Context(), rag.Scope{}, doc.ID); err != nil {
		t.Fatal(err)
	}
	if hits := search(t, r, rag.Scope{}, rag.Query{Text: "stone"}); len(hits) != 0 {
		t.Errorf("a deleted document was found: %+v", hits)
	}
}

// TestDeletedIsGone looks for the words of a deleted document in every file of
// the data folder.
func TestDeletedIsGone(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir, nil)
	secret := "zyxomatic quasiflux"
	res := add(t, r, rag.Scope{}, rag.Input{ExternalID: "secret", Title: "Plan", Text: "The " + secret + " is hidden below the floor.", Metadata: rag.Metadata{"tag": rag.Str("zyxomatic")}})
	add(t, r, rag.Scope{}, rag.Input{ExternalID: "other", Title: "Other", Text: bridgeText})
	replaced := add(t, r, rag.Scope{}, rag.Input{ExternalID: "replaced", Text: "Before, the zyxomatic was here."})
	if _, err := r.Query(t.Context(), rag.Scope{}, rag.Question{Text: "Where is the hidden plan?"}); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil { // writes the index snapshot
		t.Fatal(err)
	}
	if !holds(t, dir, "zyxomatic") {
		t.Fatal("the words are not in the folder before the deletion: the test looks in the wrong place")
	}
	r = open(t, dir, nil)
	add(t, r, rag.Scope{}, rag.Input{ExternalID: "replaced", Text: "Now it is not."})
	if n, err := r.ForgetVersions(t.Context(), rag.Scope{}, replaced.ID); n != 1 || err != nil {
		t.Fatalf("%d versions were forgotten, %v", n, err)
	}
	if err := r.DeleteDocument(t.Context(), rag.Scope{}, res.ID); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if holds(t, dir, "zyxomatic") {
		t.Error("deleted words are still in the folder")
	}
	r = open(t, dir, nil)
	if faults, err := r.Verify(t.Context()); err != nil || len(faults) > 0 {
		t.Errorf("verify: %v, %v", faults, err)
	}
	if _, err := r.Document(t.Context(), rag.Scope{}, res.ID); !errors.Is(err, rag.ErrNotFound) {
		t.Errorf("the deleted document: %v", err)
	}
	if _, err := r.Document(t.Context(), rag.Scope{}, replaced.ID); err != nil {
		t.Errorf("the replaced document: %v", err)
	}
	if hits := search(t, r, rag.Scope{}, rag.Query{Text: "bridge", K: 1}); len(hits) != 1 {
		t.Errorf("the others: %+v", hits)
	}
}

func holds(t *testing.T, dir, word string) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		if bytes.Contains(bytes.ToLower(data), []byte(word)) || bytes.Contains(bytes.ToLower(data), []byte(word[:6])) {
			t.Logf("%s holds %q", p, word)
			found = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestTenantsAndPrincipals(t *testing.T) {
	r := open(t, t.TempDir(), nil)
	one, two := rag.Scope{Tenant: "one"}, rag.Scope{Tenant: "two"}
	mine := add(t, r, one, rag.Input{ExternalID: "x", Text: "The launch code is seven."})
	add(t, r, two, rag.Input{ExternalID: "x", Text: "The launch date is Monday."})
	locked := add(t, r, one, rag.Input{ExternalID: "y", Text: "The launch budget is a secret.", ACL: []string{"group:finance"}})

	if hits := search(t, r, two, rag.Query{Text: "launch"}); len(hits) != 1 || strings.Contains(hits[0].Text, "code") {
		t.Errorf("tenant two sees %+v", hits)
	}
	for _, id := range []rag.DocumentID{mine.ID, locked.ID} {
		if _, err := r.Document(t.Context(), two, id); !errors.Is(err, rag.ErrNotFound) {
			t.Errorf("tenant two reads a document of one: %v", err)
		}
		if _, err := r.Text(t.Context(), two, id, 0); !errors.Is(err, rag.ErrNotFound) {
			t.Errorf("tenant two reads a text of one: %v", err)
		}
		if _, _, err := r.Original(t.Context(), two, id); !errors.Is(err, rag.ErrNotFound) {
			t.Errorf("tenant two reads an original of one: %v", err)
		}
		if err := r.DeleteDocument(t.Context(), two, id); !errors.Is(err, rag.ErrNotFound) {
			t.Errorf("tenant two deletes a document of one: %v", err)
		}
	}
	for want, scope := range map[int]rag.Scope{1: one, 2: {Tenant: "one", Principals: []string{"group:finance", "user:a"}}} {
		if hits := search(t, r, scope, rag.Query{Text: "launch"}); len(hits) != want {
			t.Errorf("%v sees %d documents, want %d", scope.Principals, len(hits), want)
		}
	}
	if _, err := r.Document(t.Context(), one, locked.ID); !errors.Is(err, rag.ErrNotFound) {
		t.Errorf("without principals the locked document is read: %v", err)
	}
}

func TestWritersAndReadersAtOnce(t *testing.T) {
	r := open(t, t.TempDir(), nil)
	add(t, r, rag.Scope{}, rag.Input{ExternalID: "start", Text: bridgeText})
	var work sync.WaitGroup
	for w := range 4 {
		work.Go(func() {
			for i := range 5 {
				id := fmt.Sprintf("%d-%d", w, i)
				if _, err := r.AddDocument(t.Context(), rag.Scope{}, rag.Input{ExternalID: id, Text: "Parcel " + id + " has arrived."}); err != nil {
					t.Error(err)
				}
			}
		})
		work.Go(func() {
			for range 10 {
				if _, err := r.Search(t.Context(), rag.Scope{}, rag.Query{Text: "parcel", NoCache: true}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	if hits := search(t, r, rag.Scope{}, rag.Query{Text: "parcel", K: 100, Mode: rag.ModeKeyword}); len(hits) != 20 {
		t.Errorf("%d parcels were found, want 20", len(hits))
	}
	if faults, err := r.Verify(t.Context()); err != nil || len(faults) > 0 {
		t.Errorf("verify: %v, %v", faults, err)
	}
}

func TestTwoProcessesShareAFolder(t *testing.T) {
	dir := t.TempDir()
	first, second := open(t, dir, nil), open(t, dir, nil)
	add(t, first, rag.Scope{}, rag.Input{ExternalID: "a", Text: towerText})
	if hits := search(t, second, rag.Scope{}, rag.Query{Text: "tower"}); len(hits) == 0 {
		t.Error("the second does not see what the first wrote")
	}
	doc, err := second.FindDocument(t.Context(), rag.Scope{}, "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := second.DeleteDocument(t.Context(), rag.Scope{}, doc.ID); err != nil {
		t.Fatal(err)
	}
	if hits := search(t, first, rag.Scope{}, rag.Query{Text: "tower"}); len(hits) != 0 {
		t.Error("the first still finds what the second deleted")
	}
}

func TestSamples(t *testing.T) {
	r := open(t, t.TempDir(), nil)
	paths, err := filepath.Glob("testdata/samples/*.*")
	if err != nil || len(paths) < 4 {
		t.Fatalf("%d samples, %v", len(paths), err)
	}
	for _, p := range paths {
		f, err := os.Open(p)
		if err != nil {
			t.Fatal(err)
		}
		add(t, r, rag.Scope{}, rag.Input{Source: p, Name: filepath.Base(p), Content: f})
	}
	for _, c := range []struct {
		question, file, quote string
		page                  int
	}{
		{"What does error code E23 mean?", "kestrel-k2-manual.pdf", "", 3},
		{"How much does the comfort plan cost?", "service-agreement.docx", "290 euros", 0},
		{"Does the heat pump work without the internet?", "support-faq.html", "", 0},
		{"Why was the holiday programme removed?", "release-notes.md", "", 0},
	} {
		hits := search(t, r, rag.Scope{}, rag.Query{Text: c.question, K: 3})
		if len(hits) == 0 || filepath.Base(hits[0].Document.Source) != c.file || (c.page > 0 && hits[0].Page != c.page) {
			t.Errorf("%q: first hit %+v", c.question, hits)
			continue
		}
		a, err := r.Query(t.Context(), rag.Scope{}, rag.Question{Text: c.question})
		if err != nil || !strings.Contains(a.Text, c.quote) {
			t.Errorf("%q: %q, %v", c.question, a.Text, err)
		}
	}
}

func TestConfigFaults(t *testing.T) {
	_, err := smartretriever.Open(context.Background(), smartretriever.Config{MaxFileBytes: -1, Retention: -1, Chunker: rag.ChunkerOptions{Name: "magic"},
		Index: smartretriever.IndexConfig{Vectors: "annoy", RebuildAt: "25:00"}})
	for _, says := range []string{"Dir", "MaxFileBytes", "Retention", "magic", "annoy", "25:00"} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("the error does not name %s: %v", says, err)
		}
	}
}

func TestClosed(t *testing.T) {
	r := open(t, t.TempDir(), nil)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	if _, err := r.Search(t.Context(), rag.Scope{}, rag.Query{Text: "x"}); !errors.Is(err, rag.ErrUnavailable) {
		t.Errorf("a search after Close: %v", err)
	}
}

// TestVerifyOriginals names an original that is gone and one that is damaged.
func TestVerifyOriginals(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir, nil)
	shas := map[string]string{}
	for _, text := range []string{"The first file is kept.", "The second file is lost.", "The third file is damaged."} {
		add(t, r, rag.Scope{}, rag.Input{ExternalID: text, Name: "a.txt", Content: strings.NewReader(text)})
		sum := sha256.Sum256([]byte(text))
		shas[text] = hex.EncodeToString(sum[:])
	}
	if faults, err := r.Verify(t.Context()); err != nil || len(faults) != 0 {
		t.Fatalf("before: %q, %v", faults, err)
	}
	path := func(text string) string {
		found, err := filepath.Glob(filepath.Join(dir, "*", shas[text][:2], shas[text][2:]))
		if err != nil || len(found) != 1 {
			t.Fatalf("original of %q: %q, %v", text, found, err)
		}
		return found[0]
	}
	if err := os.Remove(path("The second file is lost.")); err != nil {
		t.Fatal(err)
	}
	damaged := path("The third file is damaged.")
	if err := errors.Join(os.Chmod(damaged, 0o644), os.WriteFile(damaged, []byte("The third file is DAMAGED."), 0o644)); err != nil {
		t.Fatal(err)
	}
	faults, err := r.Verify(t.Context())
	all := strings.Join(faults, "\n")
	if err != nil || len(faults) != 2 || !strings.Contains(all, shas["The second file is lost."]) || !strings.Contains(all, shas["The third file is damaged."]) {
		t.Errorf("after: %q, %v", faults, err)
	}
}
