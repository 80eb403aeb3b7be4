package call

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// TestWithin: whose clock ends a call is told, and an error that came in time is left as it is.
func TestWithin(t *testing.T) {
	until := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	if err := Within(t.Context(), "p", time.Millisecond, until); !errors.Is(err, rag.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a silent server: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := Within(ctx, "p", time.Hour, until); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the caller's time is over: %v", err)
	}
	ctx, leave := context.WithCancelCause(t.Context())
	leave(rag.Errorf(rag.KindNotFound, "another call failed"))
	if err := Within(ctx, "p", time.Hour, until); !errors.Is(err, context.Canceled) || errors.Is(err, rag.ErrNotFound) {
		t.Errorf("the caller has left for a reason of his own: %v", err)
	}
	refused := errors.New("refused")
	if err := Within(t.Context(), "p", time.Hour, func(context.Context) error { return refused }); err != refused {
		t.Errorf("a refusal: %v", err)
	}
}

func TestBounds(t *testing.T) {
	if b := (Bounds{Call: time.Minute}).WithDefaults(); b != (Bounds{5 * time.Second, time.Minute, 64 << 20}) {
		t.Errorf("%+v", b)
	}
	if (Bounds{Answer: -1}).Validate() == nil {
		t.Error("a negative bound is none")
	}
}
