package llm_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/llm/llmtest"
	"github.com/smartretriever/smartretriever/rag"
)

// script is a model that gives one reply.
func script(r llmtest.Reply) *llmtest.Scripted {
	return &llmtest.Scripted{Replies: []llmtest.Reply{r}}
}

func TestChain(t *testing.T) {
	ok := llmtest.Reply{Pieces: []string{"fine"}}
	gone := errors.New("reader has gone")
	tests := []struct {
		name     string
		replies  []llmtest.Reply
		on       func(string) error
		answered string
		skipped  []string
		says     string // the error; "" is none
		kind     rag.Kind
	}{
		{name: "the first answers", replies: []llmtest.Reply{ok, ok}, answered: "a"},
		{name: "the first is down", replies: []llmtest.Reply{{Err: down}, ok}, answered: "b", skipped: []string{"a"}},
		{name: "the first is busy, the second used up", replies: []llmtest.Reply{{Err: busy(0)}, {Err: rag.Errorf(rag.KindExhausted, "used up")}, ok}, answered: "c", skipped: []string{"a", "b"}},
		{name: "all are down", replies: []llmtest.Reply{{Err: busy(0)}, {Err: down}}, answered: "b", skipped: []string{"a"}, says: "down (before it: a: busy)", kind: rag.KindUnavailable},
		{name: "down after the first piece", replies: []llmtest.Reply{{Pieces: []string{"Hel"}, Err: down}, ok}, answered: "a", says: "down", kind: rag.KindUnavailable},
		{name: "refused", replies: []llmtest.Reply{{Err: rag.Errorf(rag.KindRefused, "no")}, ok}, answered: "a", says: "no", kind: rag.KindRefused},
		{name: "malformed request", replies: []llmtest.Reply{{Err: rag.Errorf(rag.KindInternal, "bad")}, ok}, answered: "a", says: "bad", kind: rag.KindInternal},
		{name: "refused by the second", replies: []llmtest.Reply{{Err: down}, {Err: rag.Errorf(rag.KindRefused, "no")}}, answered: "b", skipped: []string{"a"}, says: "no", kind: rag.KindRefused},
		{name: "the reader goes", replies: []llmtest.Reply{ok, ok}, on: func(string) error { return gone }, answered: "a", says: "reader has gone", kind: rag.KindInternal},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var links []llm.Link
			for i, r := range tt.replies {
				links = append(links, llm.Link{Name: string(rune('a' + i)), Model: script(r)})
			}
			var told []string
			m := llm.Chain(llm.ChainConfig{Links: links, OnSkip: func(name string, err error) {
				if err == nil {
					t.Error("no cause")
				}
				told = append(told, name)
			}})
			on := tt.on
			if on == nil {
				on = discard
			}
			res, err := m.Chat(t.Context(), llm.Request{}, on)
			if res.Answered != tt.answered || !slices.Equal(res.Skipped, tt.skipped) || !slices.Equal(told, tt.skipped) {
				t.Errorf("answered %q, skipped %q, told %q", res.Answered, res.Skipped, told)
			}
			switch {
			case tt.says == "" && (err != nil || res.Text != "fine"):
				t.Errorf("%q, %v", res.Text, err)
			case tt.says != "" && (err == nil || err.Error() != tt.says || rag.KindOf(err) != tt.kind):
				t.Errorf("%v (%s)", err, rag.KindOf(err))
			}
		})
	}
}

// silent is a model that says nothing until it is given up, and then what it was
// asked for, if that.
type silent struct{ pieces []string }

func (s silent) Chat(ctx context.Context, _ llm.Request, onDelta func(string) error) (llm.Result, error) {
	<-ctx.Done()
	for _, p := range s.pieces {
		if err := onDelta(p); err != nil {
			return llm.Result{}, err
		}
	}
	return llm.Result{}, rag.Wrap(rag.KindOf(ctx.Err()), ctx.Err(), "given up")
}

// slow is a model that takes its time for every piece.
type slow time.Duration

func (s slow) Chat(ctx context.Context, _ llm.Request, onDelta func(string) error) (llm.Result, error) {
	for range 5 {
		select {
		case <-time.After(time.Duration(s)):
		case <-ctx.Done():
			return llm.Result{}, ctx.Err()
		}
		if err := onDelta("x"); err != nil {
			return llm.Result{}, err
		}
	}
	return llm.Result{Text: "xxxxx"}, nil
}

func TestChainSharesTheTime(t *testing.T) {
	ok := script(llmtest.Reply{Pieces: []string{"fine"}})
	tests := []struct {
		name   string
		models []llm.Model
		text   string
		took   time.Duration
		kind   rag.Kind
	}{
		{"silence takes half", []llm.Model{silent{}, ok}, "fine", 50 * time.Second, ""},
		{"two take two thirds", []llm.Model{silent{}, silent{}, ok}, "fine", 66666666666, ""},
		{"text that comes too late is not handed out", []llm.Model{silent{[]string{"late"}}, ok}, "fine", 50 * time.Second, ""},
		{"once begun there is all the time", []llm.Model{slow(19 * time.Second), ok}, "xxxxx", 95 * time.Second, ""},
		{"the last has what is left", []llm.Model{silent{}, slow(9 * time.Second)}, "xxxxx", 95 * time.Second, ""},
		{"all are silent", []llm.Model{silent{}, silent{}}, "", 100 * time.Second, rag.KindExhausted},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
				defer cancel()
				var links []llm.Link
				for _, m := range tt.models {
					links = append(links, llm.Link{Name: "m", Model: m})
				}
				begun := time.Now()
				var b strings.Builder
				_, err := llm.Chain(llm.ChainConfig{Links: links}).Chat(ctx, llm.Request{}, func(s string) error { b.WriteString(s); return nil })
				if b.String() != tt.text || rag.KindOf(err) != tt.kind {
					t.Errorf("%q, %v (%s)", b.String(), err, rag.KindOf(err))
				}
				if took := time.Since(begun); took.Round(time.Microsecond) != tt.took.Round(time.Microsecond) {
					t.Errorf("it took %s, want %s", took, tt.took)
				}
			})
		})
	}
}

// A link that is silent whenever it is asked must end up behind its breaker.
func TestChainAndBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := false
		first := llm.Breaker(silent{}, llm.BreakerConfig{Failures: 2, OnChange: func(open bool) { opened = open }})
		m := llm.Chain(llm.ChainConfig{Links: []llm.Link{{Name: "a", Model: first}, {Name: "b", Model: script(llmtest.Reply{Pieces: []string{"fine"}})}}})
		begun := time.Now()
		for range 5 {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			if res, err := m.Chat(ctx, llm.Request{}, discard); err != nil || res.Answered != "b" {
				t.Errorf("%+v, %v", res, err)
			}
			cancel()
		}
		if took := time.Since(begun); !opened || took != 10*time.Second {
			t.Errorf("opened %v, took %s; want two waits of 5 s", opened, took)
		}
	})
}

func TestChainThatTheCallerLeaves(t *testing.T) {
	second := script(llmtest.Reply{Pieces: []string{"fine"}})
	m := llm.Chain(llm.ChainConfig{Links: []llm.Link{{Name: "a", Model: silent{}}, {Name: "b", Model: second}}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Chat(ctx, llm.Request{}, discard); !errors.Is(err, context.Canceled) || len(second.Requests()) != 0 {
		t.Errorf("%v, %d calls of the second", err, len(second.Requests()))
	}
}
