package reranktest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/model/rerank"
	"github.com/smartretriever/smartretriever/rag"
)

// Key is what servers of RunFaults want to see; it must be in no error.
const Key = "sk-verysecret-0123"

// Remote opens a reranker of a server, without a network between: its transport is
// s, its model s.Model, its key s.Key. change is called on its configuration before.
type Remote func(t *testing.T, s *Server, change func(*rerank.Config)) *rerank.Client

// RunFaults checks what holds for every reranker behind an API: what becomes of each
// fault of its server, and of a deadline.
func RunFaults(t *testing.T, d *Dialect, open Remote) {
	r := api{dialect: d, open: open}
	t.Run("faults", r.testFaults)
	t.Run("faults that pass", r.testFaultsThatPass)
	t.Run("silence", r.testSilence)
	t.Run("deadline", r.testDeadline)
	t.Run("key", r.testKey)
	t.Run("batches", r.testBatches)
	t.Run("too long", r.testTooLong)
	t.Run("blank", r.testBlank)
	t.Run("breaker", r.testBreaker)
	t.Run("health", r.testHealth)
}

type api struct {
	dialect *Dialect
	open    Remote
}

// with returns a reranker of s, which is given dialect, model and key.
func (r api) with(t *testing.T, s *Server, change func(*rerank.Config)) *rerank.Client {
	t.Helper()
	s.Dialect, s.Model, s.Key = r.dialect, "m", Key
	return r.open(t, s, func(c *rerank.Config) {
		if change != nil {
			change(c)
		}
	})
}

func (r api) testFaults(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault Fault
		kind  rag.Kind
		tries int
		says  string
	}{
		{"429", Busy(""), rag.KindExhausted, 2, "busy (HTTP 429)"},
		{"429 with a wait", Busy("2"), rag.KindExhausted, 2, "busy"},
		{"429 with a wait that is too long", Busy("3600"), rag.KindExhausted, 1, "busy"},
		{"500", Failing, rag.KindUnavailable, 2, "server failed (HTTP 500)"},
		{"503", Overloaded, rag.KindUnavailable, 2, "HTTP 503"},
		{"401", Unauthorized, rag.KindUnavailable, 1, "does not accept the API key"},
		{"403", Answering(403, `{"error":"key `+Key+`"}`), rag.KindUnavailable, 1, "HTTP 403"},
		{"404", Answering(404, `{"error":"model not found"}`), rag.KindUnavailable, 1, `no model "m"`},
		{"400", Answering(400, `{"error":{"message":"bad `+Key+`"}}`), rag.KindUnavailable, 1, "does not accept the request (HTTP 400): bad ********"},
		{"content refused", ContentRefused, rag.KindUnavailable, 1, "declines"},
		{"redirect", Redirect, rag.KindUnavailable, 1, "redirects"},
		{"cut body", Cut, rag.KindUnavailable, 2, "cut off"},
		{"malformed", Malformed, rag.KindUnavailable, 1, "malformed"},
		{"empty body", Empty, rag.KindUnavailable, 1, "malformed"},
		{"of other types", OtherTypes, rag.KindUnavailable, 1, "malformed"},
		{"too large", Giant, rag.KindUnavailable, 1, "larger than"},
		{"NaN", NotANumber, rag.KindUnavailable, 1, "not finite"},
		{"null", Null, rag.KindUnavailable, 1, "not a number"},
		{"a word for a score", Words, rag.KindUnavailable, 1, "malformed"},
		{"missing item", MissingItem, rag.KindUnavailable, 1, "lacks score"},
		{"no items", NoItems, rag.KindUnavailable, 1, "lacks score 0 of 2"},
		{"surplus item", SurplusItem, rag.KindUnavailable, 1, "3 scores for 2 passages"},
		{"duplicate index", DuplicateIndex, rag.KindUnavailable, 1, "two scores have the index"},
		{"index too great", IndexTooGreat, rag.KindUnavailable, 1, "index 2"},
		{"index too small", IndexTooSmall, rag.KindUnavailable, 1, "index -1"},
		{"index not whole", IndexNotWhole, rag.KindUnavailable, 1, "malformed"},
		{"no index", NoIndex, rag.KindUnavailable, 1, "no index"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &Server{Schedule: Always(tt.fault)}
				_, err := r.with(t, s, nil).Rerank(t.Context(), query("one", []string{"one", "two"}))
				if err == nil {
					t.Fatal("no error")
				}
				if rag.KindOf(err) != tt.kind {
					t.Errorf("kind %s, want %s: %v", rag.KindOf(err), tt.kind, err)
				}
				if n := s.Counts().Requests; n != tt.tries {
					t.Errorf("%d tries, want %d: %v", n, tt.tries, err)
				}
				if !strings.Contains(err.Error(), tt.says) || !strings.HasPrefix(err.Error(), "rerank: ") {
					t.Errorf("no %q in %q", tt.says, err)
				}
				if strings.Contains(fmt.Sprintf("%+v", err), Key) {
					t.Errorf("the error shows the key: %v", err)
				}
			})
		})
	}
}

