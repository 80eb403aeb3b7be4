package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/bench/machine"
)

// row is one figure.
type row struct {
	Part   string   `json:"part"`
	Case   string   `json:"case"`
	Rival  string   `json:"rival"`
	Metric string   `json:"metric"`
	Ours   float64  `json:"ours"`
	Theirs *float64 `json:"theirs"`
	Ratio  *float64 `json:"ratio"` // above 1: ours is better
	Bar    *float64 `json:"bar,omitempty"`
	Passed *bool    `json:"passed,omitempty"`
	Note   string   `json:"note,omitempty"`
}

// part says when rows were measured, on which machine, and how busy it was: the mean number of processes that wanted to run in the minute before the part began, and
// in the last minute of it, the benchmark and its servers among them.
type part struct {
	Name       string              `json:"part"`
	Machine    machine.Description `json:"machine"`
	Date       string              `json:"date"`
	Seconds    int                 `json:"seconds"`
	LoadBefore string              `json:"load_before"`
	LoadAfter  string              `json:"load_after"`
	Note       string              `json:"note,omitempty"` // what holds for all rows
	began      time.Time
}

type report struct {
	path  string
	Parts []part `json:"parts"`
	Rows  []*row `json:"rows"`
	now   part
	fresh []*row
}

// read takes over what the file has, if it is there.
func (r *report) read() error {
	content, err := os.ReadFile(r.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		r.Parts, r.Rows = nil, nil
		err = json.Unmarshal(content, r)
	}
	return err
}

func (r *report) begin(name string) {
	r.fresh = nil
	r.now = part{Name: name, LoadBefore: load(), began: time.Now()}
}

// end writes the file, with the rows of this part in place of its earlier ones.
func (r *report) end() error {
	if err := r.read(); err != nil {
		return err
	}
	r.now.Date, r.now.Seconds, r.now.LoadAfter = time.Now().UTC().Format(time.RFC3339), int(time.Since(r.now.began).Seconds()), load()
	r.now.Machine = machine.Describe()
	r.Parts = append(slices.DeleteFunc(r.Parts, func(p part) bool { return p.Name == r.now.Name }), r.now)
	r.Rows = append(slices.DeleteFunc(r.Rows, func(w *row) bool { return w.Part == r.now.Name }), r.fresh...)
	for _, f := range r.fresh {
		fmt.Println(f)
	}
	content, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(r.path, append(content, '\n'), 0o644)
}

// load is the load average of a minute, "" where the system does not tell.
func load() string {
	text, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

// note adds a figure of ours.
func (r *report) note(name, metric string, ours float64) *row {
	f := &row{Part: r.now.Name, Case: name, Rival: "none", Metric: metric, Ours: ours}
	r.fresh = append(r.fresh, f)
	return f
}

// beside sets another one's figure beside it. less says that smaller is better.
func (f *row) beside(rival string, theirs float64, less bool) *row {
	f.Rival, f.Theirs = rival, &theirs
	if theirs > 0 && f.Ours > 0 {
		ratio := f.Ours / theirs
		if less {
			ratio = 1 / ratio
		}
		f.Ratio = &ratio
	}
	return f
}

// atMost and atLeast hold it to a bar.
func (f *row) atMost(bar float64) *row  { return f.held(bar, f.Ours <= bar) }
func (f *row) atLeast(bar float64) *row { return f.held(bar, f.Ours >= bar) }
func (f *row) held(bar float64, passed bool) *row {
	f.Bar, f.Passed = &bar, &passed
	return f
}

func (f *row) say(format string, args ...any) *row {
	f.Note = fmt.Sprintf(format, args...)
	return f
}

// String is the row for people.
func (f *row) String() string {
	s := fmt.Sprintf("%-9s %-44s %-38s %10.4g", f.Part, f.Case, f.Metric, f.Ours)
	if f.Theirs != nil {
		s += fmt.Sprintf("  %s %.4g", f.Rival, *f.Theirs)
	}
	if f.Bar != nil {
		s += fmt.Sprintf("  bar %g, passed %t", *f.Bar, *f.Passed)
	}
	return s
}
