package indextest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

const dims = 12

func apply(t *testing.T, ix Index, m *model, puts []rag.Record, deletes []rag.ChunkID, seq int64) {
	t.Helper()
	if err := ix.Apply(puts, deletes, seq); err != nil {
		t.Fatalf("apply change %d: %v", seq, err)
	}
	m.apply(puts, deletes)
}

func documentID(n int) rag.DocumentID { return rag.DocumentID("d" + strconv.Itoa(n)) }

func testEmpty(t *testing.T, open Open) {
	ix := open(t, dims)
	mk := newMaker(1, dims)
	res, err := ix.Search(t.Context(), rag.IndexQuery{Text: "w1", Vector: mk.vector(), K: 5})
	if err != nil || len(res.Vector) != 0 || len(res.Keyword) != 0 || res.Seq != 0 {
		t.Errorf("an empty index gives %+v, %v", res, err)
	}
	if err := ix.Apply(nil, []rag.ChunkID{4}, 3); err != nil {
		t.Errorf("deleting what is not there: %v", err)
	}
	if ix.Seq() != 3 {
		t.Errorf("the seq is %d after change 3", ix.Seq())
	}
}

func testPutReplaceDelete(t *testing.T, open Open) {
	ix, m, mk := open(t, dims), newModel(), newMaker(2, dims)
	a, b := &rag.Document{ID: "a"}, &rag.Document{ID: "b"}
	q := rag.IndexQuery{Text: "w1 w2 w3", Vector: mk.vector(), K: 10}
	put := func(id rag.ChunkID, d *rag.Document, text string) rag.Record {
		return rag.Record{ChunkID: id, Document: d, Text: text, Vector: mk.vector()}
	}
	apply(t, ix, m, []rag.Record{put(1, a, "w1 w2"), put(2, a, "w2 w2 w4"), put(3, b, "w3")}, nil, 1)
	m.check(t, ix, q)
	apply(t, ix, m, []rag.Record{put(2, a, "w5")}, nil, 2)
	m.check(t, ix, q)
	apply(t, ix, m, nil, []rag.ChunkID{1}, 3)
	m.check(t, ix, q)
	// A chunk that is deleted and put in one batch is there, with what the put says.
	apply(t, ix, m, []rag.Record{put(3, a, "w1")}, []rag.ChunkID{3}, 4)
	m.check(t, ix, q)
	// Of two puts the last counts.
	apply(t, ix, m, []rag.Record{put(4, b, "w1 w1"), put(4, b, "w2")}, nil, 5)
	m.check(t, ix, q)
	apply(t, ix, m, nil, []rag.ChunkID{2, 3, 4, 99}, 6)
	m.check(t, ix, q)
	apply(t, ix, m, []rag.Record{put(1, a, "w1 w3")}, nil, 7)
	m.check(t, ix, q)
	res, err := ix.Search(t.Context(), q)
	if err != nil || res.Seq != 7 || ix.Seq() != 7 {
		t.Errorf("seq of the result %d and of the index %d (%v), want 7", res.Seq, ix.Seq(), err)
	}
}

func testBatches(t *testing.T, open Open) {
	ix, m, mk := open(t, dims), newModel(), newMaker(3, dims)
	apply(t, ix, m, nil, nil, 1)
	const n = 5000
	var puts []rag.Record
	var ids []rag.ChunkID
	for i := range n {
		puts = append(puts, mk.record(rag.ChunkID(i+1), &rag.Document{ID: documentID(i / 7)}))
		ids = append(ids, rag.ChunkID(i+1))
	}
	apply(t, ix, m, puts, nil, 2)
	q := rag.IndexQuery{Text: "w1 w30 w59", Vector: mk.vector(), K: 100}
	m.check(t, ix, q)
	apply(t, ix, m, nil, ids[100:n-100], 3)
	m.check(t, ix, q)
	apply(t, ix, m, puts[:n/2], nil, 4)
	m.check(t, ix, q)
	apply(t, ix, m, nil, ids, 5)
	m.check(t, ix, q)
}

