package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/rag"
)

// Apply changes the index to the state at seq; see engine.Index.Apply. It may be called again with what it was told before. When it fails the words
// are changed all the same, and the call has to be repeated for the database.
func (ix *Index) Apply(puts []rag.Record, deletes []rag.ChunkID, seq int64) error {
	for i := range puts {
		if err := ix.words.Check(&puts[i]); err != nil {
			return err
		}
	}
	ix.applying.Lock()
	defer ix.applying.Unlock()
	from := ix.Seq()
	if seq < from {
		return rag.Errorf(rag.KindConflict, "index: change %d comes after change %d", seq, from)
	}
	if seq >= ix.words.Seq() { // else the database alone is behind
		if err := ix.applyWords(puts, deletes, seq); err != nil {
			return err
		}
	}
	ix.fresh = false
	if ix.emptied.Swap(false) {
		// These changes may have been read before the space was found to be gone, and what comes before them is to go there first.
		return ix.told(rag.Errorf(rag.KindUnavailable, "space %s is filled again from the first change on", ix.space.Name))
	}
	ctx, cancel := context.WithTimeout(ix.ctx, ix.conn.cfg.ApplyTimeout)
	defer cancel()
	if ix.failing.Load() != nil {
		// A batch may take long, and searches that are to see it wait for so long: whether anybody is there is found out sooner.
		if err := ix.conn.answers(ctx); err != nil {
			return ix.told(err)
		}
	}
	return ix.told(ix.send(ctx, puts, deletes, from, seq))
}

// Ahead changes the words alone, from the state that Serves tells to that at seq, while the database cannot be told of what comes before. It is told of all this by Apply, later.
func (ix *Index) Ahead(puts []rag.Record, deletes []rag.ChunkID, seq int64) error {
	ix.applying.Lock()
	defer ix.applying.Unlock()
	return ix.applyWords(puts, deletes, seq)
}

func (ix *Index) applyWords(puts []rag.Record, deletes []rag.ChunkID, seq int64) error {
	bare := make([]rag.Record, len(puts))
	for i, r := range puts {
		r.Vector = nil
		bare[i] = r
	}
	return ix.words.Apply(bare, deletes, seq)
}

// told notes whether changes reach the database.
func (ix *Index) told(err error) error {
	if err == nil {
		ix.alone = false
		if words, reached := ix.words.Seq(), ix.reached.Load(); ix.failing.Load() != nil && reached < words {
			err = rag.Errorf(rag.KindUnavailable, "it is told of what it has missed, and is at change %d of %d", reached, words)
			ix.failing.Store(&note{err}) // searches need not wait for the rest of it either
			return nil
		}
		ix.failing.Store(nil)
		return nil
	}
	ix.failing.Store(&note{err})
	return fmt.Errorf("tell %s: %w", ix.conn.cfg.Name, err)
}

// send brings the space from change from to change seq, unless somebody else has.
func (ix *Index) send(ctx context.Context, puts []rag.Record, deletes []rag.ChunkID, from, seq int64) error {
	l, err := ix.turnFor(ctx, seq)
	if err != nil || l == nil {
		return err
	}
	was := l.space.Seq
	err = l.ready(ctx, from)
	if err == nil {
		err = l.change(ctx, puts, deletes)
	}
	if err == nil {
		return l.giveBack(seq)
	}
	err = errors.Join(err, l.giveBack(was))
	if rag.KindOf(err) == rag.KindNotFound {
		ix.lost(err)
		err = rag.Errorf(rag.KindUnavailable, "%v", err) // KindNotFound is what the store says of a collection
	}
	return err
}

// turnFor begins a turn of writing, or returns nil if the space holds change seq. While somebody else has his it waits for Config.Patience.
func (ix *Index) turnFor(ctx context.Context, seq int64) (*lease, error) {
	until := time.Now().Add(ix.conn.cfg.Patience)
	for {
		p, err := ix.conn.cfg.Spaces.Space(ctx, ix.kept)
		if err == nil {
			ix.reached.Store(p.Seq)
			if p.Seq >= seq {
				return nil, nil
			}
		}
		var l *lease
		if err == nil || rag.KindOf(err) == rag.KindNotFound {
			l, err = ix.turn(ctx)
		}
		switch {
		case err == nil && l.space.Seq >= seq:
			return nil, l.giveBack(l.space.Seq)
		case rag.KindOf(err) != rag.KindConflict:
			return l, err
		case time.Now().After(until):
			return nil, rag.Errorf(rag.KindUnavailable, "another process is writing to space %s", ix.space.Name)
		}
		if err := pause(ctx); err != nil {
			return nil, err
		}
	}
}

