package smartretriever_test

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/archive/archivetest"
)

// TestArchive adds an archive, finds what is in it, adds the next version of it, and
// finds no more what was taken out.
func TestArchive(t *testing.T) {
	r := open(t, t.TempDir(), nil)
	addAll := func(content []byte) map[string]rag.AddState {
		t.Helper()
		states := map[string]rag.AddState{}
		in := rag.Input{ExternalID: "docs.zip", Source: "/data/docs.zip", Name: "docs.zip", Content: bytes.NewReader(content)}
		last := 0
		err := r.AddDocuments(t.Context(), rag.Scope{}, slices.Values([]rag.Input{in}), func(index int, res rag.AddResult) {
			states[res.ExternalID] = res.State
			if !res.More {
				last++
			}
			if index != 0 || res.Err != nil && res.State != rag.Failed {
				t.Errorf("%+v", res)
			}
		})
		if err != nil || last != 1 {
			t.Fatalf("%d last results, %v", last, err)
		}
		return states
	}
	same := func(got, want map[string]rag.AddState) {
		t.Helper()
		if len(got) != len(want) {
			t.Errorf("got %v, want %v", got, want)
		}
		for id, state := range want {
			if got[id] != state {
				t.Errorf("%s is %q, want %q", id, got[id], state)
			}
		}
	}
	same(addAll(archivetest.Zip(t, "tower.txt", towerText, "bridges/golden.md", "# Golden Gate\n\n"+bridgeText, "broken.pdf", "no PDF at all \x00\x01\x02")),
		map[string]rag.AddState{"docs.zip!/tower.txt": rag.Added, "docs.zip!/bridges/golden.md": rag.Added, "docs.zip!/broken.pdf": rag.Failed})
	hits := search(t, r, rag.Scope{}, rag.Query{Text: "When did the bridge open?", K: 1})
	if len(hits) != 1 || hits[0].Document.ExternalID != "docs.zip!/bridges/golden.md" || hits[0].Document.Metadata["archive"].Text() != "docs.zip" {
		t.Errorf("%+v", hits)
	}
	doc, original, err := r.Original(t.Context(), rag.Scope{}, hits[0].Document.ID)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(original)
	if err := original.Close(); err != nil {
		t.Error(err)
	}
	if err != nil || doc.Source != "/data/docs.zip!/bridges/golden.md" || !bytes.HasPrefix(content, []byte("# Golden Gate")) {
		t.Errorf("the original of %s: %.40q, %v", doc.Source, content, err)
	}

	same(addAll(archivetest.Zip(t, "tower.txt", towerText)),
		map[string]rag.AddState{"docs.zip!/tower.txt": rag.Unchanged, "docs.zip!/bridges/golden.md": rag.Removed})
	for _, h := range search(t, r, rag.Scope{}, rag.Query{Text: "When did the bridge open?", K: 5}) {
		if h.Document.ExternalID != "docs.zip!/tower.txt" {
			t.Errorf("%s is found and is gone", h.Document.ExternalID)
		}
	}
	if _, err := r.AddDocument(t.Context(), rag.Scope{}, rag.Input{Name: "docs.zip", Content: bytes.NewReader(archivetest.Zip(t, "a.txt", "a"))}); rag.KindOf(err) != rag.KindInvalid {
		t.Errorf("an archive as one document: %v", err)
	}
}
