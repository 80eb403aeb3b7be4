package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

func TestTurnsOfSpaces(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	space := rag.Space{Name: "s", Collection: 2, Generation: 3, Turn: 4}
	gone := space
	gone.Gone = true
	for _, c := range []struct {
		name       string
		space      store.HeldSpace
		generation int
		want       error
	}{
		{"that nobody writes", store.HeldSpace{Space: space}, 3, nil},
		{"whose lease is over", store.HeldSpace{Space: space, Held: true, Until: now}, 3, nil},
		{"that was given back", store.HeldSpace{Space: space, Until: now.Add(time.Hour)}, 3, nil},
		{"that is held", store.HeldSpace{Space: space, Held: true, Until: now.Add(1)}, 3, rag.ErrConflict},
		{"of another generation", store.HeldSpace{Space: space}, 4, rag.ErrInvalid},
		{"that is gone", store.HeldSpace{Space: gone, Held: true, Until: now.Add(time.Hour)}, 3, rag.ErrNotFound},
	} {
		if err := store.CheckTurn(c.space, 2, c.generation, now); !errors.Is(err, c.want) || (c.want == nil) != (err == nil) {
			t.Errorf("a space %s: %v", c.name, err)
		}
	}
	if err := store.CheckTurn(store.HeldSpace{Space: space}, 1, 3, now); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("of another collection: %v", err)
	}
	held := store.HeldSpace{Space: space, Held: true, Until: now.Add(-time.Hour)}
	if err := store.CheckWriter(held, 4); err != nil {
		t.Errorf("a turn whose lease is over and that nobody has followed: %v", err)
	}
	for name, err := range map[string]error{
		"a turn before": store.CheckWriter(held, 3), "one that was given back": store.CheckWriter(store.HeldSpace{Space: space}, 4),
	} {
		if !errors.Is(err, rag.ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
