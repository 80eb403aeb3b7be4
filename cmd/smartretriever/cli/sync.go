package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/smartretriever/smartretriever/rag"
)

// sourcer is what sync, sources and add call.
type sourcer interface {
	AddSource(ctx context.Context, scope rag.Scope, spec rag.Source) (rag.Source, error)
	RememberSource(ctx context.Context, scope rag.Scope, spec rag.Source) (rag.Source, error)
	Sources(ctx context.Context, scope rag.Scope) ([]rag.Source, error)
	Source(ctx context.Context, scope rag.Scope, name string) (rag.Source, error)
	SourceItems(ctx context.Context, scope rag.Scope, name, after string, failing bool, limit int) ([]rag.SourceItem, error)
	RemoveSource(ctx context.Context, scope rag.Scope, name string, documents bool) (int, error)
	Sync(ctx context.Context, scope rag.Scope, name string, opt rag.SyncOptions, report func(rag.SyncEvent)) (rag.SyncReport, error)
	ImportSource(ctx context.Context, scope rag.Scope, spec rag.Source, opt rag.SyncOptions, report func(rag.SyncEvent)) (rag.SyncReport, error)
	FollowSource(ctx context.Context, scope rag.Scope, name string, every time.Duration, opt rag.SyncOptions, report func(rag.SyncEvent), done func(rag.SyncReport, error)) error
	SyncSources(ctx context.Context, every time.Duration)
}

// watchFlags define --watch and --every.
func watchFlags(fl *pflag.FlagSet, watch *bool, every *time.Duration) {
	fl.BoolVarP(watch, "watch", "w", false, "go on until Ctrl-C: folders are followed as they change, others read again")
	fl.DurationVar(every, "every", 15*time.Minute, "with --watch, `time` between two readings of what cannot be followed")
}

// shortestEvery is as often as a place may be read that cannot be followed.
const shortestEvery = time.Second

func checkWatch(watch bool, every time.Duration) error {
	if watch && every < shortestEvery {
		return usagef("--every %s is too short; %s is the least", every, shortestEvery)
	}
	return nil
}

func (a *app) syncCommand() *cobra.Command {
	var dryRun, watch bool
	var every time.Duration
	var opt rag.SyncOptions
	c := &cobra.Command{
		Use:   "sync [NAME...]",
		Short: "Bring documents up to date with their sources",
		Long: `Reads sources of the collection again, all or those named: documents that are new or
have changed there are added or updated, and those that are gone are deleted. What
has not changed costs a look. 'sources ls' lists the sources; 'add' makes a folder or
URL one.

A source that cannot be reached deletes nothing, and neither does one that breaks off;
what was read before stays, and the next sync goes on from there. Nor is one believed
that is empty all at once: a disk that is not mounted looks the same.

A document that was deleted by hand ('rm') stays away until it has other content in
its source. A file that cannot be read is reported, and the exit code is then 1; what
failed for a reason of its own is tried again when it has changed, or with --again.

--force reads again what has not changed, as after a change of how files are read.
Passages that stay the same are not embedded again.`,
		Example: `  smartretriever sync
  smartretriever sync papers --dry-run
  smartretriever sync --watch --every 1h
  smartretriever sync papers --again
  smartretriever sync scans --force`,
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkWatch(watch, every); err != nil {
				return err
			}
			if watch && dryRun {
				return usagef("--watch and --dry-run do not go together")
			}
			if err := a.load(c); err != nil {
				return err
			}
			return a.with(c.Context(), false, func(r Retriever) error {
				list, err := a.named(c.Context(), r, args)
				switch {
				case err != nil:
					return err
				case len(list) == 0:
					a.err.line("There are no sources in the collection %q; make one with: smartretriever add FOLDER", a.cfg.Collection)
					return nil
				case dryRun:
					return a.estimate(c.Context(), r, addPlan{sources: list, force: opt.Force})
				}
				err = a.sync(c.Context(), r, list, opt)
				if watch && c.Context().Err() == nil {
					names := make([]string, len(list))
					for i := range list {
						names[i] = list[i].Name
					}
					opt.Force = false // once is what was asked for
					return a.followSources(c.Context(), r, names, every, opt)
				}
				return err
			})
		},
	}
	fl := c.Flags()
	fl.BoolVarP(&dryRun, "dry-run", "n", false, "say what would be added, updated and deleted, and what it would take; store nothing")
	fl.BoolVar(&opt.Again, "again", false, "also read what failed before, and what was deleted by hand")
	fl.BoolVar(&opt.Force, "force", false, "also read what has not changed")
	fl.BoolVar(&opt.AllowEmpty, "allow-empty", false, "delete everything of a source that is empty all at once")
	watchFlags(fl, &watch, &every)
	return c
}

// named returns the sources of these names, all if there are none.
func (a *app) named(ctx context.Context, r sourcer, names []string) ([]rag.Source, error) {
	if len(names) == 0 {
		return r.Sources(ctx, a.scope(nil))
	}
	var list []rag.Source
	for _, name := range names {
		src, err := r.Source(ctx, a.scope(nil), name)
		if err != nil {
			return nil, err
		}
		list = append(list, src)
	}
	return list, nil
}

