package remote

import (
	"math"
	"time"
)

// slots are the seconds of a minute, and one more, because the first of them is
// begun: what a minute holds is then never more than the limit, wherever a server
// lets its own minute begin.
const slots = 61

// burst is the part of a minute's limit that may be used in burstSeconds: servers
// count in shorter spans than a minute, too.
const (
	burst        = .1
	burstSeconds = 6
)

// minute counts what was used in each second of the last minute, against a limit;
// a limit of 0 is none.
type minute struct {
	limit  float64
	used   [slots]float64
	second int64 // Unix time of the newest slot
}

// forward empties the slots that are a minute old.
func (m *minute) forward(now time.Time) {
	s := now.Unix()
	if s-m.second >= slots {
		clear(m.used[:])
		m.second = s
	}
	for m.second < s {
		m.second++
		m.used[m.second%slots] = 0
	}
}

func (m *minute) add(now time.Time, n float64) {
	m.forward(now)
	m.used[m.second%slots] += n
}

// last returns what was used in the last so many seconds, this one included.
func (m *minute) last(now time.Time, seconds int64) float64 {
	m.forward(now)
	sum := 0.0
	for i := range seconds {
		sum += m.used[(m.second-i+slots)%slots]
	}
	return sum
}

// whole returns what a single use of n counts as: one that is more than a minute's
// limit goes when there was nothing else for a minute.
func (m *minute) whole(n float64) float64 {
	if m.limit > 0 {
		return min(n, m.limit)
	}
	return n
}

// when returns the first moment at which n more are within the limit, if nothing
// else is used until then. More than the limit fills minutes on the way.
func (m *minute) when(now time.Time, n float64) time.Time {
	if m.limit <= 0 {
		return now
	}
	m.forward(now)
	full := math.Ceil(n/m.limit) - 1 // minutes that are filled on the way
	if full > 0 {
		n -= full * m.limit
	}
	at := max(m.free(slots, m.limit, n), m.free(burstSeconds+1, max(1, burst*m.limit), n))
	if at == 0 && full <= 0 {
		return now
	}
	return time.Unix(m.second+at, 0).Add(time.Duration(min(max(full, 0), 1e6)) * time.Minute)
}

// free returns in how many seconds n fit into the newest slots, span of them, with
// what is used there.
func (m *minute) free(span int64, limit, n float64) int64 {
	n = min(n, limit)
	sum := m.last(time.Unix(m.second, 0), span)
	for i := range span {
		if sum+n <= limit+1e-9 {
			return i
		}
		sum -= m.used[(m.second-span+1+i+slots)%slots]
	}
	return span
}
