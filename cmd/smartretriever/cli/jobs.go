package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/smartretriever/smartretriever/rag"
)

// jobber is what jobs calls.
type jobber interface {
	Job(ctx context.Context, scope rag.Scope, id rag.JobID) (rag.Job, error)
	Jobs(ctx context.Context, scope rag.Scope, q rag.JobQuery) (rag.Page[rag.Job], error)
	JobItems(ctx context.Context, scope rag.Scope, id rag.JobID, states []rag.AddState, opt rag.ListOptions) (rag.Page[rag.JobItem], error)
	CancelJob(ctx context.Context, scope rag.Scope, id rag.JobID) (rag.Job, error)
	RetryJob(ctx context.Context, scope rag.Scope, id rag.JobID) (rag.Job, error)
	DeleteJob(ctx context.Context, scope rag.Scope, id rag.JobID) error
	WorkJobs() error
}

func (a *app) jobsCommand() *cobra.Command {
	ls := a.jobsLsCommand()
	c := &cobra.Command{
		Use:   "jobs",
		Short: "Look at what is being added in the background",
		Long: `Looks at jobs: documents that were handed to a server, in the browser or over HTTP,
and that are added behind the request, and sources that a server reads again. A job goes on after a crash or a restart; what
failed of it can be tried again. Jobs that have ended are forgotten after a week.`,
		Example: `  smartretriever jobs ls
  smartretriever jobs show
  smartretriever jobs retry 0198c5b2-5c1e-7d7a-b0a1-0d2f4a5b6c7d
  smartretriever jobs run`,
		Args: cobra.NoArgs,
		RunE: ls.RunE,
	}
	c.AddCommand(ls, a.jobsShowCommand(), a.jobsRunCommand(),
		a.jobsActCommand("cancel", "End a job; what it has added stays", func(ctx context.Context, r jobber, id rag.JobID) (string, error) {
			job, err := r.CancelJob(ctx, a.scope(nil), id)
			if job.Cancelling {
				return "ends as soon as whoever works on it sees to it", err
			}
			return string(job.State), err
		}),
		a.jobsActCommand("retry", "Try again what failed of a job", func(ctx context.Context, r jobber, id rag.JobID) (string, error) {
			job, err := r.RetryJob(ctx, a.scope(nil), id)
			if err != nil {
				return "", err
			}
			// This process works on it while it is here, and leaves the rest to others.
			job, err = a.follow(ctx, r, job)
			return outcomeOf(job), err
		}),
		a.jobsActCommand("rm", "Forget a job that has ended", func(ctx context.Context, r jobber, id rag.JobID) (string, error) {
			return "forgotten", r.DeleteJob(ctx, a.scope(nil), id)
		}))
	return c
}

// jobsActCommand is a verb that does something to jobs that are named.
func (a *app) jobsActCommand(name, short string, act func(context.Context, jobber, rag.JobID) (said string, err error)) *cobra.Command {
	return &cobra.Command{
		Use:     name + " JOB...",
		Short:   short,
		Long:    short + ". A job is named by its id, which jobs ls shows.",
		Example: "  smartretriever jobs " + name + " 0198c5b2-5c1e-7d7a-b0a1-0d2f4a5b6c7d",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.load(c); err != nil {
				return err
			}
			return a.with(c.Context(), false, func(r Retriever) error {
				for _, id := range args {
					said, err := act(c.Context(), r, rag.JobID(id))
					if err != nil {
						return err
					}
					if a.flags.json {
						a.out.jsonLine(map[string]string{"job": id, "event": name})
						continue
					}
					a.out.line("%s: %s", clean(id), said)
				}
				return nil
			})
		},
	}
}

