package syncer

import (
	"context"
	"errors"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
)

// maxKnown bounds the items that a source has asked for and not told of yet.
const maxKnown = 4096

// state is what the source is shown.
type state struct{ r *reading }

func (s state) Cursor() []byte {
	if s.r.opt.Again || s.r.opt.Force || s.r.anew {
		return nil
	}
	return s.r.src.Cursor
}

func (s state) Item(ctx context.Context, id string) (source.Item, bool, error) {
	row, ok, err := s.r.lookUp(ctx, id)
	if err != nil || !ok {
		return source.Item{}, false, err
	}
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	if len(s.r.known) >= maxKnown {
		clear(s.r.known) // they are looked up again
	}
	s.r.known[id] = row
	failed := row.MayPass() || s.r.opt.Again && (row.Kind != "" || row.Removed != "")
	return source.Item{Fingerprint: row.Fingerprint, Failed: failed || (s.r.opt.Force || s.r.anew) && s.r.once(row)}, true, nil
}

// once reports whether an item may still be read although it may be as it was: it is
// once in a reading, also if that takes several tries.
func (r *reading) once(row rag.SourceItem) bool {
	return row.Removed == "" && !(r.keep && row.Reading == r.src.Reading)
}

// compareSettings finds out whether documents are read in another way than before, and
// returns what identifies the way.
func (r *reading) compareSettings(ctx context.Context) string {
	settings := r.s.cfg.Settings(ctx)
	was := r.src.LastReport.Settings
	r.anew = was != "" && settings != was && !r.opt.Part
	return settings
}

// lookUp returns what is kept of an item.
func (r *reading) lookUp(ctx context.Context, id string) (rag.SourceItem, bool, error) {
	row, err := r.s.cfg.Store.SourceItem(ctx, r.src, id)
	if errors.Is(err, rag.ErrNotFound) {
		return row, false, nil
	}
	return row, err == nil, err
}

// lookUpOnce is lookUp for the last time before the item is dealt with.
func (r *reading) lookUpOnce(ctx context.Context, id string) (rag.SourceItem, bool, error) {
	r.mu.Lock()
	row, ok := r.known[id]
	delete(r.known, id)
	r.mu.Unlock()
	if ok {
		return row, true, nil
	}
	return r.lookUp(ctx, id)
}
