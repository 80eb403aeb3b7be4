package storetest

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

var spaceTests = []test{
	{"life", spaceLife},
	{"leases", spaceLeases},
	{"gone", spaceGone},
	{"one turn at a time", spaceTurns},
}

func spaceLife(t *testing.T, s Store) {
	c := makeCollection(t, s, "t", "c")
	_, err := s.Space(t.Context(), "p1")
	wantKind(t, "a space that is not there", err, rag.KindNotFound)
	p, err := s.LeaseSpace(t.Context(), "p1", c.ID, c.Generation.Number, time.Hour)
	ok(t, "lease", err)
	if want := (rag.Space{Name: "p1", Collection: c.ID, Generation: c.Generation.Number, Seq: -1, Turn: 1}); p != want {
		t.Errorf("leased %+v, want %+v", p, want)
	}
	p.Seq, p.Epoch = 7, 1
	ok(t, "advance", s.AdvanceSpace(t.Context(), p, time.Hour))
	found, err := s.Space(t.Context(), "p1")
	ok(t, "read", err)
	if found != p {
		t.Errorf("found %+v, want %+v", found, p)
	}
	_, err = s.LeaseSpace(t.Context(), "p2", c.ID, c.Generation.Number, time.Hour)
	ok(t, "lease another", err)
	list, err := s.Spaces(t.Context())
	ok(t, "list", err)
	if len(list) != 2 || list[0] != p || list[1].Name != "p2" {
		t.Errorf("listed %+v", list)
	}
	for range 2 {
		ok(t, "drop", s.DropSpace(t.Context(), "p1"))
	}
	_, err = s.Space(t.Context(), "p1")
	wantKind(t, "a dropped space", err, rag.KindNotFound)
	wantKind(t, "advance a dropped space", s.AdvanceSpace(t.Context(), p, 0), rag.KindNotFound)
}

func spaceLeases(t *testing.T, s Store) {
	c := makeCollection(t, s, "t", "c")
	lease := func(ttl time.Duration) (rag.Space, error) {
		return s.LeaseSpace(t.Context(), "p", c.ID, c.Generation.Number, ttl)
	}
	first, err := lease(time.Hour)
	ok(t, "lease", err)
	_, err = lease(time.Hour)
	wantKind(t, "a second lease", err, rag.KindConflict)
	first.Seq = 3
	ok(t, "give back", s.AdvanceSpace(t.Context(), first, 0))
	wantKind(t, "advance without a lease", s.AdvanceSpace(t.Context(), first, time.Hour), rag.KindConflict)
	second, err := lease(-time.Second) // over as it begins
	ok(t, "lease again", err)
	if second.Seq != 3 || second.Turn != first.Turn+1 {
		t.Errorf("the second turn: %+v", second)
	}
	third, err := lease(time.Hour)
	ok(t, "lease what is over", err)
	second.Seq = 9
	wantKind(t, "advance in a turn that is over", s.AdvanceSpace(t.Context(), second, time.Hour), rag.KindConflict)
	if found, err := s.Space(t.Context(), "p"); err != nil || found.Seq != 3 || found.Turn != third.Turn {
		t.Errorf("after a late writer: %+v, %v", found, err)
	}
	other := makeCollection(t, s, "t", "other")
	_, err = s.LeaseSpace(t.Context(), "p", other.ID, other.Generation.Number, time.Hour)
	wantKind(t, "the space of another collection", err, rag.KindInvalid)
}

func spaceGone(t *testing.T, s Store) {
	c := makeCollection(t, s, "t", "c")
	_, err := s.LeaseSpace(t.Context(), "p", c.ID, c.Generation.Number+1, time.Hour)
	wantKind(t, "a generation that is not there", err, rag.KindNotFound)
	p, err := s.LeaseSpace(t.Context(), "p", c.ID, c.Generation.Number, time.Hour)
	ok(t, "lease", err)
	ok(t, "give back", s.AdvanceSpace(t.Context(), p, 0))
	ok(t, "delete the collection", s.DeleteCollection(t.Context(), "t", "c"))
	list, err := s.Spaces(t.Context())
	ok(t, "list", err)
	if len(list) != 1 || !list[0].Gone {
		t.Errorf("the space of a deleted collection: %+v", list)
	}
	_, err = s.LeaseSpace(t.Context(), "p", c.ID, c.Generation.Number, time.Hour)
	wantKind(t, "the space of a deleted collection", err, rag.KindNotFound)
}

func spaceTurns(t *testing.T, s Store) {
	c := makeCollection(t, s, "t", "c")
	var held atomic.Int32
	var taken atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				p, err := s.LeaseSpace(t.Context(), "p", c.ID, c.Generation.Number, time.Hour)
				if rag.KindOf(err) == rag.KindConflict {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if held.Add(1) != 1 {
					t.Error("two turns at a time")
				}
				p.Seq++
				taken.Add(1)
				held.Add(-1)
				if err := s.AdvanceSpace(t.Context(), p, 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	p, err := s.Space(t.Context(), "p")
	ok(t, "read", err)
	if p.Seq != taken.Load()-1 || p.Turn != taken.Load() {
		t.Errorf("%d turns left %+v", taken.Load(), p)
	}
}