func testSides(t *testing.T, open Open) {
	ix, m, mk := open(t, dims), newModel(), newMaker(4, dims)
	d := &rag.Document{ID: "a"}
	apply(t, ix, m, []rag.Record{
		{ChunkID: 1, Document: d, Text: "w1", Vector: mk.vector()},
		{ChunkID: 2, Document: d, Text: "w1 w2"}, // no vector
		{ChunkID: 3, Document: d, Vector: mk.vector()},
	}, nil, 1)
	v := mk.vector()
	m.check(t, ix, rag.IndexQuery{Text: "w1", K: 5})
	m.check(t, ix, rag.IndexQuery{Vector: v, K: 5})
	m.check(t, ix, rag.IndexQuery{Text: "w1", Vector: v, K: 5})
	m.check(t, ix, rag.IndexQuery{Text: "w77 w77", Vector: v, K: 5})
	m.check(t, ix, rag.IndexQuery{Text: " .,- ", K: 5})
	m.check(t, ix, rag.IndexQuery{K: 5})
	m.check(t, ix, rag.IndexQuery{Text: "w1 w1 w2", Vector: v, K: math.MaxInt32})
	long := v[:]
	for i := range long {
		long[i] *= 17 // the direction counts, not the length
	}
	m.check(t, ix, rag.IndexQuery{Vector: long, K: 5})
}

