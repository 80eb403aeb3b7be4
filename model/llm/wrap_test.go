package llm_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/llm/llmtest"
	"github.com/smartretriever/smartretriever/rag"
)

func busy(after time.Duration) error {
	return &llm.Temporary{Err: rag.Errorf(rag.KindExhausted, "busy"), After: after}
}

var down = rag.Errorf(rag.KindUnavailable, "down")

func discard(string) error { return nil }

func TestRetry(t *testing.T) {
	ok := llmtest.Reply{Pieces: []string{"fine"}}
	tests := []struct {
		name    string
		replies []llmtest.Reply
		cfg     llm.RetryConfig
		limit   time.Duration // of the caller's patience, 0 for none
		calls   int
		fails   bool
		atLeast time.Duration // waited
		atMost  time.Duration
	}{
		{name: "works at once", replies: []llmtest.Reply{ok}, calls: 1},
		{name: "busy twice", replies: []llmtest.Reply{{Err: busy(0)}, {Err: busy(0)}, ok}, calls: 3, atMost: 1500 * time.Millisecond},
		{name: "busy for longer", replies: []llmtest.Reply{{Err: busy(0)}}, calls: 3, fails: true, atMost: 1500 * time.Millisecond},
		{name: "obeys Retry-After", replies: []llmtest.Reply{{Err: busy(7 * time.Second)}, ok}, calls: 2, atLeast: 7 * time.Second, atMost: 8 * time.Second},
		{name: "is asked to wait too long", replies: []llmtest.Reply{{Err: busy(time.Minute)}, ok}, calls: 1, fails: true},
		{name: "the caller has less time", replies: []llmtest.Reply{{Err: busy(7 * time.Second)}, ok}, limit: 5 * time.Second, calls: 1, fails: true},
		{name: "not temporary", replies: []llmtest.Reply{{Err: down}, ok}, calls: 1, fails: true},
		{name: "never after the first piece", replies: []llmtest.Reply{{Pieces: []string{"Hel"}, Err: busy(0)}, ok}, calls: 1, fails: true},
		{name: "one try", cfg: llm.RetryConfig{Tries: 1}, replies: []llmtest.Reply{{Err: busy(0)}, ok}, calls: 1, fails: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				model := &llmtest.Scripted{Replies: tt.replies}
				ctx := t.Context()
				if tt.limit > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.limit)
					defer cancel()
				}
				begun := time.Now()
				_, err := llm.Retry(model, tt.cfg).Chat(ctx, llm.Request{}, discard)
				if (err != nil) != tt.fails {
					t.Errorf("error %v", err)
				}
				if n := len(model.Requests()); n != tt.calls {
					t.Errorf("%d calls, want %d", n, tt.calls)
				}
				if waited := time.Since(begun); waited < tt.atLeast || waited > tt.atMost {
					t.Errorf("waited %s, want %s to %s", waited, tt.atLeast, tt.atMost)
				}
			})
		})
	}
}

func TestRetryStopsWhenTheCallerGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := &llmtest.Scripted{Replies: []llmtest.Reply{{Err: busy(10 * time.Second)}}}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		begun := time.Now()
		if _, err := llm.Retry(model, llm.RetryConfig{}).Chat(ctx, llm.Request{}, discard); err == nil {
			t.Error("no error")
		}
		if waited := time.Since(begun); waited != time.Second {
			t.Errorf("waited %s after the caller had gone", waited)
		}
	})
}

func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := &llmtest.Scripted{Replies: []llmtest.Reply{{Err: down}, {Err: down}, {Err: down}, {Pieces: []string{"up"}}}}
		var changes []bool
		m := llm.Breaker(model, llm.BreakerConfig{Failures: 3, Pause: 10 * time.Second, OnChange: func(open bool) { changes = append(changes, open) }})
		for range 5 {
			if _, err := m.Chat(t.Context(), llm.Request{}, discard); rag.KindOf(err) != rag.KindUnavailable {
				t.Fatalf("got %v", err)
			}
		}
		if n := len(model.Requests()); n != 3 {
			t.Errorf("%d calls reached the model, want 3", n)
		}
		time.Sleep(11 * time.Second)
		for range 2 {
			if res, err := m.Chat(t.Context(), llm.Request{}, discard); err != nil || res.Text != "up" {
				t.Errorf("%+v, %v", res, err)
			}
		}
		if len(changes) != 2 || !changes[0] || changes[1] {
			t.Errorf("changes %v, want open and then closed", changes)
		}
	})
}

func TestBreakerCountsOnlyTheServersFailures(t *testing.T) {
	stop := errors.New("reader has gone")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name  string
		ctx   context.Context
		reply llmtest.Reply
		on    func(string) error
		want  error
	}{
		{"refused text", t.Context(), llmtest.Reply{Err: rag.ErrRefused}, discard, rag.ErrRefused},
		{"reader fails", t.Context(), llmtest.Reply{Pieces: []string{"x"}}, func(string) error { return stop }, stop},
		{"caller goes", cancelled, llmtest.Reply{Pieces: []string{"x"}}, discard, context.Canceled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			model := &llmtest.Scripted{Replies: []llmtest.Reply{tt.reply}}
			m := llm.Breaker(model, llm.BreakerConfig{Failures: 1})
			for range 3 {
				if _, err := m.Chat(tt.ctx, llm.Request{}, tt.on); !errors.Is(err, tt.want) {
					t.Fatalf("got %v, want %v", err, tt.want)
				}
			}
			if n := len(model.Requests()); n != 3 {
				t.Errorf("%d of 3 calls reached the model", n)
			}
		})
	}
}

func TestCost(t *testing.T) {
	p := llm.Price{Input: 2, Output: 10}
	if got := p.Cost(llm.Usage{PromptTokens: 500_000, CompletionTokens: 100_000}); got != 2 {
		t.Errorf("cost %v, want 2", got)
	}
}
