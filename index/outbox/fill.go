package outbox

import (
	"context"
	"errors"
	"time"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/rag"
)

// fillBatch is how many records are collected before they are sent in portions.
const fillBatch = 2048

// Rebuild makes the index anew from what read gives; see engine.Index.Rebuild. The space is filled anew as well, in place, while it is searched, unless it is
// filled and this process has just begun to use it, or another process is filling it or has done so meanwhile. While another process is
// writing to it the words alone are made, once: after that Rebuild is KindUnavailable until changes reach the space again.
func (ix *Index) Rebuild(ctx context.Context, read func(add func(rag.Record) error) (seq int64, err error)) error {
	ix.applying.Lock()
	defer ix.applying.Unlock()
	l, err := ix.turnToFill(ctx)
	if err != nil {
		return err
	}
	if l == nil {
		return ix.rebuildWords(ctx, read)
	}
	seq, sent, err := ix.fill(ctx, l, read)
	if err != nil || sent != nil {
		// The feed fills the space from its beginning, once the database is back. Until then words serve.
		_ = ix.told(sent)
		return errors.Join(err, l.giveBack(-1))
	}
	if err := ix.told(l.giveBack(seq)); err != nil {
		return err
	}
	ix.optimize()
	return nil
}

// optimize has the database tidy up in the background what was filled.
func (ix *Index) optimize() {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	o, ok := ix.table.(external.Optimizer)
	if !ok || ix.closed {
		return
	}
	ix.tidying.Go(func() {
		if err := o.Optimize(ix.ctx); err != nil && ix.ctx.Err() == nil {
			ix.conn.cfg.Logger.Warn("index: the vector database could not tidy up; it is slower until it does", "database", ix.conn.cfg.Name, "space", ix.space.Name, "err", err)
		}
	})
}

// turnToFill begins a turn of writing if the space is to be filled by this process, and returns nil otherwise. It waits a little for one who is filling it just now.
func (ix *Index) turnToFill(ctx context.Context) (*lease, error) {
	until := time.Now().Add(ix.conn.cfg.Patience)
	epoch := int64(-1)
	for {
		p, err := ix.conn.cfg.Spaces.Space(ctx, ix.kept)
		if err != nil && rag.KindOf(err) != rag.KindNotFound {
			return nil, err
		}
		if err == nil && p.Seq >= 0 {
			ix.reached.Store(p.Seq)
			if ix.fresh || ix.words.Damaged() != nil || epoch >= 0 && p.Epoch != epoch {
				return nil, nil
			}
		}
		if epoch < 0 {
			epoch = p.Epoch // of a filling by another process since, it is higher
		}
		l, err := ix.turn(ctx)
		switch {
		case err == nil && l.space.Epoch != epoch && l.space.Seq >= 0:
			return nil, l.giveBack(l.space.Seq)
		case err == nil:
			return l, l.begin(ctx)
		case rag.KindOf(err) != rag.KindConflict:
			return nil, err
		case time.Now().After(until):
			err = rag.Errorf(rag.KindUnavailable, "another process is writing to space %s", ix.space.Name)
			ix.failing.Store(&note{err})
			if ix.alone && ix.words.Damaged() == nil {
				return nil, err // to make the words again and again until it is done would help nobody
			}
			ix.alone = true
			return nil, nil
		}
		if err := pause(ctx); err != nil {
			return nil, err
		}
	}
}

// rebuildWords makes the words anew. The space is followed from where it is.
func (ix *Index) rebuildWords(ctx context.Context, read func(add func(rag.Record) error) (int64, error)) error {
	err := ix.words.Rebuild(ctx, func(add func(rag.Record) error) (int64, error) {
		return read(func(r rag.Record) error {
			r.Vector = nil
			return add(r)
		})
	})
	if err == nil {
		ix.fresh = false
	}
	return err
}

// fill makes words and space anew from one reading, and returns the change that they are at. A database that fails while it is filled, which sent says,
// does not keep the words from being made.
func (ix *Index) fill(ctx context.Context, l *lease, read func(add func(rag.Record) error) (int64, error)) (at int64, sent, err error) {
	ix.forget()
	ix.emptied.Store(false) // all of it comes
	_, sent = ix.open(ctx, true)
	var batch []external.Item
	flush := func() {
		if sent == nil {
			sent = l.upsert(ctx, batch)
		}
		batch = batch[:0]
	}
	err = ix.words.Rebuild(ctx, func(add func(rag.Record) error) (seq int64, err error) {
		at, err = read(func(r rag.Record) error {
			if err := ix.words.Check(&r); err != nil {
				return err
			}
			if len(r.Vector) > 0 && sent == nil {
				if batch = append(batch, ix.item(&r, l.space.Epoch)); len(batch) == fillBatch {
					flush()
				}
			}
			r.Vector = nil
			return add(r)
		})
		return at, err
	})
	if err != nil {
		return 0, sent, err
	}
	ix.fresh = false
	flush()
	if sent == nil {
		sent = l.clear(ctx)
	}
	return at, sent, nil
}
