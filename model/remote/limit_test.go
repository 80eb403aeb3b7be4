package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/smartretriever/smartretriever/observe"
	"github.com/smartretriever/smartretriever/rag"
)

// pipes is a listener whose connections stay in the process, so that a real server
// and a real client meet in a test in which time is not to pass.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// enforcer is a server that takes so many requests and no more, and counts what it
// refuses.
type enforcer struct {
	perMinute int
	bucket    int           // 0 counts by the minute of the clock; else a bucket of this size, filled evenly
	takes     time.Duration // to answer
	headers   func(e *enforcer, h http.Header, left float64, refused bool)

	mu       sync.Mutex
	level    float64
	at       time.Time
	minute   int64
	inMinute int
	taken    int
	refused  int
	atOnce   int
	running  int
}

// take reports whether one more request is within the rate, and what is left.
func (e *enforcer) take(now time.Time) (ok bool, left float64) {
	if e.bucket == 0 {
		if m := now.Unix() / 60; m != e.minute {
			e.minute, e.inMinute = m, 0
		}
		if e.inMinute >= e.perMinute {
			return false, 0
		}
		e.inMinute++
		return true, float64(e.perMinute - e.inMinute)
	}
	if e.at.IsZero() {
		e.level = float64(e.bucket)
	} else {
		e.level = min(float64(e.bucket), e.level+now.Sub(e.at).Seconds()*float64(e.perMinute)/60)
	}
	e.at = now
	if e.level < 1 {
		return false, e.level
	}
	e.level--
	return true, e.level
}

func (e *enforcer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	e.mu.Lock()
	ok, left := e.take(time.Now())
	e.running++
	e.atOnce = max(e.atOnce, e.running)
	if e.headers != nil {
		e.headers(e, w.Header(), left, !ok)
	}
	if ok {
		e.taken++
	} else {
		e.refused++
	}
	e.mu.Unlock()
	if !ok {
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, `{"error":{"message":"slow down"}}`)
	} else {
		time.Sleep(e.takes)
		_, _ = io.WriteString(w, `{}`)
	}
	e.mu.Lock()
	e.running--
	e.mu.Unlock()
}

// serve starts h on a pipe and returns a client of it.
func serve(t *testing.T, h http.Handler, limit LimitConfig) *Server {
	t.Helper()
	listener := newPipes()
	srv := &httptest.Server{Listener: listener, Config: &http.Server{Handler: h}}
	srv.Start()
	transport := &http.Transport{DialContext: listener.dial, MaxIdleConnsPerHost: 64}
	s, err := NewServer(Config{Part: "llm", Noun: "language model", BaseURL: "http://model.test/v1", Model: "m", Key: "k", Transport: transport, Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.Close()
		transport.CloseIdleConnections()
		srv.Close()
	})
	return s
}

