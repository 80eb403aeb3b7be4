// Package patient wraps an embedder so that adding documents outlives a model that
// is down or busy for a while: passages wait, and go on by themselves. Questions are
// passed through, since someone waits for them and a search can go on without.
package patient

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// Inner is the embedder that is wrapped.
type Inner interface {
	Model() rag.Model
	Embed(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error)
	CountTokens(text string) int
}

// saver is an Inner that wants to know what it was spared.
type saver interface {
	Saved(ctx context.Context, kind rag.EmbedKind, tokens int)
}

// Config says how long to wait.
type Config struct {
	// Patience is the longest that the texts of one call wait, all waits together; 0
	// does not wait.
	Patience time.Duration
	// Waiting is told of each wait: why, and for how long. nil tells nobody.
	Waiting func(err error, wait time.Duration)
}

// The waits: the first, and the longest, unless the server asks for another.
const (
	firstWait = time.Second
	mostWait  = 30 * time.Second
)

// Embedder is an Inner that waits. It is goroutine-safe if Inner is.
type Embedder struct {
	Inner
	cfg Config
}

// New returns inner with patience.
func New(inner Inner, cfg Config) *Embedder { return &Embedder{inner, cfg} }

// Embed tries passages again for as long as the error is one that may pass by
// itself (remote.Temporary, remote.Limited) and there is patience. A refused key, a
// budget without room and a text that is not taken are not waited for. The waits
// double, with jitter, or are what the server asks for; one that is longer than the
// patience left ends with the error at once.
func (e *Embedder) Embed(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error) {
	left := e.cfg.Patience
	for pause := firstWait; ; pause = min(2*pause, mostWait) {
		vectors, err := e.Inner.Embed(ctx, kind, texts)
		if err == nil || kind != rag.PassageText || ctx.Err() != nil {
			return vectors, err
		}
		wait, passes := waitFor(err, pause)
		if !passes || wait > left {
			return vectors, err
		}
		left -= wait
		if e.cfg.Waiting != nil {
			e.cfg.Waiting(err, wait)
		}
		if !sleep(ctx, wait) {
			return vectors, err
		}
	}
}

// waitFor returns how long to wait after err, and whether waiting is of use.
func waitFor(err error, pause time.Duration) (time.Duration, bool) {
	asked := time.Duration(0)
	if t, ok := errors.AsType[*remote.Temporary](err); ok {
		asked = t.After
	} else if l, ok := errors.AsType[*remote.Limited](err); ok {
		asked = l.After
	} else {
		return 0, false
	}
	jitter := time.Duration(rand.Int64N(int64(pause)/4 + 1))
	return max(asked, pause) + jitter, true
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Saved passes on what was spared.
func (e *Embedder) Saved(ctx context.Context, kind rag.EmbedKind, tokens int) {
	if s, ok := e.Inner.(saver); ok {
		s.Saved(ctx, kind, tokens)
	}
}
