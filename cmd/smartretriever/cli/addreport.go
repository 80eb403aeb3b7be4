package cli

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// addReport gathers the verdicts, shows them as they come and sums them up.
type addReport struct {
	app      *app
	source   string // the source that is read, "" if it is not about one
	progress *progress
	begun    time.Time

	mu       sync.Mutex
	states   map[rag.AddState]int
	failed   int
	skipped  map[string]int // by reason
	chunks   int
	embedded int
	bytes    int64
	warnings int
	failures []failure // the first maxFailures of them
	empty    []failure // files that were read and held nothing, as many at most
}

type failure struct{ path, reason string }

// maxFailures bounds how many failures are listed at the end; with --json and
// away from a terminal every one is written when it happens.
const maxFailures = 50

func newAddReport(a *app) *addReport {
	rep := &addReport{app: a, begun: time.Now(), states: map[rag.AddState]int{}, skipped: map[string]int{}}
	rep.progress = startProgress(a.err, "files")
	return rep
}

// addEvent is a line of add --json.
type addEvent struct {
	Event        string         `json:"event"` // "document"
	Path         string         `json:"path"`
	State        rag.AddState   `json:"state"`
	ID           rag.DocumentID `json:"id,omitempty"`
	ExternalID   string         `json:"external_id,omitempty"`
	Version      int            `json:"version,omitempty"`
	Chunks       int            `json:"chunks"`
	Embedded     int            `json:"embedded"`
	Bytes        int64          `json:"bytes"`
	Milliseconds int64          `json:"took_ms"`
	Warnings     []string       `json:"warnings,omitempty"`
	Error        *errorJSON     `json:"error,omitempty"`
}

// result takes the verdict on a document.
func (rep *addReport) result(path string, res rag.AddResult) {
	rep.progress.result(res)
	rep.mu.Lock()
	defer rep.mu.Unlock()
	// What was not begun when Ctrl-C came is neither done nor failed.
	if res.Err != nil && errors.Is(res.Err, context.Canceled) {
		return
	}
	rep.states[res.State]++
	rep.bytes += res.Bytes
	if res.State == rag.Added || res.State == rag.Updated {
		rep.chunks += res.Chunks
		rep.embedded += res.Embedded
	}
	if len(res.Warnings) > 0 {
		rep.warnings++
	}
	if rep.app.flags.json {
		e := addEvent{Event: "document", Path: path, State: res.State, ID: res.ID, ExternalID: res.ExternalID, Version: res.Version,
			Chunks: res.Chunks, Embedded: res.Embedded, Bytes: res.Bytes, Milliseconds: res.Took.Milliseconds(), Warnings: res.Warnings}
		if res.Err != nil {
			e.Error = new(toErrorJSON(res.Err))
		}
		rep.app.out.jsonLine(e)
	}
	switch res.State {
	case rag.Failed:
		rep.fail(path, res.Err)
	case rag.Skipped:
		reason := rep.reasonOf(path, res.Err)
		rep.skipped[reason]++
		rep.list("skipped", &rep.empty, path, reason)
	}
}

// sync takes what a source tells.
func (rep *addReport) sync(e rag.SyncEvent) {
	path := cmp.Or(e.Result.ExternalID, e.Path)
	switch {
	case e.Wait > 0:
		rep.app.tellWait(e.Result.Err, e.Wait)
	case e.Begun:
		rep.begin(e.Path)
	case e.NotTaken:
		rep.leftOut(path, rep.reasonOf(path, e.Result.Err))
	default:
		rep.result(path, e.Result)
	}
}

// reasonOf is an error's message without the file's name in front of it.
func (rep *addReport) reasonOf(path string, err error) string {
	if err == nil {
		return "unknown"
	}
	return strings.TrimPrefix(clean(err.Error()), filepath.Base(path)+": ")
}

// list names a file and what is the matter with it: at once where the output is
// kept, at the end on a terminal.
func (rep *addReport) list(state string, at *[]failure, path, reason string) {
	switch {
	case rep.app.flags.json:
	case !rep.app.err.terminal:
		rep.app.err.line("%s: %s: %s", state, clean(path), reason)
	case len(*at) < maxFailures:
		*at = append(*at, failure{path, reason})
	}
}

// begin takes a file that is about to be read.
func (rep *addReport) begin(path string) { rep.progress.begin(path) }

// unreadable takes a file that could not be opened.
func (rep *addReport) unreadable(path string, err error) {
	rep.mu.Lock()
	defer rep.mu.Unlock()
	rep.states[rag.Failed]++
	if rep.app.flags.json {
		rep.app.out.jsonLine(addEvent{Event: "document", Path: path, State: rag.Failed, Error: new(toErrorJSON(err))})
	}
	rep.fail(path, err)
}

func (rep *addReport) fail(path string, err error) {
	rep.failed++
	rep.list("failed", &rep.failures, path, rep.reasonOf(path, err))
}