// turn begins a turn of writing. KindConflict says that another one is going on.
func (ix *Index) turn(ctx context.Context) (*lease, error) {
	asked := time.Now() // the lease begins before it is known of here
	id := ix.cfg.Identity
	p, err := ix.conn.cfg.Spaces.LeaseSpace(ctx, ix.kept, id.Collection, id.Generation, ix.conn.cfg.Lease)
	if err != nil {
		return nil, err
	}
	return &lease{ix: ix, space: p, renewed: asked}, nil
}

// pause waits a moment for another writer.
func pause(ctx context.Context) error {
	const moment = 20 * time.Millisecond
	select {
	case <-ctx.Done():
		return rag.Wrap(rag.KindOf(ctx.Err()), ctx.Err(), "wait for another writer")
	case <-time.After(moment):
		return nil
	}
}

// lease is a turn of writing to a space.
type lease struct {
	ix      *Index
	space   rag.Space
	renewed time.Time
}

// ready sees to it that the space holds all before change from, and nothing of an earlier life.
func (l *lease) ready(ctx context.Context, from int64) error {
	switch {
	case l.space.Seq < 0 && from == 0:
		// The feed is whole from its beginning: it fills the space. What a process that died while filling has left goes.
		if _, err := l.ix.open(ctx, true); err != nil {
			return err
		}
		if err := l.begin(ctx); err != nil {
			return err
		}
		return l.clear(ctx)
	case l.space.Seq < from:
		// Somebody has to begin anew: the next batch begins where the space is.
		return rag.Errorf(rag.KindUnavailable, "space %s is at change %d, before %d", l.ix.space.Name, l.space.Seq, from)
	}
	return nil
}

// begin opens the space's next epoch, which is that of what is put in from now on. It is written down before anything is sent: if this process dies while it
// fills the space, the next one must not take what it leaves for its own.
func (l *lease) begin(ctx context.Context) error {
	l.space.Epoch++
	l.renewed = time.Now()
	return l.ix.conn.cfg.Spaces.AdvanceSpace(ctx, l.space, l.ix.conn.cfg.Lease)
}

// keep renews the lease when a third of it has passed.
func (l *lease) keep(ctx context.Context) error {
	ttl := l.ix.conn.cfg.Lease
	if time.Since(l.renewed) < ttl/3 {
		return nil
	}
	l.renewed = time.Now()
	return l.ix.conn.cfg.Spaces.AdvanceSpace(ctx, l.space, ttl)
}

// giveBack ends the turn, with the space at change seq.
func (l *lease) giveBack(seq int64) error {
	const long = 5 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ix.ctx), long)
	defer cancel()
	l.space.Seq = seq
	if err := l.ix.conn.cfg.Spaces.AdvanceSpace(ctx, l.space, 0); err != nil {
		return err
	}
	l.ix.reached.Store(seq)
	return nil
}

// do asks the database for a change within the lease: a request that is under way when the lease ends is given up.
func (l *lease) do(ctx context.Context, change func(context.Context, external.Table) error) error {
	if err := l.keep(ctx); err != nil {
		return err
	}
	table, err := l.ix.open(ctx, false)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithDeadline(ctx, l.renewed.Add(l.ix.conn.cfg.Lease))
	defer cancel()
	return l.ix.conn.try(ctx, l.ix.conn.cfg.ApplyTimeout, func(ctx context.Context) error { return change(ctx, table) })
}

