package indextest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/rag"
)

func spaceNames(t testing.TB, db external.Database) []string {
	t.Helper()
	names, err := db.Spaces(t.Context())
	if err != nil {
		t.Fatalf("spaces: %v", err)
	}
	return names
}

func testSpaces(t testing.TB, f DatabaseFixture) {
	a, b := newShelf(t, f, 50), newShelf(t, f, 51)
	for _, s := range []*shelf{a, b} { // also while they are empty
		if !slices.Contains(spaceNames(t, f.DB), s.space.Name) {
			t.Errorf("an open space is not in the list")
		}
	}
	long := external.Space{Name: (spaceName() + strings.Repeat("_9z", 60))[:60], Dimensions: dims}
	c := newShelfOf(t, f, 52, long)
	a.fill(10)
	b.fill(20) // with the same ids
	c.fill(5)
	for _, s := range []*shelf{a, b, c} {
		s.checkContents()
		s.checkSearch(external.Query{Vector: s.maker.vector(), K: 30})
	}
	if !slices.Contains(spaceNames(t, f.Another(t)), long.Name) {
		t.Errorf("a space with a long name is not in the list of another process")
	}
	again, err := f.DB.Open(t.Context(), a.space)
	if err != nil {
		t.Fatalf("open a space that is open: %v", err)
	}
	a.checkTable(again)
	for range 2 { // the second time there is nothing
		if err := f.DB.Drop(t.Context(), a.space.Name); err != nil {
			t.Fatalf("drop: %v", err)
		}
		if slices.Contains(spaceNames(t, f.DB), a.space.Name) {
			t.Errorf("a dropped space is in the list")
		}
	}
	b.checkContents()
	for _, dimensions := range []int{dims, dims + 4} { // the name is free for another space
		w := newShelfOf(t, f, 53, external.Space{Name: a.space.Name, Dimensions: dimensions})
		w.checkContents()
		w.fill(3)
		w.checkContents()
		w.checkSearch(external.Query{Vector: w.maker.vector(), K: 5})
		if err := f.DB.Drop(t.Context(), a.space.Name); err != nil {
			t.Fatalf("drop: %v", err)
		}
	}
	if err := f.DB.Drop(t.Context(), spaceName()); err != nil {
		t.Errorf("drop what never was: %v", err)
	}
}

// testDropped: who still has a dropped space open, as a replica that has not heard of it, is told so and does not bring it back.
func testDropped(t testing.TB, f DatabaseFixture) {
	s := newShelf(t, f, 54)
	s.fill(5)
	other, err := f.Another(t).Open(t.Context(), s.space)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.DB.Drop(t.Context(), s.space.Name); err != nil {
		t.Fatal(err)
	}
	if f.cannot(t, GoneIsGone) {
		return
	}
	if _, err := other.Search(t.Context(), external.Query{Vector: s.maker.vector(), K: 3}); !errors.Is(err, rag.ErrNotFound) {
		t.Errorf("a search in a dropped space: error %v, want that it is not found", err)
	}
	if err := other.Upsert(t.Context(), []external.Item{s.maker.item(1)}); !errors.Is(err, rag.ErrNotFound) {
		t.Errorf("an upsert into a dropped space: error %v, want that it is not found", err)
	}
	if slices.Contains(spaceNames(t, f.DB), s.space.Name) {
		t.Error("a write brought a dropped space back")
	}
}

func testDescribe(t testing.TB, f DatabaseFixture) {
	s, err := f.DB.Describe(t.Context())
	if err != nil || s.Product == "" {
		t.Errorf("the server is %+v (%v)", s, err)
	}
	l := f.DB.Limits()
	if l.TopK < 100 || l.Items < 1 || l.IDs < 1 || l.Bytes < 0 {
		t.Errorf("limits that nobody can work with: %+v", l)
	}
	t.Logf("%s %s, limits %+v", s.Product, s.Version, l)
}

// testRestart: what was acknowledged is there after the server was restarted, and clients find it again by themselves.
func testRestart(t testing.TB, f DatabaseFixture) {
	if f.Restart == nil {
		t.Log("this test cannot restart the server")
		return
	}
	s := newShelf(t, f, 55)
	for round := range 2 {
		s.fill(80 + 40*round)
		s.delete(3, 5)
		s.deleteWhere(external.Condition{Has: suiteTags[round : round+1]})
		f.Restart(t)
		awaitServer(t, f.DB)
		if !slices.Contains(spaceNames(t, f.DB), s.space.Name) {
			t.Fatal("the space is not there after a restart")
		}
		s.checkContents()
		for range 10 {
			s.checkSearch(external.Query{Vector: s.maker.vector(), K: 20, Where: s.maker.condition(2, 80)})
		}
	}
	s.checkRecall()
	table, err := f.Another(t).Open(t.Context(), s.space)
	if err != nil {
		t.Fatal(err)
	}
	s.checkTable(table)
}