// leftOut takes a file that was not asked for or cannot be a document.
func (rep *addReport) leftOut(path, reason string) {
	rep.mu.Lock()
	defer rep.mu.Unlock()
	rep.states[rag.Skipped]++
	rep.skipped[reason]++
	if rep.app.flags.json {
		rep.app.out.jsonLine(addEvent{Event: "document", Path: path, State: rag.Skipped, Error: &errorJSON{rag.KindInvalid, reason}})
	}
}

// addSummary is the last line of add --json.
type addSummary struct {
	Event        string         `json:"event"`            // "summary"
	Source       string         `json:"source,omitempty"` // of sync: which source was read
	Added        int            `json:"added"`
	Updated      int            `json:"updated"`
	Unchanged    int            `json:"unchanged"`
	Removed      int            `json:"removed"`
	Failed       int            `json:"failed"`
	Skipped      int            `json:"skipped"`
	SkippedWhy   map[string]int `json:"skipped_why"`
	Chunks       int            `json:"chunks"`
	Embedded     int            `json:"embedded"`
	Bytes        int64          `json:"bytes"`
	Milliseconds int64          `json:"took_ms"`
	Interrupted  bool           `json:"interrupted"`
}

// end sums up. A run that an error ended has found what it did not add.
func (rep *addReport) end(interrupted, failed bool) {
	rep.progress.end()
	took := time.Since(rep.begun)
	n := rep.states
	if rep.app.flags.json {
		rep.app.out.jsonLine(addSummary{Event: "summary", Source: rep.source, Removed: n[rag.Removed], Added: n[rag.Added], Updated: n[rag.Updated], Unchanged: n[rag.Unchanged],
			Failed: n[rag.Failed], Skipped: n[rag.Skipped], SkippedWhy: rep.skipped, Chunks: rep.chunks, Embedded: rep.embedded,
			Bytes: rep.bytes, Milliseconds: took.Milliseconds(), Interrupted: interrupted})
		return
	}
	rep.print(interrupted, failed, took)
}

func (rep *addReport) print(interrupted, failed bool, took time.Duration) {
	s, n := rep.app.out, rep.states
	done := n[rag.Added] + n[rag.Updated] + n[rag.Unchanged] + n[rag.Removed] + n[rag.Failed]
	if done == 0 && n[rag.Skipped] == 0 && failed {
		return // the error says it
	}
	if done == 0 && n[rag.Skipped] == 0 && !interrupted {
		s.line("Found nothing to add.")
		return
	}
	row := func(state rag.AddState, style func(string) string, note string) {
		if n[state] == 0 {
			return
		}
		number := padLeft(comma(n[state]), 7)
		text := style(number) + " " + pad(string(state), 10)
		if note != "" {
			text += s.dim(note)
		}
		s.line("%s", strings.TrimRight(text, " "))
	}
	plain := func(t string) string { return t }
	note := ""
	if rep.chunks > 0 {
		note = plural(rep.chunks, "chunk") + ", " + comma(rep.embedded) + " embedded"
	}
	if n[rag.Added] > 0 {
		row(rag.Added, s.green, note)
		note = ""
	}
	row(rag.Updated, s.green, note)
	row(rag.Unchanged, plain, "")
	row(rag.Removed, s.yellow, "")
	row(rag.Skipped, plain, wrap(rep.skippedText(), s.width()-1, strings.Repeat(" ", 18)))
	rep.printList(rep.empty)
	row(rag.Failed, s.red, "")
	rep.printList(rep.failures)
	if more := rep.failed - len(rep.failures); more > 0 && len(rep.failures) > 0 {
		s.line("          and %d more (--json lists them all)", more)
	}
	if rep.warnings > 0 {
		s.line("%s with parts that could not be read; 'smartretriever show PATH' says which.", plural(rep.warnings, "document"))
	}
	rate := ""
	if done > 0 && took > time.Second {
		rate = ", " + rateText(float64(done)/took.Seconds()) + " files/s"
	}
	s.line("%s read in %s%s.", size(rep.bytes), duration(took), rate)
	if interrupted {
		s.line("Stopped. Everything listed is stored; run the same command again to go on.")
	}
}

func (rep *addReport) printList(files []failure) {
	s := rep.app.out
	for _, f := range files {
		s.line("          %s", fitPath(f.path, max(20, s.width()-10)))
		s.line("          %s", s.dim(wrap(f.reason, s.width()-1, "          ")))
	}
}

// skippedText says why files were skipped, the commonest reason first.
func (rep *addReport) skippedText() string {
	reasons := make([]string, 0, len(rep.skipped))
	for r := range rep.skipped {
		reasons = append(reasons, r)
	}
	slices.SortFunc(reasons, func(a, b string) int {
		if d := rep.skipped[b] - rep.skipped[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	if len(reasons) == 1 {
		return reasons[0]
	}
	var parts []string
	for i, r := range reasons {
		if i == 3 {
			parts = append(parts, "other reasons")
			break
		}
		parts = append(parts, comma(rep.skipped[r])+" "+r)
	}
	return strings.Join(parts, ", ")
}