// change deletes and upserts, in portions that the database takes. Of several puts of a chunk the last counts; one without a vector has no place in the space.
func (l *lease) change(ctx context.Context, puts []rag.Record, deletes []rag.ChunkID) error {
	last := make(map[rag.ChunkID]int, len(puts))
	for i := range puts {
		last[puts[i].ChunkID] = i
	}
	gone := make([]rag.ChunkID, 0, len(deletes))
	for _, id := range deletes {
		if _, back := last[id]; !back {
			gone = append(gone, id)
		}
	}
	items := make([]external.Item, 0, len(last))
	for i := range puts {
		switch r := &puts[i]; {
		case last[r.ChunkID] != i:
		case len(r.Vector) == 0:
			gone = append(gone, r.ChunkID)
		default:
			items = append(items, l.ix.item(r, l.space.Epoch))
		}
	}
	if err := l.delete(ctx, gone); err != nil {
		return err
	}
	return l.upsert(ctx, items)
}

func (l *lease) delete(ctx context.Context, ids []rag.ChunkID) error {
	for len(ids) > 0 {
		n := min(len(ids), l.ix.conn.limits.Items)
		err := l.do(ctx, func(ctx context.Context, t external.Table) error { return t.Delete(ctx, ids[:n]) })
		if err != nil {
			return fmt.Errorf("delete %d chunks: %w", n, err)
		}
		ids = ids[n:]
	}
	return nil
}

// upsert puts items in. Those that the database refuses for good while it takes others, as one with more tags than it keeps, are left out, and what it had of them goes: one
// must not stop all that comes after it. They are still found by their words.
func (l *lease) upsert(ctx context.Context, items []external.Item) error {
	var refused []rag.ChunkID
	var why error
	taken := len(items)
	for len(items) > 0 {
		n := l.ix.portion(items)
		out, err := l.put(ctx, items[:n], &why)
		if err != nil {
			return fmt.Errorf("put %d chunks: %w", n, err)
		}
		refused = append(refused, out...)
		items = items[n:]
	}
	taken -= len(refused)
	switch {
	case len(refused) == 0:
		return nil
	case taken == 0: // it is not the items that are wrong
		return fmt.Errorf("put %d chunks: %w", len(refused), why)
	}
	l.ix.conn.cfg.Logger.Error("index: the vector database refuses chunks, which are found by their words only", "database", l.ix.conn.cfg.Name, "space", l.ix.space.Name,
		"refused", len(refused), "first", int64(refused[0]), "err", why)
	return l.delete(ctx, refused)
}

// put puts items in at once, or, where that is refused for good, in halves, and returns those that are refused alone. why becomes the reason.
func (l *lease) put(ctx context.Context, items []external.Item, why *error) (refused []rag.ChunkID, err error) {
	err = l.do(ctx, func(ctx context.Context, t external.Table) error { return t.Upsert(ctx, items) })
	switch {
	case rag.KindOf(err) != rag.KindInvalid:
		return nil, err
	case len(items) == 1:
		*why = err
		return []rag.ChunkID{items[0].ID}, nil
	}
	for _, half := range [][]external.Item{items[:len(items)/2], items[len(items)/2:]} {
		out, err := l.put(ctx, half, why)
		if err != nil {
			return nil, err
		}
		refused = append(refused, out...)
	}
	return refused, nil
}

// clear takes out what was put in before the space's epoch.
func (l *lease) clear(ctx context.Context) error {
	old := external.Condition{Not: &external.Condition{Has: []external.Tag{epochTag(l.space.Epoch)}}}
	return l.do(ctx, func(ctx context.Context, t external.Table) error { return t.DeleteWhere(ctx, old) })
}

// portion returns how many of items, at least one, the database takes at once.
func (ix *Index) portion(items []external.Item) int {
	n, bytes := 0, 0
	for n < len(items) && n < ix.conn.limits.Items {
		bytes += 4*len(items[n].Vector) + len(items[n].Text)
		if most := ix.conn.limits.Bytes; n > 0 && most > 0 && bytes > most {
			break
		}
		n++
	}
	return n
}

// item returns what the database keeps of a record.
func (ix *Index) item(r *rag.Record, epoch int64) external.Item {
	it := external.Item{ID: r.ChunkID, Document: r.Document.ID, Vector: unit(r.Vector), Tags: tagsOf(r.Document, epoch)}
	if ix.space.Text {
		it.Text = r.Text
	}
	return it
}
