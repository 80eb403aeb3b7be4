package eval

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// Answered is what asking one question came to.
type Answered struct {
	Refused  bool
	Cited    []string // ids of the documents that the answer cites
	Model    string   // that wrote it, "" for none
	Route    string   // which of several models was chosen and why, "good: ..."; "" where there is one
	Tokens   int64    // read and written by models, for the question's vector too
	Cost     rag.Money
	Currency string
}

// Ask puts a question. With Options.Workers above 1 it is called from several
// goroutines.
type Ask func(ctx context.Context, question string) (Answered, error)

// AnswerResult is the outcome for one question.
type AnswerResult struct {
	ID   string `json:"id"`
	Text string `json:"text"`
	Answered
	Right  bool          `json:"-"` // it cites a document that is judged relevant
	Failed string        `json:"-"` // why there is no answer
	Took   time.Duration `json:"-"`
}

// Tally sums up the questions that took one route, or all.
type Tally struct {
	Route     string    `json:"route"` // "cheap", "good"; "all" for the sum; "" where there is one model
	Questions int       `json:"questions"`
	Answered  int       `json:"answered"` // neither refused nor failed
	Right     int       `json:"right"`    // of these, that cite a document which is judged relevant
	Failed    int       `json:"failed"`
	Tokens    int64     `json:"tokens"`
	Cost      rag.Money `json:"cost"`
	Currency  string    `json:"currency,omitempty"`
	TookMS    float64   `json:"took_ms"` // mean
}

// AnswerReport is the outcome of an evaluation of answers. What it measures of an
// answer is whether it rests on a document that people have judged relevant, not
// whether it is well said.
type AnswerReport struct {
	Dataset string         `json:"dataset"`
	Split   string         `json:"split"`
	All     Tally          `json:"all"`
	Routes  []Tally        `json:"routes"` // by name
	Queries []AnswerResult `json:"-"`      // in the order put
}

// RunAnswers asks the judged queries of d and reports what the answers rest on and
// cost. An answer that fails because a budget has no room, or a model is down, is
// counted; the error is that of ctx, or one that concerns every question.
func RunAnswers(ctx context.Context, d *Dataset, ask Ask, opt Options) (AnswerReport, error) {
	opt = opt.WithDefaults()
	if err := opt.Validate(); err != nil {
		return AnswerReport{}, err
	}
	queries := d.Queries
	if opt.Queries > 0 {
		queries = queries[:min(opt.Queries, len(queries))]
	}
	results := make([]AnswerResult, len(queries))
	for i, q := range queries {
		begun := opt.Now()
		a, err := ask(ctx, q.Text)
		r := AnswerResult{ID: q.ID, Text: q.Text, Answered: a, Took: opt.Now().Sub(begun)}
		switch {
		case ctx.Err() != nil:
			return AnswerReport{}, ctx.Err()
		case errors.Is(err, rag.ErrUnavailable), errors.Is(err, rag.ErrExhausted), errors.Is(err, rag.ErrRefused):
			r.Failed = err.Error()
		case err != nil:
			return AnswerReport{}, fmt.Errorf("query %s: %w", q.ID, err)
		}
		r.Right = !a.Refused && slices.ContainsFunc(a.Cited, func(id string) bool { return d.Qrels[q.ID][id] > 0 })
		results[i] = r
		if opt.Progress != nil {
			opt.Progress(i+1, len(queries))
		}
	}
	return sumUp(d, results), nil
}

func sumUp(d *Dataset, results []AnswerResult) AnswerReport {
	report := AnswerReport{Dataset: d.Name, Split: d.Split, Queries: results, All: Tally{Route: "all"}, Routes: []Tally{}}
	byRoute := map[string]*Tally{}
	for _, r := range results {
		name := routeName(r.Route)
		t := byRoute[name]
		if t == nil {
			t = &Tally{Route: name}
			byRoute[name] = t
		}
		t.add(r)
		report.All.add(r)
	}
	for _, name := range slices.Sorted(maps.Keys(byRoute)) {
		byRoute[name].mean()
		report.Routes = append(report.Routes, *byRoute[name])
	}
	report.All.mean()
	return report
}

// routeName is the route without its reason.
func routeName(note string) string {
	for i := range note {
		if note[i] == ':' {
			return note[:i]
		}
	}
	return note
}

func (t *Tally) add(r AnswerResult) {
	t.Questions++
	t.Tokens += r.Tokens
	t.Cost = t.Cost.Plus(r.Cost)
	t.Currency = cmp.Or(t.Currency, r.Currency)
	t.TookMS += milliseconds(r.Took)
	switch {
	case r.Failed != "":
		t.Failed++
	case !r.Refused:
		t.Answered++
	}
	if r.Right {
		t.Right++
	}
}

// mean turns the sum of times into their mean.
func (t *Tally) mean() {
	if t.Questions > 0 {
		t.TookMS /= float64(t.Questions)
	}
}

// Print writes the report as a table for people.
func (r *AnswerReport) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintf(t, "%s (%s), %d questions\n\n", r.Dataset, r.Split, r.All.Questions)
	fmt.Fprint(t, "route\tquestions\tanswered\tright\tfailed\ttokens\tcost\tms\n")
	for _, row := range append(slices.Clone(r.Routes), r.All) {
		cost := row.Cost.String()
		if row.Currency != "" {
			cost += " " + row.Currency
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%s\t%.1f\n", cmp.Or(row.Route, "-"), row.Questions, row.Answered, row.Right, row.Failed, row.Tokens, cost, row.TookMS)
	}
	return t.Flush()
}