// sync reads sources one after the other. One that cannot be read does not keep the
// others; the exit code is that of the first that failed.
func (a *app) sync(ctx context.Context, r sourcer, list []rag.Source, opt rag.SyncOptions) error {
	var first error
	failed := 0
	for _, src := range list {
		if !a.flags.json {
			a.out.line("%s  %s", a.out.bold(src.Name), a.out.dim(clean(src.Kind+"  "+placeOf(src))))
		}
		rep := newAddReport(a)
		rep.source = src.Name
		rep.progress.setTotal(src.Items, false)
		_, err := r.Sync(ctx, a.scope(nil), src.Name, opt, rep.sync)
		rep.end(ctx.Err() != nil, err != nil)
		failed += rep.failed
		switch {
		case ctx.Err() != nil:
			return errReported{ExitInterrupted}
		case err != nil && len(list) == 1:
			return err
		case err != nil:
			a.sourceFailed(src.Name, err)
			first = cmp.Or(first, error(errReported{exitCode(err)}))
		}
	}
	if first == nil && failed > 0 {
		return errReported{ExitFailure}
	}
	return first
}

// sourceFailed tells that a source could not be read.
func (a *app) sourceFailed(name string, err error) {
	if a.flags.json {
		a.out.jsonLine(struct {
			Event  string    `json:"event"` // "source_failed"
			Source string    `json:"source"`
			Error  errorJSON `json:"error"`
		}{"source_failed", name, toErrorJSON(err)})
		return
	}
	a.err.line("%s %s", a.err.red("error:"), clean(err.Error()))
}

// followSources follows sources until Ctrl-C, which is how it is meant to end.
func (a *app) followSources(ctx context.Context, r sourcer, names []string, every time.Duration, opt rag.SyncOptions) error {
	if !a.flags.json {
		a.err.line("Following %s; Ctrl-C stops.", strings.Join(names, ", "))
	}
	errs := make([]error, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() {
			f := &follower{app: a, name: name}
			errs[i] = r.FollowSource(ctx, a.scope(nil), name, every, opt, f.event, f.done)
			if errs[i] != nil && ctx.Err() == nil {
				a.sourceFailed(name, errs[i])
			}
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return nil
	}
	for _, err := range errs {
		if err != nil {
			return errReported{exitCode(err)}
		}
	}
	return nil
}

// follower tells what is new with a source that is followed. Its methods are called
// from one goroutine at a time.
type follower struct {
	app    *app
	name   string
	failed int    // by the last reading
	fault  string // of the whole, the last time
}

// event tells of a document that came, changed or went.
func (f *follower) event(e rag.SyncEvent) {
	res := e.Result
	if e.Wait > 0 {
		f.app.tellWait(res.Err, e.Wait)
		return
	}
	if e.Begun || e.NotTaken || (res.State != rag.Added && res.State != rag.Updated && res.State != rag.Removed) {
		return
	}
	path := cmp.Or(res.ExternalID, e.Path)
	if f.app.flags.json {
		f.app.out.jsonLine(addEvent{Event: "document", Path: path, State: res.State, ID: res.ID, ExternalID: res.ExternalID, Version: res.Version,
			Chunks: res.Chunks, Embedded: res.Embedded, Bytes: res.Bytes, Milliseconds: res.Took.Milliseconds(), Warnings: res.Warnings})
		return
	}
	f.app.out.line("%s  %s  %s", f.app.out.dim(time.Now().Format(time.TimeOnly)), pad(string(res.State), 8), clean(path))
}

// done tells of failures that are new.
func (f *follower) done(sum rag.SyncReport, err error) {
	fault := ""
	if err != nil {
		fault = err.Error()
	}
	if fault != "" && fault != f.fault {
		f.app.sourceFailed(f.name, err)
	}
	if fault == "" && f.fault != "" && !f.app.flags.json {
		f.app.err.line("%s can be read again.", f.name)
	}
	f.fault = fault
	if sum.Failed > f.failed {
		for _, failure := range sum.Failures {
			if f.app.flags.json {
				f.app.out.jsonLine(addEvent{Event: "document", Path: failure.Path, State: rag.Failed, Error: &errorJSON{failure.Kind, failure.Reason}})
			} else {
				f.app.err.line("failed: %s: %s", clean(failure.Path), clean(failure.Reason))
			}
		}
	}
	if sum.Complete || sum.Failed > f.failed {
		f.failed = sum.Failed
	}
}

// counted is a report in words.
func counted(r rag.SyncReport) string {
	var parts []string
	for _, n := range []struct {
		n    int
		what string
	}{{r.Added, "added"}, {r.Updated, "updated"}, {r.Unchanged, "unchanged"}, {r.Deleted, "deleted"}, {r.Skipped, "skipped"}, {r.Failed, "failed"}} {
		if n.n > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", comma(n.n), n.what))
		}
	}
	return cmp.Or(strings.Join(parts, ", "), "nothing there")
}

// noCollection reports whether nothing has been added to a collection yet.
func noCollection(err error) bool { return errors.Is(err, rag.ErrNotFound) }