func (r api) testFaultsThatPass(t *testing.T) {
	for name, fault := range map[string]Fault{
		"busy": Busy(""), "busy for 2 s": Busy("2"), "failing": Failing, "overloaded": Overloaded, "cut": Cut,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &Server{Schedule: First(2, fault)}
				c := r.with(t, s, func(c *rerank.Config) { c.Retries = 2 })
				if got := scores(t, c, query("one", []string{"one", "two"})); got[0] <= got[1] || s.Counts().Requests != 3 {
					t.Errorf("scores %v after %d requests", got, s.Counts().Requests)
				}
			})
		})
	}
}

func (r api) testSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := r.with(t, &Server{Schedule: Always(Silent)}, nil)
		q := query("one", []string{"one", "two"})
		if _, err := c.Rerank(t.Context(), q); rag.KindOf(err) != rag.KindExhausted || !strings.Contains(err.Error(), "longer than 10s") {
			t.Errorf("the server's time is up: %v", err)
		}
		late, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if res, err := c.Rerank(late, q); rag.KindOf(err) != rag.KindExhausted || len(res.Scores) != 0 {
			t.Errorf("the deadline comes before any score: %d scores, %v", len(res.Scores), err)
		}
		gone, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := c.Rerank(gone, q); !errors.Is(err, context.Canceled) || rag.KindOf(err) != rag.KindUnavailable {
			t.Errorf("the caller goes: %v", err)
		}
	})
}

// testDeadline has a server that scores some passages and then says nothing more.
func (r api) testDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{Schedule: After(2, Silent)}
		c := r.with(t, s, func(c *rerank.Config) { c.BatchTexts, c.Concurrency = 2, 1 })
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		begun := time.Now()
		res, err := c.Rerank(ctx, query("one", []string{"zero", "one", " ", "two", "one", "three", "one"}))
		if err != nil || len(res.Scores) != 5 || res.Scores[1] <= res.Scores[0] || res.Scores[4] <= res.Scores[3] {
			t.Errorf("scores %v, %v; want those of the first five, of which one is blank", res.Scores, err)
		}
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("it took %s", took)
		}
	})
	// Batches that end out of order: what came after one that is missing is no result.
	synctest.Test(t, func(t *testing.T) {
		s := &Server{Schedule: First(1, Silent)}
		c := r.with(t, s, func(c *rerank.Config) { c.BatchTexts, c.Concurrency = 1, 2 })
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		res, err := c.Rerank(ctx, query("one", []string{"zero", "one", "two"}))
		// Which passage the first request was for is not said.
		if err != nil && (len(res.Scores) > 0 || rag.KindOf(err) != rag.KindExhausted) || len(res.Scores) > 2 {
			t.Errorf("scores %v, %v", res.Scores, err)
		}
	})
}

func (r api) testKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{}
		c := r.with(t, s, func(c *rerank.Config) { c.APIKey = "expired-" + Key })
		_, err := c.Rerank(t.Context(), query("one", []string{"one"}))
		if rag.KindOf(err) != rag.KindUnavailable || !strings.Contains(err.Error(), "does not accept the API key") || strings.Contains(err.Error(), Key) {
			t.Errorf("expired: %v", err)
		}
	})
}

