package syncer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash/maphash"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
)

// What is kept of items is written in batches: when so many wait, or for so long.
const (
	batchItems = 256
	batchTime  = time.Second
)

// maxKnown bounds the items that a source has asked for and not told of yet.
const maxKnown = 4096

// reading is one reading of a source.
type reading struct {
	s    *Syncer
	src  rag.Source
	opt  Options
	keep bool // what becomes of items is kept; otherwise it is looked at only
	anew bool // documents are read in another way than when the source was read last

	mu      sync.Mutex
	sum     rag.SyncReport
	known   map[string]rag.SourceItem // looked up for the source, until it tells of them
	work    map[int]*work             // handed to ingestion, by index
	put     []rag.SourceItem          // to be kept
	seen    []string                  // to be noted as they were
	gone    []string                  // to be dropped
	flushed time.Time
	told    int             // items that are there
	again   bool            // something failed for a reason that may pass
	hashes  map[uint64]bool // of ids told of, where nothing is kept
	failing map[string]bool // external ids of documents counted as failed, which a further try may better
}

// work is an item that ingestion has.
type work struct {
	event   source.Event
	path    string // its external id
	before  rag.SourceItem
	was     bool // before is what was kept of it
	content io.Closer
	results int
	own     *rag.AddResult  // that of the item itself
	within  map[string]bool // external ids of documents within it
	failed  []rag.AddResult // of these, the first few
	faults  int
}

// tries reads the whole until it succeeds, for as long as it is merely unavailable.
func (r *reading) tries(ctx context.Context, from source.Source, ingest Ingester) (source.Result, error) {
	r.keep = true
	r.flushed = r.s.cfg.Clock()
	for try := 1; ; try++ {
		r.sum.Tries = try
		res, err := r.attempt(ctx, from, ingest.Run)
		if err == nil || ctx.Err() != nil || rag.KindOf(err) != rag.KindUnavailable || try >= r.s.cfg.Tries {
			return res, err
		}
		wait := time.Second << (2 * (try - 1)) // 1 s, 4 s, 16 s, ...
		r.opt.Report(rag.SyncEvent{Result: rag.AddResult{Err: err}, Wait: wait})
		if err := r.s.cfg.Wait(ctx, wait); err != nil {
			return res, err
		}
	}
}

// input is an item on its way to ingestion.
type input struct {
	in rag.Input
	w  *work
}

// run is Ingester.Run, or what stands for it in a dry run.
type run func(ctx context.Context, inputs iter.Seq[rag.Input], report func(index int, res rag.AddResult)) error

// attempt reads the whole once. What ingestion has committed when it returns is
// kept.
func (r *reading) attempt(ctx context.Context, from source.Source, ingest run) (source.Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan input, ahead)
	var res source.Result
	var readErr error
	var reader sync.WaitGroup
	reader.Go(func() {
		defer close(queue)
		res, readErr = from.Sync(ctx, state{r}, func(e source.Event) error { return r.tell(ctx, e, queue) })
	})
	r.again = false
	drawn := 0
	err := ingest(ctx, func(yield func(rag.Input) bool) {
		for batch := range batches(queue) {
			if err := r.announce(ctx, batch); err != nil {
				cancel(err)
			}
			for i, q := range batch {
				r.mu.Lock()
				r.work[drawn] = q.w
				drawn++
				r.mu.Unlock()
				if !yield(q.in) {
					for _, q := range batch[i+1:] {
						closeContent(q.in)
					}
					return
				}
			}
		}
	}, func(index int, result rag.AddResult) {
		if err := r.result(ctx, index, result); err != nil {
			cancel(err)
		}
	})
	if err != nil {
		cancel(err)
	}
	for q := range queue {
		closeContent(q.in)
	}
	reader.Wait()

	r.mu.Lock()
	defer r.mu.Unlock()
	if cause := context.Cause(ctx); err == nil && cause != nil {
		err = cause
	}
	if err == nil {
		// Whatever ingestion said of an item, it has said now.
		for _, index := range slices.Sorted(maps.Keys(r.work)) {
			if err = r.settle(ctx, index); err != nil {
				break
			}
		}
	}
	for _, w := range r.work {
		closeWork(w)
	}
	clear(r.work)
	clear(r.known)
	// Also after an error, of ctx or another: what is committed is committed.
	if flushErr := r.flush(context.WithoutCancel(ctx)); err == nil {
		err = flushErr
	}
	if err == nil {
		err = readErr
	}
	return res, err
}

// ahead is how many items wait for ingestion, so that they are announced together.
const ahead = 16

// batches yields what is in a queue, as much as is there.
func batches(queue <-chan input) iter.Seq[[]input] {
	return func(yield func([]input) bool) {
		for q := range queue {
			batch := []input{q}
			for more := true; more && len(batch) < ahead; {
				select {
				case q, open := <-queue:
					if more = open; open {
						batch = append(batch, q)
					}
				default:
					more = false
				}
			}
			if !yield(batch) {
				return
			}
		}
	}
}

