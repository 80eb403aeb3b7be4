//go:build servers

package postgres_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/postgres"
	"github.com/smartretriever/smartretriever/store/storetest"
)

// startShifted starts the primary with another time, and at the test's end with the true
// one.
func startShifted(t *testing.T, by string) {
	t.Helper()
	libraries, err := filepath.Glob("/usr/lib/*/faketime/libfaketime.so.1")
	if err != nil || len(libraries) == 0 {
		t.Fatal("libfaketime is not installed: run scripts/test-postgres.sh")
	}
	server := primary(t)
	t.Cleanup(func() {
		server.stop(t)
		server.start(t)
	})
	server.stop(t)
	server.start(t, "LD_PRELOAD="+libraries[0], "FAKETIME="+by, "DONT_FAKE_MONOTONIC=1")
}

// Processes whose clocks are a year behind the database's, as if they or it had jumped,
// agree with one another on who holds what, and for how long.
func TestLeasesByTheDatabasesClock(t *testing.T) {
	cfg := configure(t, postgres.Config{})
	startShifted(t, "+400d")
	var ahead bool
	query(t, cfg.URL, "SELECT clock_timestamp() > '"+time.Now().Add(399*24*time.Hour).UTC().Format(time.DateTime)+"Z'", &ahead)
	if !ahead {
		t.Fatal("the database's clock was not moved")
	}
	a, b := open(t, cfg), open(t, cfg)
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	c, err := a.CreateCollection(ctx, storetest.Spec("", "c"))
	must(err)
	made, err := a.CreateJob(ctx, rag.Job{CollectionID: c.ID, Kind: rag.JobAdd}, []rag.JobItem{{Input: rag.StoredInput{ExternalID: "x"}}})
	must(err)
	claimed := func(s *postgres.Store, holder string) bool {
		t.Helper()
		job, ok, err := s.ClaimJob(ctx, holder, time.Hour)
		must(err)
		if ok && job.ID != made.ID {
			t.Fatalf("claimed %s", job.ID)
		}
		return ok
	}
	if !claimed(a, "a") || claimed(b, "b") {
		t.Error("a job is not one process's")
	}
	_, err = a.HoldJob(ctx, made.ID, "a", time.Hour, rag.Progress{})
	must(err)
	if claimed(b, "b") {
		t.Error("a job that is held was claimed")
	}
	// An hour from now by this process is an hour from now by the database.
	must(a.FinishJob(ctx, made.ID, "a", rag.JobQueued, "busy", time.Now().Add(time.Hour), rag.Progress{}))
	if claimed(a, "a") || claimed(b, "b") {
		t.Error("a job was claimed before its time")
	}
	var wait int64
	query(t, need(t, "PG_SUPER_URL"), `SELECT extract(epoch FROM not_before - clock_timestamp())::bigint FROM "`+cfg.Schema+`".jobs`, &wait)
	if wait < 3000 || wait > 3600 {
		t.Errorf("the job waits for %d s", wait)
	}

	_, err = a.CreateSource(ctx, rag.Source{CollectionID: c.ID, Name: "s", Kind: "folder", Settings: []byte("{}")})
	must(err)
	_, err = a.LeaseSource(ctx, c.ID, "s", "a", "", time.Hour)
	must(err)
	if _, err := b.LeaseSource(ctx, c.ID, "s", "b", "", time.Hour); rag.KindOf(err) != rag.KindConflict {
		t.Errorf("a source that is being read: %v", err)
	}

	charge := rag.Charge{ChargeKey: rag.ChargeKey{Tenant: rag.DefaultTenant, Day: "2026-03-04", Operation: rag.OpChat, Currency: "EUR"}, Spent: rag.Consumption{Calls: 1, Cost: 7}}
	_, err = a.Reserve(ctx, rag.Hold{ID: "runs", Charge: charge, Expires: time.Now().Add(time.Hour)})
	must(err)
	_, err = a.Reserve(ctx, rag.Hold{ID: "is late", Charge: charge, Expires: time.Now().Add(-time.Second)})
	must(err)
	if n, err := b.Lapse(ctx); err != nil || n != 1 {
		t.Errorf("%d holds have expired, %v; want 1", n, err)
	}

	// What was deleted before a moment of this process is purged, and nothing later.
	doc := putText(t, a, c, "d", "Text.")
	must(a.DeleteDocument(ctx, rag.Scope{Collection: "c"}, doc.ID))
	for want, olderThan := range []time.Time{time.Now().Add(-time.Hour), time.Now()} {
		report, err := b.Purge(ctx, olderThan)
		must(err)
		if report.Documents != want {
			t.Errorf("%d documents were purged, want %d", report.Documents, want)
		}
	}
}

// What was deleted can be restored for as long as a process says, however wrong its clock is: its time is neither over before, nor never.
func TestRetentionByTheDatabasesClock(t *testing.T) {
	for _, by := range []string{"+400d", "-400d"} {
		t.Run(by, func(t *testing.T) {
			cfg := configure(t, postgres.Config{})
			startShifted(t, by)
			s := open(t, cfg)
			c, err := s.CreateCollection(t.Context(), storetest.Spec("", "c"))
			if err != nil {
				t.Fatal(err)
			}
			put, err := s.PutDocuments(t.Context(), []rag.Put{storetest.Put(c.ID, "a", "One.")})
			if err == nil {
				err = s.DeleteDocument(t.Context(), rag.Scope{Tenant: c.Tenant, Collection: c.Name, Admin: true}, put[0].Document.ID)
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, kept := range []struct {
				until time.Time
				gone  int
			}{{time.Now().Add(-time.Hour), 0}, {time.Now().Add(time.Hour), 1}} {
				report, err := s.Purge(t.Context(), kept.until)
				if err != nil || report.Documents != kept.gone {
					t.Errorf("%d documents were purged, %v; want %d", report.Documents, err, kept.gone)
				}
			}
		})
	}
}

// A clock that jumps ahead ends leases. Whoever held one is told so, and stores nothing
// any more.
func TestTheDatabasesClockJumpsAhead(t *testing.T) {
	cfg := configure(t, postgres.Config{})
	s := open(t, cfg)
	ctx := t.Context()
	c, err := s.CreateCollection(ctx, storetest.Spec("", "c"))
	if err != nil {
		t.Fatal(err)
	}
	made, err := s.CreateJob(ctx, rag.Job{CollectionID: c.ID, Kind: rag.JobAdd}, []rag.JobItem{{Input: rag.StoredInput{ExternalID: "x"}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok, err := s.ClaimJob(ctx, "a", time.Hour); !ok || err != nil {
		t.Fatal(ok, err)
	}
	startShifted(t, "+2h")
	if job, ok, err := s.ClaimJob(ctx, "b", time.Hour); !ok || err != nil || job.Tries != 2 {
		t.Fatal(job.Tries, ok, err)
	}
	verdict := []rag.JobItem{{Number: 1, State: rag.Added, DocumentID: "d"}}
	if err := s.PutJobItems(ctx, made.ID, "a", verdict); rag.KindOf(err) != rag.KindConflict {
		t.Errorf("who has lost a job stores a verdict: %v", err)
	}
	if err := s.PutJobItems(ctx, made.ID, "b", verdict); err != nil {
		t.Error(err)
	}
}
