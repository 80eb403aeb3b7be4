package storetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

var jobTests = []test{
	{"a job from begin to end", jobLife},
	{"a job is one process's", jobClaims},
	{"a job whose holder is gone", jobLapses},
	{"cancelling", jobCancelled},
	{"trying again", jobTriedAgain},
	{"syncs", jobSyncs},
	{"who sees a job", jobSeen},
	{"contents of items", jobContents},
	{"jobs of a collection that is deleted", jobsGo},
}

// sha is a digest by name.
func sha(name string) string { return fmt.Sprintf("%064x", name) }

// jobInputs are inputs by their external ids.
func jobInputs(ids ...string) []rag.JobItem {
	var in []rag.JobItem
	for _, id := range ids {
		in = append(in, rag.JobItem{Input: rag.StoredInput{
			ExternalID: id, Name: id + ".md", Metadata: rag.Metadata{"a": rag.Num(1)}, ACL: []string{"x"}, SHA256: sha(id), Bytes: int64(len(id)),
		}})
	}
	return in
}

func makeJob(t *testing.T, s Store, c rag.Collection, ids ...string) rag.Job {
	t.Helper()
	job, err := s.CreateJob(t.Context(), rag.Job{CollectionID: c.ID, Kind: rag.JobAdd, Name: strings.Join(ids, ", "), Principals: []string{"p", "a"}, Key: "k"}, jobInputs(ids...))
	ok(t, "create job", err)
	return job
}

// words are values with a space between any two.
func words(values ...any) string { return strings.TrimSuffix(fmt.Sprintln(values...), "\n") }

func claim(t *testing.T, s Store, holder string, lease time.Duration) (rag.Job, bool) {
	t.Helper()
	job, found, err := s.ClaimJob(t.Context(), holder, lease)
	ok(t, "claim", err)
	return job, found
}

func itemNames(items []rag.JobItem) string {
	var names []string
	for _, it := range items {
		names = append(names, fmt.Sprint(it.Number, it.Input.ExternalID, it.State))
	}
	return strings.Join(names, " ")
}

func jobLife(t *testing.T, s Store) {
	c := makeCollection(t, s, "t", "c")
	ctx, scope := t.Context(), scopeOf(c)
	made := makeJob(t, s, c, "one", "two", "three")
	equal(t, "state", made.State, rag.JobQueued)
	equal(t, "progress", made.Progress, rag.Progress{Items: 3, Complete: true})
	equal(t, "who", words(made.Principals, made.Key, made.Tenant, made.Collection), "[a p] k t c")
	job, _ := claim(t, s, "me", time.Minute)
	equal(t, "claimed", job.ID, made.ID)
	equal(t, "running", words(job.State, job.Tries, job.StartedAt.IsZero()), "running 1 false")
	waiting, err := s.WaitingJobItems(ctx, job.ID, 1, 1)
	ok(t, "waiting items", err)
	equal(t, "the next waiting item", itemNames(waiting), "2two")
	equal(t, "its input", fmt.Sprint(waiting[0].Input), fmt.Sprint(jobInputs("two")[0].Input))
	done := rag.JobItem{Number: 1, State: rag.Added, DocumentID: "d", Chunks: 4, Tries: 1, Warnings: []string{"w"}}
	failed := rag.JobItem{Number: 3, State: rag.Failed, Error: "damaged", Kind: rag.KindInvalid, Tries: 2}
	ok(t, "put items", s.PutJobItems(ctx, job.ID, "me", []rag.JobItem{done, failed}))
	progress := rag.Progress{Items: 3, Complete: true, Done: 2, Added: 1, Failed: 1, Cost: 5, Currency: "EUR", Took: time.Second}
	cancel, err := s.HoldJob(ctx, job.ID, "me", time.Minute, progress)
	ok(t, "hold", err)
	equal(t, "cancelled", cancel, false)
	got, err := s.Job(ctx, scope, job.ID)
	ok(t, "read", err)
	equal(t, "progress", got.Progress, progress)
	page, err := s.JobItems(ctx, scope, job.ID, []rag.AddState{rag.Failed}, rag.ListOptions{})
	ok(t, "failed items", err)
	equal(t, "failed items", itemNames(page.Items)+page.Items[0].Error+string(page.Items[0].Kind), "3threefaileddamagedinvalid")
	var all []string
	for opt := (rag.ListOptions{Limit: 2}); ; {
		page, err := s.JobItems(ctx, scope, job.ID, nil, opt)
		ok(t, "items", err)
		all = append(all, itemNames(page.Items))
		if opt.Cursor = page.Next; opt.Cursor == "" {
			break
		}
	}
	equal(t, "pages of items", strings.Join(all, "|"), "1oneadded 2two|3threefailed")
	ok(t, "finish", s.FinishJob(ctx, job.ID, "me", rag.JobDone, "", time.Time{}, progress))
	got, err = s.Job(ctx, scope, job.ID)
	ok(t, "read", err)
	equal(t, "ended", words(got.State, got.EndedAt.IsZero()), "done false")
	wantKind(t, "hold after the end", second(s.HoldJob(ctx, job.ID, "me", time.Minute, progress)), rag.KindConflict)
	if _, found := claim(t, s, "me", time.Minute); found {
		t.Error("a job that has ended is claimed")
	}
	n, err := s.PurgeJobs(ctx, got.EndedAt.Add(-time.Microsecond))
	ok(t, "purge", err)
	equal(t, "purged too early", n, 0)
	n, err = s.PurgeJobs(ctx, got.EndedAt)
	ok(t, "purge", err)
	equal(t, "purged", n, 1)
	wantKind(t, "a purged job", second(s.Job(ctx, scope, job.ID)), rag.KindNotFound)
}

