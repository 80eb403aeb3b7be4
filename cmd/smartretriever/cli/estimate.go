package cli

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// estimator is what add --dry-run calls.
type estimator interface {
	EstimateSource(ctx context.Context, scope rag.Scope, spec rag.Source, opt rag.SyncOptions, report func(rag.SyncEvent)) (rag.SyncReport, rag.Estimate, error)
	Estimate(ctx context.Context, scope rag.Scope, inputs iter.Seq[rag.Input], report func(index int, e rag.DocumentEstimate)) (rag.Estimate, error)
}

// dryRun says what adding would take. Where nothing has been added yet, it works on
// a data folder that is gone afterwards. Of a store on a server the data folder says
// nothing.
func (a *app) dryRun(ctx context.Context, plan addPlan) error {
	if a.cfg.Store.Name == "sqlite" && untouched(a.cfg.Data) {
		dir, err := os.MkdirTemp("", "smartretriever-estimate-")
		if err != nil {
			return rag.Wrap(rag.KindUnavailable, err, "temporary data folder")
		}
		defer os.RemoveAll(dir) // what is left of a temporary folder does no harm
		for _, name := range spared {
			// Where links cannot be made, compiled extractors are made again, and a
			// local model is reported as missing.
			_ = os.Symlink(filepath.Join(a.cfg.Data, name), filepath.Join(dir, name))
		}
		a.apart(dir)
	}
	return a.with(ctx, true, func(r Retriever) error { return a.estimate(ctx, r, plan) })
}

// spared are the parts of a data folder that are not of documents: models, and
// compiled extractors.
var spared = []string{"models", "cache"}

// untouched reports whether nothing has been added to a data folder yet: it is not
// there, or holds no more than what is spared.
func untouched(data string) bool {
	entries, err := os.ReadDir(data)
	if err != nil {
		return os.IsNotExist(err)
	}
	for _, e := range entries {
		if !slices.Contains(spared, e.Name()) {
			return false
		}
	}
	return true
}

func (a *app) estimate(ctx context.Context, r estimator, plan addPlan) error {
	rep := &estimateReport{app: a, types: map[string]*typeEstimate{}, progress: startProgress(a.err, "files")}
	sum, err := rep.all(ctx, r, plan)
	rep.progress.end()
	if err != nil {
		return err
	}
	rep.print(sum)
	if rep.failed > 0 {
		return errReported{ExitFailure}
	}
	return nil
}

// all estimates sources, then files.
func (rep *estimateReport) all(ctx context.Context, r estimator, plan addPlan) (rag.Estimate, error) {
	a := rep.app
	var sum rag.Estimate
	for i, spec := range plan.sources {
		_, one, err := r.EstimateSource(ctx, a.scope(nil), spec, plan.options(), rep.sync)
		if err != nil {
			return sum, err
		}
		if sum = together(sum, one); i == 0 {
			sum = one
		}
	}
	if len(plan.paths) == 0 && plan.stdin == "" {
		return sum, nil
	}
	src := &source{plan: plan, stdin: a.stdin, report: rep, open: map[int]*pending{}}
	one, err := r.Estimate(ctx, a.scope(nil), src.inputs(ctx), func(index int, e rag.DocumentEstimate) {
		rep.take(src.shown(index, e.More, e.ExternalID), e)
	})
	if len(plan.sources) == 0 {
		return one, err
	}
	return together(sum, one), err
}

// sync takes what a source tells of its items.
func (rep *estimateReport) sync(e rag.SyncEvent) {
	path := cmp.Or(e.Result.ExternalID, e.Path)
	switch {
	case e.Wait > 0:
		rep.app.tellWait(e.Result.Err, e.Wait)
	case e.Begun:
		rep.begin(path)
	case e.NotTaken:
		rep.leftOut(path, e.Result.Err.Error())
	case e.Estimate.State != "":
		rep.take(path, e.Estimate)
	default:
		rep.take(path, rag.DocumentEstimate{State: e.Result.State, Err: e.Result.Err})
	}
}

// together adds up two estimates of the same collection.
func together(a, b rag.Estimate) rag.Estimate {
	a.Documents += b.Documents
	a.Unchanged += b.Unchanged
	a.Failed += b.Failed
	a.Bytes += b.Bytes
	a.Chunks += b.Chunks
	a.NewChunks += b.NewChunks
	a.Tokens += b.Tokens
	a.Cost = a.Cost.Plus(b.Cost)
	a.Read += b.Read
	if a.Embed < 0 || b.Embed < 0 {
		a.Embed = -1
	} else {
		a.Embed += b.Embed
	}
	a.TokensPerSecond = cmp.Or(a.TokensPerSecond, b.TokensPerSecond)
	return a
}

