//go:build servers

package postgres_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/postgres"
	"github.com/smartretriever/smartretriever/store/sqlite"
	"github.com/smartretriever/smartretriever/store/storetest"
	"github.com/smartretriever/smartretriever/store/transfer"
)

// The same history, drawn at random, leaves SQLite and PostgreSQL in the same
// state, and every call of it has the same result in both.
func TestSameHistoryAsSQLite(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			clock := func() time.Time { return now }
			embedded, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "store.db"), Clock: clock, KeepVersions: 2, FeedRetention: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			defer embedded.Close()
			h := &history{t: t, rnd: rand.New(rand.NewPCG(seed, 7)), twins: []*twin{
				{store: embedded},
				{store: open(t, postgres.Config{Clock: clock, KeepVersions: 2, FeedRetention: time.Hour})},
			}}
			for _, w := range h.twins {
				if w.c, err = w.store.CreateCollection(t.Context(), storetest.Spec("", "c")); err != nil {
					t.Fatal(err)
				}
			}
			for step := range 120 {
				now = now.Add(time.Duration(h.rnd.IntN(600)) * time.Second)
				name, did := h.step(now)
				results := [2]string{did(h.twins[0]), did(h.twins[1])}
				if results[0] != results[1] {
					t.Fatalf("step %d, %s:\nSQLite     %s\nPostgreSQL %s", step, name, results[0], results[1])
				}
				if step%10 == 9 {
					if a, b := h.twins[0].dump(t), h.twins[1].dump(t); a != b {
						t.Fatalf("after step %d, %s:\nSQLite\n%s\nPostgreSQL\n%s", step, name, a, b)
					}
				}
			}
			for _, w := range h.twins {
				storetest.Sound(t, w.store)
			}
			h.crossed(t)
		})
	}
}

// crossed copies each twin into a new store of the other's kind, which is as it was.
func (h *history) crossed(t *testing.T) {
	empty, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "copy.db"), Receiving: true})
	if err != nil {
		t.Fatal(err)
	}
	defer empty.Close()
	targets := []interface {
		transfer.Store
		storetest.Store
	}{open(t, postgres.Config{Receiving: true}), empty}
	for i, w := range h.twins {
		if _, err := transfer.Copy(t.Context(), w.store.(transfer.Store), targets[i], transfer.Options{}); err != nil {
			t.Fatal(err)
		}
		moved := &twin{store: targets[i], c: w.c, ids: w.ids}
		if a, b := w.dump(t), moved.dump(t); a != b {
			t.Errorf("of twin %d, the original is\n%s\nand the copy\n%s", i, a, b)
		}
		storetest.Sound(t, targets[i])
	}
}

// twin is one of two stores that should behave alike.
type twin struct {
	store storetest.Store
	c     rag.Collection
	ids   []rag.DocumentID // of all documents there were, in the order in which they came
}

func (w *twin) scope() rag.Scope { return rag.Scope{Collection: w.c.Name, Admin: true} }

type history struct {
	t     *testing.T
	rnd   *rand.Rand
	twins []*twin
}

// step draws an operation, which is then done to each twin and tells its result.
func (h *history) step(now time.Time) (name string, did func(*twin) string) {
	ctx := h.t.Context()
	n := h.rnd.IntN(1000)
	pick := func(w *twin) rag.DocumentID {
		if len(w.ids) == 0 {
			return "00000000-0000-7000-8000-000000000000"
		}
		return w.ids[n%len(w.ids)]
	}
	switch h.rnd.IntN(12) {
	case 0, 1, 2, 3, 4:
		puts := h.puts()
		return "put", func(w *twin) string {
			mine := slices.Clone(puts)
			for i := range mine {
				mine[i].CollectionID = w.c.ID
			}
			results, err := w.store.PutDocuments(ctx, mine)
			text := fmt.Sprint(rag.KindOf(err))
			for _, r := range results {
				text += fmt.Sprint(" ", r.State, r.Document.Version, r.Document.Chunks, rag.KindOf(r.Err))
				if r.State == rag.Added {
					w.ids = append(w.ids, r.Document.ID)
				}
			}
			return text
		}
	case 5, 6:
		return "delete", func(w *twin) string { return fmt.Sprint(rag.KindOf(w.store.DeleteDocument(ctx, w.scope(), pick(w)))) }
	case 7:
		return "restore", func(w *twin) string {
			return fmt.Sprint(rag.KindOf(w.store.RestoreDocument(ctx, w.scope(), pick(w))))
		}
	case 8:
		acl := []string{fmt.Sprint("p", n%3)}
		return "change", func(w *twin) string {
			d, err := w.store.UpdateDocument(ctx, w.scope(), pick(w), rag.DocumentChange{ACL: &acl})
			return fmt.Sprint(rag.KindOf(err), d.ExternalID, d.ACL)
		}
	case 9:
		return "forget versions", func(w *twin) string {
			n, err := w.store.ForgetVersions(ctx, w.scope(), pick(w))
			return fmt.Sprint(n, rag.KindOf(err))
		}
	case 10:
		until := now.Add(-time.Duration(n%60) * time.Minute)
		return "purge", func(w *twin) string {
			r, err := w.store.Purge(ctx, until)
			r.Erased = false
			return fmt.Sprintf("%+v %v", r, rag.KindOf(err))
		}
	}
	return "another generation", func(w *twin) string { return w.generation(h.t, n) }
}

