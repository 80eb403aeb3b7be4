package storetest

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

var togetherTests = []test{
	{"many writers and a follower", writersAndFollower},
	{"many writers of one document", writersOfOne},
	{"readers see whole documents", readersSeeWhole},
	{"random operations against a model", randomOperations},
}

// A follower that reads the feed while 16 writers write misses no row: what it
// has at the end is what the store has.
func writersAndFollower(t *testing.T, s Store) {
	const writers, rounds = 16, 8
	a, b := makeCollection(t, s, "", "a"), makeCollection(t, s, "", "b")
	var wg sync.WaitGroup
	var done atomic.Bool
	wg.Go(func() {
		var all sync.WaitGroup
		for w := range writers {
			all.Go(func() { write(t, s, []rag.Collection{a, b}[w%2], w, rounds) })
		}
		all.Wait()
		done.Store(true)
	})
	have := map[rag.ChunkID]rag.DocumentID{}
	seq := int64(0)
	for {
		last := done.Load() // before reading: what was written before it is read
		changes, err := s.Changes(t.Context(), a.ID, seq, 7)
		if err != nil {
			t.Errorf("changes: %v", err)
			break
		}
		for _, c := range changes {
			if c.Seq <= seq {
				t.Errorf("%d comes after %d", c.Seq, seq)
			}
			seq = c.Seq
			switch c.Op {
			case rag.ChangePut:
				have[c.ChunkID] = c.DocumentID
			case rag.ChangeDelete:
				if _, known := have[c.ChunkID]; !known {
					t.Errorf("chunk %d goes and never came", c.ChunkID)
				}
				delete(have, c.ChunkID)
			}
		}
		if last && len(changes) == 0 {
			break
		}
	}
	wg.Wait()
	records, at := snapshot(t, s, a.ID)
	equal(t, "seq", seq, at)
	equal(t, "chunks", len(have), len(records))
	for id, r := range records {
		equal(t, fmt.Sprintf("document of chunk %d", id), have[id], r.Document.ID)
	}
}

// write does a little of everything, to documents of its own and to shared ones.
func write(t *testing.T, s Store, c rag.Collection, writer, rounds int) {
	for round := range rounds {
		own, shared := fmt.Sprintf("own %d %d", writer, round%3), fmt.Sprintf("shared %d", round%4)
		results, err := s.PutDocuments(t.Context(), []rag.Put{
			Put(c.ID, own, fmt.Sprintf("Text %d %d.", writer, round), "Common."),
			Put(c.ID, shared, fmt.Sprintf("Shared by %d in %d.", writer, round)),
		})
		if err != nil {
			t.Errorf("writer %d: %v", writer, err)
			return
		}
		for _, r := range results {
			if r.Err != nil {
				t.Errorf("writer %d: %v", writer, r.Err)
			}
		}
		title := fmt.Sprint("Round ", round)
		switch round % 4 {
		case 1:
			err = s.DeleteDocument(t.Context(), scopeOf(c), results[0].Document.ID)
		case 2:
			_, err = s.UpdateDocument(t.Context(), scopeOf(c), results[0].Document.ID, rag.DocumentChange{Title: &title})
		case 3:
			if err = s.DeleteDocument(t.Context(), scopeOf(c), results[0].Document.ID); err == nil {
				err = s.RestoreDocument(t.Context(), scopeOf(c), results[0].Document.ID)
			}
		}
		if err != nil {
			t.Errorf("writer %d, round %d: %v", writer, round, err)
		}
	}
}

// Writers that replace the same document make one document with as many versions
// as there were writes.
func writersOfOne(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	const writers, rounds = 8, 5
	var added atomic.Int64
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for round := range rounds {
				results, err := s.PutDocuments(t.Context(), []rag.Put{Put(c.ID, "one", fmt.Sprintf("By %d in %d.", w, round))})
				if err != nil || results[0].Err != nil {
					t.Errorf("writer %d: %v, %+v", w, err, results)
					return
				}
				if results[0].State == rag.Added {
					added.Add(1)
				}
			}
		})
	}
	wg.Wait()
	equal(t, "added", added.Load(), 1)
	d, err := s.FindDocument(t.Context(), c.ID, "one")
	ok(t, "find", err)
	equal(t, "version", d.Version, writers*rounds)
	equal(t, "chunks", len(changesOf(t, s, c.ID, 0)), 2*writers*rounds-1)
}

