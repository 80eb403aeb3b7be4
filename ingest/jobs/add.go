package jobs

import (
	"context"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// page is how many items are read from the store at a time.
const page = 100

// add hands the items that have no verdict to ingestion, and those again whose fault may
// pass.
func (t *turn) add(ctx context.Context) error {
	for pass := 1; ; pass++ {
		again, err := t.pass(ctx, pass)
		if err != nil || !again {
			return err
		}
		if err := t.verdicts.flush(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(t.r.pause(pass)):
		}
	}
}

// pass hands every waiting item to ingestion once, and reports whether some of them are to
// be tried again.
func (t *turn) pass(ctx context.Context, number int) (again bool, err error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var mu sync.Mutex
	open := map[int]rag.JobItem{} // by the index of their input
	index := 0
	inputs := func(yield func(rag.Input) bool) {
		for after := 0; ; {
			items, err := t.r.cfg.Store.WaitingJobItems(ctx, t.job.ID, after, page)
			if err != nil {
				stop(err)
				return
			}
			for _, it := range items {
				after = it.Number
				mu.Lock()
				open[index] = it
				index++
				mu.Unlock()
				if !yield(t.input(ctx, it)) {
					return
				}
			}
			if len(items) < page {
				return
			}
		}
	}
	sums := map[int]*sum{} // of archives, while further results of them follow
	err = t.r.cfg.Add(ctx, t.job, inputs, func(i int, res rag.AddResult) {
		if s := sums[i]; s != nil || res.More {
			if s == nil {
				s = &sum{}
				sums[i] = s
			}
			s.add(res)
			if res.More {
				return
			}
			delete(sums, i)
			res = s.result()
		}
		mu.Lock()
		it := open[i]
		delete(open, i)
		mu.Unlock()
		it.Tries++
		it.State, it.DocumentID, it.Chunks, it.Warnings = res.State, res.ID, res.Chunks, res.Warnings
		it.Error, it.Kind = "", ""
		if res.Err != nil {
			it.Error, it.Kind = res.Err.Error(), rag.KindOf(res.Err)
		}
		if it.State == rag.Failed && it.Kind == rag.KindUnavailable && number < t.r.cfg.Tries {
			it.State = "" // it has no verdict yet
			again = true
		} else {
			t.count(res)
		}
		if err := t.verdicts.add(ctx, it); err != nil {
			stop(err)
		}
	})
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return again, err
}

// sum is the one verdict on an archive, made of those on its files.
type sum struct {
	all    rag.AddResult
	files  int
	states map[rag.AddState]int
	faults []string
	kind   rag.Kind
}

// maxFaults bounds the files of an archive whose faults are told.
const maxFaults = 20

func (s *sum) add(res rag.AddResult) {
	if s.states == nil {
		s.states = map[rag.AddState]int{}
	}
	s.files++
	s.states[res.State]++
	s.all.Bytes += res.Bytes
	s.all.Pages += res.Pages
	s.all.Chunks += res.Chunks
	s.all.Embedded += res.Embedded
	s.all.EmbeddedTokens += res.EmbeddedTokens
	if res.State != rag.Failed || res.Err == nil {
		return
	}
	if kind := rag.KindOf(res.Err); s.kind == "" || kind == rag.KindUnavailable {
		s.kind = kind // one fault that may pass has the archive tried again
	}
	if len(s.faults) < maxFaults {
		s.faults = append(s.faults, res.Err.Error())
	}
}

// result is failed if any of the files is, else what became of the files for which
// something was to be done.
func (s *sum) result() rag.AddResult {
	res := s.all
	for _, state := range []rag.AddState{rag.Failed, rag.Added, rag.Updated, rag.Removed, rag.Unchanged, rag.Skipped} {
		if s.states[state] > 0 {
			res.State = state
			break
		}
	}
	switch res.State {
	case rag.Failed:
		res.Err = rag.Errorf(s.kind, "%d of %d files failed: %s", s.states[rag.Failed], s.files, strings.Join(s.faults, "; "))
	case rag.Removed:
		res.State = rag.Updated
	}
	return res
}

// input is an item as ingestion takes it.
func (t *turn) input(ctx context.Context, it rag.JobItem) rag.Input {
	s := it.Input
	in := rag.Input{
		ExternalID: s.ExternalID, Title: s.Title, Source: s.Source, Name: s.Name, MediaType: s.MediaType, Metadata: s.Metadata, ACL: s.ACL,
		ModifiedAt: s.ModifiedAt, Force: s.Force, Password: t.r.password(t.job.ID, it.Number),
	}
	if who := (rag.Scope{Principals: t.job.Principals, Admin: t.job.Admin}); !who.Admin {
		in.MayReplace = func(d rag.Document) error {
			if who.May(d.ACL) {
				return nil
			}
			return rag.Errorf(rag.KindConflict, "external_id %.80q is in use", d.ExternalID)
		}
	}
	content := &lazy{open: func() (io.ReadCloser, error) {
		r, _, err := t.r.cfg.Blobs.Open(ctx, s.SHA256)
		return r, err
	}}
	if !s.IsText {
		in.Content = content
		return in
	}
	// A text is told its format by its media type, and is short enough for a request.
	var b strings.Builder
	_, err := io.Copy(&b, content)
	content.Close() // only read from: nothing can be lost
	if err != nil {
		in.Content = &lazy{open: func() (io.ReadCloser, error) { return nil, err }}
		return in
	}
	in.Text = b.String()
	return in
}

// lazy opens a content with the first Read, so that only those are open that are read.
type lazy struct {
	open    func() (io.ReadCloser, error)
	content io.ReadCloser
	err     error
}

func (l *lazy) Read(p []byte) (int, error) {
	if l.content == nil && l.err == nil {
		if l.content, l.err = l.open(); l.err != nil {
			l.content = nil
		}
	}
	if l.err != nil {
		return 0, l.err
	}
	return l.content.Read(p)
}

// Close may be called more than once.
func (l *lazy) Close() error {
	c := l.content
	l.content, l.err = nil, io.EOF
	if c == nil {
		return nil
	}
	return c.Close()
}
