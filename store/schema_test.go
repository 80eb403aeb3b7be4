package store_test

import (
	"errors"
	"testing"
	"testing/fstest"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

func TestSchema(t *testing.T) {
	known, err := store.KnownSchema(fstest.MapFS{"00001_a.sql": {}, "00003_c.sql": {}, "00002_b.sql": {}})
	if want := (store.Schema{Newest: 3, Count: 3}); err != nil || known != want {
		t.Errorf("%+v, %v", known, err)
	}
	for _, found := range []store.Schema{{}, {Newest: 2, Count: 1}, known, {Newest: 3, Count: 4}} {
		if err := known.Check(found, "it"); err != nil {
			t.Error(err)
		}
	}
	if err := known.Check(store.Schema{Newest: 4, Count: 1}, "it"); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("a newer one: %v", err)
	}
	if _, err := store.KnownSchema(fstest.MapFS{"readme.md": {}}); err == nil {
		t.Error("a file without a number is a migration")
	}
}
