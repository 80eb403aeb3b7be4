package remote

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/smartretriever/smartretriever/observe"
	"github.com/smartretriever/smartretriever/rag"
)

// LimitConfig bounds the calls of a model. The zero value takes the server's word:
// calls go out as they come until it says in a header how many more it takes, or
// refuses one.
type LimitConfig struct {
	Concurrency       int           // most requests at once; 0 is 16
	RequestsPerMinute int           // most in any minute; 0 is what the server is found to take
	TokensPerMinute   int           // of all texts sent; 0 is what the server is found to take
	MaxWait           time.Duration // longest that a call waits for its turn, beside the deadline of its context; 0 is 10 min
	MaxWaiting        int           // most calls that wait; 0 is 1000
	// Shared counts RequestsPerMinute and TokensPerMinute together with other processes; nil
	// counts them here only.
	Shared Booker
}

// WithDefaults fills in the fields whose zero is not a rule of its own.
func (c LimitConfig) WithDefaults() LimitConfig {
	if c.Concurrency == 0 {
		c.Concurrency = 16
	}
	if c.MaxWait == 0 {
		c.MaxWait = 10 * time.Minute
	}
	if c.MaxWaiting == 0 {
		c.MaxWaiting = 1000
	}
	return c
}

// Validate reports what is wrong, as KindInvalid.
func (c LimitConfig) Validate() error {
	if c.Concurrency < 0 || c.RequestsPerMinute < 0 || c.TokensPerMinute < 0 || c.MaxWait < 0 || c.MaxWaiting < 0 {
		return rag.Errorf(rag.KindInvalid, "a limit of the calls is negative")
	}
	return nil
}

// Limited is the error of a call that was not made, because its turn would come
// too late or too many wait already. It says nothing against the server, and asking
// again at once is of no use; a Breaker and Retry leave it alone.
type Limited struct {
	Err   error         // of KindExhausted
	After time.Duration // when to come back
}

// Error returns the message of the cause.
func (l *Limited) Error() string { return l.Err.Error() }

// Unwrap returns the cause.
func (l *Limited) Unwrap() error { return l.Err }

// RetryAt returns the moment to come back, as seen now.
func (l *Limited) RetryAt() time.Time {
	if l.After <= 0 {
		return time.Time{}
	}
	return time.Now().Add(l.After)
}

// Limiter lets the calls of one model of one server through in the order in which
// they came, those that somebody waits for (Urgent) before others, as fast as all
// of these allow:
//
//   - Concurrency, of requests that run
//   - the configured requests and tokens a minute (minute.go)
//   - what the server says is left, in the headers of its answers (headers.go)
//   - a pause, after the server refused a call as one too many
//   - a pace, which is found by trying where the server only refuses (pace.go)
//
// A refusal holds all calls back, not the refused one alone: the others would be
// refused, too. It is goroutine-safe.
type Limiter struct {
	cfg     LimitConfig
	part    string // of this program, which begins errors and labels metrics
	noun    string
	model   string
	subject string // what the rates are of, to other processes
	lane    lane
	observe *observe.Observer

	mu       sync.Mutex
	queue    queue
	running  map[*permit]bool
	started  int64 // permits so far
	requests minute
	tokens   minute
	said     [2]budget // of requests and of tokens, by the server
	paused   time.Time // until when nothing starts
	pace     pace
	timer    *time.Timer // of the next look at the head of the queue, nil for none
}

// NewLimiter returns a limiter for the model of cfg.
func NewLimiter(cfg Config) *Limiter {
	limit := cfg.Limit.WithDefaults()
	return &Limiter{
		cfg: limit, part: cfg.Part, noun: cfg.Noun, model: cfg.Model, observe: cfg.Observe,
		subject: subject(cfg), lane: newLane(limit.MaxWaiting),
		running:  map[*permit]bool{},
		requests: minute{limit: float64(limit.RequestsPerMinute)},
		tokens:   minute{limit: float64(limit.TokensPerMinute)},
	}
}

// LimitState is what a Limiter does at one moment.
type LimitState struct {
	Waiting  int
	InFlight int
	// RequestsPerMinute is how fast calls may start, 0 while nothing bounds it.
	RequestsPerMinute float64
	Paused            time.Duration // for which nothing starts
}