// call makes one call as a provider does, and tries again when refused.
func call(ctx context.Context, s *Server, tokens int) error {
	_, err := Retry(ctx, RetryConfig{Tries: 8, MaxWait: 2 * time.Minute}, func() (struct{}, bool, error) {
		resp, err := s.Do(ctx, http.MethodPost, "/x", "application/json", strings.NewReader(strings.Repeat("x", 4*tokens)))
		if err != nil {
			return struct{}{}, true, s.Unreachable(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return struct{}{}, true, s.ReadRefusal(resp).Err()
		}
		_, err = io.Copy(io.Discard, resp.Body)
		return struct{}{}, true, err
	})
	return err
}

// openAI writes the headers that OpenAI does.
func openAI(e *enforcer, h http.Header, left float64, _ bool) {
	h.Set("X-RateLimit-Limit-Requests", fmt.Sprint(e.bucket))
	h.Set("X-RateLimit-Remaining-Requests", fmt.Sprint(int(left)))
	full := (float64(e.bucket) - left) * 60 / float64(e.perMinute)
	h.Set("X-RateLimit-Reset-Requests", time.Duration(full*float64(time.Second)).Round(time.Millisecond).String())
}

// draft writes the header of the IETF's draft.
func draft(e *enforcer, h http.Header, left float64, _ bool) {
	h.Set("RateLimit-Policy", fmt.Sprintf(`"default";q=%d;w=60`, e.perMinute))
	h.Set("RateLimit", fmt.Sprintf(`"default";r=%d;t=%d`, int(left), 60-time.Now().Unix()%60))
}

func retryAfterHeader(e *enforcer, h http.Header, left float64, refused bool) {
	if refused {
		h.Set("Retry-After", fmt.Sprint(int((1-left)*60/float64(e.perMinute))+1))
	}
}

// Servers that enforce a rate in all the ways there are get all the work done, and
// have to refuse next to none of it.
func TestServersThatEnforceARate(t *testing.T) {
	const calls, callers = 300, 40
	tests := []struct {
		name    string
		server  *enforcer
		limit   LimitConfig
		refused int           // at most
		within  time.Duration // in which all is done: within so much of what the rate allows
	}{
		{"configured, by the minute of the clock", &enforcer{perMinute: 100}, LimitConfig{RequestsPerMinute: 100}, 0, 4 * time.Minute},
		{"configured, a small bucket", &enforcer{perMinute: 100, bucket: 10}, LimitConfig{RequestsPerMinute: 100}, 0, 4 * time.Minute},
		{"configured by a few", &enforcer{perMinute: 3}, LimitConfig{RequestsPerMinute: 3, MaxWait: 3 * time.Hour}, 0, 2 * time.Hour},
		{"OpenAI's headers", &enforcer{perMinute: 120, bucket: 20, headers: openAI}, LimitConfig{MaxWait: time.Hour}, 2, 3 * time.Minute},
		{"the draft's header", &enforcer{perMinute: 100, headers: draft}, LimitConfig{MaxWait: time.Hour}, 2, 4 * time.Minute},
		{"Retry-After only", &enforcer{perMinute: 120, bucket: 20, headers: retryAfterHeader}, LimitConfig{MaxWait: time.Hour}, 30, 6 * time.Minute},
		{"refusals only", &enforcer{perMinute: 120, bucket: 20}, LimitConfig{MaxWait: time.Hour}, 30, 6 * time.Minute},
		{"refusals only, faster", &enforcer{perMinute: 1200, bucket: 20}, LimitConfig{MaxWait: time.Hour}, 30, 3 * time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tt.server.takes = 200 * time.Millisecond
				s := serve(t, tt.server, tt.limit)
				begun := time.Now()
				work := make(chan int)
				var group sync.WaitGroup
				for range callers {
					group.Go(func() {
						for range work {
							if err := call(t.Context(), s, 10); err != nil {
								t.Error(err)
							}
						}
					})
				}
				for i := range calls {
					work <- i
				}
				close(work)
				group.Wait()
				t.Logf("%d refused of %d, %s, at once %d", tt.server.refused, calls, time.Since(begun), tt.server.atOnce)
				if tt.server.taken != calls {
					t.Errorf("%d of %d calls were answered", tt.server.taken, calls)
				}
				if tt.server.refused > tt.refused {
					t.Errorf("%d calls were refused, at most %d may be", tt.server.refused, tt.refused)
				}
				if tt.server.atOnce > 16 {
					t.Errorf("%d calls at once", tt.server.atOnce)
				}
				if took := time.Since(begun); took > tt.within {
					t.Errorf("it took %s of the test's time", took)
				}
				if state := s.Limits(); state.Waiting != 0 || state.InFlight != 0 {
					t.Errorf("at the end %+v", state)
				}
			})
		})
	}
}

// A limiter by itself, for the tests below.
func limiter(cfg LimitConfig) *Limiter {
	return NewLimiter(Config{Part: "embedder", Noun: "embedding model", Model: "m", Limit: cfg})
}

func TestTokensAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(LimitConfig{TokensPerMinute: 1000, MaxWait: time.Hour})
		type use struct {
			at     time.Time
			tokens int
		}
		var uses []use
		for i := range 60 {
			tokens := 40 + i%7*30
			if i == 20 {
				tokens = 5000 // more than a minute's: goes alone
			}
			p, err := l.acquire(t.Context(), tokens)
			if err != nil {
				t.Fatal(err)
			}
			uses = append(uses, use{time.Now(), tokens})
			p.release()
		}
		for i, first := range uses {
			sum := 0
			for _, u := range uses[i:] {
				if u.at.Sub(first.at) < time.Minute {
					sum += u.tokens
				}
			}
			if sum > 1000 && !(first.tokens == 5000 && sum == 5000) {
				t.Errorf("%d tokens in the minute from call %d on", sum, i)
			}
		}
		if took := time.Since(uses[0].at); took > 20*time.Minute {
			t.Errorf("60 calls with 12,000 tokens took %s", took)
		}
	})
}

// Calls go in the order in which they came, whatever they weigh.
func TestTurnsAreInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(LimitConfig{Concurrency: 1, RequestsPerMinute: 60, MaxWait: time.Hour})
		var mu sync.Mutex
		var order []int
		var group sync.WaitGroup
		for i := range 20 {
			group.Go(func() {
				p, err := l.acquire(t.Context(), 100-5*i)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				time.Sleep(time.Second)
				p.release()
			})
			synctest.Wait() // i is in the queue
		}
		group.Wait()
		if !slices.IsSorted(order) || len(order) != 20 {
			t.Errorf("order %d", order)
		}
	})
}