// puts draws one to four documents, of which some are bad, or come twice.
func (h *history) puts() (puts []rag.Put) {
	for range 1 + h.rnd.IntN(4) {
		var texts []string
		for range h.rnd.IntN(5) {
			texts = append(texts, fmt.Sprintf("Sentence %d.", h.rnd.IntN(25)))
		}
		external := fmt.Sprint("doc ", h.rnd.IntN(9))
		if h.rnd.IntN(10) == 0 {
			external += strings.Repeat("x", 2000)
		}
		p := storetest.Put(0, external, texts...)
		switch h.rnd.IntN(12) {
		case 0:
			p.Document.ACL = []string{""}
		case 1:
			p.Vectors = nil // known, or a conflict
		case 2:
			p.Generation = 1
		case 3:
			if len(p.Chunks) > 0 {
				p.Vectors[p.Chunks[0].Hash] = []float32{1}
			}
		}
		puts = append(puts, p)
	}
	return puts
}

// generation starts, builds, switches to or drops a generation.
func (w *twin) generation(t *testing.T, n int) string {
	ctx := t.Context()
	model, dimensions := "other-4", 4
	switch n % 4 {
	case 0:
		g, err := w.store.StartGeneration(ctx, w.c.ID, model, dimensions)
		return fmt.Sprint(g.Number, rag.KindOf(err))
	case 1:
		page, err := w.store.Unembedded(ctx, w.c.ID, model, 0, 5)
		var some []rag.Embedding
		for _, p := range page {
			some = append(some, rag.Embedding{Hash: p.Hash, Vector: storetest.Vector(p.Hash)[:dimensions]})
		}
		stored, putErr := w.store.PutEmbeddings(ctx, w.c.ID, 2, some)
		return fmt.Sprint(len(page), rag.KindOf(err), stored, rag.KindOf(putErr))
	case 2:
		c, err := w.store.SwitchGeneration(ctx, w.c.ID, 1+n/4%2, 0, nil)
		return fmt.Sprint(c.Generation.Number, rag.KindOf(err))
	}
	return fmt.Sprint(rag.KindOf(w.store.DropGeneration(ctx, w.c.ID, 2)))
}

// dump writes all that can be seen of the collection, with names in the place of
// the numbers and ids that a store gives.
func (w *twin) dump(t *testing.T) string {
	t.Helper()
	ctx := t.Context()
	var b strings.Builder
	must := func(err error) {
		if err != nil {
			t.Fatalf("dump: %v", err)
		}
	}
	c, err := w.store.CollectionByID(ctx, w.c.ID)
	must(err)
	fmt.Fprintln(&b, c.Documents, c.Chunks, c.Bytes, c.Generation.Number, c.Generation.Model)
	name := func(id rag.DocumentID) int { return slices.Index(w.ids, id) }
	page, err := w.store.Documents(ctx, w.scope(), rag.ListOptions{Limit: 1000})
	must(err)
	for _, d := range page.Items {
		fmt.Fprintf(&b, "%d %.20s %d %v %v %v\n", name(d.ID), d.ExternalID, d.Version, d.ACL, d.CreatedAt, d.UpdatedAt)
		versions, err := w.store.Versions(ctx, w.scope(), d.ID)
		must(err)
		text, err := w.store.Text(ctx, w.scope(), d.ID, 0)
		must(err)
		fmt.Fprintf(&b, "  %d versions, %q, %d blocks\n", len(versions), text.Content, len(text.Blocks))
		chunks, err := w.store.DocumentChunks(ctx, w.scope(), d.ID)
		must(err)
		for _, k := range chunks {
			fmt.Fprintf(&b, "  %d %v %q %v\n", k.Ordinal, k.Span, k.Text, k.Heading)
		}
	}
	_, err = w.store.Snapshot(ctx, w.c.ID, 0, func(r rag.Record) error {
		fmt.Fprintf(&b, "%d %q %v\n", name(r.Document.ID), r.Text, r.Vector)
		return nil
	})
	must(err)
	changes, err := w.store.Changes(ctx, w.c.ID, 0, 0)
	must(err)
	for _, change := range changes {
		fmt.Fprint(&b, change.Op, name(change.DocumentID), ", ")
	}
	generations, err := w.store.Generations(ctx, w.c.ID)
	must(err)
	for _, g := range generations {
		fmt.Fprint(&b, "\n", g.Number, g.State, g.Chunks, g.Missing)
	}
	return b.String()
}
