package batch

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/smartretriever/smartretriever/model/remote"
)

// Config bounds requests. All limits but MaxTokens, Texts and Concurrency may be 0
// for none.
type Config struct {
	What        string // is called, in the breaker's error: "the embedding model"
	MaxTokens   int    // of one text
	Texts       int    // of one request
	Tokens      int    // of one request, unless one text has more
	Bytes       int    // of one request, unless one text has more
	Concurrency int    // most requests at once, over all calls together
	CountTokens func(text string) int

	Retries int           // further tries after a busy or failing server; -1 none
	MaxWait time.Duration // longest wait before a try; 0 is 20 s
	Breaker remote.BreakerConfig
}

// Sender sends texts to one model and has a T for each. It is goroutine-safe.
type Sender[T any] struct {
	cfg     Config
	breaker *remote.Breaker[[]T]
	slots   chan struct{} // one for each request that runs and is not urgent
	divided atomic.Int64

	// maxTexts is the most texts that this server takes in one request, as far as
	// it has said so.
	maxTexts atomic.Int64
}

// Call is what is done with the items of one call of Send.
type Call[T any] struct {
	// Request makes one request and returns a result for each text. What it returns
	// of a refusal goes through Refused, for Send to know that the request was too
	// large.
	Request func(ctx context.Context, texts []string) ([]T, error)
	// Urgent says that someone waits for the results: its requests do not stand behind
	// those of a load that wait for their turn. The server's limiter holds them to the
	// number of requests at once, and lets them go first.
	Urgent bool
	// Join makes one result of those of the parts of a text.
	Join func(parts []*Item[T]) T
}

// New returns a sender.
func New[T any](cfg Config) *Sender[T] {
	s := &Sender[T]{cfg: cfg, breaker: remote.NewBreaker[[]T](cfg.What, cfg.Breaker), slots: make(chan struct{}, cfg.Concurrency)}
	s.maxTexts.Store(int64(cfg.Texts))
	return s
}

// Divided returns how many texts so far were longer than the model takes and were
// sent in parts.
func (s *Sender[T]) Divided() int64 { return s.divided.Load() }

// Send gives each item its result. The first request that fails ends the others;
// items that are done by then keep their results.
func (s *Sender[T]) Send(ctx context.Context, items []*Item[T], call Call[T]) error {
	if call.Urgent {
		ctx = remote.Urgent(ctx)
	}
	going, end := context.WithCancelCause(ctx)
	defer end(nil)
	var group errgroup.Group
	for len(items) > 0 {
		n := s.first(items)
		if !call.Urgent && s.acquire(going) != nil {
			break
		}
		batch := items[:n]
		group.Go(func() error {
			if !call.Urgent {
				defer s.release()
			}
			err := s.fill(going, batch, call)
			if err != nil {
				end(err) // before its turn goes to the next batch, which must not be paid for
			}
			return err
		})
		items = items[n:]
	}
	err := group.Wait()
	switch {
	case err == nil && len(items) > 0:
		return ctx.Err()
	case err != nil && ctx.Err() == nil:
		return context.Cause(going) // and not what the others say of being ended
	}
	return err
}

// acquire waits for its turn to make requests.
func (s *Sender[T]) acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := ctx.Err(); err != nil { // both were ready
		s.release()
		return err
	}
	return nil
}

func (s *Sender[T]) release() { <-s.slots }

// first returns how many of the items, at least one, go into the next request.
func (s *Sender[T]) first(items []*Item[T]) int {
	n, bytes, tokens := 0, 0, 0
	for n < len(items) && n < int(s.maxTexts.Load()) {
		bytes += len(items[n].Text)
		tokens += items[n].Tokens
		if n > 0 && (over(bytes, s.cfg.Bytes) || over(tokens, s.cfg.Tokens)) {
			break
		}
		n++
	}
	return max(1, n)
}

func over(n, limit int) bool { return limit > 0 && n > limit }

// fill gives the items of one batch their results, in smaller requests where the
// server finds this one too large.
func (s *Sender[T]) fill(ctx context.Context, batch []*Item[T], call Call[T]) error {
	texts := make([]string, len(batch))
	for i, it := range batch {
		texts[i] = it.Text
	}
	results, err := s.breaker.Do(ctx, func() ([]T, error) {
		return remote.Retry(ctx, remote.RetryConfig{Tries: max(1, s.cfg.Retries+1), MaxWait: s.cfg.MaxWait}, func() ([]T, bool, error) {
			results, err := call.Request(ctx, texts)
			return results, true, err
		})
	})
	if err == nil {
		for i, it := range batch {
			it.Result, it.Done = results[i], true
		}
		return nil
	}
	half := len(batch) / 2
	_, many := errors.AsType[*tooManyError](err)
	_, long := errors.AsType[*tooLongError](err)
	switch {
	case half > 0 && (many || long):
		if many {
			s.maxTexts.Store(max(1, min(s.maxTexts.Load(), int64(half))))
		}
		if err := s.fill(ctx, batch[:half], call); err != nil {
			return err
		}
		return s.fill(ctx, batch[half:], call)
	case long:
		return s.fillInHalves(ctx, batch[0], call, err)
	}
	return err
}

// fillInHalves gives an item that the server finds too long what its halves come
// to. Where it is not to be halved, the server's refusal is the error.
func (s *Sender[T]) fillInHalves(ctx context.Context, it *Item[T], call Call[T], refused error) error {
	halves := s.halves(it)
	if len(halves) == 0 {
		return refused
	}
	for _, half := range halves {
		if err := s.fill(ctx, []*Item[T]{half}, call); err != nil {
			return err
		}
	}
	if it.halved == 0 {
		s.divided.Add(1)
	}
	it.Result, it.Done = call.Join(halves), true
	return nil
}