// State returns what the limiter does now.
func (l *Limiter) State() LimitState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state(time.Now())
}

func (l *Limiter) state(now time.Time) LimitState {
	s := LimitState{Waiting: l.queue.len() + int(l.lane.waiting.Load()), InFlight: len(l.running), Paused: max(0, l.paused.Sub(now))}
	for _, rate := range []float64{l.requests.limit, 60 * l.pace.rate, 60 * l.said[0].rate} {
		if rate > 0 && (s.RequestsPerMinute == 0 || rate < s.RequestsPerMinute) {
			s.RequestsPerMinute = rate
		}
	}
	return s
}

// report hands the state to the metrics.
func (l *Limiter) report(now time.Time) {
	s := l.state(now)
	l.observe.ModelLoad(l.part, l.model, s.Waiting, s.InFlight, s.RequestsPerMinute)
}

// permit is a call that may go, or is under way.
type permit struct {
	l     *Limiter
	cost  float64
	order int64 // in which permits were given
	begun time.Time

	answered bool // the headers are there
}

// acquire waits for the turn of a call that sends so many tokens. The error is a
// *Limited, or that of ctx. Every permit is to be released.
func (l *Limiter) acquire(ctx context.Context, tokens int) (*permit, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	begun := time.Now()
	deadline := begun.Add(l.cfg.MaxWait)
	if end, ok := ctx.Deadline(); ok && end.Before(deadline) {
		deadline = end
	}
	leave, err := l.book(ctx, max(0, tokens), deadline)
	if err != nil {
		l.observe.ModelLimited(l.part, "gave_up")
		return nil, err
	}
	defer leave()
	p, err := l.turn(ctx, &waiter{cost: max(0, float64(tokens)), urgent: urgent(ctx), deadline: deadline, ready: make(chan struct{})})
	if err != nil {
		return nil, err
	}
	l.observe.ModelWaited(l.part, time.Since(begun))
	return p, nil
}

// turn waits for w's turn among the calls of this process.
func (l *Limiter) turn(ctx context.Context, w *waiter) (*permit, error) {
	if err := l.enqueue(w); err != nil {
		l.observe.ModelLimited(l.part, "not_begun")
		return nil, err
	}
	patience := time.NewTimer(time.Until(w.deadline))
	defer patience.Stop()
	var err error
	select {
	case <-w.ready:
		err = w.err
	case <-ctx.Done():
		err = l.leave(w, ctx.Err())
	case <-patience.C:
		if err = ctx.Err(); err == nil {
			err = l.limited(time.Second, "too many calls are before this one")
		}
		err = l.leave(w, err)
	}
	if err != nil {
		l.observe.ModelLimited(l.part, "gave_up")
		return nil, err
	}
	return w.permit, nil
}

// enqueue puts w at the end of the queue, unless its turn cannot come in time.
func (l *Limiter) enqueue(w *waiter) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if n := l.queue.len(); n >= l.cfg.MaxWaiting {
		return l.limited(time.Second, fmt.Sprintf("%d calls wait already", n))
	}
	calls, cost := l.queue.ahead(w, l.tokens.whole)
	if at, why := l.earliest(now, calls+1, cost+l.tokens.whole(w.cost)); at.After(w.deadline) {
		return l.limited(at.Sub(now), why)
	}
	l.queue.push(w)
	l.dispatch(now)
	return nil
}

// leave takes w out of the queue and returns err. A permit that it was given in
// the same moment goes back.
func (l *Limiter) leave(w *waiter, err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if w.permit != nil {
		delete(l.running, w.permit)
	} else if w.err == nil {
		l.queue.remove(w)
	}
	l.dispatch(now)
	return err
}