// announce keeps items that are new, without a fingerprint, before ingestion has them.
// Should this process die between the commit of a document and the next flush, and the
// item go before the next reading, that reading still knows the document as the
// source's, and deletes it.
func (r *reading) announce(ctx context.Context, batch []input) error {
	if !r.keep {
		return nil
	}
	var rows []rag.SourceItem
	for _, q := range batch {
		if !q.w.was {
			rows = append(rows, rag.SourceItem{ID: q.w.event.ID, ExternalID: q.w.path})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return r.s.cfg.Store.PutItems(ctx, r.src, rows)
}

func closeContent(in rag.Input) {
	if c, ok := in.Content.(io.Closer); ok {
		c.Close() // only read from: nothing can be lost
	}
}

func closeWork(w *work) {
	if w.content != nil {
		w.content.Close() // as above; ingestion may have given it up
		w.content = nil
	}
}

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

// sameAsRemoved compares an item with its document that somebody deleted. It returns
// nil if it is the same, else the input, whose content may have been read.
func (r *reading) sameAsRemoved(e source.Event, row rag.SourceItem) (*rag.Input, error) {
	if e.Fingerprint != "" && e.Fingerprint == row.Fingerprint {
		return nil, nil
	}
	in := e.Input
	if in.Content == nil {
		if sum := sha256.Sum256([]byte(in.Text)); hex.EncodeToString(sum[:]) == row.Removed {
			return nil, nil
		}
		return &in, nil
	}
	content, err := io.ReadAll(io.LimitReader(in.Content, r.s.cfg.MaxBytes+1))
	if err != nil {
		return nil, err
	}
	closeContent(in)
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) == row.Removed {
		return nil, nil
	}
	in.Content = bytes.NewReader(content) // one that is too large is refused by ingestion
	return &in, nil
}

// removedByHand is why an item that is the same as its deleted document stays away.
var removedByHand = rag.Errorf(rag.KindInvalid, "its document was deleted by hand and it has not changed since")

func (r *reading) stayAway(ctx context.Context, w *work) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.verdict(w.event.ID, w.path, rag.AddResult{State: rag.Skipped, Err: removedByHand})
	row := w.before
	row.Fingerprint = w.event.Fingerprint
	return r.keepItem(ctx, row)
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

// verdict counts and tells what became of a document. r.mu is held.
func (r *reading) verdict(id, path string, res rag.AddResult) {
	if res.ExternalID == "" {
		res.ExternalID = path
	}
	if r.failing[res.ExternalID] { // by the try before
		delete(r.failing, res.ExternalID)
		r.sum.Failed--
		r.sum.Failures = slices.DeleteFunc(r.sum.Failures, func(f rag.SyncFailure) bool { return f.Path == res.ExternalID })
	}
	if res.State == rag.Failed && (rag.SourceItem{Kind: rag.KindOf(res.Err)}).MayPass() {
		r.again = true
		if r.failing == nil {
			r.failing = map[string]bool{}
		}
		r.failing[res.ExternalID] = true
	}
	r.sum.Count(res.ExternalID, res)
	r.opt.Report(rag.SyncEvent{Item: id, Path: path, Result: res})
}

// result takes what ingestion says of a document of an item.
func (r *reading) result(ctx context.Context, index int, res rag.AddResult) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.work[index]
	if w == nil {
		return rag.Errorf(rag.KindInternal, "ingestion tells of input %d after its last result", index)
	}
	path := w.path
	if res.ExternalID != "" {
		path = res.ExternalID
	}
	r.verdict(w.event.ID, path, res)
	if res.State != rag.Removed {
		w.count(path, res)
	}
	if res.More {
		return nil
	}
	return r.settle(ctx, index)
}

// count notes what became of a document that the item is or holds now.
func (w *work) count(path string, res rag.AddResult) {
	w.results++
	if res.State == rag.Failed {
		w.faults++
		if len(w.failed) < 3 {
			w.failed = append(w.failed, res)
		}
	}
	if path == w.path {
		w.own = &res
		return
	}
	if w.within == nil {
		w.within = map[string]bool{}
	}
	w.within[path] = true
}

// settle keeps what became of an item, and deletes what it has no more. r.mu is
// held.
func (r *reading) settle(ctx context.Context, index int) error {
	w := r.work[index]
	closeWork(w)
	delete(r.work, index)
	if !r.keep {
		return nil
	}
	row := rag.SourceItem{ID: w.event.ID, ExternalID: w.path, Fingerprint: w.event.Fingerprint}
	switch {
	case w.own != nil && w.own.Err != nil:
		row.Kind, row.Reason = rag.KindOf(w.own.Err), w.own.Err.Error()
		if w.own.State == rag.Skipped {
			row.Kind = "" // it is as it should be
		}
	case w.faults > 0:
		row.Kind, row.Reason = withinFailed(w)
	}
	if w.own != nil && w.own.State == rag.Failed {
		row.Removed = w.before.Removed
	}
	if err := r.keepItem(ctx, row); err != nil {
		return err
	}
	return r.prune(ctx, w)
}

