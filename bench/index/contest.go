package main

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"

	"github.com/smartretriever/smartretriever/bench/index/data"
)

// point is what one setting of an entrant reached.
type point struct {
	Part     string         `json:"part"`
	Case     string         `json:"case"`
	Entrant  string         `json:"entrant"`
	Param    map[string]int `json:"param,omitempty"`
	Recall   float64        `json:"recall"`
	CPU      float64        `json:"cpu_us"`  // of a query: median of the rounds
	Wall     float64        `json:"wall_us"` //
	P50      float64        `json:"p50_us"`
	P99      float64        `json:"p99_us"`
	Batch    float64        `json:"batch_us,omitempty"` // CPU where all queries are given in one call
	Rounds   int            `json:"rounds"`
	Resident float64        `json:"resident_bytes"`
	Bytes    float64        `json:"index_bytes"`

	entry   *entry
	replies []reply
	done    bool // needs no further round
}

// targets are the recalls that are compared.
var targets = []float64{.95, .99}

// contest has every entry search with every setting, in turn: A, B, C, A, B, C. The
// first round goes through the whole grid of each, from the least effort up, and
// stops where recall is nearly all; the later ones repeat the settings that matter for the
// targets. The queries' mean processor time counts, less what a call that has
// nothing to do takes; of the rounds, the median.
func (b *bench) contest(ctx context.Context, title string, entries []*entry, judge *data.Judge, r request) ([]*point, error) {
	var points []*point
	for _, e := range entries {
		for _, param := range e.grid {
			p := &point{Part: b.report.part, Case: title, Entrant: e.name, Param: param, Bytes: e.built.Bytes, entry: e}
			if err := b.measure(ctx, p, judge, r); err != nil {
				if ctx.Err() != nil {
					return nil, err
				}
				b.say("%s, %s %v: %v", title, e.name, param, err)
				break
			}
			points = append(points, p)
			if p.Recall > .998 && r.Filter == "" {
				break
			}
		}
	}
	for _, p := range points {
		p.done = !p.entry.exact
	}
	for _, e := range entries {
		for _, target := range targets {
			low, high := bracket(frontier(points, e), target)
			for _, p := range []*point{low, high} {
				if p != nil {
					p.done = false
				}
			}
		}
	}
	for range b.rounds - 1 {
		for _, p := range points {
			if !p.done {
				if err := b.measure(ctx, p, judge, r); err != nil {
					return nil, err
				}
			}
		}
	}
	for _, p := range points {
		p.settle()
	}
	return points, nil
}

// measure adds a round to p.
func (b *bench) measure(ctx context.Context, p *point, judge *data.Judge, r request) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.Op, r.Param, r.Answers = "search", p.Param, b.scratch("answers")
	if p.entry.exact {
		r.Count = min(r.Count, b.exactQueries)
	}
	a, err := p.entry.ask(r)
	if err != nil {
		return err
	}
	if len(p.replies) == 0 {
		answers, err := readNumbers(r.Answers)
		if err != nil {
			return err
		}
		p.Recall = judge.Recall(answers, r.K)
	}
	p.entry.loaded.Resident = max(p.entry.loaded.Resident, a.Resident) // of a mapped file, what was searched
	less := p.entry.loaded.Overhead
	a.CPUEach, a.WallEach, a.P50, a.P99 = a.CPUEach-less, a.WallEach-less, a.P50-less, a.P99-less
	p.replies = append(p.replies, a)
	p.settle()
	return nil
}

// settle takes the medians of the rounds.
func (p *point) settle() {
	p.Rounds, p.Resident = len(p.replies), p.entry.loaded.Resident
	p.CPU = medianOf(p.replies, func(a reply) float64 { return a.CPUEach })
	p.Wall = medianOf(p.replies, func(a reply) float64 { return a.WallEach })
	p.P50 = medianOf(p.replies, func(a reply) float64 { return a.P50 })
	p.P99 = medianOf(p.replies, func(a reply) float64 { return a.P99 })
	p.Batch = medianOf(p.replies, func(a reply) float64 { return a.BatchEach })
}

func medianOf(replies []reply, of func(reply) float64) float64 {
	all := make([]float64, len(replies))
	for i, r := range replies {
		all[i] = of(r)
	}
	return median(all)
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return math.NaN()
	}
	slices.Sort(all)
	if n := len(all); n%2 == 0 {
		return (all[n/2-1] + all[n/2]) / 2
	}
	return all[len(all)/2]
}

// frontier returns the points of an entry that no other of its points beats in both
// recall and time, in ascending order of both.
func frontier(points []*point, e *entry) []*point {
	var own []*point
	for _, p := range points {
		if p.entry == e {
			own = append(own, p)
		}
	}
	slices.SortFunc(own, func(a, b *point) int { return cmp.Or(cmp.Compare(a.CPU, b.CPU), cmp.Compare(b.Recall, a.Recall)) })
	kept := own[:0]
	for _, p := range own {
		if len(kept) == 0 || p.Recall > kept[len(kept)-1].Recall {
			kept = append(kept, p)
		}
	}
	return kept
}

// bracket returns the neighbours on a frontier that target lies between. low is nil
// where even the cheapest reaches it, high where none does.
func bracket(front []*point, target float64) (low, high *point) {
	for _, p := range front {
		if p.Recall >= target {
			return low, p
		}
		low = p
	}
	return low, nil
}

// timeAt returns the processor time of an entry at a recall: between two settings, what a
// straight line says; where the cheapest setting is better, its time; not a
// number where none is good enough.
func timeAt(points []*point, e *entry, target float64) float64 {
	low, high := bracket(frontier(points, e), target)
	switch {
	case high == nil:
		return math.NaN()
	case low == nil:
		return high.CPU
	}
	return low.CPU + (high.CPU-low.CPU)*(target-low.Recall)/(high.Recall-low.Recall)
}

// settingAt returns the cheapest setting of an entry that reaches a recall, nil if none does.
func settingAt(points []*point, e *entry, target float64) *point {
	_, high := bracket(frontier(points, e), target)
	return high
}

// best returns the entry of a family that is fastest at a recall, with its time. It is nil if none reaches it.
func best(points []*point, entries []*entry, target float64, in func(*entry) bool) (*entry, float64) {
	var winner *entry
	least := math.Inf(1)
	for _, e := range entries {
		if t := timeAt(points, e, target); in(e) && t < least {
			winner, least = e, t
		}
	}
	return winner, least
}

// grid returns settings of one parameter, with others fixed.
func grid(name string, values []int, fixed map[string]int) []map[string]int {
	var all []map[string]int
	for _, v := range values {
		m := map[string]int{name: v}
		maps.Copy(m, fixed)
		all = append(all, m)
	}
	return all
}
