package jobs_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/ingest/jobs"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/blob"
	"github.com/smartretriever/smartretriever/store/sqlite"
)

// world is a real store with a collection, and an ingestion that does what a test says.
type world struct {
	t     *testing.T
	store *sqlite.Store
	blobs *blob.Store
	col   rag.Collection
	scope rag.Scope

	mu   sync.Mutex
	seen []rag.Input // with their contents as Text
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(dir, "store.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	b, err := blob.Open(filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	col, err := s.CreateCollection(t.Context(), rag.Collection{Tenant: "t", Name: "c", Generation: rag.Generation{Model: "m", Dimensions: 4}})
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, store: s, blobs: b, col: col, scope: rag.Scope{Tenant: "t", Collection: "c", Admin: true}}
}

// job hands in a job with an item for each content.
func (w *world) job(contents ...string) rag.JobID {
	w.t.Helper()
	var items []rag.JobItem
	for _, c := range contents {
		sum, size, err := w.blobs.Put(w.t.Context(), strings.NewReader(c), 1<<20)
		if err != nil {
			w.t.Fatal(err)
		}
		items = append(items, rag.JobItem{Input: rag.StoredInput{
			ExternalID: c, Name: c + ".md", SHA256: sum, Bytes: size, IsText: c == "text", MediaType: "text/markdown",
		}})
	}
	job, err := w.store.CreateJob(w.t.Context(), rag.Job{CollectionID: w.col.ID, Kind: rag.JobAdd, Name: "test", Key: "key"}, items)
	if err != nil {
		w.t.Fatal(err)
	}
	return job.ID
}

// config works fast, with the verdict that judge gives each input by its external id and
// how often it was seen.
func (w *world) config(judge func(id string, times int) error) jobs.Config {
	return jobs.Config{
		Store: w.store, Blobs: w.blobs, Beat: time.Millisecond, Poll: time.Millisecond, Pause: time.Millisecond, Tries: 4, Parallel: 1,
		Add: func(ctx context.Context, job rag.Job, inputs iter.Seq[rag.Input], report func(int, rag.AddResult)) error {
			i := 0
			for in := range inputs {
				res := rag.AddResult{ExternalID: in.ExternalID, State: rag.Added, Chunks: 2, EmbeddedTokens: 10}
				if in.Content != nil {
					content, err := io.ReadAll(in.Content)
					if err != nil {
						return err
					}
					in.Text = string(content)
				}
				if res.Err = judge(in.ExternalID, w.see(in)); res.Err != nil {
					res.State = rag.Failed
				}
				report(i, res)
				i++
			}
			return ctx.Err()
		},
		Price: func(_ context.Context, _ rag.Job, tokens int64) (rag.Money, string) { return rag.Money(tokens), "EUR" },
	}
}

// see remembers an input and says how often it has come.
func (w *world) see(in rag.Input) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, in)
	n := 0
	for _, s := range w.seen {
		if s.ExternalID == in.ExternalID {
			n++
		}
	}
	return n
}

func (w *world) start(cfg jobs.Config) *jobs.Runner {
	w.t.Helper()
	r := jobs.Start(cfg)
	w.t.Cleanup(func() {
		if err := r.Close(); err != nil {
			w.t.Error(err)
		}
	})
	return r
}

// until waits for a job to be as the test wants it.
func (w *world) until(id rag.JobID, what string, ok func(rag.Job) bool) rag.Job {
	w.t.Helper()
	var job rag.Job
	for wait := time.NewTicker(time.Millisecond); ; <-wait.C {
		var err error
		if job, err = w.store.Job(w.t.Context(), w.scope, id); err != nil {
			w.t.Fatalf("waiting until the job is %s: %v (it is %+v)", what, err, job)
		}
		if ok(job) {
			wait.Stop()
			return job
		}
	}
}

func (w *world) ended(id rag.JobID) rag.Job {
	w.t.Helper()
	return w.until(id, "ended", func(j rag.Job) bool { return j.State.Ended() })
}