// jobClaims has jobs taken by many at once: each goes to one, the oldest first.
func jobClaims(t *testing.T, s Store) {
	c := makeCollection(t, s, "t", "c")
	const jobs, workers = 12, 4
	var want []rag.JobID
	for i := range jobs {
		want = append(want, makeJob(t, s, c, fmt.Sprint(i)).ID)
	}
	got := make([][]rag.JobID, workers)
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for {
				job, found, err := s.ClaimJob(t.Context(), fmt.Sprint("worker", w), time.Hour)
				if err != nil {
					t.Error(err)
				}
				if !found || err != nil {
					return
				}
				got[w] = append(got[w], job.ID)
			}
		})
	}
	all.Wait()
	var flat []rag.JobID
	for _, ids := range got {
		if !slices.IsSorted(ids) {
			t.Errorf("claimed out of order: %v", ids)
		}
		flat = append(flat, ids...)
	}
	slices.Sort(flat)
	equal(t, "claimed", fmt.Sprint(flat), fmt.Sprint(want))
	wantKind(t, "hold another's", second(s.HoldJob(t.Context(), want[0], "nobody", time.Hour, rag.Progress{})), rag.KindConflict)
	wantKind(t, "items of another's", s.PutJobItems(t.Context(), want[0], "nobody", nil), rag.KindConflict)
	wantKind(t, "finish another's", s.FinishJob(t.Context(), want[0], "nobody", rag.JobDone, "", time.Time{}, rag.Progress{}), rag.KindConflict)
}

func jobLapses(t *testing.T, s Store) {
	c := makeCollection(t, s, "t", "c")
	made := makeJob(t, s, c, "one")
	_, _ = claim(t, s, "first", -time.Second) // gone already
	job, found := claim(t, s, "second", time.Hour)
	equal(t, "claimed anew", fmt.Sprint(found, job.ID == made.ID, job.Tries), "true true 2")
	wantKind(t, "the first comes back", second(s.HoldJob(t.Context(), made.ID, "first", time.Hour, rag.Progress{})), rag.KindConflict)
	// One that waits for another try is not claimed before its time.
	ok(t, "wait", s.FinishJob(t.Context(), made.ID, "second", rag.JobQueued, "the model is down", time.Now().Add(time.Hour), job.Progress))
	if _, found := claim(t, s, "third", time.Hour); found {
		t.Error("claimed before its time")
	}
	got, err := s.Job(t.Context(), scopeOf(c), made.ID)
	ok(t, "read", err)
	equal(t, "why it waits", got.Error, "the model is down")
}

