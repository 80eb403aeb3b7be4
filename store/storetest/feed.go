package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

var feedTests = []test{
	{"in pieces", feedInPieces},
	{"apart for each collection", feedApart},
	{"shortened by a purge", feedShortened},
	{"beyond the end", feedBeyond},
	{"data version", dataVersion},
}

func feedInPieces(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	for i := range 10 {
		mustPut(t, s, Put(c.ID, fmt.Sprint("d", i%4), fmt.Sprint("One ", i), fmt.Sprint("Two ", i)))
	}
	whole := changesOf(t, s, c.ID, 0)
	equal(t, "rows", len(whole), 10*2+6*2)
	var pieces []rag.Change
	after := int64(0)
	for {
		some, err := s.Changes(t.Context(), c.ID, after, 3)
		ok(t, "changes", err)
		if len(some) == 0 {
			break
		}
		if len(some) > 3 {
			t.Fatalf("%d rows where 3 were asked for", len(some))
		}
		pieces = append(pieces, some...)
		after = some[len(some)-1].Seq
	}
	equal(t, "in pieces", fmt.Sprint(pieces), fmt.Sprint(whole))
	equal(t, "replayed", len(replay(whole)), 8)
}

// replay returns the chunks that a follower of these changes has.
func replay(changes []rag.Change) map[rag.ChunkID]rag.DocumentID {
	have := map[rag.ChunkID]rag.DocumentID{}
	for _, c := range changes {
		switch c.Op {
		case rag.ChangePut:
			have[c.ChunkID] = c.DocumentID
		case rag.ChangeDelete:
			delete(have, c.ChunkID)
		}
	}
	return have
}

func feedApart(t *testing.T, s Store) {
	a, b := makeCollection(t, s, "t", "a"), makeCollection(t, s, "u", "b")
	r := mustPut(t, s, Put(a.ID, "d", "One."), Put(b.ID, "d", "Two."), Put(a.ID, "e", "Three."))
	equal(t, "of a", len(changesOf(t, s, a.ID, 0)), 2)
	equal(t, "of b", len(changesOf(t, s, b.ID, 0)), 1)
	for i, c := range []rag.Collection{a, b} {
		last, err := s.LastSeq(t.Context(), c.ID)
		ok(t, "last", err)
		equal(t, "last", last, r[2-i].Seq)
	}
	_, err := s.Changes(t.Context(), b.ID+99, 0, 0)
	wantKind(t, "no collection", err, rag.KindNotFound)
}

// A purge drops rows that say nothing any more; a follower at any point of the
// feed ends where it would have ended.
func feedShortened(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	for i := range 12 {
		r := mustPut(t, s, Put(c.ID, fmt.Sprint("d", i%5), fmt.Sprint("One ", i), fmt.Sprint("Two ", i)))[0]
		if i%3 == 0 {
			ok(t, "delete", s.DeleteDocument(t.Context(), scopeOf(c), r.Document.ID))
		}
		if i%6 == 0 {
			ok(t, "restore", s.RestoreDocument(t.Context(), scopeOf(c), r.Document.ID))
		}
	}
	before := changesOf(t, s, c.ID, 0)
	want := replay(before)
	report, err := s.Purge(t.Context(), longAgo())
	ok(t, "purge", err)
	after := changesOf(t, s, c.ID, 0)
	// What comes from a replica may for a while be the feed as it was, which says the same.
	for until := time.Now().Add(20 * time.Second); len(after) == len(before) && time.Now().Before(until); after = changesOf(t, s, c.ID, 0) {
		time.Sleep(10 * time.Millisecond)
	}
	if report.Changes != len(before)-len(after) || report.Changes == 0 {
		t.Errorf("%d rows became %d, reported are %d", len(before), len(after), report.Changes)
	}
	for at := range len(before) + 1 {
		seq := int64(0)
		if at > 0 {
			seq = before[at-1].Seq
		}
		rest, err := s.Changes(t.Context(), c.ID, seq, 0)
		ok(t, "changes", err)
		got := replay(append(append([]rag.Change{}, before[:at]...), rest...))
		equal(t, fmt.Sprintf("a follower at %d", seq), fmt.Sprint(got), fmt.Sprint(want))
	}
	last, err := s.LastSeq(t.Context(), c.ID)
	ok(t, "last", err)
	equal(t, "last", last, before[len(before)-1].Seq)
	// Numbers are not used again, even if the last rows are gone.
	r := mustPut(t, s, Put(c.ID, "new", "New."))[0]
	if r.Seq <= last {
		t.Errorf("after %d comes %d", last, r.Seq)
	}
}

func feedBeyond(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	r := mustPut(t, s, Put(c.ID, "a", "One."))[0]
	equal(t, "at the end", len(changesOf(t, s, c.ID, r.Seq)), 0)
	_, err := s.Changes(t.Context(), c.ID, r.Seq+1, 0)
	wantKind(t, "a follower of a newer copy", err, rag.KindConflict)
	start, err := s.FeedStart(t.Context(), c.ID)
	ok(t, "start", err)
	equal(t, "start", start, 0)
}

func dataVersion(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	version := func() int64 {
		v, err := s.DataVersion(t.Context())
		ok(t, "data version", err)
		return v
	}
	was := version()
	equal(t, "nothing happened", version(), was)
	mustPut(t, s, Put(c.ID, "a", "One."))
	if version() == was {
		t.Error("a commit went unnoticed")
	}
	was = version()
	snapshot(t, s, c.ID)
	equal(t, "reading is no change", version(), was)
}