// Questions go before the passages that were there first, but not for ever.
func TestUrgentCallsGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(LimitConfig{Concurrency: 1, MaxWait: time.Hour})
		held, err := l.acquire(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		var order []byte
		var group sync.WaitGroup
		for _, kind := range []byte("ppppqqqqqqqqqq") {
			group.Go(func() {
				ctx := t.Context()
				if kind == 'q' {
					ctx = Urgent(ctx)
				}
				p, err := l.acquire(ctx, 1)
				if err != nil {
					t.Error(err)
					return
				}
				order = append(order, kind) // one at a time
				time.Sleep(time.Second)
				p.release()
			})
			synctest.Wait()
		}
		held.release()
		group.Wait()
		if got := string(order); got != "qqqpqqqpqqqpqp" {
			t.Errorf("order %s", got)
		}
	})
}

// A question does not wait for tokens that a great batch waits for.
func TestUrgentCallsDoNotWaitForABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(LimitConfig{TokensPerMinute: 1000, MaxWait: time.Hour})
		var group sync.WaitGroup
		for range 6 {
			group.Go(func() {
				p, err := l.acquire(t.Context(), 900)
				if err != nil {
					t.Error(err)
					return
				}
				p.release()
			})
		}
		synctest.Wait()
		begun := time.Now()
		for range 8 {
			p, err := l.acquire(Urgent(t.Context()), 5)
			if err != nil {
				t.Fatal(err)
			}
			p.release()
		}
		if waited := time.Since(begun); waited > 10*time.Second {
			t.Errorf("eight questions waited %s", waited)
		}
		group.Wait()
	})
}

// A pause after one refusal holds the others back, too, and they do not all come
// when it is over.
func TestARefusalHoldsTheOthersBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(LimitConfig{})
		p, err := l.acquire(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		p.heard(http.StatusTooManyRequests, http.Header{"Retry-After": {"10"}})
		p.release()
		begun := time.Now()
		var mu sync.Mutex
		var starts []time.Duration
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() {
				p, err := l.acquire(t.Context(), 1)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				starts = append(starts, time.Since(begun))
				mu.Unlock()
				p.heard(http.StatusOK, nil)
				p.release()
			})
		}
		synctest.Wait()
		if s := l.State(); s.Waiting != 5 || s.Paused != 10*time.Second {
			t.Errorf("while it pauses: %+v", s)
		}
		group.Wait()
		if starts[0] != 10*time.Second || starts[1] == starts[0] || starts[2] == starts[1] {
			t.Errorf("they began after %s", starts)
		}
	})
}

func TestWaitsThatCannotEndInTimeAreNotBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(LimitConfig{MaxWait: 30 * time.Second})
		for name, wait := range map[string]time.Duration{"the caller's deadline": 20 * time.Second, "the longest wait": time.Hour} {
			begun := time.Now()
			l.pauseFor(45 * time.Second)
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			_, err := l.acquire(ctx, 1)
			cancel()
			limited, ok := errors.AsType[*Limited](err)
			if !ok || rag.KindOf(err) != rag.KindExhausted || limited.After < 44*time.Second || limited.After > time.Minute {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if !strings.Contains(err.Error(), "embedder: the embedding model is at its limit") || !strings.Contains(err.Error(), "come back in 4") {
				t.Errorf("%s: %v", name, err)
			}
			if time.Since(begun) != 0 {
				t.Errorf("%s: the answer took %s", name, time.Since(begun))
			}
			time.Sleep(time.Minute)
		}
	})
}

// pauseFor pauses as a refusal does.
func (l *Limiter) pauseFor(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.paused = time.Now().Add(d)
}

func TestTheQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(LimitConfig{Concurrency: 1, MaxWaiting: 3, MaxWait: time.Minute})
		p, err := l.acquire(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() {
				_, err := l.acquire(t.Context(), 1)
				if _, ok := errors.AsType[*Limited](err); !ok {
					t.Errorf("after the longest wait: %v", err)
				}
			})
		}
		synctest.Wait()
		if _, err := l.acquire(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "3 calls wait already") {
			t.Errorf("the fifth: %v", err)
		}
		group.Wait()
		p.release()
		if s := l.State(); s.Waiting != 0 || s.InFlight != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(LimitConfig{Concurrency: 1})
		held, err := l.acquire(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			_, err := l.acquire(ctx, 1)
			done <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		held.release()
		held.release() // once more is no harm
		p, err := l.acquire(t.Context(), 1)
		if err != nil {
			t.Fatalf("the place of the one that left was not given on: %v", err)
		}
		p.release()
	})
}

