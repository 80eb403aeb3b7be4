package remote

import (
	"container/list"
	"context"
	"time"
)

// Urgent marks calls under ctx as ones that somebody waits for: a question before
// the passages of a bulk load, which would keep it waiting for minutes.
func Urgent(ctx context.Context) context.Context {
	return context.WithValue(ctx, urgentKey{}, true)
}

type urgentKey struct{}

func urgent(ctx context.Context) bool { return ctx.Value(urgentKey{}) == true }

// maxUrgent is how many urgent calls go in a row while another could: then that one
// has its turn, so that none waits for ever.
const maxUrgent = 3

// waiter is a call that waits for its turn.
type waiter struct {
	cost     float64 // tokens
	urgent   bool
	deadline time.Time
	place    *list.Element
	ready    chan struct{} // closed once permit or err is set
	permit   *permit
	err      error
}

// queue holds the calls that wait, in the order in which they came, the urgent ones
// by themselves.
type queue struct {
	urgent, others list.List // of *waiter
	row            int       // urgent calls that went in a row past others
}

func (q *queue) len() int { return q.urgent.Len() + q.others.Len() }

func (q *queue) lane(w *waiter) *list.List {
	if w.urgent {
		return &q.urgent
	}
	return &q.others
}

func (q *queue) push(w *waiter)   { w.place = q.lane(w).PushBack(w) }
func (q *queue) remove(w *waiter) { q.lane(w).Remove(w.place) }

// went notes that w was let go.
func (q *queue) went(w *waiter) {
	if w.urgent && q.others.Len() > 0 {
		q.row++
	} else {
		q.row = 0
	}
}

// head returns whose turn it is, nil for nobody's. could reports whether a call
// could go now: an urgent one does not stand back for one that could not.
func (q *queue) head(could func(*waiter) bool) *waiter {
	first := func(l *list.List) *waiter {
		if l.Len() == 0 {
			return nil
		}
		return l.Front().Value.(*waiter)
	}
	u, o := first(&q.urgent), first(&q.others)
	if u == nil || o != nil && q.row >= maxUrgent && could(o) {
		return o
	}
	return u
}

// ahead returns how many calls are before w, if it came now, and their tokens as
// weigh counts them.
func (q *queue) ahead(w *waiter, weigh func(float64) float64) (calls, tokens float64) {
	lanes := []*list.List{&q.urgent}
	if !w.urgent {
		lanes = append(lanes, &q.others)
	}
	for _, l := range lanes {
		for e := l.Front(); e != nil; e = e.Next() {
			calls++
			tokens += weigh(e.Value.(*waiter).cost)
		}
	}
	return calls, tokens
}