// estimateReport lists what would become of each file and sums up by type.
type estimateReport struct {
	app      *app
	progress *progress

	mu      sync.Mutex
	types   map[string]*typeEstimate
	failed  int
	skipped int
	deleted int
}

// typeEstimate sums up the files with one ending.
type typeEstimate struct {
	Type      string    `json:"type"` // the ending, ".pdf"
	Documents int       `json:"documents"`
	Unchanged int       `json:"unchanged"`
	Bytes     int64     `json:"bytes"`
	Chunks    int       `json:"chunks"`
	NewChunks int       `json:"new_chunks"`
	Tokens    int64     `json:"tokens"`
	Cost      rag.Money `json:"cost"`
}

func (rep *estimateReport) begin(path string) { rep.progress.begin(path) }

func (rep *estimateReport) unreadable(path string, err error) {
	rep.mu.Lock()
	defer rep.mu.Unlock()
	rep.failed++
	rep.line("fail", path, err.Error(), rag.DocumentEstimate{})
}

func (rep *estimateReport) leftOut(path, reason string) {
	rep.mu.Lock()
	defer rep.mu.Unlock()
	rep.skipped++
	rep.line("skip", path, reason, rag.DocumentEstimate{})
}

// actions say what an add would do.
var actions = map[rag.AddState]string{rag.Added: "add", rag.Updated: "update", rag.Unchanged: "unchanged", rag.Skipped: "skip", rag.Failed: "fail", rag.Removed: "delete"}

// take takes the estimate of one file.
func (rep *estimateReport) take(path string, e rag.DocumentEstimate) {
	rep.progress.result(rag.AddResult{State: e.State, Chunks: e.Chunks, Bytes: e.Bytes, More: e.More})
	rep.mu.Lock()
	defer rep.mu.Unlock()
	reason := ""
	if e.Err != nil {
		reason = strings.TrimPrefix(clean(e.Err.Error()), filepath.Base(path)+": ")
	}
	switch e.State {
	case rag.Failed:
		rep.failed++
	case rag.Skipped:
		rep.skipped++
	case rag.Removed:
		rep.deleted++
	default:
		rep.ofType(path).add(e)
	}
	rep.line(actions[e.State], path, reason, e)
}

func (rep *estimateReport) ofType(path string) *typeEstimate {
	ext := cmp.Or(strings.ToLower(filepath.Ext(path)), "(none)")
	t := rep.types[ext]
	if t == nil {
		t = &typeEstimate{Type: ext}
		rep.types[ext] = t
	}
	return t
}

func (t *typeEstimate) add(e rag.DocumentEstimate) {
	if e.State == rag.Unchanged {
		t.Unchanged++
	} else {
		t.Documents++
	}
	t.Bytes += e.Bytes
	t.Chunks += e.Chunks
	t.NewChunks += e.NewChunks
	t.Tokens += e.Tokens
	t.Cost = t.Cost.Plus(e.Cost)
}

// line lists one file.
func (rep *estimateReport) line(what, path, reason string, e rag.DocumentEstimate) {
	a := rep.app
	if a.flags.json {
		a.out.jsonLine(struct {
			Event     string    `json:"event"` // "planned"
			Action    string    `json:"action"`
			Path      string    `json:"path"`
			Bytes     int64     `json:"bytes"`
			Chunks    int       `json:"chunks"`
			NewChunks int       `json:"new_chunks"`
			Tokens    int64     `json:"tokens"`
			Cost      rag.Money `json:"cost"`
			Reason    string    `json:"reason,omitempty"`
		}{"planned", what, path, e.Bytes, e.Chunks, e.NewChunks, e.Tokens, e.Cost, reason})
		return
	}
	text := what + "  " + clean(path)
	if reason != "" {
		text += "  " + a.out.dim("("+clean(reason)+")")
	}
	a.out.line("%s", text)
}

