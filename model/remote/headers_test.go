package remote

import (
	"math"
	"net/http"
	"testing"
	"time"
)

func TestReadBudgets(t *testing.T) {
	now := time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)
	type want struct {
		left  float64       // at once
		need  float64       // asked for
		after time.Duration // when it is there
	}
	tests := []struct {
		name             string
		header           map[string]string
		requests, tokens *want
	}{
		{"nothing", nil, nil, nil},
		{"OpenAI", map[string]string{
			"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m0s",
			"x-ratelimit-limit-tokens": "150000", "x-ratelimit-remaining-tokens": "149984", "x-ratelimit-reset-tokens": "6ms"},
			&want{0, 2, 2 * time.Second}, &want{149984, 150000, 6 * time.Millisecond}},
		{"Azure, seconds", map[string]string{"x-ratelimit-limit-tokens": "1000", "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "10"},
			nil, &want{0, 500, 5 * time.Second}},
		{"Anthropic", map[string]string{
			"anthropic-ratelimit-requests-limit": "50", "anthropic-ratelimit-requests-remaining": "49", "anthropic-ratelimit-requests-reset": "2025-03-01T12:00:01Z",
			"anthropic-ratelimit-tokens-limit": "99999", "anthropic-ratelimit-tokens-remaining": "99999", "anthropic-ratelimit-tokens-reset": "2025-03-01T12:00:00Z",
			"anthropic-ratelimit-input-tokens-limit": "40000", "anthropic-ratelimit-input-tokens-remaining": "0", "anthropic-ratelimit-input-tokens-reset": "2025-03-01T12:01:00Z"},
			&want{49, 50, time.Second}, &want{0, 20000, 30 * time.Second}},
		{"the draft", map[string]string{"RateLimit": `"hour";r=500;t=1800, "burst";r=0;t=7`, "RateLimit-Policy": `"hour";q=1000;w=3600, "burst";q=10;w=10`},
			&want{0, 1, 7 * time.Second}, nil},
		{"the draft, of another unit", map[string]string{"RateLimit": `"a";r=0;t=7;qu="content-bytes"`}, nil, nil},
		{"the draft as it was", map[string]string{"RateLimit": "limit=100, remaining=0, reset=5"}, &want{0, 1, 5 * time.Second}, nil},
		{"the draft's first form", map[string]string{"RateLimit-Limit": "100, 100;w=60", "RateLimit-Remaining": "3", "RateLimit-Reset": "9"}, &want{3, 4, 9 * time.Second}, nil},
		{"a plain one, seconds", map[string]string{"x-ratelimit-limit": "40", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "12"}, &want{0, 1, 12 * time.Second}, nil},
		{"a plain one, Unix time", map[string]string{"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1740830420"}, &want{0, 1, 20 * time.Second}, nil},
		{"a plain one, milliseconds", map[string]string{"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1740830420000"}, &want{0, 1, 20 * time.Second}, nil},
		{"a plain one, date", map[string]string{"x-ratelimit-remaining": "0", "x-ratelimit-reset": "Sat, 01 Mar 2025 12:00:30 GMT"}, &want{0, 1, 30 * time.Second}, nil},
		{"a time gone by", map[string]string{"x-ratelimit-remaining": "0", "x-ratelimit-reset": "2025-03-01T11:00:00Z"}, &want{math.Inf(1), 5, 0}, nil},
		{"a day", map[string]string{"x-ratelimit-remaining": "0", "x-ratelimit-reset": "86400"}, &want{0, 1, time.Hour}, nil},
		{"nonsense", map[string]string{
			"x-ratelimit-limit-requests": "-1", "x-ratelimit-remaining-requests": "many", "x-ratelimit-reset-requests": "soon",
			"RateLimit": `;;;===,"`, "x-ratelimit-remaining": "NaN", "x-ratelimit-reset": "Inf"}, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{}
			for k, v := range tt.header {
				h.Set(k, v)
			}
			got := readBudgets(h, now)
			for i, w := range []*want{tt.requests, tt.tokens} {
				b := got[i]
				if b.known != (w != nil) {
					t.Errorf("budget %d: %+v", i, b)
				}
				if w == nil {
					continue
				}
				if left := b.available(now); left != w.left {
					t.Errorf("budget %d: %v left, want %v", i, left, w.left)
				}
				if after := b.when(now, w.need).Sub(now).Round(time.Microsecond); after != w.after {
					t.Errorf("budget %d: %v more after %s, want %s", i, w.need, after, w.after)
				}
			}
		})
	}
}

// Of answers that were under way together the least counts, whatever the order in
// which they come.
func TestAnswersOutOfOrder(t *testing.T) {
	now := time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)
	var b budget
	steps := []struct {
		says       float64
		order      int64 // of the call
		started    int64 // calls by now
		unanswered float64
		left       float64
	}{
		{9, 3, 5, 2, 7}, // calls 1 to 5 run: two have no answer
		{6, 1, 5, 1, 5}, // says less
		{8, 5, 5, 0, 5}, // was written earlier, though it began later
		{7, 6, 8, 2, 5}, // began when the first was heard: counts
		{9, 9, 9, 0, 9}, // so does this, and says more
	}
	for i, s := range steps {
		b.heard(now, window(10, s.says, time.Minute, now), s.order, s.started, s.unanswered)
		if left := b.available(now); left != s.left {
			t.Errorf("step %d: %v left, want %v", i, left, s.left)
		}
	}
}

func FuzzReadBudgets(f *testing.F) {
	f.Add("100", "3", "6m0s", `"a";r=5;t=7`)
	f.Add("1e300", "-0", "1740830420000", "limit=1, remaining=0, reset=9")
	f.Fuzz(func(t *testing.T, limit, left, reset, list string) {
		now := time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)
		for _, unit := range []string{"-requests", "", "draft"} {
			h := http.Header{}
			if unit == "draft" {
				h["Ratelimit"] = []string{list}
			} else {
				h["X-Ratelimit-Limit"+textual(unit)] = []string{limit}
				h["X-Ratelimit-Remaining"+textual(unit)] = []string{left}
				h["X-Ratelimit-Reset"+textual(unit)] = []string{reset}
			}
			for _, b := range readBudgets(h, now) {
				for _, n := range []float64{1, 1e6} {
					if at := b.when(now, n); at.Before(now) || at.After(now.Add(maxHold+time.Second)) {
						t.Errorf("%v: %v more at %s", h, n, at)
					}
				}
				b.take(now, 1)
				if left := b.available(now.Add(time.Minute)); math.IsNaN(left) {
					t.Errorf("%v: %v left", h, left)
				}
			}
		}
	})
}

// textual is the canonical form of the end of a header's name.
func textual(unit string) string {
	if unit == "" {
		return ""
	}
	return "-Requests"
}