func (r api) testBatches(t *testing.T) {
	passages := make([]string, 23)
	for i := range passages {
		passages[i] = strings.Repeat("filler ", i) + "one"
	}
	check := func(name string, s *Server, change func(*rerank.Config), requests int) {
		t.Helper()
		got := scores(t, r.with(t, s, change), query("one", passages))
		for i := range got[1:] {
			if got[i] <= got[i+1] {
				t.Errorf("%s: score %d is %v, the next, of a longer passage, %v", name, i, got[i], got[i+1])
			}
		}
		if c := s.Counts(); c.Texts != len(passages) || (requests > 0 && c.Requests != requests) {
			t.Errorf("%s: %+v", name, c)
		}
	}
	check("all at once", &Server{}, nil, 1)
	check("by texts", &Server{}, func(c *rerank.Config) { c.BatchTexts = 5 }, 5)
	check("by tokens", &Server{}, func(c *rerank.Config) { c.BatchTokens = 100 }, 0)
	check("the server takes fewer", &Server{MaxTexts: 6}, nil, 0)
}

// testTooLong has one passage that the reranker knows is too long, and a server that
// takes less than is configured. The answer stands at its end.
func (r api) testTooLong(t *testing.T) {
	long := strings.Repeat("filler ", 200) + "the answer"
	for name, configured := range map[string]int{"by the reranker's count": 64, "by the server's": 2000} {
		t.Run(name, func(t *testing.T) {
			s := &Server{MaxTokens: 60}
			c := r.with(t, s, func(c *rerank.Config) { c.MaxTokens = configured })
			got := scores(t, c, query("answer", []string{"something else", long, "nothing"}))
			if got[1] <= got[0] || got[1] <= got[2] || c.Divided() != 1 {
				t.Errorf("scores %v, %d divided", got, c.Divided())
			}
		})
	}
}

func (r api) testBlank(t *testing.T) {
	s := &Server{}
	c := r.with(t, s, nil)
	if got := scores(t, c, query("one", []string{"", "one", " \n", "two"})); got[0] != got[3] || got[2] != got[3] || s.Counts().Texts != 2 {
		t.Errorf("scores %v of %d texts", got, s.Counts().Texts)
	}
	for _, q := range []rag.RerankQuery{query("one", []string{"", " "}), query(" ", []string{"one"}), query("one", nil)} {
		scores(t, c, q)
	}
	if n := s.Counts().Requests; n != 1 {
		t.Errorf("%d requests, want none where there is nothing to ask", n)
	}
}

func (r api) testBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{Schedule: First(3, Silent)}
		c := r.with(t, s, func(c *rerank.Config) {
			c.Retries, c.Breaker = -1, remote.BreakerConfig{Failures: 3, Pause: 10 * time.Second}
		})
		for range 5 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := c.Rerank(ctx, query("one", []string{"one"})); err == nil {
				t.Error("no error")
			}
			cancel()
		}
		if n := s.Counts().Requests; n != 3 {
			t.Errorf("%d requests to a server that has let three deadlines pass", n)
		}
		time.Sleep(11 * time.Second)
		scores(t, c, query("one", []string{"one"}))
	})
}

func (r api) testHealth(t *testing.T) {
	if h := r.with(t, &Server{}, nil).Health(t.Context()); !h.OK || h.Needed || h.Name != "rerank server" {
		t.Errorf("%+v", h)
	}
	c := r.with(t, &Server{}, func(c *rerank.Config) { c.APIKey = "expired-" + Key })
	if h := c.Health(t.Context()); h.OK || strings.Contains(h.Detail, Key) {
		t.Errorf("with an expired key: %+v", h)
	}
	if !r.dialect.Lists {
		return
	}
	c = r.with(t, &Server{}, func(c *rerank.Config) { c.Model = "other" })
	if h := c.Health(t.Context()); h.OK || !strings.Contains(h.Detail, "other") {
		t.Errorf("with another model: %+v", h)
	}
}
