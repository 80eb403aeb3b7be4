package main

import (
	"math"
	"testing"
)

// pointsOf makes points of one entry of pairs of recall and time.
func pointsOf(e *entry, pairs ...[2]float64) []*point {
	var all []*point
	for _, p := range pairs {
		all = append(all, &point{entry: e, Recall: p[0], CPU: p[1]})
	}
	return all
}

func TestTimeAtRecall(t *testing.T) {
	e, other := &entry{}, &entry{}
	points := append(pointsOf(e, [2]float64{.90, 10}, [2]float64{.96, 40}, [2]float64{.93, 45}, [2]float64{.98, 60}), pointsOf(other, [2]float64{1, 1})...)
	for _, c := range []struct{ target, want float64 }{
		{.5, 10},  // the cheapest setting is better than asked for
		{.93, 25}, // half way from 10 to 40; the setting that 40 beats does not count
		{.96, 40}, //
		{.97, 50}, //
		{.98, 60}, //
	} {
		if got := timeAt(points, e, c.target); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("at %v: %v, want %v", c.target, got, c.want)
		}
	}
	if got := timeAt(points, e, .99); !math.IsNaN(got) {
		t.Errorf("at a recall that nothing reaches: %v", got)
	}
	if p := settingAt(points, e, .91); p == nil || p.Recall != .96 {
		t.Errorf("setting at .91: %+v", p)
	}
	winner, time := best(points, []*entry{e, other}, .97, func(*entry) bool { return true })
	if winner != other || time != 1 {
		t.Errorf("best is %p at %v", winner, time)
	}
	if winner, _ := best(points, []*entry{e}, .99, func(*entry) bool { return true }); winner != nil {
		t.Error("an entry wins at a recall that it does not reach")
	}
}

func TestMedianAndPercentile(t *testing.T) {
	for _, c := range []struct {
		all  []float64
		want float64
	}{{[]float64{3}, 3}, {[]float64{4, 1}, 2.5}, {[]float64{9, 1, 5}, 5}} {
		if got := median(c.all); got != c.want {
			t.Errorf("median of %v is %v", c.all, got)
		}
	}
	if !math.IsNaN(median(nil)) {
		t.Error("a median of nothing")
	}
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(99 - i)
	}
	if p50, p99 := percentile(hundred, .5), percentile(hundred, .99); p50 != 50 || p99 != 99 {
		t.Errorf("p50 %v, p99 %v", p50, p99)
	}
}

func TestRatiosAndBars(t *testing.T) {
	r := &report{part: "p"}
	r.add(row{Metric: "faster", Bar: bar(2), Limit: atRatio}, 10, 4, 1)
	r.add(row{Metric: "smaller", Bar: bar(3), Limit: atRatio}, 10, 20, -1)
	r.add(row{Metric: "at most", Bar: bar(10), Limit: atMost}, 10, math.NaN(), -1)
	r.add(row{Metric: "missing", Bar: bar(2), Limit: atRatio}, math.NaN(), 4, 1)
	passed := func(i int) bool { return r.Rows[i].Passed != nil && *r.Rows[i].Passed }
	if *r.Rows[0].Ratio != 2.5 || !passed(0) {
		t.Errorf("%+v", r.Rows[0])
	}
	if *r.Rows[1].Ratio != 2 || passed(1) {
		t.Errorf("%+v", r.Rows[1])
	}
	if !passed(2) || r.Rows[2].Ratio != nil {
		t.Errorf("%+v", r.Rows[2])
	}
	if r.Rows[3].Passed != nil || r.Rows[3].Ratio != nil {
		t.Errorf("what was not measured is judged: %+v", r.Rows[3])
	}
}

func TestAgreement(t *testing.T) {
	a := []float32{4, 2, 1, 3, 2, 0, 5, 5, 5}
	same := []float32{8.8, 4.4, 2.2, 6.6, 4.4, 0, 11, 11, 11}
	if got := agreement(a, same, 3); got != 1 {
		t.Errorf("scaled lists agree to %v", got)
	}
	other := []float32{8.8, 4.4, 2.3, 6.6, 4.4, .1, 11, 11, 11}
	if got := agreement(a, other, 3); math.Abs(got-1./3) > 1e-9 {
		t.Errorf("two of three lists differ, they agree to %v", got)
	}
}