// Callers come and go at random; in the end nothing waits and nothing runs.
func TestNoPermitIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(LimitConfig{Concurrency: 3, RequestsPerMinute: 600})
		var group sync.WaitGroup
		for i := range 400 {
			group.Go(func() {
				time.Sleep(time.Duration(i%37) * 100 * time.Millisecond)
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%11)*time.Second)
				defer cancel()
				if i%5 == 0 {
					time.AfterFunc(time.Duration(i%13)*50*time.Millisecond, cancel)
				}
				p, err := l.acquire(ctx, i)
				if err != nil {
					return
				}
				time.Sleep(time.Duration(i%7) * 100 * time.Millisecond)
				p.heard([]int{200, 200, 200, 429, 500}[i%5], nil)
				p.release()
			})
		}
		group.Wait()
		if s := l.State(); s.Waiting != 0 || s.InFlight != 0 {
			t.Errorf("%+v", s)
		}
		time.Sleep(10 * time.Minute) // whatever was refused is forgotten
		for range 3 {
			if _, err := l.acquire(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestAdmit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, &enforcer{perMinute: 1000}, LimitConfig{Concurrency: 1})
		ctx, done, err := s.Admit(t.Context(), 5)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Limits(); got.InFlight != 1 {
			t.Errorf("admitted: %+v", got)
		}
		resp, err := s.Do(ctx, http.MethodPost, "/x", "", bytes.NewReader(nil)) // takes the leave, not a second one
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		done()
		if got := s.Limits(); got.InFlight != 0 || got.Waiting != 0 {
			t.Errorf("at the end: %+v", got)
		}
		_, done, err = s.Admit(t.Context(), 5)
		if err != nil {
			t.Fatal(err)
		}
		done() // without a request
		if got := s.Limits(); got.InFlight != 0 {
			t.Errorf("given back: %+v", got)
		}
	})
}

// What is not the server's fault does not open the breaker, nor is it tried again.
func TestALimitedCallIsNotHeldAgainstTheServer(t *testing.T) {
	limited := &Limited{Err: rag.Errorf(rag.KindExhausted, "later"), After: time.Second}
	b := NewBreaker[int]("the model", BreakerConfig{Failures: 1})
	for range 3 {
		calls := 0
		_, err := b.Do(t.Context(), func() (int, error) {
			return Retry(t.Context(), RetryConfig{}, func() (int, bool, error) { calls++; return 0, true, limited })
		})
		if !errors.Is(err, limited) || calls != 1 {
			t.Errorf("%v after %d calls", err, calls)
		}
	}
}

func TestLimitersAreShared(t *testing.T) {
	open := func(model, key string) *Server {
		s, err := NewServer(Config{Part: "llm", Noun: "language model", BaseURL: "http://shared.test/v1", Model: model, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	a, b, other, stranger := open("m", "k"), open("m", "k"), open("n", "k"), open("m", "j")
	if a.limiter != b.limiter || a.limiter == other.limiter || a.limiter == stranger.limiter {
		t.Error("a limiter is not that of its address, model and key")
	}
	first := a.limiter
	for _, s := range []*Server{a, a, other, stranger} {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if c := open("m", "k"); c.limiter != first {
		t.Error("a limiter went while it was in use")
	} else {
		_, _ = c.Close(), b.Close()
	}
	c := open("m", "k")
	defer c.Close()
	if c.limiter == first {
		t.Error("a limiter stayed when nobody used it")
	}
}

func TestLimitsAreMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := observe.New(observe.Config{Registry: prometheus.NewRegistry()})
		l := NewLimiter(Config{Part: "embedder", Noun: "embedding model", Model: "m", Observe: o, Limit: LimitConfig{RequestsPerMinute: 30}})
		p, err := l.acquire(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		p.heard(429, http.Header{"Retry-After": {"900"}})
		if _, err := l.acquire(t.Context(), 1); err == nil {
			t.Error("began in a pause that is longer than the longest wait")
		}
		w := httptest.NewRecorder()
		o.MetricsHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		for _, line := range []string{
			`smartretriever_model_requests_in_flight{model="m",part="embedder"} 1`,
			`smartretriever_model_requests_waiting{model="m",part="embedder"} 0`,
			`smartretriever_model_limited_total{part="embedder",what="refused"} 1`,
			`smartretriever_model_limited_total{part="embedder",what="not_begun"} 1`,
			`smartretriever_model_wait_seconds_count{part="embedder"} 1`,
		} {
			if !strings.Contains(w.Body.String(), line+"\n") {
				t.Errorf("no line %q", line)
			}
		}
	})
}
