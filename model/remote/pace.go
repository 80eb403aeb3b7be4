package remote

import (
	"math/rand/v2"
	"time"
)

// The pace of calls to a server that only refuses is found as TCP finds that of a
// line: additive increase, multiplicative decrease. A refusal halves it, and from
// then on it grows by as much as it had lost in every growSpan.
const (
	growSpan    = 15 * time.Second
	measureSpan = 10 // seconds over which the pace that a server took is measured
	shortSpan   = 3  // seconds that it is measured over at least
	firstPace   = .5 // the least after the first refusal, when little has been measured
	slowest     = 1.0 / 60
	fastest     = 1000 // a second, beyond which there is no pace any more

	firstPause = time.Second // after a refusal that does not say how long
	lastPause  = 30 * time.Second
)

// pace is how many calls may start in a second.
type pace struct {
	rate    float64 // 0 while no call was refused
	slope   float64 // of its growth, in calls a second each second
	next    time.Time
	cut     time.Time // when it was halved last
	grown   time.Time
	refusal int       // in a row
	first   time.Time // when a call was taken first
	taken   minute    // calls that were not refused; it has no limit
}

// when returns when the last of so many calls may start.
func (p *pace) when(now time.Time, calls float64) time.Time {
	if p.rate == 0 {
		return now
	}
	at := p.next
	if at.Before(now) {
		at = now
	}
	return at.Add(time.Duration((calls - 1) / p.rate * float64(time.Second)))
}

// start notes that a call begins.
func (p *pace) start(now time.Time) {
	if p.rate > 0 {
		p.next = now.Add(time.Duration(float64(time.Second) / p.rate))
	}
}

// accepted notes that the server took a call.
func (p *pace) accepted(now time.Time) {
	if p.first.IsZero() {
		p.first = now
	}
	p.taken.add(now, 1)
	p.refusal = 0
	if p.rate == 0 {
		return
	}
	// Time in which nobody called says nothing about the server.
	span := max(1, 2/p.rate)
	p.rate += p.slope * min(now.Sub(p.grown).Seconds(), span)
	p.grown = now
	if p.rate > fastest {
		p.rate = 0
	}
}

// refused notes that the server refused a call which began at begun, asking to be
// left alone for a time or, with 0, without saying. It returns the pause. Calls
// that were under way together are refused together, and count once.
func (p *pace) refused(now, begun time.Time, asked time.Duration) time.Duration {
	if p.cut.IsZero() || begun.After(p.cut) {
		// At the beginning there is less than that to measure; a burst that a server takes
		// at once is not what it takes for long.
		span := min(max(now.Sub(p.first).Seconds(), shortSpan), measureSpan)
		was := p.taken.last(now, measureSpan) / span
		switch {
		case p.rate == 0:
			p.rate = max(firstPace, was/2)
		case was == 0 || p.rate < was:
			p.rate = max(slowest, p.rate/2)
		default:
			p.rate = max(slowest, was/2)
		}
		p.slope = p.rate / growSpan.Seconds()
		p.cut, p.grown = now, now
		p.refusal++
	}
	if asked > 0 {
		return asked
	}
	pause := min(lastPause, firstPause<<min(max(0, p.refusal-1), 10))
	return pause + time.Duration(rand.Int64N(int64(pause)/4+1)) // clients that failed together do not come back together
}
