package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server/auth"
	"github.com/smartretriever/smartretriever/server/problem"
	"github.com/smartretriever/smartretriever/server/request"
	"github.com/smartretriever/smartretriever/server/sse"
)

// Job is work that goes on after the request that began it.
type Job struct {
	ID          rag.JobID    `json:"id" doc:"UUID"`
	Kind        rag.JobKind  `json:"kind" enum:"add,sync" doc:"add: documents that were handed in; sync: a source is brought up to date"`
	Name        string       `json:"name" doc:"For people: the file, how many there are, or the source"`
	Source      string       `json:"source" doc:"Of a sync, else empty"`
	State       rag.JobState `json:"state" enum:"queued,running,done,failed,cancelled" doc:"done: every item has its verdict; some of them may have failed"`
	Error       *string      `json:"error" doc:"Why it failed, or, of one that is queued, why it waits for another try; else null"`
	Cancelling  bool         `json:"cancelling" doc:"Its end was asked for and is near"`
	Interrupted bool         `json:"interrupted" doc:"It is running, and the process that worked on it is silent: another goes on with it, as soon as there is one"`
	Tries       int          `json:"tries" doc:"Turns that were begun"`
	Progress    Progress     `json:"progress"`
	CreatedAt   time.Time    `json:"created_at"`
	StartedAt   *time.Time   `json:"started_at"`
	UpdatedAt   time.Time    `json:"updated_at"`
	EndedAt     *time.Time   `json:"ended_at"`
	NotBefore   *time.Time   `json:"not_before" doc:"Of one that waits for another try"`
}

// Progress counts what a job has done.
type Progress struct {
	Items     int       `json:"items" doc:"Known so far"`
	Complete  bool      `json:"complete" doc:"No more items will become known"`
	Done      int       `json:"done" doc:"Items that have their verdict: the sum of the next six"`
	Added     int       `json:"added"`
	Updated   int       `json:"updated"`
	Unchanged int       `json:"unchanged"`
	Deleted   int       `json:"deleted"`
	Skipped   int       `json:"skipped" doc:"Hold no text"`
	Failed    int       `json:"failed"`
	Bytes     int64     `json:"bytes" doc:"Read"`
	Pages     int       `json:"pages"`
	Chunks    int       `json:"chunks"`
	Embedded  int       `json:"embedded" doc:"Chunks whose embedding was computed and not reused"`
	Tokens    int64     `json:"tokens" doc:"Of these"`
	Cost      rag.Money `json:"cost" doc:"Of these, at the known price"`
	Currency  string    `json:"currency" doc:"Empty where nothing is paid"`
	Seconds   float64   `json:"seconds" doc:"Worked on it"`
	Left      *float64  `json:"seconds_left" doc:"Estimated; null where that cannot be said"`
}

// JobItem is one of the inputs of a job.
type JobItem struct {
	Number     int            `json:"number" doc:"From 1, in the order in which they were handed in"`
	Name       string         `json:"name" doc:"The file's name, or else the document's title, source or external id"`
	ExternalID string         `json:"external_id"`
	State      string         `json:"state" enum:"waiting,added,updated,unchanged,skipped,failed"`
	Error      *string        `json:"error" doc:"Why it failed, was skipped, or waits for another try; else null"`
	Tries      int            `json:"tries"`
	DocumentID rag.DocumentID `json:"document_id" doc:"Empty where nothing is stored"`
	Chunks     int            `json:"chunks"`
	Warnings   []string       `json:"warnings" nullable:"false" doc:"What could not be read of it"`
}

// JobList is a page of jobs, JobItemList one of items.
type JobList struct {
	Jobs       []Job  `json:"jobs" nullable:"false"`
	NextCursor string `json:"next_cursor" doc:"Empty on the last page"`
}

// JobItemList is a page of the items of a job.
type JobItemList struct {
	Items      []JobItem `json:"items" nullable:"false"`
	NextCursor string    `json:"next_cursor" doc:"Empty on the last page"`
}

func jobOf(j rag.Job) Job {
	p := j.Progress
	out := Job{
		ID: j.ID, Kind: j.Kind, Name: j.Name, Source: j.Source, State: j.State, Cancelling: j.Cancelling, Interrupted: j.Interrupted(time.Now()), Tries: j.Tries,
		CreatedAt: j.CreatedAt.UTC(), StartedAt: moment(j.StartedAt), UpdatedAt: j.UpdatedAt.UTC(), EndedAt: moment(j.EndedAt), NotBefore: moment(j.NotBefore),
		Progress: Progress{
			Items: p.Items, Complete: p.Complete, Done: p.Done, Added: p.Added, Updated: p.Updated, Unchanged: p.Unchanged, Deleted: p.Deleted,
			Skipped: p.Skipped, Failed: p.Failed, Bytes: p.Bytes, Pages: p.Pages, Chunks: p.Chunks, Embedded: p.Embedded, Tokens: p.Tokens,
			Cost: p.Cost, Currency: p.Currency, Seconds: p.Took.Seconds(),
		},
	}
	if j.Error != "" {
		out.Error = &j.Error
	}
	if left := p.Left(); j.State == rag.JobRunning && !out.Interrupted && left >= 0 {
		seconds := left.Seconds()
		out.Progress.Left = &seconds
	}
	return out
}

