package smartretriever

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

// ledgerOfQueries keeps records, but none that is called "gone".
type ledgerOfQueries struct {
	begin chan struct{} // the first call waits for it
	calls int
	kept  []string
}

func (l *ledgerOfQueries) RecordQueries(_ context.Context, records []rag.QueryRecord) error {
	if l.calls++; l.calls == 1 {
		<-l.begin
	}
	if slices.ContainsFunc(records, func(r rag.QueryRecord) bool { return r.ID == "gone" }) {
		return rag.Errorf(rag.KindNotFound, "no such collection")
	}
	for _, r := range records {
		l.kept = append(l.kept, r.ID)
	}
	return nil
}

// A storm of searches is written in few transactions, in order, and a record that
// cannot be kept does not take others with it.
func TestQueryLogInAStorm(t *testing.T) {
	store := &ledgerOfQueries{begin: make(chan struct{})}
	log := startQueryLog(store, nil, slog.New(slog.DiscardHandler))
	var want []string
	for i := range 600 {
		id := fmt.Sprint(i)
		if i == 300 {
			id = "gone"
		} else {
			want = append(want, id)
		}
		if err := log.RecordQuery(t.Context(), rag.QueryRecord{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	close(store.begin)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(store.kept, want) {
		t.Errorf("%d records are kept, want %d in order", len(store.kept), len(want))
	}
	// One waits alone, the others go by 128; those beside the one that fails go singly.
	if most := 1 + 600/queryLogBatch + 1 + queryLogBatch + 1; store.calls > most {
		t.Errorf("%d transactions, want at most %d", store.calls, most)
	}
}