// jobJSON is a job as the verbs print it.
type jobJSON struct {
	ID          rag.JobID    `json:"id"`
	Kind        rag.JobKind  `json:"kind"`
	Name        string       `json:"name"`
	Source      string       `json:"source,omitempty"`
	State       rag.JobState `json:"state"`
	Interrupted bool         `json:"interrupted,omitempty"`
	Error       string       `json:"error,omitempty"`
	Progress    rag.Progress `json:"progress"`
	CreatedAt   time.Time    `json:"created_at"`
	EndedAt     time.Time    `json:"ended_at,omitzero"`
}

func toJobJSON(j rag.Job) jobJSON {
	return jobJSON{j.ID, j.Kind, j.Name, j.Source, j.State, j.Interrupted(time.Now()), j.Error, j.Progress, j.CreatedAt.UTC(), j.EndedAt}
}

// stateOf is the state of a job for people.
func stateOf(j rag.Job) string {
	if j.Interrupted(time.Now()) {
		return "interrupted"
	}
	return string(j.State)
}

func (a *app) jobsLsCommand() *cobra.Command {
	open, limit := false, 50
	c := &cobra.Command{
		Use:     "ls",
		Short:   "List the jobs of a collection, newest first",
		Example: "  smartretriever jobs ls --open",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if limit < 1 || limit > 1000 {
				return usagef("--limit must be 1 to 1000")
			}
			if err := a.load(c); err != nil {
				return err
			}
			q := rag.JobQuery{ListOptions: rag.ListOptions{Limit: limit, Descending: true}}
			if open {
				q.States = []rag.JobState{rag.JobQueued, rag.JobRunning}
			}
			return a.with(c.Context(), false, func(r Retriever) error {
				page, err := r.Jobs(c.Context(), a.scope(nil), q)
				if err != nil {
					return err
				}
				for _, j := range page.Items {
					if a.flags.json {
						a.out.jsonLine(toJobJSON(j))
						continue
					}
					a.out.line("%s  %s  %s  %s", j.ID, pad(stateOf(j), 11), clean(j.Name), a.out.dim(outcomeOf(j)))
				}
				if len(page.Items) == 0 && !a.flags.json {
					a.err.line("No jobs.")
				}
				return nil
			})
		},
	}
	c.Flags().BoolVar(&open, "open", false, "only those that have not ended")
	c.Flags().IntVar(&limit, "limit", 50, "most jobs to list")
	return c
}

// outcomeOf says how far a job has come, or what came of it.
func outcomeOf(j rag.Job) string {
	p := j.Progress
	var parts []string
	if !j.State.Ended() {
		parts = append(parts, fmt.Sprintf("%s of %s", comma(p.Done), comma(p.Items)))
	}
	for _, n := range []struct {
		n    int
		what string
	}{{p.Added, "added"}, {p.Updated, "updated"}, {p.Unchanged, "unchanged"}, {p.Deleted, "deleted"}, {p.Skipped, "without text"}, {p.Failed, "failed"}} {
		if n.n > 0 {
			parts = append(parts, comma(n.n)+" "+n.what)
		}
	}
	if p.Chunks > 0 {
		parts = append(parts, plural(p.Chunks, "chunk"))
	}
	if p.Currency != "" {
		parts = append(parts, p.Cost.String()+" "+p.Currency)
	}
	if left := p.Left(); j.State == rag.JobRunning && !j.Interrupted(time.Now()) && left >= time.Second {
		parts = append(parts, clockTime(left)+" left")
	}
	if len(parts) == 0 {
		return "nothing to do"
	}
	return strings.Join(parts, ", ")
}

func (a *app) jobsShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "show [JOB]",
		Short:   "Show a job with what failed of it",
		Long:    "Shows a job, the newest unless one is named, and why documents of it failed.",
		Example: "  smartretriever jobs show",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.load(c); err != nil {
				return err
			}
			return a.with(c.Context(), false, func(r Retriever) error { return a.showJob(c.Context(), r, args) })
		},
	}
}

