package servertest

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/smartretriever/smartretriever/rag"
)

// job is a job whose documents were added when it was made, and which shows that when it
// is looked at for the second time.
type job struct {
	rag.Job
	inputs []rag.Input
	faults []error // of reading them
	items  []rag.JobItem
}

// SubmitDocuments adds the documents behind a job that is running when it is first seen.
func (f *Fake) SubmitDocuments(ctx context.Context, s rag.Scope, inputs iter.Seq[rag.Input]) (rag.Job, error) {
	leave, err := f.enter("SubmitDocuments")
	if err != nil {
		return rag.Job{}, err
	}
	j := f.newJob(s, rag.JobAdd)
	leave()
	for in := range inputs {
		var fault error
		if in.Content != nil {
			var content []byte
			content, fault = io.ReadAll(in.Content)
			in.Content, in.Text = nil, string(content)
		}
		j.inputs, j.faults = append(j.inputs, in), append(j.faults, fault)
	}
	j.Name = fmt.Sprintf("%d documents", len(j.inputs))
	j.Progress.Items, j.Progress.Complete = len(j.inputs), true
	return j.Job, f.work(ctx, s, j)
}

// newJob makes a job that waits. f.mu is held.
func (f *Fake) newJob(s rag.Scope, kind rag.JobKind) *job {
	n, group := 1, map[rag.JobKind]string{rag.JobAdd: "8000", rag.JobSync: "9000"}[kind]
	for _, other := range f.jobs {
		if other.Kind == kind {
			n++
		}
	}
	j := &job{Job: rag.Job{
		ID: rag.JobID(fmt.Sprintf("00000000-0000-7000-%s-%012d", group, n)), Tenant: s.WithDefaults().Tenant, Collection: s.WithDefaults().Collection,
		Kind: kind, State: rag.JobQueued, Principals: slices.Clone(s.Principals), CreatedAt: f.tick(),
	}}
	j.UpdatedAt = j.CreatedAt
	f.jobs = append(f.jobs, j)
	return j
}

func (f *Fake) work(ctx context.Context, s rag.Scope, j *job) error {
	j.items = make([]rag.JobItem, len(j.inputs))
	done := rag.Progress{Items: len(j.inputs), Complete: true}
	var sound []int
	verdict := func(i int, res rag.AddResult) {
		in := j.inputs[i]
		j.items[i] = rag.JobItem{
			Number: i + 1, Input: rag.StoredInput{ExternalID: in.ExternalID, Name: in.Name, Title: in.Title, Source: in.Source},
			State: res.State, Tries: 1, DocumentID: res.ID, Chunks: res.Chunks, Warnings: res.Warnings,
		}
		if res.Err != nil {
			j.items[i].Error, j.items[i].Kind = res.Err.Error(), rag.KindOf(res.Err)
		}
		done.Count(res)
	}
	for i, fault := range j.faults {
		if fault == nil {
			sound = append(sound, i)
			continue
		}
		verdict(i, rag.AddResult{State: rag.Failed, Err: fault})
	}
	err := f.AddDocuments(ctx, s, func(yield func(rag.Input) bool) {
		for _, i := range sound {
			if !yield(j.inputs[i]) {
				return
			}
		}
	}, func(n int, res rag.AddResult) { verdict(sound[n], res) })
	f.mu.Lock()
	defer f.mu.Unlock()
	j.Progress, j.Tries = done, 1
	return err
}

func (f *Fake) seen(s rag.Scope, id rag.JobID) (*job, error) {
	s = s.WithDefaults()
	for _, j := range f.jobs {
		if j.ID == id && j.Tenant == s.Tenant && j.Collection == s.Collection && (s.Admin || slices.Equal(j.Principals, s.Principals)) {
			return j, nil
		}
	}
	return nil, rag.Errorf(rag.KindNotFound, "there is no job %q", id)
}