// moment is a time that may not have come yet.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// waiting is how the state of an item without a verdict is called.
const waiting = "waiting"

func jobItemOf(it rag.JobItem) JobItem {
	out := JobItem{
		Number: it.Number, ExternalID: it.Input.ExternalID, State: string(it.State), Tries: it.Tries, DocumentID: it.DocumentID,
		Chunks: it.Chunks, Warnings: list(it.Warnings),
	}
	for _, name := range []string{it.Input.Name, it.Input.Title, it.Input.Source, it.Input.ExternalID} {
		if out.Name == "" {
			out.Name = name
		}
	}
	if out.State == "" {
		out.State = waiting
	}
	if it.Error != "" {
		// Failures of ours say no more than that; what they were is in the log.
		why := problem.Detail(rag.Errorf(it.Kind, "%s", it.Error))
		out.Error = &why
	}
	return out
}

// JobPath holds the path parameters of everything about one job.
type JobPath struct {
	CollectionPath
	Job rag.JobID `path:"job" maxLength:"64" doc:"Job id (UUID)"`
}

const jobsRoute, jobRoute = collectionRoute + "/jobs", collectionRoute + "/jobs/{job}"

const jobEvents = "Events `job` (Job), one now and one whenever something has changed, until the job has ended; or `error` (Problem). " +
	"Lines that begin with a colon keep the connection alive."

func (h *handlers) registerJobs() {
	submit := h.operation(http.MethodPost, jobsRoute, "submitDocuments", "jobs", "Add documents by a job")
	submit.Description = "Takes what addDocuments takes, and answers as soon as the contents are stored. The rest goes on even if the server is stopped or killed. " +
		"What is wrong with one document is its item's verdict and leaves the others."
	submit.Parameters = []*huma.Param{pathParam("name", "Collection")}
	submit.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/json":    {Schema: schemaOf[NewDocuments](h)},
		"multipart/form-data": {Schema: formSchema(true)},
	}}
	submit.Responses["202"] = &huma.Response{Description: "The job", Content: jsonContent(schemaOf[Job](h))}
	h.raw(submit, h.submitDocuments)

	huma.Register(h.api, h.operation(http.MethodGet, jobsRoute, "listJobs", "jobs", "List jobs"), h.listJobs)
	huma.Register(h.api, h.operation(http.MethodGet, jobRoute, "getJob", "jobs", "Get a job"), h.getJob)
	huma.Register(h.api, h.operation(http.MethodGet, jobRoute+"/items", "listJobItems", "jobs", "List what a job consists of"), h.listJobItems)
	huma.Register(h.api, h.operation(http.MethodPost, jobRoute+"/cancel", "cancelJob", "jobs", "End a job; what it has stored stays"), h.cancelJob)
	huma.Register(h.api, h.operation(http.MethodPost, jobRoute+"/retry", "retryJob", "jobs", "Try again what failed of a job that has ended"), h.retryJob)
	remove := h.operation(http.MethodDelete, jobRoute, "deleteJob", "jobs", "Forget a job that has ended")
	remove.DefaultStatus = http.StatusNoContent
	huma.Register(h.api, remove, h.deleteJob)

	events := h.operation(http.MethodGet, jobRoute+"/events", "watchJob", "jobs", "Watch a job")
	events.Description = jobEvents
	events.Parameters = []*huma.Param{pathParam("name", "Collection"), pathParam("job", "Job id (UUID)")}
	events.Responses["200"] = &huma.Response{
		Description: jobEvents,
		Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString, Description: jobEvents}}},
	}
	h.raw(events, h.watchJob)
}