func jobCancelled(t *testing.T, s Store) {
	c := makeCollection(t, s, "t", "c")
	ctx, scope := t.Context(), scopeOf(c)
	running, waiting := makeJob(t, s, c, "one"), makeJob(t, s, c, "two")
	_, _ = claim(t, s, "me", time.Hour)
	got, err := s.CancelJob(ctx, scope, waiting.ID)
	ok(t, "cancel", err)
	equal(t, "one that waits", words(got.State, got.Cancelling), "cancelled false")
	got, err = s.CancelJob(ctx, scope, running.ID)
	ok(t, "cancel", err)
	equal(t, "one that runs", words(got.State, got.Cancelling), "running true")
	wantKind(t, "delete one that runs", s.DeleteJob(ctx, scope, running.ID), rag.KindConflict)
	cancel, err := s.HoldJob(ctx, running.ID, "me", time.Hour, rag.Progress{Items: 1})
	ok(t, "hold", err)
	equal(t, "its holder is told", cancel, true)
	ok(t, "finish", s.FinishJob(ctx, running.ID, "me", rag.JobCancelled, "", time.Time{}, rag.Progress{Items: 1}))
	got, err = s.CancelJob(ctx, scope, running.ID)
	ok(t, "cancel again", err)
	equal(t, "stays", words(got.State, got.Cancelling), "cancelled false")
	ok(t, "delete", s.DeleteJob(ctx, scope, running.ID))
	wantKind(t, "deleted", second(s.Job(ctx, scope, running.ID)), rag.KindNotFound)
}

func jobTriedAgain(t *testing.T, s Store) {
	c := makeCollection(t, s, "t", "c")
	ctx, scope := t.Context(), scopeOf(c)
	job := makeJob(t, s, c, "one", "two", "three")
	wantKind(t, "before its end", second(s.RetryJob(ctx, scope, job.ID)), rag.KindConflict)
	_, _ = claim(t, s, "me", time.Hour)
	ok(t, "items", s.PutJobItems(ctx, job.ID, "me", []rag.JobItem{
		{Number: 1, State: rag.Added, DocumentID: "d"}, {Number: 2, State: rag.Failed, Error: "e", Kind: rag.KindUnavailable, Tries: 3},
	}))
	ok(t, "finish", s.FinishJob(ctx, job.ID, "me", rag.JobCancelled, "", time.Time{}, rag.Progress{Items: 3, Complete: true, Done: 2, Added: 1, Failed: 1}))
	got, err := s.RetryJob(ctx, scope, job.ID)
	ok(t, "retry", err)
	equal(t, "progress", got.Progress, rag.Progress{Items: 3, Complete: true, Done: 1, Added: 1})
	equal(t, "state", words(got.State, got.Tries, got.EndedAt.IsZero()), "queued 0 true")
	again, _ := claim(t, s, "you", time.Hour)
	equal(t, "claimed", again.ID, job.ID)
	items, err := s.WaitingJobItems(ctx, job.ID, 0, 10)
	ok(t, "waiting", err)
	equal(t, "waiting", itemNames(items), "2two 3three")
	equal(t, "content is there", items[0].Input.SHA256, sha("two"))
	ok(t, "items", s.PutJobItems(ctx, job.ID, "you", []rag.JobItem{{Number: 2, State: rag.Added}, {Number: 3, State: rag.Unchanged}}))
	ok(t, "finish", s.FinishJob(ctx, job.ID, "you", rag.JobDone, "", time.Time{}, rag.Progress{Items: 3, Complete: true, Done: 3, Added: 2, Unchanged: 1}))
	wantKind(t, "nothing has failed", second(s.RetryJob(ctx, scope, job.ID)), rag.KindInvalid)
}

