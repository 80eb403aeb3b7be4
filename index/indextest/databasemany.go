package indextest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/rag"
)

const writers = 8

// inParallel runs fn for each writer and fails the test with the errors.
func inParallel(t testing.TB, fn func(writer int) error) {
	t.Helper()
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			if err := fn(w); err != nil {
				t.Errorf("writer %d: %v", w, err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// testDisjointWriters: every writer has ids of its own, and sees what it wrote at once.
func testDisjointWriters(t testing.TB, f DatabaseFixture) {
	s := newShelf(t, f, 40)
	const rounds, batch = 4, 20
	inParallel(t, func(w int) error {
		mk := itemMaker{maker: newMaker(uint64(100+w), dims)}
		mine := external.Tag(1000 + w)
		for round := range rounds {
			var items []external.Item
			for n := range batch {
				i := mk.item(rag.ChunkID(1000*w + batch*round + n + 1))
				i.Tags = append(i.Tags, mine)
				slices.Sort(i.Tags)
				items = append(items, i)
			}
			if err := s.table.Upsert(t.Context(), items); err != nil {
				return err
			}
			if err := s.table.Delete(t.Context(), []rag.ChunkID{items[0].ID}); err != nil {
				return err
			}
			res, err := s.table.Search(t.Context(), external.Query{Vector: mk.vector(), K: 500, Where: external.Condition{Has: []external.Tag{mine}}})
			if err != nil {
				return err
			}
			if want := (batch - 1) * (round + 1); len(res.Vector) != want {
				return fmt.Errorf("it sees %d of its items after round %d, want %d", len(res.Vector), round+1, want)
			}
		}
		return nil
	})
	for w := range writers { // the model is told afterwards
		mk := itemMaker{maker: newMaker(uint64(100+w), dims)}
		for round := range rounds {
			for n := range batch {
				i := mk.item(rag.ChunkID(1000*w + batch*round + n + 1))
				i.Tags = append(i.Tags, external.Tag(1000+w))
				if slices.Sort(i.Tags); n > 0 {
					s.items[i.ID] = i
				}
			}
			mk.vector()
		}
	}
	s.checkContents()
	for range 10 {
		s.checkSearch(external.Query{Vector: s.maker.vector(), K: 50, Where: s.maker.condition(2, 20)})
	}
	s.checkRecall()
}

// testWritersOfOneID: one writer wins, with the whole of its item, and there is one item.
func testWritersOfOneID(t testing.TB, f DatabaseFixture) {
	s := newShelf(t, f, 41)
	const ids, rounds = 10, 3
	item := func(w, round int, id rag.ChunkID) external.Item {
		mk := itemMaker{maker: newMaker(uint64(w*1000+round*100)+uint64(id), dims)}
		return external.Item{ID: id, Document: itemDocument(w), Vector: mk.vector(), Tags: []external.Tag{external.Tag(w)}}
	}
	for round := range rounds {
		inParallel(t, func(w int) error {
			var items []external.Item
			for id := rag.ChunkID(1); id <= ids; id++ {
				items = append(items, item(w, round, id))
			}
			return s.table.Upsert(t.Context(), items)
		})
	}
	if f.cannot(t, WholeItems) {
		return
	}
	for id := rag.ChunkID(1); id <= ids; id++ {
		s.items[id] = item(s.winner(id), rounds-1, id)
	}
	s.checkContents()
	s.checkSearch(external.Query{Vector: s.maker.vector(), K: ids + 1}) // vector and document are of the writer whose tag is found
	for id := range s.items {
		s.checkSearch(external.Query{Vector: s.maker.vector(), K: ids + 1, Where: external.Condition{IDs: []rag.ChunkID{id}}})
	}
}

// winner returns the writer whose tag an item has.
func (s *shelf) winner(id rag.ChunkID) int {
	s.t.Helper()
	won := -1
	for w := range writers {
		res, err := s.table.Search(s.t.Context(), external.Query{Vector: s.maker.vector(), K: 20,
			Where: external.Condition{All: []external.Condition{{IDs: []rag.ChunkID{id}}, {Has: []external.Tag{external.Tag(w)}}}}})
		switch {
		case err != nil:
			s.t.Fatal(err)
		case len(res.Vector) > 1 || len(res.Vector) == 1 && won >= 0:
			s.t.Fatalf("there are several items %d", id)
		case len(res.Vector) == 1:
			won = w
		}
	}
	if won < 0 {
		s.t.Fatalf("item %d is of no writer", id)
	}
	return won
}

// testOpenTogether: several processes open a space that is not there yet.
func testOpenTogether(t testing.TB, f DatabaseFixture) {
	s := &shelf{t: t, space: external.Space{Name: spaceName(), Dimensions: dims}, items: map[rag.ChunkID]external.Item{}, maker: itemMaker{maker: newMaker(42, dims)}}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_ = f.DB.Drop(ctx, s.space.Name)
	})
	clients := []external.Database{f.DB, f.DB}
	for range writers - len(clients) {
		clients = append(clients, f.Another(t))
	}
	var items [writers]external.Item
	for w := range items {
		items[w] = s.maker.item(rag.ChunkID(w + 1))
		s.items[items[w].ID] = items[w]
	}
	inParallel(t, func(w int) error {
		table, err := clients[w].Open(t.Context(), s.space)
		if err != nil {
			return err
		}
		return table.Upsert(t.Context(), items[w:w+1])
	})
	for _, db := range []external.Database{f.DB, f.Another(t)} {
		table, err := db.Open(t.Context(), s.space)
		if err != nil {
			t.Fatal(err)
		}
		s.table = table
		s.awaitElsewhere(f, table)
		s.checkContents()
		s.checkSearch(external.Query{Vector: s.maker.vector(), K: writers})
	}
}

func testTwoProcesses(t testing.TB, f DatabaseFixture) {
	s := newShelf(t, f, 43)
	s.fill(20)
	there, err := f.Another(t).Open(t.Context(), s.space)
	if err != nil {
		t.Fatal(err)
	}
	here := s.table
	for round := range 8 {
		writer, reader := here, there
		if round%2 == 1 {
			writer, reader = there, here
		}
		s.table = writer
		s.upsert(s.maker.item(rag.ChunkID(100+round)), s.maker.item(rag.ChunkID(1+round)))
		s.delete(rag.ChunkID(20 - round))
		s.table = reader
		s.awaitElsewhere(f, reader)
		s.checkContents()
		s.checkSearch(external.Query{Vector: s.maker.vector(), K: 40, Where: s.maker.condition(2, 20)})
		s.checkSearch(external.Query{Vector: s.maker.vector(), K: 40})
	}
	s.checkRecall()
}

// awaitElsewhere waits, where changes are seen by other processes only in the end, until a table sees as many items as there are, each with the vector that
// it should have.
func (s *shelf) awaitElsewhere(f DatabaseFixture, table external.Table) {
	s.t.Helper()
	if f.cannot(s.t, SeenElsewhere) {
		eventually(s.t, "the changes are seen", func() bool { return s.sees(table) })
	}
}

func (s *shelf) sees(table external.Table) bool {
	for id, i := range s.items {
		res, err := table.Search(s.t.Context(), external.Query{Vector: i.Vector, K: 1, Where: external.Condition{IDs: []rag.ChunkID{id}}})
		if err != nil || len(res.Vector) != 1 || res.Vector[0].Score < 1-cosineTolerance || res.Vector[0].DocumentID != i.Document {
			return false
		}
	}
	n, err := table.Count(s.t.Context())
	return err == nil && n == int64(len(s.items))
}

// eventually asks again and again, and gives up after a minute.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	const most = time.Minute
	deadline := time.NewTimer(most)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			t.Fatalf("not within %v: %s", most, what)
		case <-tick.C:
		}
	}
}
