package syncer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
	"github.com/smartretriever/smartretriever/store/sqlite"
	"github.com/smartretriever/smartretriever/store/storetest"
)

var _ Store = (*sqlite.Store)(nil)

// bench is a store with one source, whose events the test writes, and an ingester
// that stores texts. A text "archive a=1 b=2" holds the documents a and b; one that
// begins with "bad" cannot be stored, one with "busy" not now.
type bench struct {
	t      *testing.T
	store  *sqlite.Store
	col    rag.Collection
	src    rag.Source
	syncer *Syncer
	waits  []time.Duration

	events   []source.Event
	result   source.Result
	errs     []error // of the whole, one a reading
	during   func()  // called at the end of a reading
	told     []string
	opt      rag.SyncOptions
	settings string
	forced   []string // ids of inputs that are read again although they may be as they were
	dies     bool     // ingestion dies between committing a document and saying so

	committed func() // called when the last member of an archive is committed, before it is told of
}

func newBench(t *testing.T) *bench {
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "store.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	b := &bench{t: t, store: s}
	if b.col, err = s.CreateCollection(t.Context(), storetest.Spec("", "c")); err != nil {
		t.Fatal(err)
	}
	if b.src, err = s.CreateSource(t.Context(), rag.Source{CollectionID: b.col.ID, Name: "s", Kind: "k", Settings: json.RawMessage(`{}`)}); err != nil {
		t.Fatal(err)
	}
	b.syncer = New(Config{Store: s, Settings: func(context.Context) string { return b.settings }, Wait: func(ctx context.Context, d time.Duration) error {
		b.waits = append(b.waits, d)
		return ctx.Err()
	}})
	return b
}

func (b *bench) Sync(ctx context.Context, have source.State, tell func(source.Event) error) (source.Result, error) {
	b.told = nil
	for _, e := range b.events {
		item, ok, err := have.Item(ctx, e.ID)
		if err != nil {
			return source.Result{}, err
		}
		if e.Change == source.Put && ok && !item.Failed && item.Fingerprint == e.Fingerprint {
			e.Change, e.Input = source.Same, rag.Input{}
		}
		b.told = append(b.told, fmt.Sprint(e.Change, " ", e.ID))
		if err := tell(e); err != nil {
			return source.Result{}, err
		}
	}
	if b.during != nil {
		b.during()
	}
	var err error
	if len(b.errs) > 0 {
		err, b.errs = b.errs[0], b.errs[1:]
	}
	return b.result, err
}

func (b *bench) Run(ctx context.Context, inputs iter.Seq[rag.Input], report func(int, rag.AddResult)) error {
	index := 0
	for in := range inputs {
		if in.Force {
			b.forced = append(b.forced, in.ExternalID)
		}
		text := in.Text
		if in.Content != nil {
			data, err := io.ReadAll(in.Content)
			if err != nil {
				return err
			}
			text = string(data)
		}
		members, archive := strings.CutPrefix(text, "archive ")
		if !archive {
			res := b.put(ctx, in.ExternalID, text)
			if b.dies {
				return errors.New("killed")
			}
			report(index, res)
		} else {
			list := strings.Fields(members)
			for i, m := range list {
				name, text, _ := strings.Cut(m, "=")
				res := b.put(ctx, in.ExternalID+rag.MemberMark+name, text)
				res.More = i < len(list)-1
				if !res.More && b.committed != nil {
					b.committed()
				}
				report(index, res)
			}
		}
		index++
	}
	return ctx.Err()
}

func (b *bench) put(ctx context.Context, id, text string) rag.AddResult {
	res := rag.AddResult{ExternalID: id}
	switch {
	case strings.HasPrefix(text, "bad"):
		res.State, res.Err = rag.Failed, rag.Errorf(rag.KindInvalid, "is damaged")
		return res
	case strings.HasPrefix(text, "busy"):
		res.State, res.Err = rag.Failed, rag.Errorf(rag.KindUnavailable, "is busy")
		return res
	}
	old, err := b.store.FindDocument(ctx, b.col.ID, id)
	put := storetest.Put(b.col.ID, id, text)
	if err == nil && old.SHA256 == put.Document.SHA256 {
		res.State = rag.Unchanged
		return res
	}
	results, err := b.store.PutDocuments(ctx, []rag.Put{put})
	if err != nil {
		res.State, res.Err = rag.Failed, err
		return res
	}
	res.State = results[0].State
	return res
}

func (b *bench) Estimate(context.Context, iter.Seq[rag.Input], func(int, rag.DocumentEstimate)) error {
	return errors.New("not asked for")
}

