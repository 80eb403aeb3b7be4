package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/bench/machine"
	"github.com/smartretriever/smartretriever/eval"
)

// results is the result file.
type results struct {
	Machine machine.Description `json:"machine"`
	Rows    []figure            `json:"rows"`
	// Changes are the differences of candidates to the default.
	Changes []change `json:"changes"`
}

// figure is a measure of a setting on a set.
type figure struct {
	Case   string  `json:"case"`
	Set    string  `json:"set"`
	Metric string  `json:"metric"`
	Ours   float64 `json:"ours"`
	Low    float64 `json:"low,omitempty"` // 95 % interval, of what is a mean over questions
	High   float64 `json:"high,omitempty"`
}

// change is by how much a setting is better than the default, with the interval of a
// paired bootstrap over the questions.
type change struct {
	Case   string  `json:"case"`
	Set    string  `json:"set"`
	Metric string  `json:"metric"`
	Change float64 `json:"change"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

const (
	chunkCount     = "chunks"
	chunkTokens    = "tokens a chunk"
	embeddedTokens = "tokens embedded"
)

func (b *bench) results() (*results, error) {
	r := &results{Machine: machine.Describe()}
	var base *measured
	for _, m := range b.measured {
		if m.name == name(standard.ChunkerOptions) {
			base = m
		}
	}
	for _, m := range b.measured {
		for _, of := range b.spans {
			got, there := m.spans[of.set]
			if !there {
				continue
			}
			add := func(metric string, v, low, high float64) {
				r.Rows = append(r.Rows, figure{m.name, of.set, metric, round(v), round(low), round(high)})
			}
			add(chunkCount, float64(got.chunks), 0, 0)
			add(chunkTokens, float64(got.tokens)/float64(got.chunks), 0, 0)
			add(embeddedTokens, float64(got.embedded), 0, 0)
			for i, metric := range measureNames {
				if i == quoted && mean(got.values, i) == 0 {
					continue // nothing was asked
				}
				v, low, high := bootstrap(column(got.values, i))
				add(metric, v, low, high)
				if base == nil || base == m || len(base.spans[of.set].values) == 0 || len(b.spans) > 1 && len(m.spans) < len(b.spans) {
					continue
				}
				d, low, high := bootstrap(less(column(got.values, i), column(base.spans[of.set].values, i)))
				r.Changes = append(r.Changes, change{m.name, of.set, metric, round(d), round(low), round(high)})
			}
		}
		for _, of := range b.ranked {
			got, there := m.ranked[of.set]
			if !there {
				continue
			}
			r.Rows = append(r.Rows, figure{Case: m.name, Set: of.set, Metric: chunkCount, Ours: float64(m.chunks[of.set])})
			v, _ := got.Value(ndcg10)
			r.Rows = append(r.Rows, figure{m.name, of.set, "nDCG@10", round(v.Value), round(v.Low), round(v.High)})
			if base == nil || base == m || len(m.ranked) < len(b.ranked) {
				continue
			}
			c, err := eval.Compare(base.ranked[of.set], got, ndcg10, eval.Options{})
			if err != nil {
				return nil, err
			}
			r.Changes = append(r.Changes, change{m.name, of.set, "nDCG@10", round(c.Diff), round(c.Low), round(c.High)})
		}
	}
	return r, nil
}

func round(x float64) float64 { return math.Round(x*1e4) / 1e4 }

func column(values [][]float64, i int) []float64 {
	out := make([]float64, len(values))
	for j, v := range values {
		out[j] = v[i]
	}
	return out
}

func less(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] - b[i]
	}
	return out
}

func mean(values [][]float64, i int) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v[i]
	}
	return sum / float64(len(values))
}

// bootstrap returns the mean of values and its 95 % percentile interval. Of
// differences it is the paired bootstrap.
func bootstrap(values []float64) (m, low, high float64) {
	const resamples = 10_000
	n := len(values)
	rng := rand.New(rand.NewPCG(0, uint64(n)))
	means := make([]float64, resamples)
	for i := range means {
		sum := 0.0
		for range n {
			sum += values[rng.IntN(n)]
		}
		means[i] = sum / float64(n)
	}
	slices.Sort(means)
	for _, v := range values {
		m += v / float64(n)
	}
	return m, means[resamples*25/1000-1], means[resamples*975/1000-1]
}

// write puts results into a file. Settings that were not measured this time keep what
// stands there of them.
func write(path string, r *results) error {
	was, err := read(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		r.keep(was)
	}
	r.sort()
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}

func read(path string) (*results, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &results{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// keep takes over what was known of other settings.
func (r *results) keep(was *results) {
	measured := map[string]bool{}
	for _, f := range r.Rows {
		measured[f.Case] = true
	}
	for _, f := range was.Rows {
		if !measured[f.Case] {
			r.Rows = append(r.Rows, f)
		}
	}
	for _, c := range was.Changes {
		if !measured[c.Case] {
			r.Changes = append(r.Changes, c)
		}
	}
}

// sort puts the rows in the order of the settings, what others have cut last.
func (r *results) sort() {
	order := map[string]int{}
	for i, s := range settings {
		order[name(s.ChunkerOptions)] = i
	}
	compare := func(a, b string) int {
		at := func(s string) int {
			if i, there := order[s]; there {
				return i
			}
			return len(order)
		}
		return cmp.Or(at(a)-at(b), strings.Compare(a, b))
	}
	slices.SortStableFunc(r.Rows, func(a, b figure) int { return compare(a.Case, b.Case) })
	slices.SortStableFunc(r.Changes, func(a, b change) int { return compare(a.Case, b.Case) })
}

// value looks up a figure.
func (r *results) value(setting, set, metric string) (figure, bool) {
	i := slices.IndexFunc(r.Rows, func(f figure) bool { return f.Case == setting && f.Set == set && f.Metric == metric })
	if i < 0 {
		return figure{}, false
	}
	return r.Rows[i], true
}

// tables writes the tables of docs/chunking.md: all settings on the sets that the
// default is chosen by; and the candidates' differences to it on all sets.
func tables(r *results) string {
	var b strings.Builder
	b.WriteString("| setting | chunks | tokens a chunk | recall@5 | precision@5 | IoU@5 | recall in 1,500 tokens | nDCG@10, SciFact train |\n|---|---|---|---|---|---|---|---|\n")
	var names []string
	for _, f := range r.Rows {
		if !slices.Contains(names, f.Case) {
			names = append(names, f.Case)
		}
	}
	for _, n := range names {
		shown := n
		if n == name(standard.ChunkerOptions) {
			shown = "**" + n + "**"
		}
		fmt.Fprintf(&b, "| %s |", shown)
		cell := func(set, metric, format string, scale func(float64) string) {
			if f, there := r.value(n, set, metric); there {
				fmt.Fprintf(&b, format, scale(f.Ours))
			} else {
				b.WriteString(" |")
			}
		}
		cell(tuning, chunkCount, " %s |", thousands)
		cell(tuning, chunkTokens, " %s |", thousands)
		for _, i := range []int{recall5, precision5, iou5, recallBudget} {
			cell(tuning, measureNames[i], " %s |", func(x float64) string { return share(x, 3) })
		}
		cell(scifact, "nDCG@10", " %s |\n", func(x float64) string { return share(x, 4) })
	}
	if len(r.Changes) == 0 {
		return b.String()
	}
	b.WriteString("\n| setting, against " + name(standard.ChunkerOptions) + " | set | vectors | tokens embedded |")
	shown := []int{recall5, precision5, iou5, recallBudget, recallSources, repeated, quoted}
	for _, i := range shown {
		fmt.Fprintf(&b, " %s |", measureNames[i])
	}
	b.WriteString("\n|---|---|---|---|" + strings.Repeat("---|", len(shown)) + "\n")
	base := name(standard.ChunkerOptions)
	for _, n := range names {
		for _, set := range []string{tuning, articles} {
			c := slices.IndexFunc(r.Changes, func(c change) bool { return c.Case == n && c.Set == set })
			if c < 0 {
				continue
			}
			fmt.Fprintf(&b, "| %s | %s |", n, set)
			for _, metric := range []string{chunkCount, embeddedTokens} {
				was, _ := r.value(base, set, metric)
				is, _ := r.value(n, set, metric)
				fmt.Fprintf(&b, " %+.1f %% |", 100*(is.Ours/was.Ours-1))
			}
			for _, i := range shown {
				at := slices.IndexFunc(r.Changes, func(c change) bool { return c.Case == n && c.Set == set && c.Metric == measureNames[i] })
				if at < 0 {
					b.WriteString(" |")
					continue
				}
				fmt.Fprintf(&b, " %s |", difference(r.Changes[at], 3))
			}
			b.WriteString("\n")
		}
	}
	b.WriteString("\n| setting, against " + base + " | set | vectors | nDCG@10 |\n|---|---|---|---|\n")
	for _, n := range names {
		for _, set := range []string{scifact, cranfield} {
			at := slices.IndexFunc(r.Changes, func(c change) bool { return c.Case == n && c.Set == set })
			if at < 0 {
				continue
			}
			was, _ := r.value(base, set, chunkCount)
			is, _ := r.value(n, set, chunkCount)
			fmt.Fprintf(&b, "| %s | %s | %+.1f %% | %s |\n", n, set, 100*(is.Ours/was.Ours-1), difference(r.Changes[at], 4))
		}
	}
	return b.String()
}

// difference writes a change with its interval, in bold where that excludes zero.
func difference(c change, digits int) string {
	mark := ""
	if c.Low > 0 || c.High < 0 {
		mark = "**"
	}
	return mark + signed(c.Change, digits) + mark + " (" + signed(c.Low, digits) + " to " + signed(c.High, digits) + ")"
}

func signed(x float64, digits int) string {
	switch s := share(math.Abs(x), digits); {
	case strings.Trim(s, ".0") == "":
		return s
	case x < 0:
		return "-" + s
	default:
		return "+" + s
	}
}

// share writes a number between 0 and 1 without the zero before its point.
func share(x float64, digits int) string {
	return strings.TrimPrefix(fmt.Sprintf("%.*f", digits, x), "0")
}

func thousands(x float64) string {
	s := fmt.Sprintf("%.0f", x)
	if len(s) > 3 {
		s = s[:len(s)-3] + "," + s[len(s)-3:]
	}
	return s
}
