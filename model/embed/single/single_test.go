package single_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smartretriever/smartretriever/model/embed/single"
	"github.com/smartretriever/smartretriever/rag"
)

// slow takes a second for each call.
type slow struct {
	err error

	mu    sync.Mutex
	calls [][]string
	ended int
}

func (*slow) Model() rag.Model       { return rag.Model{ID: "m", Dimensions: 1} }
func (*slow) CountTokens(string) int { return 1 }
func (s *slow) Embed(ctx context.Context, _ rag.EmbedKind, texts []string) ([][]float32, error) {
	s.mu.Lock()
	s.calls = append(s.calls, slices.Clone(texts))
	s.mu.Unlock()
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		s.mu.Lock()
		s.ended++
		s.mu.Unlock()
		return nil, ctx.Err()
	}
	if s.err != nil {
		return nil, s.err
	}
	out := make([][]float32, len(texts))
	for i, text := range texts {
		out[i] = []float32{float32(len(text))}
	}
	return out, nil
}

func TestTheSameQuestionIsEmbeddedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &slow{}
		e := single.New(inner, nil)
		var group sync.WaitGroup
		for i := range 50 {
			group.Go(func() {
				time.Sleep(time.Duration(i) * 10 * time.Millisecond)
				got, err := e.Embed(t.Context(), rag.QuestionText, []string{"abc"})
				if err != nil || got[0][0] != 3 {
					t.Errorf("%v, %v", got, err)
					return
				}
				got[0][0] = -1 // is the caller's own
			})
		}
		group.Wait()
		if len(inner.calls) != 1 {
			t.Errorf("%d calls", len(inner.calls))
		}
		if _, err := e.Embed(t.Context(), rag.QuestionText, []string{"abc"}); err != nil || len(inner.calls) != 2 {
			t.Errorf("later: %d calls, %v", len(inner.calls), err)
		}
	})
}

func TestOnlyWhatIsMissingIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &slow{}
		e := single.New(inner, nil)
		go func() { _, _ = e.Embed(t.Context(), rag.QuestionText, []string{"a", "bb"}) }()
		synctest.Wait()
		got, err := e.Embed(t.Context(), rag.QuestionText, []string{"ccc", "bb", "dddd", "ccc"})
		if err != nil || got[0][0] != 3 || got[1][0] != 2 || got[2][0] != 4 || got[3][0] != 3 {
			t.Errorf("%v, %v", got, err)
		}
		if len(inner.calls) != 2 || !slices.Equal(inner.calls[1], []string{"ccc", "dddd"}) {
			t.Errorf("calls %q", inner.calls)
		}
	})
}

func TestOneCallersEndIsNotTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &slow{}
		e := single.New(inner, nil)
		first, cancel := context.WithCancel(t.Context())
		left := make(chan error)
		go func() {
			_, err := e.Embed(first, rag.QuestionText, []string{"q"})
			left <- err
		}()
		synctest.Wait()
		stays := make(chan error)
		go func() {
			_, err := e.Embed(t.Context(), rag.QuestionText, []string{"q"})
			stays <- err
		}()
		synctest.Wait()
		begun := time.Now()
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) || rag.KindOf(err) != rag.KindUnavailable || time.Since(begun) != 0 {
			t.Errorf("the first: %v after %s", err, time.Since(begun))
		}
		if err := <-stays; err != nil || inner.ended != 0 || len(inner.calls) != 1 {
			t.Errorf("the second: %v, %d calls, %d ended", err, len(inner.calls), inner.ended)
		}
	})
}

func TestTheLastToGoEndsTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &slow{}
		e := single.New(inner, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() {
				if _, err := e.Embed(ctx, rag.QuestionText, []string{"q"}); rag.KindOf(err) != rag.KindExhausted {
					t.Errorf("got %v", err)
				}
			})
		}
		group.Wait()
		if inner.ended != 1 {
			t.Errorf("%d calls were ended", inner.ended)
		}
		if _, err := e.Embed(t.Context(), rag.QuestionText, []string{"q"}); err != nil || len(inner.calls) != 2 {
			t.Errorf("afterwards: %v, %d calls", err, len(inner.calls))
		}
	})
}

func TestAllHaveTheError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &slow{err: rag.ErrUnavailable}
		e := single.New(inner, nil)
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() {
				if _, err := e.Embed(t.Context(), rag.QuestionText, []string{"q"}); !errors.Is(err, rag.ErrUnavailable) {
					t.Errorf("got %v", err)
				}
			})
		}
		group.Wait()
		if len(inner.calls) != 1 {
			t.Errorf("%d calls", len(inner.calls))
		}
	})
}

func TestPassagesAreNotJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &slow{}
		e := single.New(inner, nil)
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() { _, _ = e.Embed(t.Context(), rag.PassageText, []string{"p"}) })
		}
		group.Wait()
		if len(inner.calls) != 3 {
			t.Errorf("%d calls", len(inner.calls))
		}
	})
}

// Callers of many questions come and go; every one gets the vectors of its own.
func TestManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := single.New(&slow{}, nil)
		texts := []string{"a", "bb", "ccc", "dddd", "eeeee"}
		var group sync.WaitGroup
		for i := range 300 {
			group.Go(func() {
				time.Sleep(time.Duration(i*7%300) * 10 * time.Millisecond)
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(200+i%9*150)*time.Millisecond)
				defer cancel()
				mine := []string{texts[i%5], texts[i*3%5], texts[i*7%4]}
				got, err := e.Embed(ctx, rag.QuestionText, mine)
				for j := range got {
					if got[j][0] != float32(len(mine[j])) {
						t.Errorf("%q has %v", mine[j], got[j])
					}
				}
				if err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
			})
		}
		group.Wait()
	})
}
