package follow

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/rag"
)

// Open gets the view of a collection ready. It is not needed before a Searcher:
// it only takes the work forward. c's generation must be the live one.
func (f *Follower) Open(ctx context.Context, c rag.Collection) error {
	_, err := f.view(ctx, c, false)
	return err
}

// OpenShadow gets the view of a generation that is not live ready and brings it as far
// up to date as there are embeddings. If that is all, it makes it durable, so
// that it is there for whoever needs it when the generation becomes live; a view that
// lacks something may hold what was deleted. KindConflict says that the view could not
// be built, since an embedding is missing.
func (f *Follower) OpenShadow(ctx context.Context, c rag.Collection) error {
	for {
		v, err := f.view(ctx, c, true)
		if err != nil {
			return err
		}
		if err := v.lock(ctx); err != nil {
			return err
		}
		if v.isClosed() { // evicted, or purged, while we waited
			v.unlock()
			continue
		}
		err = f.catchUp(ctx, v)
		if err == nil && f.cfg.Dir != "" && v.unsaved() {
			err = f.save(ctx, v)
		}
		v.unlock()
		if errors.Is(err, rag.ErrConflict) {
			return nil
		}
		return err
	}
}

// Serving returns c, or, while the view of c's generation is still being opened, c as
// of the generation that was live before, if its view is ready: then a search need not
// wait for the new one, which is opened meanwhile. In the old view a search that asks
// for what came after the switch is KindConflict.
func (f *Follower) Serving(c rag.Collection) rag.Collection {
	v, err := f.begin(c, false)
	if err != nil || v.isReady() {
		return c
	}
	for _, old := range f.ofCollection(c.ID) {
		if old != v && old.served.Load() && old.isReady() && !old.isClosed() {
			c.Generation = old.collection.Generation
			return c
		}
	}
	return c
}

// Wait returns when a collection's view holds change minSeq, or everything that
// was committed to the collection before the call. The collection must have been
// opened before (KindNotFound), its view need not be open still.
func (f *Follower) Wait(ctx context.Context, collectionID, minSeq int64) error {
	c, err := f.remembered(collectionID)
	if err != nil {
		return err
	}
	_, err = f.at(ctx, c, minSeq, false)
	return err
}

func (f *Follower) remembered(collectionID int64) (rag.Collection, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, ok := f.known[collectionID]
	if !ok {
		return c, rag.Errorf(rag.KindNotFound, "index: collection %d was never opened", collectionID)
	}
	return c, nil
}

// at returns the index of a view that is at minSeq or has everything.
func (f *Follower) at(ctx context.Context, c rag.Collection, minSeq int64, shadow bool) (Index, error) {
	for {
		v, err := f.view(ctx, c, shadow)
		if err != nil {
			return nil, err
		}
		if ix := v.held(); serves(ix) >= minSeq && ix.Damaged() == nil {
			return ix, nil
		}
		if err := v.lock(ctx); err != nil {
			return nil, err
		}
		if v.isClosed() { // evicted, or dropped, while we waited
			v.unlock()
			continue
		}
		ix := v.held()
		if ix.Damaged() != nil || serves(ix) < minSeq {
			err = f.catchUp(ctx, v)
		}
		if err != nil && ix.Damaged() == nil && serves(ix) > ix.Seq() && serves(ix) >= minSeq {
			err = nil // a part of it answers
		}
		v.unlock()
		return ix, err
	}
}

// Search searches a collection that has been opened before (KindNotFound), in a
// state that holds change minSeq or everything that was committed before the
// call; minSeq 0 takes the state that is there.
func (f *Follower) Search(ctx context.Context, collectionID int64, q rag.IndexQuery, minSeq int64) (rag.IndexResult, error) {
	c, err := f.remembered(collectionID)
	if err != nil {
		return rag.IndexResult{}, err
	}
	return f.search(ctx, c, q, minSeq, false)
}

func (f *Follower) search(ctx context.Context, c rag.Collection, q rag.IndexQuery, minSeq int64, shadow bool) (rag.IndexResult, error) {
	const tries = 5
	for try := 1; ; try++ {
		ix, err := f.at(ctx, c, minSeq, shadow)
		if err != nil {
			return rag.IndexResult{}, err
		}
		res, err := ix.Search(ctx, q)
		if err == nil || try == tries || !errors.Is(err, engine.ErrClosed) && !errors.Is(err, engine.ErrDamaged) {
			return res, err
		}
		// It was closed to make room, or found to be damaged: it is opened, or built, again.
		if err := ctx.Err(); err != nil {
			return res, rag.Wrap(rag.KindOf(err), err, "index: search")
		}
	}
}

// Searcher searches one collection. It costs nothing to make, and opens the view
// when it is first used. Goroutine-safe.
type Searcher struct {
	follower   *Follower
	collection rag.Collection
	minSeq     int64
	shadow     bool
}

// Searcher returns a searcher of a collection whose results hold change minSeq.
func (f *Follower) Searcher(c rag.Collection, minSeq int64) Searcher {
	return Searcher{follower: f, collection: c, minSeq: minSeq}
}

// ShadowSearcher returns a searcher of a generation that need not be live.
func (f *Follower) ShadowSearcher(c rag.Collection, minSeq int64) Searcher {
	return Searcher{follower: f, collection: c, minSeq: minSeq, shadow: true}
}

// Search finds candidates; see engine.Index.Search and Follower.Search.
func (s Searcher) Search(ctx context.Context, q rag.IndexQuery) (rag.IndexResult, error) {
	return s.follower.search(ctx, s.collection, q, s.minSeq, s.shadow)
}

// Status describes an open view.
type Status struct {
	Collection rag.Collection // as it was opened
	Stats      engine.Stats
	Err        error         // why it is behind, nil if nothing is wrong
	Lag        time.Duration // since it was last known to hold everything, 0 if nothing is wrong
	Saved      bool          // its files hold all of it
	Faults     int           // records of the store that could not be held as they are
	Shadow     bool          // of a generation that is not live, and not kept up to date
}

// Status lists the open views by collection id and generation.
func (f *Follower) Status() []Status {
	var out []Status
	for _, v := range f.open() {
		s := Status{Collection: v.collection, Stats: v.held().Stats(), Shadow: !f.current(v)}
		s.Saved = f.cfg.Dir != "" && !v.unsaved()
		v.with(func(st *state) {
			s.Err, s.Faults = st.err, st.faults
			if st.err != nil {
				s.Lag = f.cfg.Now().Sub(st.inStep)
			}
		})
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b Status) int {
		return cmp.Or(cmp.Compare(a.Collection.ID, b.Collection.ID), cmp.Compare(a.Collection.Generation.Number, b.Collection.Generation.Number))
	})
	return out
}