// dispatch lets calls go from the head of the queue while they may, and sees to it
// that it is called again when the next may. l.mu is held.
func (l *Limiter) dispatch(now time.Time) {
	defer l.report(now)
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	could := func(w *waiter) bool {
		at, _ := l.earliest(now, 1, l.tokens.whole(w.cost))
		return !at.After(now)
	}
	for len(l.running) < l.cfg.Concurrency {
		w := l.queue.head(could)
		if w == nil {
			return
		}
		at, why := l.earliest(now, 1, l.tokens.whole(w.cost))
		switch {
		case at.After(w.deadline):
			w.err = l.limited(at.Sub(now), why)
		case at.After(now):
			l.timer = time.AfterFunc(at.Sub(now), l.wake)
			return
		default:
			w.permit = l.start(now, w.cost)
		}
		l.queue.remove(w)
		l.queue.went(w)
		close(w.ready)
	}
}

func (l *Limiter) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dispatch(time.Now())
}

// start counts a call as begun.
func (l *Limiter) start(now time.Time, cost float64) *permit {
	l.started++
	p := &permit{l: l, cost: cost, order: l.started, begun: now}
	l.running[p] = true
	l.requests.add(now, 1)
	l.tokens.add(now, cost)
	l.said[0].take(now, 1)
	l.said[1].take(now, cost)
	l.pace.start(now)
	return p
}

// earliest returns when the last of so many calls with so many tokens in all could
// start, as far as can be told now, and what keeps it until then.
func (l *Limiter) earliest(now time.Time, calls, tokens float64) (at time.Time, why string) {
	at = now
	later := func(t time.Time, reason string) {
		if t.After(at) {
			at, why = t, reason
		}
	}
	later(l.paused, "it has asked to be left alone for a while")
	later(l.requests.when(now, calls), fmt.Sprintf("%d requests a minute are allowed", l.cfg.RequestsPerMinute))
	later(l.tokens.when(now, tokens), fmt.Sprintf("%d tokens a minute are allowed", l.cfg.TokensPerMinute))
	later(l.said[0].when(now, calls), "its server takes no more requests until then")
	later(l.said[1].when(now, tokens), "its server takes no more tokens until then")
	later(l.pace.when(now, calls), "its server has refused faster calls")
	return at, why
}

// limited is the error of a call that is not made.
func (l *Limiter) limited(after time.Duration, why string) error {
	after = max(after, time.Second)
	back := after.Round(time.Second).String()
	return &Limited{
		Err:   rag.Errorf(rag.KindExhausted, "%s: the %s is at its limit: %s; come back in %s", l.part, l.noun, why, back),
		After: after,
	}
}

// heard takes what an answer says: its status, and how much is left.
func (p *permit) heard(status int, h http.Header) {
	l := p.l
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	p.answered = true
	for i, b := range readBudgets(h, now) {
		if b.known {
			l.said[i].heard(now, b, p.order, l.started, l.unanswered(i))
		}
	}
	if !refuses(status, h) {
		l.pace.accepted(now)
		l.dispatch(now)
		return
	}
	l.observe.ModelLimited(l.part, "refused")
	asked := retryAfter(h, now)
	explained := asked == 0 && (l.said[0].when(now, 1).After(now) || l.said[1].when(now, p.cost).After(now))
	if !explained {
		pause := l.pace.refused(now, p.begun, asked)
		if until := now.Add(min(pause, maxHold)); until.After(l.paused) {
			l.paused = until
		}
	}
	l.dispatch(now)
}

// unanswered returns what the calls that have no answer yet have taken of the
// budget i: the server may not have counted them when it answered another.
func (l *Limiter) unanswered(i int) float64 {
	sum := 0.0
	for p := range l.running {
		switch {
		case p.answered:
		case i == 0:
			sum++
		default:
			sum += p.cost
		}
	}
	return sum
}

// refuses reports whether a response says that there were too many calls.
// Anthropic's 529 is an overloaded server; a 503 means that where it says when to
// come back.
func refuses(status int, h http.Header) bool {
	switch status {
	case http.StatusTooManyRequests, 529:
		return true
	case http.StatusServiceUnavailable:
		return h.Get("Retry-After") != "" || h.Get("Retry-After-Ms") != ""
	}
	return false
}

// release ends a call. It may be called more than once.
func (p *permit) release() {
	l := p.l
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running[p] {
		delete(l.running, p)
		l.dispatch(time.Now())
	}
}
