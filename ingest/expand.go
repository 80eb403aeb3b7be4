package ingest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/archive"
	"github.com/smartretriever/smartretriever/text/extract/format"
)

// An archive among the inputs is taken apart before it is read: each of its files
// becomes an input of its own that inherits from the archive, and is read or known
// already like any other. Members are independent of each other; what is wrong with
// one is its own result. The archive yields no document. What it held in an earlier
// version and does not hold any more is deleted once all of it has been read.
//
// An archive that has not changed costs unpacking, a hash and a look-up for each
// member: nothing of it is extracted or cut.

// parcel is an archive whose members are being prepared. Its counters belong to
// whoever takes what is emitted; the rest is not changed once the end is emitted.
type parcel struct {
	in   rag.Input // the archive, with ExternalID settled and without content
	seen map[string]struct{}

	own   rag.AddResult // the archive's, without a verdict
	total int           // members that were emitted, once ended
	ended bool
	told  int   // results taken
	read  int   // of these, without a fault
	first error // fault of the first that had one
	kept  bool  // all faults are of members that were left out
}

// expand emits the members of an archive as they come, and then its end. A member
// goes to another worker if one is idle, and is prepared at once if none is: so a
// large archive is read by all, and no worker waits for another.
func (w *work) expand(ctx context.Context, n numbered, content []byte, begun time.Time) {
	box := &parcel{in: n.in, seen: map[string]struct{}{}, kept: true}
	box.in.Content = nil
	if box.in.ExternalID == "" { // named by what it holds, so that another of the same name is another one
		sum := sha256.Sum256(content)
		box.in.ExternalID = "archive-" + hex.EncodeToString(sum[:8])
	}
	end := prepared{index: n.index, from: box, end: true, final: true}
	end.result = rag.AddResult{ExternalID: box.in.ExternalID, Source: n.in.Source, Title: n.in.Title, Bytes: int64(len(content))}
	total := 0
	for m, err := range archive.Members(ctx, fileName(n.in), content, archive.Options{Password: n.in.Password, Member: w.p.cfg.MaxBytes}) {
		if err != nil {
			end.result.Err = err
			break
		}
		if hidden(m.Path) {
			continue
		}
		total++
		child := numbered{index: n.index, in: box.member(m), from: box, err: m.Err, content: m.Content}
		box.seen[child.in.ExternalID] = struct{}{}
		select {
		case w.members <- child:
		default:
			w.member(ctx, child)
		}
	}
	end.total = total
	end.result.Took = w.p.cfg.Clock().Sub(begun)
	w.emit(end)
}

// member prepares a member of an archive.
func (w *work) member(ctx context.Context, n numbered) {
	begun := w.p.cfg.Clock()
	err := n.err
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = unreadable(n.in.Name, n.content)
	}
	if err == nil {
		err = validate(&n.in)
	}
	d := w.p.prepare(ctx, w.at(), n, n.content, err, begun)
	if rag.KindOf(d.result.Err) == rag.KindRefused {
		d.result.State = rag.Skipped
	}
	w.emit(d)
}

// unreadable says of a member what the walk over a folder says of a file: one whose
// name promises no document and whose content is of no kind that can be read is left
// out (KindRefused) and not a fault.
func unreadable(name string, content []byte) error {
	if format.ByName(name) != "" {
		return nil
	}
	_, err := format.Detect(name, content)
	if rag.KindOf(err) == rag.KindInvalid {
		return rag.Wrap(rag.KindRefused, err, "")
	}
	return nil
}

// hidden reports whether a path leads through a name that begins with a dot.
func hidden(name string) bool {
	return strings.HasPrefix(name, ".") && !strings.HasPrefix(name, "..") || strings.Contains(name, "/.") && !strings.Contains(name, "/..")
}

// member is the input that a member of the archive is.
func (b *parcel) member(m archive.Member) rag.Input {
	in := b.in
	in.Title = ""
	in.ExternalID = rag.ArchiveMember(b.in.ExternalID, m.Path)
	if b.in.Source != "" {
		in.Source = rag.ArchiveMember(b.in.Source, m.Path)
	}
	in.Name = path.Base(m.Path)
	in.Content = bytes.NewReader(nil) // its bytes are at hand: only that it is a file matters
	if !m.Modified.IsZero() {
		in.ModifiedAt = m.Modified
	}
	if _, given := in.Metadata["archive"]; !given {
		in.Metadata = maps.Clone(in.Metadata)
		if in.Metadata == nil {
			in.Metadata = rag.Metadata{}
		}
		in.Metadata["archive"] = rag.Str(cmp.Or(b.in.Name, base(b.in.Source), b.in.ExternalID))
	}
	return in
}