// estimateSummary is the last line of add --dry-run --json. Times are in
// milliseconds; embed_ms is null where it is not known, cost where the model's
// price is not.
type estimateSummary struct {
	Event     string         `json:"event"` // "estimate"
	Types     []typeEstimate `json:"types"`
	Documents int            `json:"documents"`
	Unchanged int            `json:"unchanged"`
	Deleted   int            `json:"deleted"`
	Skipped   int            `json:"skipped"`
	Failed    int            `json:"failed"`
	Bytes     int64          `json:"bytes"`
	Chunks    int            `json:"chunks"`
	NewChunks int            `json:"new_chunks"`
	Tokens    int64          `json:"tokens"`
	Cost      *rag.Money     `json:"cost"`
	Currency  string         `json:"currency,omitempty"`
	AsOf      string         `json:"price_as_of,omitempty"`
	Provider  string         `json:"provider"`
	Model     string         `json:"model"`
	Read      int64          `json:"read_ms"`
	Embed     *int64         `json:"embed_ms"`
	Speed     float64        `json:"tokens_per_second,omitempty"`
}

func (rep *estimateReport) print(sum rag.Estimate) {
	types := make([]typeEstimate, 0, len(rep.types))
	for _, name := range slices.Sorted(maps.Keys(rep.types)) {
		types = append(types, *rep.types[name])
	}
	if rep.app.flags.json {
		out := estimateSummary{
			Event: "estimate", Types: types, Documents: sum.Documents, Unchanged: sum.Unchanged, Deleted: rep.deleted, Skipped: rep.skipped, Failed: rep.failed,
			Bytes: sum.Bytes, Chunks: sum.Chunks, NewChunks: sum.NewChunks, Tokens: sum.Tokens, Currency: sum.Currency, AsOf: sum.AsOf,
			Provider: sum.Provider, Model: sum.Model, Read: sum.Read.Milliseconds(), Speed: sum.TokensPerSecond,
		}
		if sum.Priced {
			out.Cost = &sum.Cost
		}
		if sum.Embed >= 0 {
			out.Embed = new(sum.Embed.Milliseconds())
		}
		rep.app.out.jsonLine(out)
		return
	}
	rep.table(types, sum)
	rep.sentence(sum)
}

func (rep *estimateReport) table(types []typeEstimate, sum rag.Estimate) {
	o := rep.app.out
	row := func(cells ...string) string {
		text := pad(cells[0], 10)
		for _, c := range cells[1 : len(cells)-1] {
			text += padLeft(c, 11)
		}
		return text + padLeft(cells[len(cells)-1], 18)
	}
	o.line("\n%s", o.dim(row("type", "documents", "unchanged", "size", "chunks", "to embed", "tokens", "cost")))
	for _, t := range types {
		o.line("%s", row(oneLine(t.Type, 10), comma(t.Documents), comma(t.Unchanged), size(t.Bytes), comma(t.Chunks), comma(t.NewChunks),
			comma(int(t.Tokens)), costText(t.Cost, sum)))
	}
	o.line("%s", o.bold(row("total", comma(sum.Documents), comma(sum.Unchanged), size(sum.Bytes), comma(sum.Chunks), comma(sum.NewChunks),
		comma(int(sum.Tokens)), costText(sum.Cost, sum))))
}

// costText is money where it is known.
func costText(m rag.Money, sum rag.Estimate) string {
	switch {
	case !sum.Priced:
		return "?"
	case sum.Currency == "":
		return "0"
	}
	return amount(m, sum.Currency)
}

func (rep *estimateReport) sentence(sum rag.Estimate) {
	o := rep.app.err
	took := "reading took " + duration(sum.Read) + " now and will again"
	switch {
	case sum.Embed < 0:
		took += "; how long " + sum.Model + " takes depends on its server"
	case sum.Embed > 0:
		took += "; embedding takes about " + duration(sum.Embed.Round(100*time.Millisecond)) + " at " + comma(int(sum.TokensPerSecond)) + " tokens/s"
	}
	o.line("%s would be embedded by %s; %s. %d skipped, %d cannot be read. Nothing was stored.",
		plural(int(sum.Tokens), "token"), clean(sum.Model), took, rep.skipped, rep.failed)
	if rep.deleted > 0 {
		o.line("%s would be deleted, unless another source has them.", plural(rep.deleted, "document"))
	}
	switch {
	case !sum.Priced:
		o.line("What %s of %s costs is not known; give its price in prices.file.", clean(sum.Model), clean(sum.Provider))
	case sum.Currency != "":
		o.line("The price is known as of %s.", sum.AsOf)
	}
}
