package eval

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
	"time"
)

// Report is the outcome of an evaluation.
type Report struct {
	Dataset  string
	Split    string
	Measures []Mean        // in the order asked for
	Queries  []QueryResult // in the order put
	Empty    int           // queries for which nothing was returned
	Latency  Latency       // of one search, as its caller saw it; zero for Score
	Took     time.Duration // all queries together
}

// Mean is a measure's mean over the queries. Low and High bound it with 95 %
// confidence (percentile bootstrap over the queries).
type Mean struct {
	Measure Measure
	Value   float64
	Low     float64
	High    float64
}

// QueryResult is the outcome for one query.
type QueryResult struct {
	ID     string
	Text   string
	Found  int // documents or chunks that the search returned
	Took   time.Duration
	values []float64 // in the order of Report.Measures
}

// Latency holds percentiles by nearest rank.
type Latency struct {
	Mean, P50, P90, P95, P99, Max time.Duration
}

// Value returns the mean of a measure, and whether the report has it.
func (r *Report) Value(m Measure) (Mean, bool) {
	i := slices.IndexFunc(r.Measures, func(v Mean) bool { return v.Measure == m })
	if i < 0 {
		return Mean{}, false
	}
	return r.Measures[i], true
}

// Of returns a query's value of a measure of the report, 0 if it has none.
func (r *Report) Of(q QueryResult, m Measure) float64 {
	i := slices.IndexFunc(r.Measures, func(v Mean) bool { return v.Measure == m })
	if i < 0 || i >= len(q.values) {
		return 0
	}
	return q.values[i]
}

func summarize(results []QueryResult, opt Options) Report {
	r := Report{Queries: results}
	took := make([]time.Duration, len(results))
	rows := make([][]float64, len(results))
	for i, q := range results {
		took[i], rows[i] = q.Took, q.values
		if q.Found == 0 {
			r.Empty++
		}
	}
	r.Latency = percentiles(took)
	means, low, high := bootstrap(rows, len(opt.Measures), opt.Resamples, opt.Seed)
	for i, m := range opt.Measures {
		r.Measures = append(r.Measures, Mean{Measure: m, Value: means[i], Low: low[i], High: high[i]})
	}
	return r
}

func percentiles(took []time.Duration) Latency {
	if len(took) == 0 {
		return Latency{}
	}
	took = slices.Sorted(slices.Values(took))
	sum := time.Duration(0)
	for _, d := range took {
		sum += d
	}
	at := func(p float64) time.Duration {
		return took[max(0, int(math.Ceil(p*float64(len(took))))-1)]
	}
	return Latency{Mean: sum / time.Duration(len(took)), P50: at(.5), P90: at(.9), P95: at(.95), P99: at(.99), Max: took[len(took)-1]}
}

// Print writes the report as a table for people.
func (r *Report) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	if r.Dataset != "" {
		fmt.Fprintf(t, "%s (%s), %d queries", r.Dataset, r.Split, len(r.Queries))
	} else {
		fmt.Fprintf(t, "%d queries", len(r.Queries))
	}
	if r.Empty > 0 {
		fmt.Fprintf(t, ", %d without a hit", r.Empty)
	}
	fmt.Fprint(t, "\n\nmeasure\tmean\t95 % interval\n")
	for _, m := range r.Measures {
		fmt.Fprintf(t, "%s\t%.4f\t%.4f to %.4f\n", m.Measure, m.Value, m.Low, m.High)
	}
	if l := r.Latency; l.Max > 0 {
		fmt.Fprintf(t, "\nlatency\tms\n")
		for _, row := range []struct {
			name string
			d    time.Duration
		}{{"mean", l.Mean}, {"p50", l.P50}, {"p90", l.P90}, {"p95", l.P95}, {"p99", l.P99}, {"max", l.Max}} {
			fmt.Fprintf(t, "%s\t%.2f\n", row.name, milliseconds(row.d))
		}
		if r.Took > 0 {
			fmt.Fprintf(t, "\nqueries a second\t%.1f\n", float64(len(r.Queries))/r.Took.Seconds())
		}
	}
	return t.Flush()
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// MarshalJSON writes measures by name and durations in milliseconds.
func (r Report) MarshalJSON() ([]byte, error) {
	type mean struct {
		Mean float64 `json:"mean"`
		Low  float64 `json:"low"`
		High float64 `json:"high"`
	}
	type query struct {
		ID     string             `json:"id"`
		Text   string             `json:"text,omitempty"`
		Found  int                `json:"found"`
		TookMS float64            `json:"took_ms"`
		Values map[string]float64 `json:"values"`
	}
	out := struct {
		Dataset  string             `json:"dataset,omitempty"`
		Split    string             `json:"split,omitempty"`
		Count    int                `json:"queries"`
		Empty    int                `json:"empty"`
		Measures map[string]mean    `json:"measures"`
		Latency  map[string]float64 `json:"latency_ms"`
		TookMS   float64            `json:"took_ms"`
		Queries  []query            `json:"per_query"`
	}{
		Dataset: r.Dataset, Split: r.Split, Count: len(r.Queries), Empty: r.Empty, Measures: map[string]mean{},
		Latency: map[string]float64{
			"mean": milliseconds(r.Latency.Mean), "p50": milliseconds(r.Latency.P50), "p90": milliseconds(r.Latency.P90),
			"p95": milliseconds(r.Latency.P95), "p99": milliseconds(r.Latency.P99), "max": milliseconds(r.Latency.Max),
		},
		TookMS:  milliseconds(r.Took),
		Queries: []query{},
	}
	for _, m := range r.Measures {
		out.Measures[m.Measure.String()] = mean{m.Value, m.Low, m.High}
	}
	for _, q := range r.Queries {
		values := make(map[string]float64, len(q.values))
		for i, v := range q.values {
			values[r.Measures[i].Measure.String()] = v
		}
		out.Queries = append(out.Queries, query{q.ID, q.Text, q.Found, milliseconds(q.Took), values})
	}
	return json.Marshal(out)
}
