package store_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

func TestJobKey(t *testing.T) {
	const id = "0190163d-8694-739b-aea5-966c26f8ad91"
	if key, err := store.JobKey(id); err != nil || len(key) != 16 || key[0] != 0x01 || key[15] != 0x91 {
		t.Errorf("%x, %v", key, err)
	}
	for _, none := range []rag.JobID{"", "job", "{" + id + "}", "urn:uuid:" + id, "0190163d8694739baea5966c26f8ad91"} {
		if key, err := store.JobKey(none); !errors.Is(err, rag.ErrNotFound) {
			t.Errorf("%q: %x, %v", none, key, err)
		}
	}
}

func TestJobColumns(t *testing.T) {
	job := rag.Job{Name: "a"}
	if err := store.ParseJob(&job, 7, `["p"]`, store.JSON(rag.Progress{Items: 3, Added: 2})); err != nil || !slices.Equal(job.Principals, []string{"p"}) || job.Progress.Added != 2 || job.Name != "a" {
		t.Errorf("%+v, %v", job, err)
	}
	item := rag.JobItem{Number: 3}
	input := rag.StoredInput{Name: "f.txt", SHA256: "gone since", Bytes: 4}
	if err := store.ParseJobItem(&item, 7, store.JSON(input), "", 9, `["w"]`); err != nil || item.Input.Name != "f.txt" || item.Input.SHA256 != "" || item.Input.Bytes != 9 || !slices.Equal(item.Warnings, []string{"w"}) {
		t.Errorf("%+v, %v", item, err)
	}
	for what, err := range map[string]error{
		"principals": store.ParseJob(&rag.Job{}, 7, "{", "{}"),
		"progress":   store.ParseJob(&rag.Job{}, 7, "[]", "["),
		"input":      store.ParseJobItem(&rag.JobItem{}, 7, "", "", 0, "[]"),
		"warnings":   store.ParseJobItem(&rag.JobItem{}, 7, "{}", "", 0, ""),
	} {
		if !errors.Is(err, rag.ErrInternal) {
			t.Errorf("damaged %s: %v", what, err)
		}
	}
}

func TestProgressOfItems(t *testing.T) {
	p := store.NewProgress(rag.JobAdd, []rag.JobItem{{}, {State: rag.Failed}, {State: rag.Skipped}, {}})
	if p.Items != 4 || !p.Complete || p.Done != 2 || p.Failed != 1 || p.Skipped != 1 {
		t.Errorf("of a new job: %+v", p)
	}
	if p := store.NewProgress(rag.JobSync, nil); p.Complete {
		t.Error("a sync knows its items before it has begun")
	}
	p = rag.Progress{Items: 9, Done: 1, Failed: 1, Skipped: 5, Bytes: 77}
	store.Recount(&p, map[rag.AddState]int{"": 2, rag.Added: 3, rag.Updated: 1, rag.Unchanged: 1, rag.Failed: 2})
	if want := (rag.Progress{Items: 9, Done: 7, Added: 3, Updated: 1, Unchanged: 1, Failed: 2, Bytes: 77}); p != want {
		t.Errorf("counted anew: %+v", p)
	}
}

func TestRetried(t *testing.T) {
	for _, c := range []struct {
		job  rag.Job
		want rag.Progress
		err  error
	}{
		{job: rag.Job{Kind: rag.JobAdd, State: rag.JobRunning, Progress: rag.Progress{Items: 1, Failed: 1, Done: 1}}, err: rag.ErrConflict},
		{job: rag.Job{Kind: rag.JobSync, State: rag.JobQueued}, err: rag.ErrConflict},
		{job: rag.Job{Kind: rag.JobAdd, State: rag.JobDone, Progress: rag.Progress{Items: 2, Added: 2, Done: 2}}, err: rag.ErrInvalid},
		{job: rag.Job{Kind: rag.JobAdd, State: rag.JobDone, Progress: rag.Progress{Items: 3, Added: 1, Failed: 2, Done: 3}}, want: rag.Progress{Items: 3, Added: 1, Done: 1}},
		{job: rag.Job{Kind: rag.JobAdd, State: rag.JobCancelled, Progress: rag.Progress{Items: 3, Added: 1, Done: 1}}, want: rag.Progress{Items: 3, Added: 1, Done: 1}},
		{job: rag.Job{Kind: rag.JobSync, State: rag.JobFailed, Progress: rag.Progress{Items: 3, Added: 1, Failed: 2, Done: 3}}},
	} {
		got, err := store.Retried(c.job)
		if !errors.Is(err, c.err) || err == nil && got != c.want {
			t.Errorf("%s in state %s with %+v: %+v, %v", c.job.Kind, c.job.State, c.job.Progress, got, err)
		}
	}
}

func TestHolderAndEnd(t *testing.T) {
	if err := store.CheckHolder("j", "me", "me", rag.JobRunning); err != nil {
		t.Error(err)
	}
	for _, err := range []error{
		store.CheckHolder("j", "me", "you", rag.JobRunning),
		store.CheckHolder("j", "me", "me", rag.JobQueued),
		store.CheckHolder("j", "", "", rag.JobQueued),
		store.CheckEnded(rag.Job{State: rag.JobRunning}),
		store.SyncIsOpen("s", "j"),
	} {
		if !errors.Is(err, rag.ErrConflict) {
			t.Errorf("%v", err)
		}
	}
	if err := store.CheckEnded(rag.Job{State: rag.JobFailed}); err != nil {
		t.Error(err)
	}
}
