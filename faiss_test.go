//go:build faiss

package smartretriever_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/rag"
)

// onFAISS has FAISS search the vectors of a model.
func onFAISS(typ string, model *double) func(*smartretriever.Config) {
	return func(c *smartretriever.Config) {
		with(model)(c)
		c.Index.Vectors, c.Index.Type = "faiss", typ
	}
}

// TestFAISS goes the way of a document with FAISS for its vectors: found, found again after a start, deleted and nowhere in the folder; and back to the built-in index.
func TestFAISS(t *testing.T) {
	for _, typ := range []string{"", "flat", "ivf", "hnsw"} {
		t.Run("type "+typ, func(t *testing.T) {
			t.Parallel()
			dir, model := t.TempDir(), newDouble("model-a", 48)
			r := open(t, dir, onFAISS(typ, model))
			addNotes(t, r, 0, 60)
			same := func(r *smartretriever.Retriever) {
				t.Helper()
				for i := range 60 {
					expect(t, "nearest", nearest(t, r, embedText(i)), note(i).ExternalID)
				}
			}
			same(r)
			hits := search(t, r, rag.Scope{}, rag.Query{Text: embedText(7), K: 1})
			e, err := r.Explain(t.Context(), rag.Scope{}, rag.Query{Text: embedText(7)}, hits[0].ChunkID)
			if err != nil || e.VectorRank != 1 || e.Vector < .99 || len(e.Terms) == 0 {
				t.Errorf("explain: %+v, %v", e, err)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}

			embedded := model.embedded()
			r = open(t, dir, onFAISS(typ, model))
			same(r)
			if typ != "" {
				if _, err := r.TuneIndex(t.Context(), rag.Scope{}, smartretriever.TuneOptions{}); !errors.Is(err, rag.ErrInvalid) {
					t.Errorf("tune: %v", err)
				}
			}
			secret := model.vector(embedText(7))
			index := func() bool { return inFolder(t, dir+"/index", encoded(secret)[:32]) }
			if !index() {
				t.Fatal("the test looks for a vector that is not in the files")
			}
			if err := r.DeleteDocument(t.Context(), rag.Scope{}, hits[0].Document.ID); err != nil {
				t.Fatal(err)
			}
			if got := nearest(t, r, embedText(7)); got == "n7" || got == "" {
				t.Errorf("after its deletion, the nearest is %q", got)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			if index() {
				t.Error("a deleted vector is in the index's files")
			}

			r = open(t, dir, onFAISS(typ, model))
			if check, err := r.VerifyIndex(t.Context(), rag.Scope{}); err != nil || check.Damage != "" || check.Files != 2 {
				t.Errorf("verify: %+v, %v", check, err)
			}
			if d, err := r.RebuildIndex(t.Context(), rag.Scope{}); err != nil || d.Vectors != 59 || d.Dead != 0 || !d.Owner {
				t.Errorf("rebuild: %+v, %v", d, err)
			}
			sound(t, r)
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}

			r = open(t, dir, with(model)) // the built-in index takes the folder over
			expect(t, "nearest", nearest(t, r, embedText(8)), "n8")
			expect(t, "passages that were embedded again", model.embedded(), embedded)
		})
	}
}

// TestFAISSRefuses: what FAISS cannot do is said at the start.
func TestFAISSRefuses(t *testing.T) {
	for says, change := range map[string]func(*smartretriever.IndexConfig){
		"float32":        func(c *smartretriever.IndexConfig) { c.Storage = "int8" },
		"efconstruction": func(c *smartretriever.IndexConfig) { c.HNSWEfConstruction = 16_000 },
	} {
		cfg := smartretriever.Config{Dir: t.TempDir(), Index: smartretriever.IndexConfig{Vectors: "faiss"}}
		change(&cfg.Index)
		if _, err := smartretriever.Open(t.Context(), cfg); !errors.Is(err, rag.ErrInvalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: error %v", says, err)
		}
	}
}
