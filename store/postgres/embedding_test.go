//go:build servers

package postgres_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/postgres"
	"github.com/smartretriever/smartretriever/store/storetest"
)

// A tenant is not told what another one has embedded, and does not live on it.
func TestEmbeddingsAreTheTenants(t *testing.T) {
	s := open(t, postgres.Config{})
	var c [2]rag.Collection
	for i, tenant := range []string{"a", "b"} {
		var err error
		if c[i], err = s.CreateCollection(t.Context(), storetest.Spec(tenant, "c")); err != nil {
			t.Fatal(err)
		}
	}
	put := func(i int, vectors bool) rag.PutResult {
		t.Helper()
		p := storetest.Put(c[i].ID, "d", "Secret.")
		if !vectors {
			p.Vectors = nil
		}
		r, err := s.PutDocuments(t.Context(), []rag.Put{p})
		if err != nil {
			t.Fatal(err)
		}
		return r[0]
	}
	hash := storetest.Put(0, "d", "Secret.").Chunks[0].Hash
	missing := func(i int) int {
		t.Helper()
		m, err := s.MissingEmbeddings(t.Context(), c[i].Tenant, storetest.Model, []rag.Hash{hash})
		if err != nil {
			t.Fatal(err)
		}
		return len(m)
	}
	a := put(0, true)
	if missing(0) != 0 || missing(1) != 1 {
		t.Errorf("missing are %d of its own tenant, %d of another", missing(0), missing(1))
	}
	if r := put(1, false); rag.KindOf(r.Err) != rag.KindConflict {
		t.Errorf("a document of b lives on the embedding of a: %+v", r)
	}
	if r := put(1, true); r.Err != nil {
		t.Fatal(r.Err)
	}
	if err := s.DeleteDocument(t.Context(), rag.Scope{Tenant: "a", Collection: "c"}, a.Document.ID); err != nil {
		t.Fatal(err)
	}
	report, err := s.Purge(t.Context(), time.Now().Add(time.Hour))
	if err != nil || report.Embeddings != 1 {
		t.Errorf("%+v, %v", report, err)
	}
	if missing(0) != 1 || missing(1) != 0 {
		t.Errorf("after the purge missing are %d of a, %d of b", missing(0), missing(1))
	}
}

// Documents that count on embeddings which no chunk has at the moment are stored
// while a purge takes such embeddings away: each has its vectors, or is told to come
// again.
func TestPurgeWhileEmbeddingsAreCountedOn(t *testing.T) {
	s := open(t, postgres.Config{})
	c, err := s.CreateCollection(t.Context(), storetest.Spec("", "c"))
	if err != nil {
		t.Fatal(err)
	}
	const rounds = 30
	reused, again := 0, 0
	for round := range rounds {
		name := fmt.Sprint("d", round)
		texts := []string{fmt.Sprintf("First of %d.", round), fmt.Sprintf("Second of %d.", round)}
		for _, p := range []rag.Put{storetest.Put(c.ID, name, texts...), storetest.Put(c.ID, name, fmt.Sprintf("Other of %d.", round))} {
			if r, err := s.PutDocuments(t.Context(), []rag.Put{p}); err != nil || r[0].Err != nil {
				t.Fatal(r, err)
			}
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := s.Purge(t.Context(), time.Now().Add(time.Hour)); err != nil {
				t.Error(err)
			}
		})
		p := storetest.Put(c.ID, name, texts...)
		p.Vectors = nil
		r, err := s.PutDocuments(t.Context(), []rag.Put{p})
		switch {
		case err != nil:
			t.Error(err)
		case r[0].Err == nil:
			reused++
		case rag.KindOf(r[0].Err) == rag.KindConflict:
			again++
		default:
			t.Error(r[0].Err)
		}
		wg.Wait()
	}
	t.Logf("%d lived on what was there, %d had to come again", reused, again)
	storetest.Sound(t, s)
}

// An embedding that is marked as loose while a chunk still has it loses that chunk, and
// at the same time another process looks at what is marked: the embedding goes with the
// next purge, whoever comes first.
func TestLooseEmbeddingsAreNotForgotten(t *testing.T) {
	for name, letGo := range map[string]func(*postgres.Store) error{
		"collection": func(s *postgres.Store) error { return s.DeleteCollection(t.Context(), "", "c") },
		"document": func(s *postgres.Store) error {
			_, err := s.Purge(t.Context(), time.Now().Add(time.Hour))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, postgres.Config{})
			c, err := s.CreateCollection(t.Context(), storetest.Spec("", "c"))
			if err != nil {
				t.Fatal(err)
			}
			put := func(name, text string) rag.Document {
				p := storetest.Put(c.ID, "same title", text) // which is embedded with a text
				p.Document.ExternalID = name
				r, err := s.PutDocuments(t.Context(), []rag.Put{p})
				if err != nil || r[0].Err != nil {
					t.Fatal(r, err)
				}
				return r[0].Document
			}
			put("one", "Shared.")
			two := put("two", "Shared.")
			put("one", "Its own.") // and what is shared is marked
			if err := s.DeleteDocument(t.Context(), rag.Scope{Collection: "c"}, two.ID); err != nil {
				t.Fatal(err)
			}
			stop := newStop("DELETE FROM chunks", "COMMIT")
			first := open(t, postgres.Config{Schema: s.Schema(), Tracer: stop})
			t.Cleanup(stop.goOn)
			var both sync.WaitGroup
			both.Go(func() {
				if err := letGo(first); err != nil {
					t.Error(err)
				}
			})
			<-stop.reached
			var purged atomic.Bool
			both.Go(func() {
				defer purged.Store(true)
				if _, err := s.Purge(t.Context(), time.Now().Add(-time.Hour)); err != nil { // of no document
					t.Error(err)
				}
			})
			eventually(t, "the purge is done, or waits", func() bool { return purged.Load() || blocks(t, stop.pid) })
			stop.goOn()
			both.Wait()
			if _, err := s.Purge(t.Context(), time.Now().Add(time.Hour)); err != nil {
				t.Error(err)
			}
			storetest.Sound(t, s)
		})
	}
}