func testTies(t *testing.T, open Open) {
	ix, mk := open(t, dims), newMaker(5, dims)
	same := mk.vector()
	var puts []rag.Record
	for i := range 300 {
		puts = append(puts, rag.Record{ChunkID: rag.ChunkID(i + 1), Document: &rag.Document{ID: documentID(i)}, Text: "w1 w2", Vector: same})
	}
	mk.Shuffle(len(puts), func(i, j int) { puts[i], puts[j] = puts[j], puts[i] })
	for i, r := range puts { // one by one, in random order, with holes left by deletes
		if err := ix.Apply([]rag.Record{r, {ChunkID: 1000, Document: r.Document, Text: "w3"}}, nil, int64(2*i+1)); err != nil {
			t.Fatal(err)
		}
		if err := ix.Apply(nil, []rag.ChunkID{1000}, int64(2*i+2)); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range []int{1, 7, 299, 300, 1000} {
		res, err := ix.Search(t.Context(), rag.IndexQuery{Text: "w2 w1", Vector: same, K: k})
		if err != nil {
			t.Fatal(err)
		}
		for side, hits := range map[string][]rag.Scored{"vector": res.Vector, "keyword": res.Keyword} {
			if len(hits) != min(k, 300) {
				t.Fatalf("%s: %d hits, want %d", side, len(hits), min(k, 300))
			}
			for i, h := range hits {
				if h.ChunkID != rag.ChunkID(i+1) || h.Score != hits[0].Score {
					t.Fatalf("%s, k %d, place %d: %v, want chunk %d with %v", side, k, i+1, h, i+1, hits[0].Score)
				}
			}
		}
	}
}

func testFilters(t *testing.T, open Open) {
	ix, m, mk := open(t, dims), newModel(), newMaker(6, dims)
	var puts []rag.Record
	for d := range 150 {
		doc := mk.document(documentID(d))
		for c := range 1 + d%4 {
			puts = append(puts, mk.record(rag.ChunkID(10*d+c+1), doc))
		}
	}
	apply(t, ix, m, puts, nil, 1)
	for range 400 {
		q := mk.query()
		q.Scope.Admin = true
		q.Filter = mk.filter(4)
		m.check(t, ix, q)
	}
}

func testAccessLists(t *testing.T, open Open) {
	ix, m, mk := open(t, dims), newModel(), newMaker(7, dims)
	for i, acl := range [][]string{nil, {"anna"}, {"ben", "team"}, {}, {"team"}} {
		r := mk.record(rag.ChunkID(i+1), &rag.Document{ID: documentID(i), ACL: acl})
		r.Text, r.Vector = "w1", mk.vector()
		apply(t, ix, m, []rag.Record{r}, nil, int64(i+1))
	}
	v := mk.vector()
	for _, c := range []struct {
		scope rag.Scope
		want  []rag.ChunkID
	}{
		{rag.Scope{}, []rag.ChunkID{1, 4}},
		{rag.Scope{Principals: []string{"nobody"}}, []rag.ChunkID{1, 4}},
		{rag.Scope{Principals: []string{"anna"}}, []rag.ChunkID{1, 2, 4}},
		{rag.Scope{Principals: []string{"anna", "team"}}, []rag.ChunkID{1, 2, 3, 4, 5}},
		{rag.Scope{Admin: true}, []rag.ChunkID{1, 2, 3, 4, 5}},
	} {
		res, err := ix.Search(t.Context(), rag.IndexQuery{Text: "w1", Vector: v, K: 10, Scope: c.scope})
		if err != nil {
			t.Fatal(err)
		}
		for _, side := range [][]rag.Scored{res.Vector, res.Keyword} {
			var got []rag.ChunkID
			for _, h := range side {
				got = append(got, h.ChunkID)
			}
			if slices.Sort(got); !slices.Equal(got, c.want) {
				t.Errorf("%+v sees %v, want %v", c.scope, got, c.want)
			}
		}
	}
}

// testDocumentChanges: metadata and access lists are the document's, so a put of
// one chunk changes them for all.
func testDocumentChanges(t *testing.T, open Open) {
	ix, m, mk := open(t, dims), newModel(), newMaker(8, dims)
	q := rag.IndexQuery{Text: "w1", K: 10, Filter: rag.Eq("color", rag.Str("red"))}
	put := func(id rag.ChunkID, d *rag.Document) rag.Record {
		return rag.Record{ChunkID: id, Document: d, Text: "w1", Vector: mk.vector()}
	}
	blue := &rag.Document{ID: "a", Metadata: rag.Metadata{"color": rag.Str("blue")}}
	red := &rag.Document{ID: "a", Metadata: rag.Metadata{"color": rag.Str("red")}}
	secret := &rag.Document{ID: "a", Metadata: red.Metadata, ACL: []string{"anna"}}
	for i, step := range []struct {
		document *rag.Document
		want     int
	}{{blue, 0}, {red, 2}, {secret, 0}, {red, 2}, {blue, 0}} {
		puts := []rag.Record{put(1, step.document)}
		if i == 0 {
			puts = append(puts, put(2, step.document))
		}
		apply(t, ix, m, puts, nil, int64(i+1))
		m.check(t, ix, q)
		if res, err := ix.Search(t.Context(), q); err != nil || len(res.Keyword) != step.want {
			t.Errorf("step %d: %d hits (%v), want %d", i, len(res.Keyword), err, step.want)
		}
	}
}

func testRefusals(t *testing.T, open Open) {
	ix, m, mk := open(t, dims), newModel(), newMaker(9, dims)
	d := &rag.Document{ID: "a"}
	apply(t, ix, m, []rag.Record{{ChunkID: 1, Document: d, Text: "w1", Vector: mk.vector()}}, nil, 5)
	with := func(i int, x float32) []float32 {
		v := mk.vector()
		v[i] = x
		return v
	}
	inf := float32(math.Inf(1))
	vectors := map[string][]float32{
		"too short": mk.vector()[:dims-1], "too long": make([]float32, dims+1), "zero": make([]float32, dims),
		"not a number": with(dims-1, float32(math.NaN())), "infinite": with(0, inf),
	}
	good := rag.Record{ChunkID: 2, Document: d, Text: "w1", Vector: mk.vector()}
	bad := map[string]rag.Record{
		"no id":       {Document: d, Text: "w1"},
		"negative id": {ChunkID: -4, Document: d, Text: "w1"},
		"no document": {ChunkID: 3, Text: "w1"},
	}
	for name, v := range vectors {
		bad["vector "+name] = rag.Record{ChunkID: 3, Document: d, Text: "w1", Vector: v}
	}
	for name, r := range bad {
		if err := ix.Apply([]rag.Record{good, r}, []rag.ChunkID{1}, 6); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("a record with %s: error %v, want an invalid one", name, err)
		}
	}
	if err := ix.Apply([]rag.Record{good}, nil, 4); !errors.Is(err, rag.ErrConflict) {
		t.Errorf("change 4 after change 5: error %v, want a conflict", err)
	}
	m.check(t, ix, rag.IndexQuery{Text: "w1", Vector: mk.vector(), K: 5}) // nothing has changed
	if ix.Seq() != 5 {
		t.Errorf("the seq is %d after refusals, want 5", ix.Seq())
	}

	queries := map[string]rag.IndexQuery{
		"k 0":               {Text: "w1"},
		"negative k":        {Text: "w1", K: -1},
		"not without":       {Text: "w1", K: 1, Filter: rag.Filter{Type: rag.OpNot}},
		"unknown type":      {Text: "w1", K: 1, Filter: rag.Filter{Type: "like", Key: "a", Value: rag.Str("b")}},
		"a value, no type":  {Text: "w1", K: 1, Filter: rag.Filter{Value: rag.Str("b")}},
		"and of a bad part": {Text: "w1", K: 1, Filter: rag.And(rag.Eq("", rag.Num(1)))},
	}
	for name, v := range vectors {
		queries["vector "+name] = rag.IndexQuery{Vector: v, K: 1}
	}
	for name, q := range queries {
		if _, err := ix.Search(t.Context(), q); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("a query with %s: error %v, want an invalid one", name, err)
		}
	}
}

