package smartretriever_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	smartretriever "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/rag"
)

// settled waits for a job to end.
func settled(t *testing.T, r *smartretriever.Retriever, scope rag.Scope, id rag.JobID) rag.Job {
	t.Helper()
	for tick := time.NewTicker(5 * time.Millisecond); ; <-tick.C {
		job, err := r.Job(t.Context(), scope, id)
		if err != nil {
			t.Fatal(err)
		}
		if job.State.Ended() {
			tick.Stop()
			return job
		}
	}
}

// TestJobs hands documents in and lets them be added behind the caller's back, one of them
// too large and one that nobody can read.
func TestJobs(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir, func(c *smartretriever.Config) { c.MaxFileBytes = 1000 })
	scope := rag.Scope{Principals: []string{"me"}}
	job, err := r.SubmitDocuments(t.Context(), scope, slices.Values([]rag.Input{
		{ExternalID: "tower", Title: "Eiffel Tower", Text: towerText},
		{Name: "bridge.md", Source: "bridge.md", Content: strings.NewReader(bridgeText), Metadata: rag.Metadata{"kind": rag.Str("bridge")}},
		{Name: "large.md", Source: "large.md", Content: strings.NewReader(strings.Repeat("x", 2000))},
		{Name: "damaged.pdf", Source: "damaged.pdf", Content: strings.NewReader("%PDF-1.7 and nothing more")},
	}))
	if err != nil {
		t.Fatal(err)
	}
	job = settled(t, r, scope, job.ID)
	if p := job.Progress; job.State != rag.JobDone || job.Name != "4 documents" || p.Added != 2 || p.Failed != 2 || p.Chunks != 2 || p.Bytes == 0 || p.Tokens == 0 {
		t.Errorf("%+v", job)
	}
	hits := search(t, r, rag.Scope{}, rag.Query{Text: "When did the bridge open?", K: 1})
	if len(hits) != 1 || hits[0].Document.Source != "bridge.md" || hits[0].Document.Metadata["kind"].Text() != "bridge" {
		t.Errorf("found %+v", hits)
	}
	failed, err := r.JobItems(t.Context(), scope, job.ID, []rag.AddState{rag.Failed}, rag.ListOptions{})
	if err != nil || len(failed.Items) != 2 || !strings.Contains(failed.Items[0].Error, "larger than") || failed.Items[1].Kind != rag.KindInvalid {
		t.Errorf("%+v, %v", failed.Items, err)
	}
	// Trying again comes to the same, and does nothing twice.
	if _, err := r.RetryJob(t.Context(), scope, job.ID); err != nil {
		t.Fatal(err)
	}
	if again := settled(t, r, scope, job.ID); again.Progress.Added != 2 || again.Progress.Failed != 2 {
		t.Errorf("tried again: %+v", again.Progress)
	}
	if _, err := r.Job(t.Context(), rag.Scope{Principals: []string{"you"}}, job.ID); rag.KindOf(err) != rag.KindNotFound {
		t.Errorf("somebody else sees the job: %v", err)
	}
	if err := r.DeleteJob(t.Context(), scope, job.ID); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	// What failed leaves nothing behind: two documents, two originals.
	if n := files(t, filepath.Join(dir, "blobs")); n != 2 {
		t.Errorf("%d originals are left", n)
	}
}

// files counts the files below a folder.
func files(t *testing.T, dir string) int {
	t.Helper()
	n := 0
	err := filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestJobsOutliveTheirProcess closes the retriever right after the work was handed in.
func TestJobsOutliveTheirProcess(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir, nil)
	job, err := first.SubmitDocuments(t.Context(), rag.Scope{}, slices.Values([]rag.Input{{ExternalID: "tower", Text: towerText}}))
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := open(t, dir, nil)
	if err := second.WorkJobs(); err != nil {
		t.Fatal(err)
	}
	if got := settled(t, second, rag.Scope{Admin: true}, job.ID); got.State != rag.JobDone || got.Progress.Added+got.Progress.Unchanged != 1 {
		t.Errorf("%+v", got)
	}
	if _, err := second.SubmitDocuments(t.Context(), rag.Scope{}, slices.Values[[]rag.Input](nil)); rag.KindOf(err) != rag.KindInvalid {
		t.Errorf("a job of nothing: %v", err)
	}
}
