package remote

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxHold bounds for how long a header can hold calls back: after that one is let
// through to see.
const maxHold = time.Hour

// budget is what a server says that it still takes, of requests or of tokens. What
// it says is either of a bucket, which fills up all the time, or of a window, at
// whose end all is there again.
type budget struct {
	known bool
	limit float64 // of a full bucket or a whole window; 0 is not known
	left  float64 // at the time at
	rate  float64 // a second; 0 is a window
	at    time.Time
	reset time.Time // end of the window
	order int64     // of the last call that had begun when it was said
}

// available returns what is left now.
func (b *budget) available(now time.Time) float64 {
	switch {
	case !b.known:
		return math.Inf(1)
	case b.rate > 0:
		return min(b.limit, b.left+b.rate*now.Sub(b.at).Seconds())
	case now.Before(b.reset):
		return b.left
	case b.limit > 0:
		return b.limit
	}
	return math.Inf(1)
}

// take uses n up. Behind the end of a window the next answer tells of the new one;
// until then it is taken to be as long as a minute.
func (b *budget) take(now time.Time, n float64) {
	if !b.known {
		return
	}
	left := b.available(now)
	if b.rate == 0 && !now.Before(b.reset) {
		b.reset = now.Add(time.Minute)
	}
	if math.IsInf(left, 1) {
		b.known = false
		return
	}
	b.left, b.at = left-n, now
}

// when returns when n are there. More than a full bucket waits for a full one.
func (b *budget) when(now time.Time, n float64) time.Time {
	if b.limit > 0 {
		n = min(n, b.limit)
	}
	missing := n - b.available(now)
	switch {
	case missing <= 0:
		return now
	case b.rate > 0:
		return now.Add(time.Duration(min(missing/b.rate, maxHold.Seconds()) * float64(time.Second)))
	}
	return b.reset
}

// heard takes what the answer to the call order says, when so many calls have
// started, less what calls have taken that have no answer yet. Of calls that ran at
// the same time nobody knows whose answer was written last, so of these the least
// counts; one that began after an answer was heard says more than that answer.
func (b *budget) heard(now time.Time, said budget, order, started int64, unanswered float64) {
	said.left, said.order = said.left-unanswered, started
	if b.known && order <= b.order {
		if b.available(now) <= said.left {
			return
		}
		said.order = b.order
	}
	*b = said
}

// readBudgets reads the budgets of requests and of tokens from the headers of an
// answer. Vendors have four ways to say it; the first that is there counts.
func readBudgets(h http.Header, now time.Time) (b [2]budget) {
	for i, unit := range []string{"requests", "tokens"} {
		b[i] = readAnthropic(h, unit, now)
		if !b[i].known {
			b[i] = readOpenAI(h, unit, now)
		}
	}
	if !b[0].known {
		b[0] = readDraft(h, now)
	}
	if !b[0].known {
		b[0] = readPlain(h, now)
	}
	return b
}

// readAnthropic reads anthropic-ratelimit-requests-limit, -remaining and -reset,
// the time in RFC 3339 at which the bucket is full again. Of tokens those of the
// input are the tighter.
func readAnthropic(h http.Header, unit string, now time.Time) budget {
	units := []string{unit}
	if unit == "tokens" {
		units = []string{"input-tokens", "tokens"}
	}
	for _, u := range units {
		name := "Anthropic-Ratelimit-" + u
		at, err := time.Parse(time.RFC3339, h.Get(name+"-Reset"))
		if err == nil {
			if b := bucket(h.Get(name+"-Limit"), h.Get(name+"-Remaining"), at.Sub(now), now); b.known {
				return b
			}
		}
	}
	return budget{}
}

// readOpenAI reads x-ratelimit-limit-requests, -remaining-requests and
// -reset-requests, how long until the bucket is full again ("6m0s", "20ms").
// Azure, Groq, Mistral and others write them, too.
func readOpenAI(h http.Header, unit string, now time.Time) budget {
	in, ok := duration(h.Get("X-Ratelimit-Reset-"+unit), now)
	if !ok {
		return budget{}
	}
	return bucket(h.Get("X-Ratelimit-Limit-"+unit), h.Get("X-Ratelimit-Remaining-"+unit), in, now)
}