// has sets what the source tells of: ids with their texts, by which they are told
// apart.
func (b *bench) has(items map[string]string) {
	b.events, b.result = nil, source.Result{Complete: true}
	for _, id := range slices.Sorted(maps.Keys(items)) {
		b.events = append(b.events, source.Event{Change: source.Put, ID: id, Fingerprint: items[id], Input: rag.Input{Text: items[id]}})
	}
}

func (b *bench) sync() (rag.SyncReport, error) {
	b.t.Helper()
	return b.syncer.Sync(b.t.Context(), b.src, b, b, Options{SyncOptions: b.opt})
}

// gives reads the source and checks counts and what is stored.
func (b *bench) gives(what, counts string, stored ...string) {
	b.t.Helper()
	sum, err := b.sync()
	if err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
	if got := fmt.Sprintf("%d+ %d~ %d= %d- %d!", sum.Added, sum.Updated, sum.Unchanged, sum.Deleted, sum.Failed); got != counts {
		b.t.Errorf("%s: %s, want %s", what, got, counts)
	}
	page, err := b.store.Documents(b.t.Context(), rag.Scope{Collection: "c", Admin: true}, rag.ListOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	var got []string
	for _, d := range page.Items {
		got = append(got, d.ExternalID)
	}
	slices.Sort(got)
	if !slices.Equal(got, stored) {
		b.t.Errorf("%s: %q is stored, want %q", what, got, stored)
	}
	storetest.Sound(b.t, b.store)
}

func (b *bench) item(id string) rag.SourceItem {
	b.t.Helper()
	src, err := b.store.Source(b.t.Context(), b.col.ID, "s")
	if err != nil {
		b.t.Fatal(err)
	}
	i, err := b.store.SourceItem(b.t.Context(), src, id)
	if err != nil {
		b.t.Fatal(err)
	}
	return i
}

func TestDocumentsWithinDocuments(t *testing.T) {
	b := newBench(t)
	b.has(map[string]string{"/a.zip": "archive x=1 y=2 z=bad", "/b": "plain"})
	b.gives("first", "3+ 0~ 0= 0- 1!", "/a.zip!/x", "/a.zip!/y", "/b")
	if i := b.item("/a.zip"); i.Kind != rag.KindInvalid || !strings.Contains(i.Reason, "1 of 3") || !strings.Contains(i.Reason, "/a.zip!/z: is damaged") {
		t.Errorf("%+v", i)
	}
	b.gives("again", "0+ 0~ 1= 0- 1!", "/a.zip!/x", "/a.zip!/y", "/b") // what is damaged stays so
	b.has(map[string]string{"/a.zip": "archive y=3 w=4", "/b": "plain"})
	b.gives("other members", "1+ 1~ 1= 1- 0!", "/a.zip!/w", "/a.zip!/y", "/b")
	b.has(map[string]string{"/a.zip": "plain now", "/b": "archive p=1"})
	b.gives("archive and plain change places", "2+ 0~ 0= 3- 0!", "/a.zip", "/b!/p")
	b.has(map[string]string{"/b": "archive p=1"})
	b.gives("gone", "0+ 0~ 1= 1- 0!", "/b!/p")
	b.has(map[string]string{"/b": "bad"})
	b.gives("damaged: what is stored stays", "0+ 0~ 0= 0- 1!", "/b!/p")
	b.has(nil)
	b.gives("all gone", "0+ 0~ 0= 1- 0!")
}

func TestWhatMayPassIsReadAgain(t *testing.T) {
	b := newBench(t)
	b.has(map[string]string{"busy": "busy", "bad": "bad", "busy.zip": "archive a=1 b=busy"})
	b.result.Cursor = []byte("1")
	b.gives("first", "1+ 0~ 0= 0- 3!", "s:busy.zip!/a")
	b.gives("again", "0+ 0~ 1= 0- 3!", "s:busy.zip!/a")
	if fmt.Sprint(b.told) != fmt.Sprintf("[%d bad %d busy %d busy.zip]", source.Same, source.Put, source.Put) {
		t.Errorf("told: %q", b.told)
	}
	src, err := b.store.Source(t.Context(), b.col.ID, "s")
	if err != nil || src.Cursor != nil || src.Failing != 3 {
		t.Errorf("the cursor went on although something is to be read again: %+v, %v", src, err)
	}
	b.has(map[string]string{"fine": "text"})
	b.result.Cursor = []byte("2")
	b.gives("fine", "1+ 0~ 0= 1- 0!", "s:fine")
	if src, err = b.store.Source(t.Context(), b.col.ID, "s"); err != nil || string(src.Cursor) != "2" {
		t.Errorf("%+v, %v", src, err)
	}
}

// Force reads everything once, and nothing that was deleted by hand.
func TestForce(t *testing.T) {
	b := newBench(t)
	b.has(map[string]string{"a": "1", "b": "2", "c": "3"})
	b.result.Cursor = []byte("1")
	b.gives("first", "3+ 0~ 0= 0- 0!", "s:a", "s:b", "s:c")
	doc, err := b.store.FindDocument(t.Context(), b.col.ID, "s:c")
	if err == nil {
		err = b.store.DeleteDocument(t.Context(), rag.Scope{Collection: "c", Admin: true}, doc.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	b.forced = nil
	b.gives("not forced", "0+ 0~ 2= 0- 0!", "s:a", "s:b")
	if len(b.forced) > 0 {
		t.Errorf("%q are forced", b.forced)
	}
	b.opt.Force = true
	b.errs = []error{rag.Errorf(rag.KindUnavailable, "down")} // the second try is of what the first left
	b.gives("forced", "0+ 0~ 2= 0- 0!", "s:a", "s:b")
	if !slices.Equal(b.forced, []string{"s:a", "s:b"}) {
		t.Errorf("%q are forced", b.forced)
	}
	state := state{&reading{s: b.syncer, src: rag.Source{Cursor: []byte("1")}, opt: Options{SyncOptions: b.opt}}}
	if state.Cursor() != nil {
		t.Error("the source tells only of what has changed")
	}
}

// When documents are read in another way, ingestion is shown everything once.
func TestOtherSettings(t *testing.T) {
	b := newBench(t)
	b.has(map[string]string{"a": "1", "b": "2"})
	b.result.Cursor = []byte("1")
	put, same := fmt.Sprintf("[%d a %d b]", source.Put, source.Put), fmt.Sprintf("[%d a %d b]", source.Same, source.Same)
	down := rag.Errorf(rag.KindInvalid, "wrong")
	for i, step := range []struct {
		settings, told string
		err            error
	}{
		{"", put, nil},
		{"one", same, nil}, // nothing is known of how they were read
		{"one", same, nil},
		{"two", put, down},
		{"two", put, nil}, // the reading before did not succeed
		{"two", same, nil},
	} {
		b.settings, b.errs = step.settings, nil
		if step.err != nil {
			b.errs = []error{step.err}
		}
		if _, err := b.sync(); !errors.Is(err, step.err) {
			t.Fatalf("step %d: %v", i, err)
		}
		if fmt.Sprint(b.told) != step.told {
			t.Errorf("step %d: told %q", i, b.told)
		}
	}
	if len(b.forced) > 0 {
		t.Errorf("%q are forced: what the change does not concern is read anew", b.forced)
	}
}

func TestTheWholeIsTriedAgain(t *testing.T) {
	b := newBench(t)
	down := rag.Errorf(rag.KindUnavailable, "down")
	b.has(map[string]string{"a": "text", "b": "busy"})
	b.errs = []error{down, down}
	sum, err := b.sync()
	if err != nil || sum.Tries != 3 || sum.Added != 1 || sum.Failed != 1 || len(sum.Failures) != 1 || sum.Unchanged != 0 || fmt.Sprint(b.waits) != "[1s 4s]" {
		t.Errorf("%+v, %v, waited %v", sum, err, b.waits)
	}
	b.errs = []error{down, down, down, down}
	if sum, err = b.sync(); !errors.Is(err, down) || sum.Tries != 3 {
		t.Errorf("%+v, %v", sum, err)
	}
	b.errs = []error{rag.Errorf(rag.KindUnauthorized, "wrong key")}
	if sum, err = b.sync(); rag.KindOf(err) != rag.KindUnauthorized || sum.Tries != 1 {
		t.Errorf("%+v, %v", sum, err)
	}
	if src, err := b.store.Source(t.Context(), b.col.ID, "s"); err != nil || src.Holder != "" || src.LastError != "wrong key" {
		t.Errorf("%+v, %v", src, err)
	}
}

func TestWhatCannotBeSeenStays(t *testing.T) {
	b := newBench(t)
	b.has(map[string]string{"/in/a": "1", "/in/b": "2", "/inside": "3", "/out": "4"})
	b.gives("first", "4+ 0~ 0= 0- 0!", "/in/a", "/in/b", "/inside", "/out")
	b.has(map[string]string{"/x": "5"})
	b.result.Unseen = []string{"/in/"}
	b.gives("a folder that cannot be read", "1+ 0~ 0= 2- 0!", "/in/a", "/in/b", "/x")
	b.result.Unseen = nil
	b.gives("and can", "0+ 0~ 1= 2- 0!", "/x")
}

// A document that was committed just before the end, whose item is gone by the next
// reading, does not stay behind.
func TestNothingIsLeftBehind(t *testing.T) {
	b := newBench(t)
	b.has(map[string]string{"a": "text"})
	b.dies = true
	if _, err := b.sync(); err == nil {
		t.Error("no error")
	}
	if _, err := b.store.FindDocument(t.Context(), b.col.ID, "s:a"); err != nil {
		t.Error(err)
	}
	b.dies = false
	b.has(map[string]string{"b": "text"})
	b.gives("the next", "1+ 0~ 0= 1- 0!", "s:b")
}

// An archive becomes a plain document, and the reading dies when that is committed:
// the next one finds it unchanged, and what the archive held goes all the same.
func TestArchiveBecamePlainBeforeTheEnd(t *testing.T) {
	b := newBench(t)
	b.has(map[string]string{"a": "archive x=1 y=2"})
	b.gives("first", "2+ 0~ 0= 0- 0!", "s:a!/x", "s:a!/y")
	b.has(map[string]string{"a": "plain now"})
	b.dies = true
	if _, err := b.sync(); err == nil {
		t.Error("no error")
	}
	b.dies = false
	b.gives("the next", "0+ 0~ 1= 2- 0!", "s:a")
	b.gives("once more", "0+ 0~ 1= 0- 0!", "s:a")
}

// A reading that is cancelled once ingestion has committed an archive deletes what it
// holds no more: the item is not read again.
func TestCancelledAfterTheCommit(t *testing.T) {
	b := newBench(t)
	b.has(map[string]string{"a": "archive x=1 y=2"})
	b.gives("first", "2+ 0~ 0= 0- 0!", "s:a!/x", "s:a!/y")
	b.has(map[string]string{"a": "archive y=2 z=3"})
	ctx, cancel := context.WithCancel(t.Context())
	b.committed = cancel
	if _, err := b.syncer.Sync(ctx, b.src, b, b, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	b.committed = nil
	b.gives("the next", "0+ 0~ 1= 0- 0!", "s:a!/y", "s:a!/z")
}

// A reading that has lost its lease stops and changes nothing more.
func TestLostLease(t *testing.T) {
	b := newBench(t)
	b.has(map[string]string{"a": "1", "b": "2"})
	b.gives("first", "2+ 0~ 0= 0- 0!", "s:a", "s:b")
	b.has(map[string]string{"a": "1"})
	b.during = func() {
		src, err := b.store.Source(t.Context(), b.col.ID, "s")
		if err == nil {
			_, err = b.store.LeaseSource(t.Context(), b.col.ID, "s", "another", src.Holder, time.Hour)
		}
		if err != nil {
			t.Error(err)
		}
	}
	if _, err := b.sync(); rag.KindOf(err) != rag.KindConflict {
		t.Errorf("%v", err)
	}
	if _, err := b.store.FindDocument(t.Context(), b.col.ID, "s:b"); err != nil {
		t.Errorf("deleted by a reading that had lost its lease: %v", err)
	}
	src, err := b.store.Source(t.Context(), b.col.ID, "s")
	if err != nil || src.Holder != "another" {
		t.Errorf("%+v, %v", src, err)
	}
}

func TestNamesThatCannotBeKept(t *testing.T) {
	b := newBench(t)
	b.has(map[string]string{"": "1", "a\xff": "2", "nul\x00": "3", strings.Repeat("x", 1025): "4", strings.Repeat("x", 1023): "5", "fine": "6"})
	b.gives("first", "1+ 0~ 0= 0- 5!", "s:fine")
	b.events = []source.Event{{Change: 99, ID: "x"}}
	if _, err := b.sync(); rag.KindOf(err) != rag.KindInternal {
		t.Errorf("an unknown change: %v", err)
	}
}

func TestExternalIDs(t *testing.T) {
	src := rag.Source{Name: "s"}
	for id, want := range map[string]string{
		"/home/a.md": "/home/a.md", "https://x.test/a": "https://x.test/a", "s3://bucket/key": "s3://bucket/key",
		"docs/a.md": "s:docs/a.md", "urn:uuid:1": "s:urn:uuid:1", "a://": "a://", "://a": "s:://a", "1": "s:1",
	} {
		if got := ExternalID(src, id); got != want {
			t.Errorf("%q: %q, want %q", id, got, want)
		}
	}
}

func TestHolders(t *testing.T) {
	if hasDied(self()) {
		t.Errorf("this process, %s, is said to be dead", self())
	}
	for _, holder := range []string{"", "x", "x/1/2", "elsewhere/1/2", "//", "/1/"} {
		if hasDied(holder) {
			t.Errorf("%q is said to be dead, and cannot be looked at from here", holder)
		}
	}
	parts := strings.Split(self(), "/")
	if place() == "" {
		return // processes cannot be looked at here: leases expire
	}
	if ended := parts[0] + "/" + parts[1] + "/1"; !hasDied(ended) {
		t.Errorf("%s is said to live: its number belongs to a process that began later", ended)
	}
	if gone := fmt.Sprintf("%s/%d/1", parts[0], 1<<30); !hasDied(gone) {
		t.Errorf("%s is said to live", gone)
	}
}