func (w *world) items(id rag.JobID) []rag.JobItem {
	w.t.Helper()
	page, err := w.store.JobItems(w.t.Context(), w.scope, id, nil, rag.ListOptions{Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	return page.Items
}

func fine(string, int) error { return nil }

func TestJob(t *testing.T) {
	w := newWorld(t)
	id := w.job("one", "bad", "text")
	w.start(w.config(func(id string, _ int) error {
		if id == "bad" {
			return rag.Errorf(rag.KindInvalid, "bad.md: damaged")
		}
		return nil
	}))
	job := w.ended(id)
	p := job.Progress
	if job.State != rag.JobDone || p.Done != 3 || p.Added != 2 || p.Failed != 1 || p.Chunks != 6 || p.Tokens != 30 || p.Cost != 30 || p.Currency != "EUR" || p.Took <= 0 {
		t.Errorf("%+v", job)
	}
	items := w.items(id)
	if items[1].State != rag.Failed || items[1].Error != "bad.md: damaged" || items[1].Input.SHA256 == "" || items[0].Input.SHA256 != "" {
		t.Errorf("%+v", items)
	}
	if w.seen[0].Text != "one" || w.seen[0].Content == nil || w.seen[2].Content != nil || w.seen[2].Text != "text" || w.seen[2].MediaType != "text/markdown" {
		t.Errorf("inputs %+v", w.seen)
	}
}

// TestTriedAgain has faults that may pass: of an item, and of the whole.
func TestTriedAgain(t *testing.T) {
	w := newWorld(t)
	id := w.job("a", "flaky", "hopeless")
	cfg := w.config(func(id string, times int) error {
		if id == "flaky" && times < 3 || id == "hopeless" {
			return rag.Errorf(rag.KindUnavailable, "away")
		}
		return nil
	})
	whole, add := 0, cfg.Add
	cfg.Add = func(ctx context.Context, job rag.Job, inputs iter.Seq[rag.Input], report func(int, rag.AddResult)) error {
		if whole++; whole == 1 {
			return rag.Errorf(rag.KindUnavailable, "the model is down")
		}
		return add(ctx, job, inputs, report)
	}
	w.start(cfg)
	job := w.ended(id)
	if job.State != rag.JobDone || job.Tries != 2 || job.Progress.Added != 2 || job.Progress.Failed != 1 {
		t.Errorf("%+v", job)
	}
	items := w.items(id)
	if items[0].Tries != 1 || items[1].Tries != 3 || items[1].State != rag.Added || items[1].Error != "" || items[2].Tries != 4 || items[2].Error != "away" {
		t.Errorf("%+v", items)
	}
}

func TestFaultOfTheWhole(t *testing.T) {
	for _, c := range []struct {
		err   error
		tries int
	}{
		{rag.Errorf(rag.KindUnavailable, "down"), 4},
		{rag.Errorf(rag.KindExhausted, "no budget"), 1},
	} {
		w := newWorld(t)
		id := w.job("a")
		cfg := w.config(fine)
		cfg.Add = func(context.Context, rag.Job, iter.Seq[rag.Input], func(int, rag.AddResult)) error { return c.err }
		w.start(cfg)
		if job := w.ended(id); job.State != rag.JobFailed || job.Tries != c.tries || job.Error != c.err.Error() || job.Progress.Done != 0 {
			t.Errorf("%+v", job)
		}
	}
}

// hanging is an ingestion that does its first item and then nothing until it is ended.
func hanging(cfg jobs.Config) jobs.Config {
	cfg.Add = func(ctx context.Context, _ rag.Job, inputs iter.Seq[rag.Input], report func(int, rag.AddResult)) error {
		for range inputs {
			report(0, rag.AddResult{State: rag.Added})
			break
		}
		<-ctx.Done()
		return ctx.Err()
	}
	return cfg
}

func TestCancel(t *testing.T) {
	w := newWorld(t)
	id := w.job("one", "two")
	w.start(hanging(w.config(fine)))
	w.until(id, "running", func(j rag.Job) bool { return j.State == rag.JobRunning && j.Progress.Done == 1 })
	if _, err := w.store.CancelJob(t.Context(), w.scope, id); err != nil {
		t.Fatal(err)
	}
	if job := w.ended(id); job.State != rag.JobCancelled || job.Progress.Added != 1 {
		t.Errorf("%+v", job)
	}
	if items := w.items(id); items[0].State != rag.Added || items[1].State != "" {
		t.Errorf("%+v", items)
	}
}

// TestClose stops a runner in the middle: the next one goes on from there.
func TestClose(t *testing.T) {
	w := newWorld(t)
	id := w.job("one", "two", "three")
	first := jobs.Start(hanging(w.config(fine)))
	w.until(id, "running", func(j rag.Job) bool { return j.State == rag.JobRunning && j.Progress.Done == 1 })
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if job, err := w.store.Job(t.Context(), w.scope, id); err != nil || job.State != rag.JobQueued || job.Tries != 0 {
		t.Fatalf("%+v, %v", job, err)
	}
	w.start(w.config(fine))
	job := w.ended(id)
	var ids []string
	for _, in := range w.seen {
		ids = append(ids, in.ExternalID)
	}
	if job.State != rag.JobDone || job.Progress.Added != 3 || job.Tries != 1 || !slices.Equal(ids, []string{"two", "three"}) {
		t.Errorf("%+v, seen %v", job, ids)
	}
}

// TestLost takes a job out of a runner's hands, as happens to a process that was
// stopped for longer than its lease.
func TestLost(t *testing.T) {
	w := newWorld(t)
	id := w.job("one", "two")
	cfg := hanging(w.config(fine))
	cfg.Lease, cfg.Beat, cfg.Poll = time.Nanosecond, 20*time.Millisecond, time.Hour
	ended := make(chan error, 1)
	add := cfg.Add
	cfg.Add = func(ctx context.Context, job rag.Job, inputs iter.Seq[rag.Input], report func(int, rag.AddResult)) error {
		err := add(ctx, job, inputs, report)
		ended <- err
		return err
	}
	w.start(cfg)
	w.until(id, "running", func(j rag.Job) bool { return j.State == rag.JobRunning })
	job, ok, err := w.store.ClaimJob(t.Context(), "another", time.Hour)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the work ended with %v", err)
	}
	// The job is the other's, who finds it as it was.
	if err := w.store.FinishJob(t.Context(), id, "another", rag.JobDone, "", time.Time{}, job.Progress); err != nil {
		t.Error(err)
	}
}

// TestKilledEachTime gives a job up whose process dies whenever it is begun.
func TestKilledEachTime(t *testing.T) {
	w := newWorld(t)
	id := w.job("one")
	for range 4 {
		if _, ok, err := w.store.ClaimJob(t.Context(), "killed", -time.Second); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	w.start(w.config(fine))
	if job := w.ended(id); job.State != rag.JobFailed || !strings.Contains(job.Error, "killed") || len(w.seen) != 0 {
		t.Errorf("%+v", job)
	}
}

func TestPasswords(t *testing.T) {
	w := newWorld(t)
	cfg := w.config(fine)
	accounts := make(chan rag.Account, 2)
	add := cfg.Add
	cfg.Add = func(ctx context.Context, job rag.Job, inputs iter.Seq[rag.Input], report func(int, rag.AddResult)) error {
		accounts <- rag.AccountOf(ctx)
		return add(ctx, job, inputs, report)
	}
	cfg.Poll = time.Hour
	r := w.start(cfg)
	id := w.job("one", "two")
	r.Remember(id, map[int]string{2: "secret"})
	r.Wake()
	w.ended(id)
	if w.seen[0].Password != "" || w.seen[1].Password != "secret" {
		t.Errorf("passwords %q and %q", w.seen[0].Password, w.seen[1].Password)
	}
	if a := <-accounts; a != (rag.Account{Tenant: "t", Key: "key"}) {
		t.Errorf("charged to %+v", a)
	}
}

func TestSync(t *testing.T) {
	w := newWorld(t)
	job, err := w.store.CreateJob(t.Context(), rag.Job{CollectionID: w.col.ID, Kind: rag.JobSync, Source: "wiki"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := w.config(fine)
	cfg.Sync = func(_ context.Context, job rag.Job, tell func(jobs.Told)) error {
		tell(jobs.Told{Items: 3})
		tell(jobs.Told{Result: &rag.AddResult{State: rag.Updated, Bytes: 7}})
		tell(jobs.Told{Result: &rag.AddResult{State: rag.Removed}})
		tell(jobs.Told{Result: &rag.AddResult{State: rag.Failed, Source: job.Source}})
		tell(jobs.Told{Result: &rag.AddResult{State: rag.Failed, Source: job.Source}}) // once more
		tell(jobs.Told{Report: &rag.SyncReport{Updated: 1, Deleted: 1, Failed: 1}})
		return nil
	}
	w.start(cfg)
	if got := w.ended(job.ID); got.State != rag.JobDone || got.Progress.Updated != 1 || got.Progress.Deleted != 1 || got.Progress.Failed != 1 || got.Progress.Done != 3 || got.Progress.Bytes != 7 {
		t.Errorf("%+v", got)
	}
}

// TestArchive has an item with several results: its verdict is made of them.
func TestArchive(t *testing.T) {
	w := newWorld(t)
	id := w.job("a.zip", "b.zip")
	cfg := w.config(fine)
	cfg.Add = func(_ context.Context, _ rag.Job, inputs iter.Seq[rag.Input], report func(int, rag.AddResult)) error {
		i := 0
		for range inputs {
			report(i, rag.AddResult{State: rag.Unchanged, Chunks: 1, More: true})
			if i == 0 {
				report(i, rag.AddResult{State: rag.Failed, Err: rag.Errorf(rag.KindInvalid, "a.zip!/x.pdf: damaged"), More: true})
			}
			report(i, rag.AddResult{State: rag.Added, Chunks: 2})
			i++
		}
		return nil
	}
	w.start(cfg)
	job, items := w.ended(id), w.items(id)
	if p := job.Progress; p.Done != 2 || p.Failed != 1 || p.Added != 1 || p.Chunks != 6 {
		t.Errorf("%+v", p)
	}
	if items[0].Error != "1 of 3 files failed: a.zip!/x.pdf: damaged" || items[0].Kind != rag.KindInvalid || items[1].State != rag.Added || items[1].Chunks != 3 {
		t.Errorf("%+v", items)
	}
}

// TestMayReplace holds the work of somebody who does not manage the tenant to documents
// that they may see.
func TestMayReplace(t *testing.T) {
	w := newWorld(t)
	id := w.job("one")
	w.start(w.config(fine))
	w.ended(id)
	may := w.seen[0].MayReplace
	if may == nil || may(rag.Document{ACL: []string{"boss"}}) == nil || may(rag.Document{}) != nil {
		t.Error("a document may be replaced by whoever may not see it")
	}
}
