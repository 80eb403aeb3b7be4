package syncer

import (
	"context"
	"errors"
	"hash/maphash"
	"io"
	"maps"
	"strings"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
)

// tell takes one event.
func (r *reading) tell(ctx context.Context, e source.Event, queue chan<- input) error {
	if ctx.Err() != nil {
		closeContent(e.Input)
		return context.Cause(ctx)
	}
	path := ExternalID(r.src, e.ID)
	if e.Change == source.Skipped {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.sum.Skipped++
		r.opt.Report(rag.SyncEvent{Item: e.ID, Path: path, Result: rag.AddResult{ExternalID: path, State: rag.Skipped, Err: e.Err}, NotTaken: true})
		return nil
	}
	if fault := checkID(e, path); fault != nil {
		closeContent(e.Input)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.verdict(e.ID, path, rag.AddResult{State: rag.Failed, Err: fault})
		return nil
	}
	row, known, err := r.lookUpOnce(ctx, e.ID)
	if err != nil {
		closeContent(e.Input)
		return err
	}
	r.mu.Lock()
	if e.Change != source.Gone {
		r.told++
		if r.hashes != nil {
			r.hashes[maphash.String(hashSeed, e.ID)] = true
		}
	}
	r.mu.Unlock()
	switch e.Change {
	case source.Put:
		return r.hand(ctx, e, path, row, known, queue)
	case source.Same:
		return r.same(ctx, e, path, row, known)
	case source.Gone:
		return r.drop(ctx, e.ID, path, known)
	case source.Broken:
		if cause := ctx.Err(); cause != nil && errors.Is(e.Err, cause) {
			return context.Cause(ctx) // not a verdict on the item
		}
		return r.broken(ctx, e, path, row)
	}
	return rag.Errorf(rag.KindInternal, "the source tells of %.80q what is not known: %d", e.ID, e.Change)
}

var hashSeed = maphash.MakeSeed()

// Limits on what a source may tell; those of the store are no narrower.
const maxID, maxFingerprint, maxExternalID = 1024, 1024, 1024

func checkID(e source.Event, path string) error {
	switch {
	case e.ID == "" || len(e.ID) > maxID:
		return rag.Errorf(rag.KindInvalid, "its name has %d bytes; 1 to %d can be kept", len(e.ID), maxID)
	case !utf8.ValidString(e.ID) || strings.IndexByte(e.ID, 0) >= 0:
		return rag.Errorf(rag.KindInvalid, "its name %.80q is not valid UTF-8", e.ID)
	case len(path) > maxExternalID:
		return rag.Errorf(rag.KindInvalid, "its name has %d bytes with that of the source; %d can be kept", len(path), maxExternalID)
	case len(e.Fingerprint) > maxFingerprint || !utf8.ValidString(e.Fingerprint) || strings.IndexByte(e.Fingerprint, 0) >= 0:
		return rag.Errorf(rag.KindInternal, "the source gives it a fingerprint of %d bytes that cannot be kept", len(e.Fingerprint))
	}
	return nil
}

// hand gives an item to ingestion.
func (r *reading) hand(ctx context.Context, e source.Event, path string, row rag.SourceItem, known bool, queue chan<- input) error {
	w := &work{event: e, path: path, before: row, was: known}
	if known && row.Removed != "" && !r.opt.Again {
		same, err := r.sameAsRemoved(e, row)
		if err != nil {
			closeContent(e.Input)
			return r.failed(ctx, w, err)
		}
		if same != nil {
			e.Input = *same
		} else {
			closeContent(e.Input)
			return r.stayAway(ctx, w)
		}
	}
	in := e.Input
	in.ExternalID = path
	in.Metadata = over(in.Metadata, r.src.Metadata)
	if in.ACL == nil {
		in.ACL = r.src.ACL
	}
	in.Force = in.Force || r.opt.Force && (!known || r.once(row))
	if r.opt.Prepare != nil {
		r.opt.Prepare(&in)
	}
	w.content, _ = in.Content.(io.Closer)
	w.event.Input = rag.Input{} // it is ingestion's now
	r.mu.Lock()
	r.opt.Report(rag.SyncEvent{Item: e.ID, Path: path, Begun: true})
	r.mu.Unlock()
	select {
	case queue <- input{in, w}:
		return nil
	case <-ctx.Done():
		closeContent(in)
		return context.Cause(ctx)
	}
}

// over lays metadata over that of a document.
func over(of, own rag.Metadata) rag.Metadata {
	if len(own) == 0 {
		return of
	}
	out := make(rag.Metadata, len(of)+len(own))
	maps.Copy(out, of)
	maps.Copy(out, own)
	return out
}

// failed keeps that an item could not be read.
func (r *reading) failed(ctx context.Context, w *work, err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.verdict(w.event.ID, w.path, rag.AddResult{State: rag.Failed, Err: err})
	return r.keepItem(ctx, rag.SourceItem{ID: w.event.ID, ExternalID: w.path, Kind: rag.KindOf(err), Reason: err.Error(), Removed: w.before.Removed})
}

// broken takes an item that the source could not read. What is stored of it stays.
func (r *reading) broken(ctx context.Context, e source.Event, path string, row rag.SourceItem) error {
	if e.Err == nil {
		e.Err = rag.Errorf(rag.KindUnavailable, "cannot be read")
	}
	// Without a fingerprint it is read as soon as it can be.
	return r.failed(ctx, &work{event: source.Event{ID: e.ID}, path: path, before: row}, e.Err)
}

// same takes an item that has not changed.
func (r *reading) same(ctx context.Context, e source.Event, path string, row rag.SourceItem, known bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known && r.keep && row.Reading == r.src.Reading {
		return nil // told of by an earlier try
	}
	switch {
	case known && row.Kind != "":
		r.verdict(e.ID, path, rag.AddResult{State: rag.Failed, Err: rag.Errorf(row.Kind, "%s", row.Reason)})
	case known && row.Removed != "":
		r.verdict(e.ID, path, rag.AddResult{State: rag.Skipped, Err: removedByHand})
	case known && row.Reason != "":
		r.verdict(e.ID, path, rag.AddResult{State: rag.Skipped, Err: rag.Errorf(rag.KindInvalid, "%s", row.Reason)})
	default:
		r.verdict(e.ID, path, rag.AddResult{State: rag.Unchanged})
	}
	if !known || !r.keep {
		return nil
	}
	if e.Fingerprint != "" && e.Fingerprint != row.Fingerprint {
		row.Fingerprint = e.Fingerprint // the same content, but a source may have learnt how to ask for it better
		return r.keepItem(ctx, row)
	}
	r.seen = append(r.seen, e.ID)
	return r.flushSome(ctx)
}

// drop takes an item that is gone.
func (r *reading) drop(ctx context.Context, id, path string, known bool) error {
	if !known {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.keep {
		r.verdict(id, path, rag.AddResult{State: rag.Removed})
		return nil
	}
	r.gone = append(r.gone, id)
	return r.flushSome(ctx)
}