// A document that is replaced again and again is never seen between two versions.
func readersSeeWhole(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	version := func(n int) rag.Put {
		var paragraphs []string
		for i := range 1 + n%5 {
			paragraphs = append(paragraphs, fmt.Sprintf("Version %d, part %d of %d.", n, i, 1+n%5))
		}
		return Put(c.ID, "d", paragraphs...)
	}
	id := mustPut(t, s, version(1))[0].Document.ID
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for ctx.Err() == nil {
				check := readWhole(ctx, s, c, id)
				if check != "" && ctx.Err() == nil {
					t.Error(check)
					return
				}
			}
		})
	}
	for n := 2; n < 60; n++ {
		mustPut(t, s, version(n))
	}
	stop()
	wg.Wait()
}

// readWhole reads the document and its chunks, and says what does not fit.
func readWhole(ctx context.Context, s Store, c rag.Collection, id rag.DocumentID) string {
	chunks, err := s.DocumentChunks(ctx, scopeOf(c), id)
	if err != nil {
		return fmt.Sprint("chunks: ", err)
	}
	want := fmt.Sprintf("Version %d, part ", chunks[0].Version)
	for i, k := range chunks {
		if full := fmt.Sprintf("%s%d of %d.", want, i, len(chunks)); k.Text != full {
			return fmt.Sprintf("chunk %q, want %q", k.Text, full)
		}
	}
	found, docs, err := s.Chunks(ctx, c.ID, chunkIDs(chunks))
	if err != nil {
		return fmt.Sprint("by id: ", err)
	}
	for _, k := range found {
		if docs[k.DocumentID].Version != k.Version || docs[k.DocumentID].Chunks != len(chunks) {
			return fmt.Sprintf("chunk of version %d with document %+v", k.Version, docs[k.DocumentID])
		}
	}
	sum, seq := 0, int64(0)
	if seq, err = s.Snapshot(ctx, c.ID, 0, func(r rag.Record) error { sum += 1; return nil }); err != nil || seq == 0 {
		return fmt.Sprint("snapshot: ", err)
	}
	if n := sum; n < 1 || n > 5 {
		return fmt.Sprintf("a snapshot with %d chunks", n)
	}
	return ""
}

// modelled is a document as the model has it.
type modelled struct {
	external string
	title    string
	texts    []string
	version  int
	deleted  bool
}

// randomOperations applies operations drawn at random to the store and to a map,
// and compares the two.
func randomOperations(t *testing.T, s Store) {
	steps := 300
	if testing.Short() {
		steps = 100
	}
	for seed := range uint64(3) {
		t.Logf("seed %d", seed)
		m := &machine{t: t, s: s, rnd: rand.New(rand.NewPCG(seed, 1)), c: makeCollection(t, s, "", fmt.Sprint("seed", seed)),
			docs: map[rag.DocumentID]*modelled{}, follower: map[rag.ChunkID]rag.DocumentID{}}
		for step := range steps {
			m.step()
			if step%20 == 19 {
				m.compare()
			}
			if t.Failed() {
				t.Fatalf("seed %d, step %d", seed, step)
			}
		}
	}
}

type machine struct {
	t        *testing.T
	s        Store
	rnd      *rand.Rand
	c        rag.Collection
	docs     map[rag.DocumentID]*modelled
	follower map[rag.ChunkID]rag.DocumentID
	seq      int64
}

func (m *machine) step() {
	switch m.rnd.IntN(10) {
	case 0, 1, 2, 3, 4:
		m.put()
	case 5, 6:
		m.on(func(id rag.DocumentID, d *modelled) {
			err := m.s.DeleteDocument(m.t.Context(), scopeOf(m.c), id)
			m.expect("delete", err, !d.deleted)
			d.deleted = true
		})
	case 7:
		m.on(func(id rag.DocumentID, d *modelled) {
			err := m.s.RestoreDocument(m.t.Context(), scopeOf(m.c), id)
			can := d.deleted && m.live(d.external) == ""
			m.expect("restore", err, can)
			d.deleted = d.deleted && !can
		})
	case 8:
		m.on(func(id rag.DocumentID, d *modelled) {
			title := fmt.Sprint("Title ", m.rnd.IntN(100))
			_, err := m.s.UpdateDocument(m.t.Context(), scopeOf(m.c), id, rag.DocumentChange{Title: &title})
			m.expect("update", err, !d.deleted)
			if !d.deleted {
				d.title = title
			}
		})
	case 9:
		if m.rnd.IntN(4) > 0 {
			m.follow()
			return
		}
		_, err := m.s.Purge(m.t.Context(), soon())
		m.expect("purge", err, true)
		maps.DeleteFunc(m.docs, func(_ rag.DocumentID, d *modelled) bool { return d.deleted })
	}
}