// jobSyncs has one open job a source, and one source read at a time.
func jobSyncs(t *testing.T, s Store) {
	c := makeCollection(t, s, "t", "c")
	ctx, scope := t.Context(), scopeOf(c)
	make := func(source string, again bool) rag.Job {
		t.Helper()
		job, err := s.CreateJob(ctx, rag.Job{CollectionID: c.ID, Kind: rag.JobSync, Name: source, Source: source, Again: again, Admin: true}, nil)
		ok(t, "create job", err)
		return job
	}
	end := func(id rag.JobID) {
		t.Helper()
		ok(t, "finish", s.FinishJob(ctx, id, "me", rag.JobDone, "", time.Time{}, rag.Progress{}))
	}
	a, b := make("a", false), make("b", false)
	same := make("a", true)
	equal(t, "the job that waits", words(same.ID, same.Again, same.AllowEmpty, same.Force), words(a.ID, true, false, false))
	forced, err := s.CreateJob(ctx, rag.Job{CollectionID: c.ID, Kind: rag.JobSync, Name: "b", Source: "b", Force: true, Admin: true}, nil)
	ok(t, "create job", err)
	equal(t, "the other", words(forced.ID, forced.Again, forced.Force), words(b.ID, false, true))
	add := makeJob(t, s, c, "one")
	for _, want := range []rag.JobID{a.ID, add.ID} {
		job, _ := claim(t, s, "me", time.Hour)
		equal(t, "claimed", job.ID, want)
	}
	if _, found := claim(t, s, "me", time.Hour); found {
		t.Error("two sources are read at once")
	}
	equal(t, "the job that runs", make("a", false).ID, a.ID)
	end(a.ID)
	second, _ := claim(t, s, "me", time.Hour)
	equal(t, "claimed", words(second.ID, second.Force), words(b.ID, true))
	next := make("a", false)
	equal(t, "after its end", words(next.ID == a.ID, next.Again), "false false")
	if _, err := s.RetryJob(ctx, scope, a.ID); rag.KindOf(err) != rag.KindConflict {
		t.Errorf("a second open job: %v", err)
	}
	end(b.ID)
	for range 25 {
		job, _ := claim(t, s, "me", time.Hour)
		end(job.ID)
		make("a", false)
	}
	page, err := s.Jobs(ctx, scope, rag.JobQuery{ListOptions: rag.ListOptions{Limit: 100}})
	ok(t, "jobs", err)
	equal(t, "jobs that are kept", len(page.Items), 1+1+20) // of one, of b, of a with the open one
	stranger := scope
	stranger.Admin, stranger.Principals = false, nil
	page, err = s.Jobs(ctx, stranger, rag.JobQuery{})
	ok(t, "jobs", err)
	equal(t, "seen by others", len(page.Items), 0)
	wantKind(t, "seen by others", func() error { _, err := s.Job(ctx, stranger, next.ID); return err }(), rag.KindNotFound)
}

