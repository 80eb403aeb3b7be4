package hedged_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smartretriever/smartretriever/model/embed/hedged"
	"github.com/smartretriever/smartretriever/rag"
)

// scripted answers the n-th call as the n-th reply says, and later ones as the last.
type scripted struct {
	replies []reply

	mu      sync.Mutex
	calls   int
	running int
	ended   int // calls whose context ended before their answer
}

type reply struct {
	takes time.Duration
	err   error
}

func (s *scripted) Model() rag.Model                  { return rag.Model{ID: "m", Dimensions: 1} }
func (s *scripted) CountTokens(string) int            { return 1 }
func (s *scripted) Health(context.Context) rag.Health { return rag.Health{Name: "m", OK: true} }
func (s *scripted) Close() error                      { return nil }

func (s *scripted) Embed(ctx context.Context, _ rag.EmbedKind, texts []string) ([][]float32, error) {
	s.mu.Lock()
	n := s.calls
	r := s.replies[min(n, len(s.replies)-1)]
	s.calls++
	s.running++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.running--
		s.mu.Unlock()
	}()
	select {
	case <-time.After(r.takes):
	case <-ctx.Done():
		s.mu.Lock()
		s.ended++
		s.mu.Unlock()
		return nil, ctx.Err()
	}
	if r.err != nil {
		return nil, r.err
	}
	out := make([][]float32, len(texts))
	for i := range out {
		out[i] = []float32{float32(n)}
	}
	return out, nil
}

var errFirst, errSecond = errors.New("first"), errors.New("second")

func TestEmbed(t *testing.T) {
	const s = time.Second
	tests := []struct {
		name    string
		replies []reply
		held    bool
		took    time.Duration
		answer  float32 // number of the call whose answer is returned
		err     error
		calls   int
		ended   int
	}{
		{"in time", []reply{{takes: s}}, false, s, 0, nil, 1, 0},
		{"the second is first", []reply{{takes: 30 * s}, {takes: s}}, false, 3 * s, 1, nil, 2, 1},
		{"the first is first after all", []reply{{takes: 4 * s}, {takes: 9 * s}}, false, 4 * s, 0, nil, 2, 1},
		{"the first fails in time", []reply{{takes: s, err: errFirst}}, false, s, 0, errFirst, 1, 0},
		{"the first fails late", []reply{{takes: 3 * s, err: errFirst}, {takes: 5 * s}}, false, 7 * s, 1, nil, 2, 0},
		{"the second fails", []reply{{takes: 9 * s}, {takes: s, err: errSecond}}, false, 9 * s, 0, nil, 2, 0},
		{"both fail", []reply{{takes: 9 * s, err: errFirst}, {takes: s, err: errSecond}}, false, 9 * s, 0, errFirst, 2, 0},
		{"while calls wait for a limit", []reply{{takes: 9 * s}}, true, 9 * s, 0, nil, 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inner := &scripted{replies: tt.replies}
				e := hedged.New(inner, hedged.Config{After: 2 * s, Held: func() bool { return tt.held }})
				begun := time.Now()
				got, err := e.Embed(t.Context(), rag.QuestionText, []string{"q"})
				if !errors.Is(err, tt.err) || err == nil && got[0][0] != tt.answer {
					t.Errorf("%v, %v", got, err)
				}
				if took := time.Since(begun); took != tt.took {
					t.Errorf("took %s, want %s", took, tt.took)
				}
				if inner.calls != tt.calls || inner.ended != tt.ended || inner.running != 0 {
					t.Errorf("%d calls, %d of them ended, %d still run; want %d, %d, 0", inner.calls, inner.ended, inner.running, tt.calls, tt.ended)
				}
			})
		})
	}
}

// However slow a server is, it gets no more than a part of the load on top.
func TestExtraLoadIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &scripted{replies: []reply{{takes: 5 * time.Second}}}
		e := hedged.New(inner, hedged.Config{After: time.Second, MaxExtra: .1})
		for range 1000 {
			if _, err := e.Embed(t.Context(), rag.QuestionText, []string{"q"}); err != nil {
				t.Fatal(err)
			}
		}
		if extra := inner.calls - 1000; extra < 95 || extra > 101 {
			t.Errorf("%d second requests for 1000 questions", extra)
		}
	})
}

// Without a set time the slowest twentieth is asked for again, once it is known
// what is slow.
func TestLearnsWhatIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var replies []reply
		for i := range 300 {
			takes := time.Duration(50+i*37%50) * time.Millisecond
			if i%30 == 29 {
				takes = 10 * time.Second
			}
			replies = append(replies, reply{takes: takes})
		}
		inner := &scripted{replies: replies}
		e := hedged.New(inner, hedged.Config{MaxExtra: .1})
		slow := 0
		for i := range 250 {
			begun := time.Now()
			if _, err := e.Embed(t.Context(), rag.QuestionText, []string{"q"}); err != nil {
				t.Fatal(err)
			}
			if time.Since(begun) > time.Second && i > 30 {
				slow++
			}
		}
		if slow > 0 {
			t.Errorf("%d questions were slow", slow)
		}
		if extra := inner.calls - 250; extra < 6 || extra > 25 {
			t.Errorf("%d second requests", extra)
		}
	})
}

func TestPassagesAreAskedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &scripted{replies: []reply{{takes: time.Minute}}}
		e := hedged.New(inner, hedged.Config{After: time.Second})
		if _, err := e.Embed(t.Context(), rag.PassageText, []string{"p"}); err != nil || inner.calls != 1 {
			t.Errorf("%d calls, %v", inner.calls, err)
		}
	})
}

func TestTheCallersEndEndsBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &scripted{replies: []reply{{takes: time.Minute}}}
		e := hedged.New(inner, hedged.Config{After: time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		begun := time.Now()
		if _, err := e.Embed(ctx, rag.QuestionText, []string{"q"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if time.Since(begun) != 3*time.Second || inner.ended != 2 || inner.running != 0 {
			t.Errorf("after %s %d calls had ended, %d still ran", time.Since(begun), inner.ended, inner.running)
		}
	})
}