// withinFailed sums up the failures of documents within an item. One that may pass
// counts most: the item is then read again.
func withinFailed(w *work) (rag.Kind, string) {
	worst := w.failed[0]
	for _, f := range w.failed {
		if (rag.SourceItem{Kind: rag.KindOf(f.Err)}).MayPass() {
			worst = f
			break
		}
	}
	kind := rag.KindOf(worst.Err)
	return kind, rag.Errorf(kind, "%d of %d documents in it failed, such as %s: %w", w.faults, w.results, worst.ExternalID, worst.Err).Error()
}

// prune deletes documents that an item had and has no more. What failed has what it
// had.
func (r *reading) prune(ctx context.Context, w *work) error {
	keep := slices.Collect(maps.Keys(w.within))
	if w.own != nil {
		keep = append(keep, w.path)
	}
	switch {
	case !w.was || w.results == 0:
		return nil // it is new, or nobody knows
	case w.own != nil && w.within == nil && w.own.State != rag.Added && w.own.State != rag.Updated:
		return nil // nothing was read of it
	case w.own != nil && w.own.State == rag.Failed:
		return nil // of an archive that breaks off, what follows was not seen
	}
	deleted, err := r.s.cfg.Store.PruneDocuments(ctx, r.src, w.path, keep)
	r.deleted(w.event.ID, deleted)
	return err
}

// deleted tells of documents that were deleted. r.mu is held.
func (r *reading) deleted(item string, externalIDs []string) {
	if len(externalIDs) == 0 {
		return
	}
	for _, id := range externalIDs {
		r.verdict(item, id, rag.AddResult{State: rag.Removed, ExternalID: id})
	}
	r.opt.Deleted(externalIDs)
}

// keepItem keeps an item, soon. r.mu is held.
func (r *reading) keepItem(ctx context.Context, row rag.SourceItem) error {
	if !r.keep {
		return nil
	}
	row.Reason = strings.ToValidUTF8(row.Reason, "\uFFFD")
	r.put = append(r.put, row)
	return r.flushSome(ctx)
}

// flushSome writes what waits, if it is much or has waited long. r.mu is held.
func (r *reading) flushSome(ctx context.Context) error {
	if len(r.put)+len(r.seen)+len(r.gone) < batchItems && r.s.cfg.Clock().Sub(r.flushed) < batchTime {
		return nil
	}
	return r.flush(ctx)
}

// flush writes what waits. r.mu is held.
func (r *reading) flush(ctx context.Context) error {
	r.flushed = r.s.cfg.Clock()
	if !r.keep {
		return nil
	}
	if len(r.put) > 0 {
		if err := r.s.cfg.Store.PutItems(ctx, r.src, r.put); err != nil {
			return err
		}
		r.put = r.put[:0]
	}
	if len(r.seen) > 0 {
		if err := r.s.cfg.Store.SeenItems(ctx, r.src, r.seen); err != nil {
			return err
		}
		r.seen = r.seen[:0]
	}
	if len(r.gone) > 0 {
		gone := r.gone
		r.gone = nil
		deleted, err := r.s.cfg.Store.DropItems(ctx, r.src, gone)
		r.deleted("", deleted)
		return err
	}
	return nil
}

// enoughToAsk is from how many items on a source that is empty all at once is not
// believed.
const enoughToAsk = 10

// dropStale deletes what the reading has not told of, but for what it could not see.
func (r *reading) dropStale(ctx context.Context, unseen []string) error {
	if r.keep && r.told == 0 && r.src.Items > enoughToAsk && !r.opt.AllowEmpty {
		return rag.Errorf(rag.KindRefused, "the source is empty, and had %d items: nothing was deleted. If that is right, allow it (--allow-empty); if a disk is not mounted or a site is down, read it again later", r.src.Items)
	}
	for {
		stale, err := r.s.cfg.Store.StaleItems(ctx, r.src, r.src.Reading, batchItems)
		if err != nil || len(stale) == 0 {
			return err
		}
		var ids, hidden []string
		for _, i := range stale {
			if hides(unseen, i.ID) {
				hidden = append(hidden, i.ID)
			} else {
				ids = append(ids, i.ID)
			}
		}
		if err := r.s.cfg.Store.SeenItems(ctx, r.src, hidden); err != nil {
			return err
		}
		deleted, err := r.s.cfg.Store.DropItems(ctx, r.src, ids)
		if err != nil {
			return err
		}
		r.mu.Lock()
		r.deleted("", deleted)
		r.mu.Unlock()
	}
}

// hides reports whether an id begins with one of these.
func hides(unseen []string, id string) bool {
	return slices.ContainsFunc(unseen, func(begin string) bool { return strings.HasPrefix(id, begin) })
}