func awaitServer(t testing.TB, db external.Database) {
	t.Helper()
	eventually(t, "the server is found again", func() bool {
		_, err := db.Describe(t.Context())
		if err != nil && !errors.Is(err, rag.ErrUnavailable) {
			t.Fatalf("while the server is starting: %v", err)
		}
		return err == nil
	})
}

// call is one of all that can be asked of a database.
type call struct {
	name string
	run  func(context.Context) error
}

// calls returns every call that goes to the server, on an open space.
func calls(db external.Database, s *shelf) []call {
	i := s.maker.item(77)
	i.Text = ""
	return []call{
		{"Open", func(ctx context.Context) error { _, err := db.Open(ctx, s.space); return err }},
		{"Spaces", func(ctx context.Context) error { _, err := db.Spaces(ctx); return err }},
		{"Drop", func(ctx context.Context) error { return db.Drop(ctx, spaceName()) }},
		{"Describe", func(ctx context.Context) error { _, err := db.Describe(ctx); return err }},
		{"Upsert", func(ctx context.Context) error { return s.table.Upsert(ctx, []external.Item{i}) }},
		{"Delete", func(ctx context.Context) error { return s.table.Delete(ctx, []rag.ChunkID{1}) }},
		{"DeleteWhere", func(ctx context.Context) error {
			return s.table.DeleteWhere(ctx, external.Condition{Has: suiteTags[:1]})
		}},
		{"Search", func(ctx context.Context) error {
			_, err := s.table.Search(ctx, external.Query{Vector: i.Vector, K: 3})
			return err
		}},
		{"IDs", func(ctx context.Context) error { _, err := s.table.IDs(ctx, 0, 10); return err }},
		{"Count", func(ctx context.Context) error { _, err := s.table.Count(ctx); return err }},
	}
}

// testUnreachable: without its server a database says that it is unavailable, in bounded time, and goes on by itself when the server is back.
func testUnreachable(t testing.TB, f DatabaseFixture) {
	if f.Stop == nil {
		t.Log("this test cannot stop the server")
		return
	}
	s := newShelf(t, f, 56)
	s.fill(20)
	f.Stop(t)
	back := false
	defer func() {
		if !back {
			f.Start(t)
		}
	}()
	for _, c := range calls(f.DB, s) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // the database's own bound has to be less
		err := c.run(ctx)
		if !errors.Is(err, rag.ErrUnavailable) || ctx.Err() != nil {
			t.Errorf("%s without a server: error %v, want that it is unavailable", c.name, err)
		}
		cancel()
	}
	f.Start(t)
	back = true
	awaitServer(t, f.DB)
	s.checkContents()
	s.upsert(s.maker.item(21))
	s.checkContents()
	s.checkSearch(external.Query{Vector: s.maker.vector(), K: 10})
}

func testCancelledCalls(t testing.TB, f DatabaseFixture) {
	s := newShelf(t, f, 57)
	s.fill(5)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range calls(f.DB, s) {
		if err := c.run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s with a cancelled context: error %v, want that of the context", c.name, err)
		}
	}
	s.checkContents()
}

func testClosed(t testing.TB, f DatabaseFixture) {
	s := newShelf(t, f, 58)
	s.fill(5)
	mine := f.Another(t)
	table, err := mine.Open(t.Context(), s.space)
	if err != nil {
		t.Fatal(err)
	}
	if err := mine.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	closed := *s
	closed.table = table
	for _, c := range calls(mine, &closed) {
		if err := c.run(t.Context()); !errors.Is(err, rag.ErrUnavailable) {
			t.Errorf("%s of a closed database: error %v, want that it is unavailable", c.name, err)
		}
	}
	s.checkContents() // others go on
}

// testStrangers: a wrong key or password is said to be one.
func testStrangers(t testing.TB, f DatabaseFixture) {
	if f.Stranger == nil {
		t.Log("this server asks for no key")
		return
	}
	s := newShelf(t, f, 59)
	s.fill(3)
	stranger := f.Stranger(t)
	for name, run := range map[string]func(context.Context) error{
		"Open":   func(ctx context.Context) error { _, err := stranger.Open(ctx, s.space); return err },
		"Spaces": func(ctx context.Context) error { _, err := stranger.Spaces(ctx); return err },
		"Drop":   func(ctx context.Context) error { return stranger.Drop(ctx, s.space.Name) },
	} {
		if err := run(t.Context()); !errors.Is(err, rag.ErrUnauthorized) {
			t.Errorf("%s with a wrong key: error %v, want that it is unauthorized", name, err)
		}
	}
	s.checkContents()
}
