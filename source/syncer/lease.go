package syncer

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// lease begins a reading. A holder that has died on this machine is not waited for.
func (s *Syncer) lease(ctx context.Context, src rag.Source) (rag.Source, error) {
	now, err := s.cfg.Store.Source(ctx, src.CollectionID, src.Name)
	if err != nil {
		return src, err
	}
	dead := ""
	if now.Holder != "" && hasDied(now.Holder) {
		dead = now.Holder
	}
	return s.cfg.Store.LeaseSource(ctx, src.CollectionID, src.Name, self(), dead, s.cfg.Lease)
}

// hold renews the lease until release is called, which returns why it was lost, nil
// if it was not. The context ends when it is.
func (s *Syncer) hold(ctx context.Context, src rag.Source) (held context.Context, release func() error) {
	held, cancel := context.WithCancelCause(ctx)
	var lost error
	var renewing sync.WaitGroup
	renewing.Go(func() {
		ticker := time.NewTicker(s.cfg.Lease / 4)
		defer ticker.Stop()
		for {
			select {
			case <-held.Done():
				return
			case <-ticker.C:
			}
			// Busy and the like is tried again with the next tick: there are some left.
			err := s.cfg.Store.RenewLease(held, src.ID, src.Reading, s.cfg.Lease)
			if errors.Is(err, rag.ErrConflict) || errors.Is(err, rag.ErrNotFound) {
				lost = err
				cancel(err)
				return
			}
		}
	})
	return held, func() error {
		cancel(nil)
		renewing.Wait()
		return lost
	}
}

// ending bounds giving back a lease after ctx is done.
const ending = 10 * time.Second

// end gives the lease back with the verdict on the reading, which it returns.
func (s *Syncer) end(ctx context.Context, src rag.Source, cursor []byte, verdict error, sum rag.SyncReport) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ending)
	defer cancel()
	failure := ""
	switch {
	case errors.Is(verdict, context.Canceled):
		failure = "it was interrupted"
	case verdict != nil:
		failure = verdict.Error()
	}
	err := s.cfg.Store.EndReading(ctx, src.ID, src.Reading, cursor, failure, sum)
	if verdict != nil {
		return verdict // if the lease is not given back, it expires
	}
	return err
}