func (h *handlers) submitDocuments(w http.ResponseWriter, r *http.Request) error {
	inputs, done, err := h.inputs(r, decodeBatch)
	if err != nil {
		return err
	}
	defer done()
	ctx := r.Context()
	scope := auth.From(ctx).Manage(r.PathValue("name"))
	job, err := h.svc.SubmitDocuments(ctx, scope, func(yield func(rag.Input) bool) {
		for _, in := range inputs {
			if err := h.mayReplace(ctx, scope, in); err != nil {
				in.Text, in.Content = "", faulty{err} // becomes the item's verdict
			}
			if !yield(in.Input) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	w.Header().Set("Location", r.URL.Path+"/"+string(job.ID))
	return writeJSON(w, http.StatusAccepted, jobOf(job))
}

// faulty is the content of a document that is refused.
type faulty struct{ err error }

func (f faulty) Read([]byte) (int, error) { return 0, f.err }

func (h *handlers) listJobs(ctx context.Context, in *struct {
	CollectionPath
	Paging
	State []rag.JobState `query:"state" enum:"queued,running,done,failed,cancelled" doc:"Only jobs in these states, with commas between them"`
}) (*output[JobList], error) {
	page, err := h.svc.Jobs(ctx, auth.From(ctx).Manage(in.Name), rag.JobQuery{ListOptions: in.options(), States: in.State})
	out := JobList{Jobs: make([]Job, len(page.Items)), NextCursor: page.Next}
	for i, j := range page.Items {
		out.Jobs[i] = jobOf(j)
	}
	return reply(ctx, out, err)
}

func (h *handlers) getJob(ctx context.Context, in *JobPath) (*output[Job], error) {
	j, err := h.svc.Job(ctx, auth.From(ctx).Manage(in.Name), in.Job)
	return reply(ctx, jobOf(j), err)
}

func (h *handlers) listJobItems(ctx context.Context, in *struct {
	JobPath
	State  []string `query:"state" enum:"waiting,added,updated,unchanged,skipped,failed" doc:"Only items in these states, with commas between them"`
	Cursor string   `query:"cursor" maxLength:"1024" doc:"next_cursor of the page before"`
	Limit  int      `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Entries of a page"`
}) (*output[JobItemList], error) {
	var states []rag.AddState
	for _, s := range in.State {
		if s == waiting {
			s = ""
		}
		states = append(states, rag.AddState(s))
	}
	page, err := h.svc.JobItems(ctx, auth.From(ctx).Manage(in.Name), in.Job, states, rag.ListOptions{Cursor: in.Cursor, Limit: in.Limit})
	out := JobItemList{Items: make([]JobItem, len(page.Items)), NextCursor: page.Next}
	for i, it := range page.Items {
		out.Items[i] = jobItemOf(it)
	}
	return reply(ctx, out, err)
}

func (h *handlers) cancelJob(ctx context.Context, in *JobPath) (*output[Job], error) {
	j, err := h.svc.CancelJob(ctx, auth.From(ctx).Manage(in.Name), in.Job)
	return reply(ctx, jobOf(j), err)
}

func (h *handlers) retryJob(ctx context.Context, in *JobPath) (*output[Job], error) {
	j, err := h.svc.RetryJob(ctx, auth.From(ctx).Manage(in.Name), in.Job)
	return reply(ctx, jobOf(j), err)
}

func (h *handlers) deleteJob(ctx context.Context, in *JobPath) (*struct{}, error) {
	if err := h.svc.DeleteJob(ctx, auth.From(ctx).Manage(in.Name), in.Job); err != nil {
		return nil, failed(ctx, err)
	}
	return nil, nil
}

// watching is how often a job that is watched is looked at, if nothing is told of it before.
const watching = 300 * time.Millisecond

// jobChanges is a Service that may tell when a job has changed.
type jobChanges interface {
	JobChanges(id rag.JobID) (changed <-chan struct{}, end func())
}

// watchJob looks at the job until it has ended: whoever works on it may be another
// process, from which nothing may be heard.
func (h *handlers) watchJob(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	scope := auth.From(ctx).Manage(r.PathValue("name"))
	id := rag.JobID(r.PathValue("job"))
	job, err := h.svc.Job(ctx, scope, id)
	if err != nil {
		return err
	}
	events := sse.New(w, h.cfg.Beat)
	defer events.Close()
	var changed <-chan struct{}
	if told, ok := h.svc.(jobChanges); ok {
		var end func()
		changed, end = told.JobChanges(id)
		defer end()
	}
	tick := time.NewTicker(watching)
	defer tick.Stop()
	for {
		if events.Send("job", jobOf(job)) != nil || job.State.Ended() {
			return nil // nobody reads any more, or there is nothing more to be read
		}
		for seen := job; job.State == seen.State && job.UpdatedAt.Equal(seen.UpdatedAt); {
			select {
			case <-ctx.Done():
				return nil
			case <-changed:
			case <-tick.C:
			}
			if job, err = h.svc.Job(ctx, scope, id); err != nil {
				return events.Send("error", h.watchFault(ctx, err))
			}
		}
	}
}

// watchFault is what is said of an error after the events have begun.
func (h *handlers) watchFault(ctx context.Context, err error) *problem.Problem {
	p := problem.Of(err)
	if p.Status >= http.StatusInternalServerError && !errors.Is(err, context.Canceled) {
		request.Note(ctx, err)
	}
	return stamp(ctx, p)
}
