// Package fetchtest has what the tests of sources that speak HTTP share: a store
// that reads a source as the syncer does and holds it to its contract.
package fetchtest

import (
	"context"
	"io"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
)

// Store keeps what a source told of. The zero value is empty.
type Store struct {
	mu     sync.Mutex
	cursor []byte
	items  map[string]source.Item
	Docs   map[string]Doc
}

// Doc is a stored document.
type Doc struct {
	rag.Input
	Body string // Text, or what Content held
}

// Told is what one Sync told: IDs by change, in order.
type Told struct {
	Put, Same, Gone, Broken []string
	Errs                    map[string]error // of the broken ones
	source.Result
}

// Cursor returns that of the last Sync that succeeded.
func (s *Store) Cursor() []byte { return s.cursor }

// Item returns what is kept of an item.
func (s *Store) Item(_ context.Context, id string) (source.Item, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	item, ok := s.items[id]
	return item, ok, nil
}

// Fail marks an item as one that could not be stored.
func (s *Store) Fail(id string) {
	item := s.items[id]
	item.Failed = true
	s.items[id] = item
}

// IDs returns those of all items, sorted.
func (s *Store) IDs() []string { return slices.Sorted(maps.Keys(s.Docs)) }

// Sync reads src and stores what it tells.
func (s *Store) Sync(t *testing.T, src source.Source) (Told, error) {
	t.Helper()
	if s.items == nil {
		s.items, s.Docs = map[string]source.Item{}, map[string]Doc{}
	}
	before := &Store{cursor: s.cursor, items: maps.Clone(s.items)}
	told := Told{Errs: map[string]error{}}
	there := map[string]bool{}
	var running sync.Mutex
	res, err := src.Sync(t.Context(), before, func(ev source.Event) error {
		if !running.TryLock() {
			t.Error("tell is called from two goroutines at once")
		}
		defer running.Unlock()
		if ev.ID == "" || len(ev.ID) > 1024 {
			t.Errorf("ID of %d bytes", len(ev.ID))
		}
		if there[ev.ID] && ev.Change != source.Gone {
			t.Errorf("%s is told twice", ev.ID)
		}
		there[ev.ID] = ev.Change != source.Gone
		s.apply(t, ev, &told)
		return nil
	})
	told.Result = res
	if len(res.Cursor) > 1<<20 {
		t.Errorf("cursor of %d bytes", len(res.Cursor))
	}
	if err != nil {
		return told, err
	}
	s.cursor = res.Cursor
	if res.Complete {
		for id := range s.items {
			if !there[id] {
				delete(s.items, id)
				delete(s.Docs, id)
			}
		}
	}
	return told, nil
}

// Read is a Sync that has to succeed.
func (s *Store) Read(t *testing.T, src source.Source) Told {
	t.Helper()
	told, err := s.Sync(t, src)
	if err != nil {
		t.Fatal(err)
	}
	return told
}

func (s *Store) apply(t *testing.T, ev source.Event, told *Told) {
	t.Helper()
	switch ev.Change {
	case source.Put:
		told.Put = append(told.Put, ev.ID)
		if err := ev.Input.Metadata.Validate(); err != nil {
			t.Errorf("%s: %v", ev.ID, err)
		}
		doc := Doc{Input: ev.Input, Body: ev.Input.Text}
		if ev.Input.Content != nil {
			b, err := io.ReadAll(ev.Input.Content)
			if err != nil {
				t.Errorf("%s: %v", ev.ID, err)
			}
			doc.Body = string(b)
		}
		s.Docs[ev.ID] = doc
		s.items[ev.ID] = source.Item{Fingerprint: ev.Fingerprint}
	case source.Same:
		told.Same = append(told.Same, ev.ID)
		s.items[ev.ID] = source.Item{Fingerprint: ev.Fingerprint}
	case source.Gone:
		told.Gone = append(told.Gone, ev.ID)
		delete(s.items, ev.ID)
		delete(s.Docs, ev.ID)
	case source.Broken:
		told.Broken = append(told.Broken, ev.ID)
		told.Errs[ev.ID] = ev.Err
		if ev.Err == nil {
			t.Errorf("%s is broken without an error", ev.ID)
		}
	default:
		t.Errorf("%s: change %d", ev.ID, ev.Change)
	}
}
