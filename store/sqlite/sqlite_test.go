package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/smartretriever/smartretriever/answer"
	"github.com/smartretriever/smartretriever/ingest"
	"github.com/smartretriever/smartretriever/store/sqlite"
	"github.com/smartretriever/smartretriever/store/storetest"
)

var (
	_ storetest.Store = (*sqlite.Store)(nil)
	_ ingest.Store    = (*sqlite.Store)(nil)
	_ answer.Chunks   = (*sqlite.Store)(nil)
	_ answer.Recorder = (*sqlite.Store)(nil)
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Store {
		return open(t, sqlite.Config{})
	})
}

// open opens a store, by default in a new folder, until the test's end.
func open(t *testing.T, cfg sqlite.Config) *sqlite.Store {
	t.Helper()
	if cfg.Path == "" {
		cfg.Path = filepath.Join(t.TempDir(), "store.db")
	}
	s, err := sqlite.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}
