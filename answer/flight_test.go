package answer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// slow is a generator that says a word of its answer each second of the bubble's time.
type slow struct {
	words []string
	err   error // instead of the last word
	panic bool  // at the last word

	mu    sync.Mutex
	calls int
	ended []error // of the contexts of the calls that were given up
}

func (*slow) Budget() int { return 1000 }
func (s *slow) Generate(ctx context.Context, _ Prompt, emit func(string) error) (Draft, error) {
	s.mu.Lock()
	s.calls++
	s.mu.Unlock()
	for i, w := range s.words {
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			s.mu.Lock()
			s.ended = append(s.ended, ctx.Err())
			s.mu.Unlock()
			return Draft{}, ctx.Err()
		}
		if last := i == len(s.words)-1; last && s.panic {
			panic("the generator is broken")
		} else if last && s.err != nil {
			return Draft{}, s.err
		}
		if err := emit(w); err != nil {
			return Draft{}, err
		}
	}
	return Draft{Confidence: -1, Usage: rag.Usage{PromptTokens: 10, Cost: 1}}, nil
}

func (s *slow) called() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

var tall = []string{"It stands ", "330 metres ", "tall [1]."}

// asked is what became of one question.
type asked struct {
	answer rag.Answer
	text   string // as streamed
	hits   int
	err    error
	took   time.Duration
}

// ask asks in the background; the result is there when the bubble's goroutines have ended.
func ask(ctx context.Context, p *Pipeline, q rag.Question, on func(rag.Event) error) *asked {
	a, begun := &asked{}, time.Now()
	var text strings.Builder
	go func() {
		a.answer, a.err = p.Ask(ctx, rag.Scope{Tenant: "t"}, rag.Collection{ID: 1, Seq: 1}, q, func(e rag.Event) error {
			text.WriteString(e.Delta)
			if e.Kind == rag.EventHits {
				a.hits = len(e.Hits)
			}
			if on != nil {
				return on(e)
			}
			return nil
		})
		a.text, a.took = text.String(), time.Since(begun)
	}()
	return a
}

var how = rag.Question{Text: "how tall?"}

const full = "It stands 330 metres tall [1]."

func check(t *testing.T, a *asked, name string) {
	t.Helper()
	if a.err != nil || a.answer.Text != full || a.text != full || a.hits != 2 || len(a.answer.Citations) != 1 {
		t.Errorf("%s: %v, %q, streamed %q, %d hits, %d citations", name, a.err, a.answer.Text, a.text, a.hits, len(a.answer.Citations))
	}
}

func TestEqualQuestionsAtOnceAreAnsweredOnce(t *testing.T) {
	for name, cache := range map[string]Cache{"without a cache": nil, "with one": &mapCache{}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, w := &slow{words: tall}, twoDocuments()
				p := build(t, w, g, func(c *Config) { c.Cache = cache })
				var all []*asked
				for i := range 20 { // the last of them while the answer is half there
					all = append(all, ask(t.Context(), p, how, nil))
					time.Sleep(time.Duration(i) * 10 * time.Millisecond)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				paid, seen := 0, map[string]bool{}
				for i, a := range all {
					check(t, a, fmt.Sprint("question ", i))
					if !a.answer.Cached && a.answer.Usage.Cost == 1 {
						paid++
					} else if a.answer.Usage.Cost != 0 || !a.answer.Cached {
						t.Errorf("question %d: cached %v, cost %v", i, a.answer.Cached, a.answer.Usage.Cost)
					}
					if seen[a.answer.ID] || a.answer.ID != a.answer.Trace.ID {
						t.Errorf("question %d has the id %s of another", i, a.answer.ID)
					}
					seen[a.answer.ID] = true
				}
				if g.called() != 1 || w.calls != 1 || paid != 1 {
					t.Errorf("%d calls of the model, %d of the index, %d paid", g.called(), w.calls, paid)
				}
				// Who comes later gets what is kept, if it is.
				later := ask(t.Context(), p, how, nil)
				time.Sleep(time.Minute)
				synctest.Wait()
				check(t, later, "later")
				if want := map[bool]int{true: 1, false: 2}[cache != nil]; g.called() != want {
					t.Errorf("%d calls of the model after another question, want %d", g.called(), want)
				}
			})
		})
	}
}

func TestWhoIsNotJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &slow{words: tall}
		p := build(t, twoDocuments(), g, func(c *Config) { c.Cache = &mapCache{} })
		ctx := t.Context()
		all := []*asked{
			ask(ctx, p, how, nil),
			ask(rag.WithAccount(ctx, rag.Account{Tenant: "t", Key: "k"}), p, how, nil), // charged to another
			ask(ctx, p, rag.Question{Text: "how tall?", K: 3}, nil),
			ask(ctx, p, rag.Question{Text: "how tall?", NoCache: true}, nil),
			ask(ctx, p, rag.Question{Text: "how tall?", NoCache: true}, nil),
			ask(ctx, p, rag.Question{Text: "how tall?", MinSeq: 2}, nil), // newer than the collection as it was read
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		for i, a := range all {
			check(t, a, fmt.Sprint("question ", i))
			if a.answer.Cached {
				t.Errorf("question %d was joined to another", i)
			}
		}
		if g.called() != len(all) {
			t.Errorf("%d calls of the model, want %d", g.called(), len(all))
		}
	})
}

func TestWhoGoesLeavesTheCallToOthers(t *testing.T) {
	gone := errors.New("the reader has gone")
	synctest.Test(t, func(t *testing.T) {
		g := &slow{words: tall}
		p := build(t, twoDocuments(), g, nil)
		ctx, cancel := context.WithCancel(t.Context())
		first := ask(ctx, p, how, nil)
		synctest.Wait()
		reader := ask(t.Context(), p, how, func(e rag.Event) error {
			if e.Kind == rag.EventDelta {
				return gone
			}
			return nil
		})
		stays := ask(t.Context(), p, how, nil)
		time.Sleep(1500 * time.Millisecond)
		cancel()
		time.Sleep(time.Minute)
		synctest.Wait()
		if !errors.Is(first.err, context.Canceled) || first.took != 1500*time.Millisecond {
			t.Errorf("the first: %v after %v", first.err, first.took)
		}
		if !errors.Is(reader.err, gone) || reader.took != time.Second {
			t.Errorf("the reader: %v after %v", reader.err, reader.took)
		}
		check(t, stays, "who stays")
		if g.called() != 1 || len(g.ended) != 0 {
			t.Errorf("%d calls, given up: %v", g.called(), g.ended)
		}
	})
}

func TestTheLastToGoEndsTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &slow{words: tall}
		p := build(t, twoDocuments(), g, nil)
		ctx, cancel := context.WithCancel(t.Context())
		a, b := ask(ctx, p, how, nil), ask(ctx, p, how, nil)
		time.Sleep(1500 * time.Millisecond)
		cancel()
		synctest.Wait()
		if !errors.Is(a.err, context.Canceled) || !errors.Is(b.err, context.Canceled) || len(g.ended) != 1 {
			t.Errorf("%v, %v, given up: %v", a.err, b.err, g.ended)
		}
		again := ask(t.Context(), p, how, nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		check(t, again, "another one afterwards")
	})
}

// Who began a call may have had less time than who joined it.
func TestTimeOfTheFirstIsNotThatOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &slow{words: tall}
		p := build(t, twoDocuments(), g, nil)
		hasty := ask(t.Context(), p, rag.Question{Text: "how tall?", Timeout: 500 * time.Millisecond}, nil)
		synctest.Wait()
		// It has been told of the hits by the time the first one's time is over, and so cannot
		// begin again without telling them twice.
		told := ask(t.Context(), p, how, nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		if rag.KindOf(hasty.err) != rag.KindExhausted || rag.KindOf(told.err) != rag.KindExhausted {
			t.Errorf("%v, %v", hasty.err, told.err)
		}

		// A search is told of nothing, and begins again.
		w := &slowIndex{world: twoDocuments()}
		s := New(Config{Index: w, Chunks: w, Embed: constantEmbedder{}, Generate: g})
		search := func(timeout time.Duration) (res *rag.SearchResult, err *error) {
			res, err = new(rag.SearchResult), new(error)
			go func() {
				*res, *err = s.Search(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, rag.Query{Text: "tower", Timeout: timeout})
			}()
			synctest.Wait()
			return res, err
		}
		_, short := search(500 * time.Millisecond)
		res, long := search(10 * time.Second)
		time.Sleep(time.Minute)
		synctest.Wait()
		if rag.KindOf(*short) != rag.KindExhausted || *long != nil || len(res.Hits) != 2 {
			t.Errorf("%v; %v with %d hits", *short, *long, len(res.Hits))
		}
	})
}

// slowIndex takes a second for each search.
type slowIndex struct{ *world }

func (s *slowIndex) Search(ctx context.Context, col rag.Collection, q rag.IndexQuery, minSeq int64) (rag.IndexResult, error) {
	select {
	case <-time.After(time.Second):
		return s.world.Search(ctx, col, q, minSeq)
	case <-ctx.Done():
		return rag.IndexResult{}, ctx.Err()
	}
}

func TestEqualSearchesAtOnceAreMadeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &slowIndex{world: twoDocuments()}
		p := New(Config{Index: w, Chunks: w, Embed: constantEmbedder{err: rag.Errorf(rag.KindUnavailable, "down")}, Generate: &script{}})
		var wg sync.WaitGroup
		var mu sync.Mutex
		made := 0
		for range 20 {
			wg.Go(func() {
				res, err := p.Search(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, rag.Query{Text: "tower"})
				if err != nil || len(res.Hits) != 2 || len(res.Degraded) != 1 {
					t.Errorf("%+v, %v", res, err)
				}
				res.Hits[0].Text = "changed by one who has it" // nobody else may see that
				mu.Lock()
				defer mu.Unlock()
				if !res.Cached {
					made++
				}
			})
		}
		wg.Wait()
		if w.calls != 1 || made != 1 {
			t.Errorf("%d searches, %d made", w.calls, made)
		}
	})
}

func TestFaultOfACallIsEverybodys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &slow{words: tall, err: rag.Errorf(rag.KindUnavailable, "broken off")}
		p := build(t, twoDocuments(), g, nil)
		a, b := ask(t.Context(), p, how, nil), ask(t.Context(), p, how, nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, one := range []*asked{a, b} {
			if !errors.Is(one.err, rag.ErrUnavailable) {
				t.Errorf("%v", one.err)
			}
		}
		if g.called() != 1 {
			t.Errorf("%d calls", g.called())
		}
	})
}

// A panic reaches each of the callers, where a server is prepared for it, and no goroutine
// that nobody watches.
func TestPanicReachesTheCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := build(t, twoDocuments(), &slow{words: tall, panic: true}, nil)
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				defer func() {
					if v := recover(); !strings.Contains(fmt.Sprint(v), "the generator is broken") {
						t.Errorf("recovered %v", v)
					}
				}()
				_, err := p.Ask(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, how, nil)
				t.Error("returned", err)
			})
		}
		wg.Wait()
	})
}

// table keeps claims as processes would that share one, or fails.
type table struct {
	mu   sync.Mutex
	held map[string]chan struct{}
	fail error
	tell int // how often it was asked
}

func (c *table) Claim(ctx context.Context, key string) (func(), error) {
	c.mu.Lock()
	c.tell++
	if c.fail != nil {
		c.mu.Unlock()
		return nil, c.fail
	}
	over, held := c.held[key]
	if !held {
		over = make(chan struct{})
		if c.held == nil {
			c.held = map[string]chan struct{}{}
		}
		c.held[key] = over
		c.mu.Unlock()
		return func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			delete(c.held, key)
			close(over)
		}, nil
	}
	c.mu.Unlock()
	select {
	case <-over:
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestProcessesAnswerOnce(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*slow, *table, *mapCache)
		first  rag.Question
		calls  int
		took   time.Duration // of the second
	}{
		"together":        {func(*slow, *table, *mapCache) {}, how, 1, 3 * time.Second},
		"claims are down": {func(_ *slow, c *table, _ *mapCache) { c.fail = rag.Errorf(rag.KindUnavailable, "down") }, how, 2, 3 * time.Second},
		"cache is down":   {func(_ *slow, _ *table, c *mapCache) { c.fail = rag.Errorf(rag.KindUnavailable, "down") }, how, 2, 6 * time.Second},
		// The second waits for a quarter of its two minutes, and has enough left.
		"the first is slow": {func(g *slow, _ *table, _ *mapCache) { g.words = append(make([]string, 50), tall...) }, how, 2, 83 * time.Second},
		"no cache, please":  {func(*slow, *table, *mapCache) {}, rag.Question{Text: "how tall?", NoCache: true}, 2, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, claims, cache := &slow{words: tall}, &table{}, &mapCache{}
				test.change(g, claims, cache)
				one := func() *Pipeline {
					return build(t, twoDocuments(), g, func(c *Config) { c.Cache, c.Claims = cache, claims })
				}
				a, b := one(), one()
				first := ask(t.Context(), a, test.first, nil)
				synctest.Wait()
				second := ask(t.Context(), b, how, nil)
				time.Sleep(time.Hour)
				synctest.Wait()
				check(t, first, "the first")
				check(t, second, "the second")
				if g.called() != test.calls || second.took != test.took {
					t.Errorf("%d calls, want %d; the second took %v, want %v", g.called(), test.calls, second.took, test.took)
				}
				if len(claims.held) != 0 {
					t.Errorf("%d claims are still held", len(claims.held))
				}
			})
		})
	}
}