// bucket is the budget of a bucket that is full in a time.
func bucket(limit, remaining string, full time.Duration, now time.Time) budget {
	most, ok1 := amount(limit)
	left, ok2 := amount(remaining)
	if !ok1 || !ok2 || most <= 0 {
		return budget{}
	}
	left = min(left, most)
	full = min(max(full, 0), maxHold)
	b := budget{known: true, limit: most, left: left, at: now}
	if left < most && full > 0 {
		b.rate = (most - left) / full.Seconds()
		return b
	}
	// Full, or nothing said about how it fills: it tells of a bucket as it is now.
	b.reset = now.Add(full)
	return b
}

// readPlain reads X-RateLimit-Remaining and X-RateLimit-Reset, which has no common
// form: seconds from now, a Unix time in seconds or milliseconds, or a date.
func readPlain(h http.Header, now time.Time) budget {
	for _, prefix := range []string{"X-Ratelimit-", "Ratelimit-"} {
		left, ok := amount(h.Get(prefix + "Remaining"))
		if !ok {
			continue
		}
		in, ok := duration(h.Get(prefix+"Reset"), now)
		if !ok {
			continue
		}
		limit, _ := amount(first(h.Get(prefix + "Limit")))
		return window(limit, left, in, now)
	}
	return budget{}
}

// window is the budget of a window that ends in a time.
func window(limit, left float64, in time.Duration, now time.Time) budget {
	return budget{known: true, limit: limit, left: left, at: now, reset: now.Add(min(max(in, 0), maxHold))}
}

// readDraft reads RateLimit of the IETF's draft (draft-ietf-httpapi-ratelimit-
// headers-10): a list of policies by name, r left in a window that ends in t
// seconds, and in RateLimit-Policy the quota q of each. An older form is
// "limit=100, remaining=50, reset=5". The policy with the least left counts.
func readDraft(h http.Header, now time.Time) budget {
	var tightest budget
	quota := map[string]float64{}
	for name, p := range policies(h.Values("Ratelimit-Policy")) {
		quota[name], _ = amount(p["q"])
	}
	for name, p := range policies(h.Values("Ratelimit")) {
		left, ok := amount(p["r"])
		in, ends := duration(p["t"], now)
		if !ok || !ends || (p["qu"] != "" && p["qu"] != "requests") {
			continue
		}
		if b := window(quota[name], left, in, now); !tightest.known || b.left < tightest.left {
			tightest = b
		}
	}
	if tightest.known {
		return tightest
	}
	old := map[string]string{}
	for part := range strings.SplitSeq(h.Get("Ratelimit"), ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		old[k] = v
	}
	left, ok := amount(old["remaining"])
	in, ends := duration(old["reset"], now)
	if !ok || !ends {
		return budget{}
	}
	limit, _ := amount(old["limit"])
	return window(limit, left, in, now)
}

// policies reads a list of items with parameters (RFC 9651): "name";k=v;k=v. A
// name with a comma in it is none that a server would choose.
func policies(values []string) map[string]map[string]string {
	out := map[string]map[string]string{}
	for item := range strings.SplitSeq(strings.Join(values, ","), ",") {
		name, rest, _ := strings.Cut(item, ";")
		parameters := map[string]string{}
		for p := range strings.SplitSeq(rest, ";") {
			k, v, _ := strings.Cut(p, "=")
			parameters[strings.TrimSpace(k)] = strings.Trim(strings.TrimSpace(v), `"`)
		}
		out[strings.Trim(strings.TrimSpace(name), `"`)] = parameters
	}
	return out
}

// first returns what stands before the first comma or semicolon.
func first(list string) string {
	if i := strings.IndexAny(list, ",;"); i >= 0 {
		return list[:i]
	}
	return list
}

// amount reads a number that is not negative.
func amount(text string) (float64, bool) {
	x, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	return x, err == nil && x >= 0 && x < 1e15
}

// duration reads how long until a moment that is written as Go writes a duration,
// as seconds, as a Unix time in seconds or milliseconds, or as a date. It is never
// negative.
func duration(text string, now time.Time) (time.Duration, bool) {
	text = strings.TrimSpace(text)
	if x, ok := amount(text); ok {
		switch {
		case x > 1e11:
			return max(0, time.UnixMilli(int64(x)).Sub(now)), true
		case x > 1e8:
			return max(0, time.Unix(int64(x), 0).Sub(now)), true
		}
		return time.Duration(min(x, maxHold.Seconds()) * float64(time.Second)), true
	}
	if d, err := time.ParseDuration(text); err == nil {
		return max(0, d), true
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return max(0, at.Sub(now)), true
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now)), true
	}
	return 0, false
}