func base(name string) string {
	if name == "" {
		return ""
	}
	return filepath.Base(name)
}

// verdict completes the archive's own result: why not all of it could be read, or
// none. ok says that there is nothing to say.
func (b *parcel) verdict(r *rag.AddResult) (ok bool) {
	r.State = rag.Failed
	switch {
	case r.Err != nil:
	case b.read > 0:
		return true
	case b.total == 0:
		r.State, r.Err = rag.Skipped, rag.Errorf(rag.KindInvalid, "the archive holds no files")
	default:
		if b.kept {
			r.State = rag.Skipped
		}
		r.Err = rag.Errorf(rag.KindOf(b.first), "none of the %d files of the archive could be read; the first: %w", b.total, b.first)
	}
	return false
}

// took counts a member's result.
func (b *parcel) took(state rag.AddState, err error) {
	b.told++
	if err == nil {
		b.read++
		return
	}
	if b.first == nil {
		b.first = err
	}
	b.kept = b.kept && state == rag.Skipped
}

// complete reports whether the archive and all its members have been taken.
func (b *parcel) complete() bool { return b.ended && b.told == b.total }

// gone deletes the documents of members that an archive held and does not hold any
// more, and the one that stood in its place before it was an archive.
func (p *Pipeline) gone(ctx context.Context, col rag.Collection, b *parcel, tell func(rag.AddResult)) error {
	if old, err := p.known(ctx, col, rag.Input{ExternalID: b.in.ExternalID}); err != nil {
		return err
	} else if old != nil {
		if err := p.remove(ctx, col, b, *old, tell); err != nil {
			return err
		}
	}
	const page = 500
	prefix := rag.ArchiveMember(b.in.ExternalID, "")
	for after := ""; ; {
		docs, err := p.cfg.Store.DocumentsUnder(ctx, col.ID, prefix, after, page)
		if err != nil {
			return err
		}
		for _, d := range docs {
			after = d.ExternalID
			if _, there := b.seen[d.ExternalID]; there {
				continue
			}
			if err := p.remove(ctx, col, b, d, tell); err != nil {
				return err
			}
		}
		if len(docs) < page {
			return nil
		}
	}
}

func (p *Pipeline) remove(ctx context.Context, col rag.Collection, b *parcel, d rag.Document, tell func(rag.AddResult)) error {
	if b.in.MayReplace != nil && b.in.MayReplace(d) != nil {
		return nil
	}
	err := p.cfg.Store.DeleteDocument(ctx, rag.Scope{Tenant: col.Tenant, Collection: col.Name, Admin: true}, d.ID)
	switch {
	case rag.KindOf(err) == rag.KindNotFound: // somebody else was quicker
		return nil
	case err != nil:
		return err
	}
	tell(rag.AddResult{ID: d.ID, ExternalID: d.ExternalID, Source: d.Source, Title: d.Title, State: rag.Removed, Version: d.Version})
	return nil
}

// series passes results on, one input's last one marked as such: of an archive it
// holds each back until the next has come.
type series[T any] struct {
	report func(index int, result T, more bool)
	held   map[*parcel]*held[T]
}

type held[T any] struct {
	index  int
	result T
}

func newSeries[T any](report func(index int, result T, more bool)) *series[T] {
	return &series[T]{report, map[*parcel]*held[T]{}}
}

func (s *series[T]) take(index int, from *parcel, result T) {
	if from == nil {
		s.report(index, result, false)
		return
	}
	before := s.held[from]
	s.held[from] = &held[T]{index, result}
	if before != nil {
		s.report(before.index, before.result, true)
	}
}

// end reports the last result of an archive.
func (s *series[T]) end(from *parcel) {
	if last := s.held[from]; last != nil {
		delete(s.held, from)
		s.report(last.index, last.result, false)
	}
}

// flush reports what is held of archives that were not read to their end.
func (s *series[T]) flush() {
	for from, last := range s.held {
		delete(s.held, from)
		s.report(last.index, last.result, true)
	}
}