func testCancelled(t *testing.T, open Open) {
	ix, m, mk := open(t, dims), newModel(), newMaker(10, dims)
	apply(t, ix, m, []rag.Record{{ChunkID: 1, Document: &rag.Document{ID: "a"}, Text: "w1", Vector: mk.vector()}}, nil, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ix.Search(ctx, rag.IndexQuery{Text: "w1", Vector: mk.vector(), K: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
}

// testRandomHistory compares an index with the formulas over histories of changes.
func testRandomHistory(t *testing.T, open Open) {
	steps := 200
	if testing.Short() {
		steps = 60
	}
	for _, seed := range []uint64{11, 17, 22, 79} {
		h := NewHistory(seed)
		ix := open(t, dims)
		for range steps {
			h.Step(t, ix)
			h.Check(t, ix)
		}
	}
}

// testAtomic lets readers look while a writer replaces all chunks again and
// again. Every chunk of version v holds the word w<v>, so a result with two
// versions, or with less than all chunks of one, has seen half a batch.
func testAtomic(t *testing.T, open Open) {
	ix, mk := open(t, dims), newMaker(12, dims)
	const chunks, readers = 200, 3
	versions := 60
	if testing.Short() {
		versions = 15
	}
	d := &rag.Document{ID: "a"}
	batch := func(v int) (puts []rag.Record, deletes []rag.ChunkID) {
		for c := range chunks {
			text := "all w" + strconv.Itoa(v)
			puts = append(puts, rag.Record{ChunkID: rag.ChunkID(v*chunks + c + 1), Document: d, Text: text, Vector: mk.vector()})
			if v > 0 {
				deletes = append(deletes, rag.ChunkID((v-1)*chunks+c+1))
			}
		}
		return puts, deletes
	}
	puts, _ := batch(0)
	if err := ix.Apply(puts, nil, 1); err != nil {
		t.Fatal(err)
	}
	q := rag.IndexQuery{Text: "w1 w2 w3 w0", Vector: mk.vector(), K: chunks * 3}
	for v := range versions {
		q.Text += " w" + strconv.Itoa(v)
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range readers {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := oneVersion(t.Context(), ix, q, chunks); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for v := 1; v < versions; v++ {
		puts, deletes := batch(v)
		if err := ix.Apply(puts, deletes, int64(v+1)); err != nil {
			t.Error(err)
			break
		}
	}
	close(done)
	wg.Wait()
}

func oneVersion(ctx context.Context, ix Index, q rag.IndexQuery, chunks int) error {
	res, err := ix.Search(ctx, q)
	if err != nil {
		return err
	}
	for side, hits := range map[string][]rag.Scored{"vector": res.Vector, "keyword": res.Keyword} {
		if len(hits) != chunks {
			return fmt.Errorf("%s side has %d hits at change %d, want %d", side, len(hits), res.Seq, chunks)
		}
		for _, h := range hits {
			if v := int64(h.ChunkID-1) / int64(chunks); v+1 != res.Seq {
				return fmt.Errorf("%s side has a chunk of version %d at change %d", side, v, res.Seq)
			}
		}
	}
	return nil
}