// Job shows a queued job as running, and a running one as done.
func (f *Fake) Job(_ context.Context, s rag.Scope, id rag.JobID) (rag.Job, error) {
	leave, err := f.enter("Job")
	if err != nil {
		return rag.Job{}, err
	}
	defer leave()
	j, err := f.seen(s, id)
	if err != nil {
		return rag.Job{}, err
	}
	switch j.State {
	case rag.JobQueued:
		j.State, j.StartedAt = rag.JobRunning, f.tick()
		j.UpdatedAt = j.StartedAt
	case rag.JobRunning:
		j.State, j.EndedAt = rag.JobDone, f.tick()
		j.UpdatedAt = j.EndedAt
	}
	return j.Job, nil
}

func (f *Fake) Jobs(_ context.Context, s rag.Scope, q rag.JobQuery) (rag.Page[rag.Job], error) {
	leave, err := f.enter("Jobs")
	if err != nil {
		return rag.Page[rag.Job]{}, err
	}
	defer leave()
	var out []rag.Job
	for _, j := range f.jobs {
		if _, err := f.seen(s, j.ID); err == nil && (len(q.States) == 0 || slices.Contains(q.States, j.State)) {
			out = append(out, j.Job)
		}
	}
	return paged(out, q.ListOptions, func(j rag.Job) string { return string(j.ID) })
}

func (f *Fake) JobItems(_ context.Context, s rag.Scope, id rag.JobID, states []rag.AddState, opt rag.ListOptions) (rag.Page[rag.JobItem], error) {
	leave, err := f.enter("JobItems")
	if err != nil {
		return rag.Page[rag.JobItem]{}, err
	}
	defer leave()
	j, err := f.seen(s, id)
	if err != nil {
		return rag.Page[rag.JobItem]{}, err
	}
	var out []rag.JobItem
	for _, it := range j.items {
		if len(states) == 0 || slices.Contains(states, it.State) {
			out = append(out, it)
		}
	}
	return paged(out, opt, func(it rag.JobItem) string { return fmt.Sprint(it.Number) })
}

func (f *Fake) CancelJob(_ context.Context, s rag.Scope, id rag.JobID) (rag.Job, error) {
	leave, err := f.enter("CancelJob")
	if err != nil {
		return rag.Job{}, err
	}
	defer leave()
	j, err := f.seen(s, id)
	if err != nil {
		return rag.Job{}, err
	}
	if !j.State.Ended() {
		j.State, j.EndedAt = rag.JobCancelled, f.tick()
		j.UpdatedAt = j.EndedAt
	}
	return j.Job, nil
}

func (f *Fake) RetryJob(ctx context.Context, s rag.Scope, id rag.JobID) (rag.Job, error) {
	leave, err := f.enter("RetryJob")
	if err != nil {
		return rag.Job{}, err
	}
	j, err := f.seen(s, id)
	if err == nil && !j.State.Ended() {
		err = rag.Errorf(rag.KindConflict, "job %s has not ended yet", id)
	}
	if err == nil && j.Progress.Failed == 0 {
		err = rag.Errorf(rag.KindInvalid, "nothing of job %s has failed", id)
	}
	if err == nil {
		j.State, j.UpdatedAt = rag.JobQueued, f.tick()
	}
	leave()
	if err != nil {
		return rag.Job{}, err
	}
	return j.Job, f.work(ctx, s, j)
}

func (f *Fake) DeleteJob(_ context.Context, s rag.Scope, id rag.JobID) error {
	leave, err := f.enter("DeleteJob")
	if err != nil {
		return err
	}
	defer leave()
	j, err := f.seen(s, id)
	if err != nil {
		return err
	}
	if !j.State.Ended() {
		return rag.Errorf(rag.KindConflict, "job %s has not ended yet; cancel it first", id)
	}
	f.jobs = slices.DeleteFunc(f.jobs, func(other *job) bool { return other == j })
	return nil
}