func (a *app) showJob(ctx context.Context, r jobber, args []string) error {
	var id rag.JobID
	if len(args) == 1 {
		id = rag.JobID(args[0])
	} else {
		page, err := r.Jobs(ctx, a.scope(nil), rag.JobQuery{ListOptions: rag.ListOptions{Limit: 1, Descending: true}})
		if err != nil {
			return err
		}
		if len(page.Items) == 0 {
			return rag.Errorf(rag.KindNotFound, "the collection %q has no jobs", a.cfg.Collection)
		}
		id = page.Items[0].ID
	}
	job, err := r.Job(ctx, a.scope(nil), id)
	if err != nil {
		return err
	}
	if a.flags.json {
		a.out.jsonLine(toJobJSON(job))
	} else {
		a.out.line("%s", a.out.bold(clean(job.Name)))
		a.out.line("  %s · %s · handed in %s", job.ID, stateOf(job), job.CreatedAt.Local().Format("2006-01-02 15:04"))
		a.out.line("  %s", outcomeOf(job))
		if job.Error != "" {
			a.out.line("  %s", a.out.red(clean(job.Error)))
		}
	}
	for opt := (rag.ListOptions{Limit: 1000}); ; {
		page, err := r.JobItems(ctx, a.scope(nil), id, []rag.AddState{rag.Failed, rag.Skipped}, opt)
		if err != nil {
			return err
		}
		for _, it := range page.Items {
			name := cmp.Or(it.Input.Name, it.Input.Title, it.Input.Source, it.Input.ExternalID)
			if a.flags.json {
				a.out.jsonLine(map[string]any{"item": it.Number, "name": name, "state": it.State, "error": it.Error, "kind": it.Kind, "tries": it.Tries})
				continue
			}
			a.out.line("  %s %s: %s", a.out.red(string(it.State)), clean(name), clean(strings.TrimPrefix(it.Error, name+": ")))
		}
		if opt.Cursor = page.Next; opt.Cursor == "" {
			return nil
		}
	}
}

func (a *app) jobsRunCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Work on the jobs that wait, until none is left",
		Long: `Works on jobs of the collection until all have ended, as a server does by itself. Other
processes may work at the same time; each job is one process's. Ctrl-C stops, and the
next run, or a server, goes on from there.`,
		Example: "  smartretriever jobs run --collection papers",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.load(c); err != nil {
				return err
			}
			return a.with(c.Context(), false, func(r Retriever) error { return a.runJobs(c.Context(), r) })
		},
	}
}

func (a *app) runJobs(ctx context.Context, r jobber) error {
	if err := r.WorkJobs(); err != nil {
		return err
	}
	failed := false
	for {
		page, err := r.Jobs(ctx, a.scope(nil), rag.JobQuery{States: []rag.JobState{rag.JobQueued, rag.JobRunning}, ListOptions: rag.ListOptions{Limit: 1}})
		if err != nil {
			return err
		}
		if len(page.Items) == 0 {
			break
		}
		job, err := a.follow(ctx, r, page.Items[0])
		if err != nil {
			return err
		}
		failed = failed || job.State == rag.JobFailed || job.Progress.Failed > 0
		if a.flags.json {
			a.out.jsonLine(toJobJSON(job))
		} else {
			a.out.line("%s: %s", clean(job.Name), outcomeOf(job))
		}
	}
	if failed {
		return errReported{ExitFailure}
	}
	return nil
}

// followEvery is how often a job that is followed is looked at.
const followEvery = 200 * time.Millisecond

// follow shows how a job goes until it has ended.
func (a *app) follow(ctx context.Context, r jobber, job rag.Job) (rag.Job, error) {
	p := startProgress(a.err, "documents")
	defer p.end()
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for !job.State.Ended() {
		p.reach(job.Progress.Done, job.Progress.Items)
		p.begin(job.Name)
		select {
		case <-ctx.Done():
			return job, ctx.Err()
		case <-tick.C:
		}
		var err error
		if job, err = r.Job(ctx, a.scope(nil), job.ID); err != nil {
			return job, err
		}
	}
	return job, nil
}