func jobSeen(t *testing.T, s Store) {
	c, other := makeCollection(t, s, "t", "c"), makeCollection(t, s, "t", "other")
	foreign := makeCollection(t, s, "foreign", "c")
	ctx := t.Context()
	job := makeJob(t, s, c, "one")
	for _, test := range []struct {
		name  string
		scope rag.Scope
		sees  bool
	}{
		{"administrator", scopeOf(c), true},
		{"who made it", rag.Scope{Tenant: "t", Collection: "c", Principals: []string{"a", "p"}}, true},
		{"somebody else", rag.Scope{Tenant: "t", Collection: "c", Principals: []string{"a"}}, false},
		{"nobody", rag.Scope{Tenant: "t", Collection: "c"}, false},
		{"another collection", scopeOf(other), false},
		{"another tenant", scopeOf(foreign), false},
	} {
		page, err := s.Jobs(ctx, test.scope, rag.JobQuery{})
		ok(t, "list", err)
		equal(t, test.name+" lists", len(page.Items) == 1, test.sees)
		want := rag.KindNotFound
		if test.sees {
			want = ""
		}
		wantKind(t, test.name+" reads", second(s.Job(ctx, test.scope, job.ID)), want)
		wantKind(t, test.name+" lists items", second(s.JobItems(ctx, test.scope, job.ID, nil, rag.ListOptions{})), want)
		if !test.sees {
			wantKind(t, test.name+" cancels", second(s.CancelJob(ctx, test.scope, job.ID)), want)
			wantKind(t, test.name+" retries", second(s.RetryJob(ctx, test.scope, job.ID)), want)
			wantKind(t, test.name+" deletes", s.DeleteJob(ctx, test.scope, job.ID), want)
		}
	}
	for range 4 {
		makeJob(t, s, c, "more")
	}
	var seen []rag.JobID
	for q := (rag.JobQuery{ListOptions: rag.ListOptions{Limit: 2, Descending: true}}); ; {
		page, err := s.Jobs(ctx, scopeOf(c), q)
		ok(t, "list", err)
		for _, j := range page.Items {
			seen = append(seen, j.ID)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	slices.Reverse(seen)
	equal(t, "pages", len(seen) == 5 && slices.IsSorted(seen), true)
	page, err := s.Jobs(ctx, scopeOf(c), rag.JobQuery{States: []rag.JobState{rag.JobDone, rag.JobFailed}})
	ok(t, "list", err)
	equal(t, "of a state that none has", len(page.Items), 0)
	wantKind(t, "no id", second(s.Job(ctx, scopeOf(c), "x")), rag.KindNotFound)
}

// jobContents holds contents to being alive as long as an item needs them, and no
// longer.
func jobContents(t *testing.T, s Store) {
	c := makeCollection(t, s, "t", "c")
	ctx := t.Context()
	alive := func(what string, want ...string) {
		t.Helper()
		var got []string
		ok(t, "live originals", s.LiveBlobs(ctx, func(sum string) error { got = append(got, sum); return nil }))
		var sums []string
		for _, w := range want {
			sums = append(sums, sha(w))
		}
		slices.Sort(sums)
		equal(t, what, strings.Join(got, " "), strings.Join(sums, " "))
		dead, err := s.UnreferencedBlobs(ctx, []string{sha("one"), sha("two"), sha("three")})
		ok(t, "unreferenced", err)
		equal(t, what+": the others are unreferenced", len(dead), 3-len(want))
	}
	job := makeJob(t, s, c, "one", "two", "three")
	alive("all", "one", "two", "three")
	_, _ = claim(t, s, "me", time.Hour)
	ok(t, "items", s.PutJobItems(ctx, job.ID, "me", []rag.JobItem{{Number: 1, State: rag.Added}, {Number: 2, State: rag.Failed}, {Number: 3, State: rag.Skipped}}))
	alive("of what failed", "two")
	ok(t, "finish", s.FinishJob(ctx, job.ID, "me", rag.JobDone, "", time.Time{}, rag.Progress{}))
	alive("after the end", "two")
	ok(t, "delete", s.DeleteJob(ctx, scopeOf(c), job.ID))
	alive("of nothing")
}

func jobsGo(t *testing.T, s Store) {
	c := makeCollection(t, s, "t", "c")
	makeJob(t, s, c, "one")
	ok(t, "delete collection", s.DeleteCollection(t.Context(), "t", "c"))
	if _, found := claim(t, s, "me", time.Hour); found {
		t.Error("a job outlives its collection")
	}
	dead, err := s.UnreferencedBlobs(t.Context(), []string{sha("one")})
	ok(t, "unreferenced", err)
	equal(t, "its contents are unreferenced", len(dead), 1)
	_, err = s.CreateJob(t.Context(), rag.Job{CollectionID: c.ID, Kind: rag.JobAdd}, nil)
	wantKind(t, "a job in a collection that is gone", err, rag.KindNotFound)
}