func (m *machine) expect(what string, err error, can bool) {
	m.t.Helper()
	if (err == nil) != can {
		m.t.Errorf("%s: %v, want success %v", what, err, can)
	}
}

// on calls fn with a document drawn at random, live or deleted, if there is any.
func (m *machine) on(fn func(rag.DocumentID, *modelled)) {
	if len(m.docs) == 0 {
		return
	}
	ids := slices.Sorted(maps.Keys(m.docs))
	id := ids[m.rnd.IntN(len(ids))]
	fn(id, m.docs[id])
}

func (m *machine) live(external string) rag.DocumentID {
	for id, d := range m.docs {
		if d.external == external && !d.deleted {
			return id
		}
	}
	return ""
}

// put hands in one to three documents, one of which may be bad.
func (m *machine) put() {
	var puts []rag.Put
	bad := -1
	for i := range 1 + m.rnd.IntN(3) {
		var texts []string
		for range m.rnd.IntN(4) {
			texts = append(texts, fmt.Sprintf("Sentence %d.", m.rnd.IntN(30)))
		}
		p := Put(m.c.ID, fmt.Sprint("doc ", m.rnd.IntN(8)), texts...)
		if m.rnd.IntN(8) == 0 && bad < 0 {
			bad = i
			p.Document.ACL = []string{""}
		}
		puts = append(puts, p)
	}
	results, err := m.s.PutDocuments(m.t.Context(), puts)
	m.expect("put", err, true)
	for i, r := range results {
		m.expect("put", r.Err, i != bad)
		if r.Err != nil {
			continue
		}
		was := m.live(puts[i].Document.ExternalID)
		if (was == "") != (r.State == rag.Added) || (was != "" && was != r.Document.ID) {
			m.t.Errorf("put of %s: %+v, was %q", puts[i].Document.ExternalID, r, was)
		}
		d := &modelled{external: puts[i].Document.ExternalID, title: puts[i].Document.Title, version: 1}
		if was != "" {
			d.version = m.docs[was].version + 1
		}
		for _, k := range puts[i].Chunks {
			d.texts = append(d.texts, k.Text)
		}
		m.docs[r.Document.ID] = d
	}
}

// follow takes over what is new in the feed, as an index does, and begins again
// with a snapshot where the feed cannot be continued.
func (m *machine) follow() {
	changes, err := m.s.Changes(m.t.Context(), m.c.ID, m.seq, 0)
	if rag.KindOf(err) == rag.KindConflict {
		clear(m.follower)
		m.seq, err = m.s.Snapshot(m.t.Context(), m.c.ID, 0, func(r rag.Record) error { m.follower[r.ChunkID] = r.Document.ID; return nil })
		m.expect("snapshot", err, true)
		return
	}
	m.expect("changes", err, true)
	for _, c := range changes {
		m.seq = c.Seq
		delete(m.follower, c.ChunkID)
		if c.Op == rag.ChangePut {
			m.follower[c.ChunkID] = c.DocumentID
		}
	}
}

func (m *machine) compare() {
	m.t.Helper()
	m.follow()
	live, chunks := 0, 0
	for id, d := range m.docs {
		read, err := m.s.Document(m.t.Context(), scopeOf(m.c), id)
		m.expect("document", err, !d.deleted)
		if d.deleted {
			continue
		}
		live++
		chunks += len(d.texts)
		if read.Title != d.title || read.Version != d.version || read.ExternalID != d.external {
			m.t.Errorf("document %s: %+v, want %+v", id, read, d)
		}
		stored, err := m.s.DocumentChunks(m.t.Context(), scopeOf(m.c), id)
		m.expect("chunks", err, true)
		var texts []string
		for _, k := range stored {
			texts = append(texts, k.Text)
			if m.follower[k.ID] != id {
				m.t.Errorf("the follower has chunk %d for document %s, want %s", k.ID, m.follower[k.ID], id)
			}
		}
		if !slices.Equal(texts, d.texts) {
			m.t.Errorf("document %s: %q, want %q", id, texts, d.texts)
		}
	}
	equal(m.t, "the follower's chunks", len(m.follower), chunks)
	equal(m.t, "listed", len(allDocuments(m.t, m.s, scopeOf(m.c), rag.ListOptions{Limit: 3})), live)
	Sound(m.t, m.s)
}
