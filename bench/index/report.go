package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"time"

	"github.com/smartretriever/smartretriever/bench/machine"
)

// row is a figure of ours beside one of a rival's. A ratio above 1 means that ours is
// better. A figure or a ratio that could not be measured is null.
type row struct {
	Part   string  `json:"part"`
	Case   string  `json:"case"`
	Rival  string  `json:"rival"`
	Metric string  `json:"metric"`
	Ours   *number `json:"ours"`
	Theirs *number `json:"theirs"`
	Ratio  *number `json:"ratio"`
	// Bar is the least ratio that is good enough, or, where Limit says so, the
	// least or largest figure of ours.
	Bar    *number `json:"bar,omitempty"`
	Limit  string  `json:"limit,omitempty"`  // ratio, at least, at most
	Passed *bool   `json:"passed,omitempty"` // null where something is missing
	Note   string  `json:"note,omitempty"`
}

// number is written with few digits.
type number float64

func (n number) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%.5g", float64(n)), nil
}

func known(x float64) *number {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	n := number(x)
	return &n
}

// report is the result file.
type report struct {
	path    string
	Machine machine.Description `json:"machine"`
	Parts   []took              `json:"parts"`
	Rows    []row               `json:"rows"`
	Points  []*point            `json:"points"`
	part    string
}

// took says when a part was run and how long it took.
type took struct {
	Part    string  `json:"part"`
	Date    string  `json:"date"`
	Seconds float64 `json:"seconds"`
}

func openReport(path string) (*report, error) {
	r := &report{path: path}
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, r)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	r.Machine = machine.Describe()
	return r, err
}

// begin drops what an earlier run has found out for a part.
func (r *report) begin(part string) {
	r.part = part
	r.Rows = slices.DeleteFunc(r.Rows, func(x row) bool { return x.Part == part })
	r.Parts = slices.DeleteFunc(r.Parts, func(x took) bool { return x.Part == part })
	r.Points = slices.DeleteFunc(r.Points, func(p *point) bool { return p.Part == part })
}

// end prints the rows of a part and writes the file.
func (r *report) end(part string, spent time.Duration) error {
	r.Parts = append(r.Parts, took{Part: part, Date: time.Now().UTC().Format(time.RFC3339), Seconds: math.Round(spent.Seconds())})
	const line = "%-34s %-30s %-30s %9s %9s %7s  %-26s %s\n"
	fmt.Printf("\n"+line, "case", "metric", "rival", "ours", "theirs", "ratio", "bar", "note")
	for _, x := range r.Rows {
		if x.Part == part {
			fmt.Printf(line, x.Case, x.Metric, x.Rival, show(x.Ours), show(x.Theirs), show(x.Ratio), x.verdict(), x.Note)
		}
	}
	data, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(r.path, append(data, '\n'), 0o644)
}

func show(n *number) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprintf("%.4g", float64(*n))
}

func (x row) verdict() string {
	if x.Bar == nil {
		return ""
	}
	said := "not measured"
	if x.Passed != nil {
		said = map[bool]string{true: "passed", false: "MISSED"}[*x.Passed]
	}
	return fmt.Sprintf("%s %s: %s", x.Limit, show(x.Bar), said)
}

// Words of row.Limit.
const (
	atRatio = "ratio"
	atLeast = "at least"
	atMost  = "at most"
)

// add adds a row. better is 1 where a higher figure is better, -1 where a lower one is.
func (r *report) add(x row, oursIs, theirs float64, better int) {
	x.Part = r.part
	x.Ours, x.Theirs = known(oursIs), known(theirs)
	if x.Ours != nil && x.Theirs != nil {
		if better > 0 {
			x.Ratio = known(oursIs / theirs)
		} else {
			x.Ratio = known(theirs / oursIs)
		}
	}
	r.Rows = append(r.Rows, x.judged())
}

// judged fills in whether the bar is passed.
func (x row) judged() row {
	if x.Bar == nil {
		return x
	}
	figure := x.Ours
	if x.Limit == atRatio {
		figure = x.Ratio
	}
	if figure == nil {
		return x
	}
	passed := *figure >= *x.Bar
	if x.Limit == atMost {
		passed = *figure <= *x.Bar
	}
	x.Passed = &passed
	return x
}

func bar(x float64) *number { return known(x) }
