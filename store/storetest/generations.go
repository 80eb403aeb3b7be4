package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

var generationTests = []test{
	{"the first one", generationFirst},
	{"build, switch, switch back", generationSwitch},
	{"an incomplete one does not become live", generationIncomplete},
	{"what comes and goes meanwhile", generationMeanwhile},
	{"documents for a generation that is not live", generationStale},
	{"embeddings that cannot be", generationBadEmbeddings},
	{"the last ones come with the switch", generationLast},
	{"a purge spares what a generation needs", generationPurge},
	{"dropped means gone", generationDrop},
	{"a third one takes the first one's place", generationThird},
	{"restored documents", generationRestore},
	{"a shared model", generationShared},
	{"a comparison", generationComparison},
	{"a collection that had no model", generationFromNone},
	{"writers while it is switched", generationWriters},
}

// other is the model that the suite moves collections to.
const (
	other           = "other-4"
	otherDimensions = 4
)

// otherVector is what other makes of a text.
func otherVector(h rag.Hash) []float32 { return Vector(h)[:otherDimensions] }

func start(t *testing.T, s Store, c rag.Collection) int {
	t.Helper()
	g, err := s.StartGeneration(t.Context(), c.ID, other, otherDimensions)
	ok(t, "start", err)
	return g.Number
}

// build embeds what a generation lacks, a few chunks at a time, and returns how
// many it embedded.
func build(t *testing.T, s Store, c rag.Collection, number int) int {
	t.Helper()
	total := 0
	after := rag.ChunkID(0)
	for {
		page, err := s.Unembedded(t.Context(), c.ID, other, after, 3)
		ok(t, "unembedded", err)
		if len(page) == 0 {
			return total
		}
		var embeddings []rag.Embedding
		for _, p := range page {
			if p.ChunkID <= after || p.Text == "" {
				t.Fatalf("after %d comes %+v", after, p)
			}
			after = p.ChunkID
			embeddings = append(embeddings, rag.Embedding{Hash: p.Hash, Vector: otherVector(p.Hash)})
		}
		n, err := s.PutEmbeddings(t.Context(), c.ID, number, embeddings)
		ok(t, "put embeddings", err)
		total += n
	}
}

// states writes a collection's generations as text: number, state, what is missing.
func states(t *testing.T, s Store, c rag.Collection) string {
	t.Helper()
	list, err := s.Generations(t.Context(), c.ID)
	ok(t, "generations", err)
	text := ""
	for _, g := range list {
		if g.CreatedAt.IsZero() || g.LiveAt.IsZero() != (g.State == rag.GenerationBuilding) {
			t.Errorf("generation %d, which is %s: made %v, live %v", g.Number, g.State, g.CreatedAt, g.LiveAt)
		}
		text += fmt.Sprintf("%d %s %d/%d, ", g.Number, g.State, g.Missing, g.Chunks)
	}
	return text
}

// lengths returns how long the vectors of a generation's records are, each length
// once.
func lengths(t *testing.T, s Store, c rag.Collection, number int) []int {
	t.Helper()
	var all []int
	_, err := s.Snapshot(t.Context(), c.ID, number, func(r rag.Record) error {
		all = append(all, len(r.Vector))
		some, err := s.Records(t.Context(), c.ID, number, []rag.ChunkID{r.ChunkID})
		if err != nil || len(some) != 1 || !slices.Equal(some[0].Vector, r.Vector) {
			t.Errorf("chunk %d: %v in the snapshot, %+v, %v by itself", r.ChunkID, r.Vector, some, err)
		}
		return nil
	})
	ok(t, "snapshot", err)
	slices.Sort(all)
	return slices.Compact(all)
}

func same(t *testing.T, what string, got, want []int) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func generationFirst(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	mustPut(t, s, Put(c.ID, "a", "One.", "Two."))
	equal(t, "states", states(t, s, c), "1 live 0/2, ")
	_, err := s.SwitchGeneration(t.Context(), c.ID, 1, 0, nil)
	ok(t, "switch to the live one", err)
	for what, err := range map[string]error{
		"list":       second(s.Generations(t.Context(), c.ID+1)),
		"start":      second(s.StartGeneration(t.Context(), c.ID+1, other, otherDimensions)),
		"unembedded": second(s.Unembedded(t.Context(), c.ID+1, other, 0, 1)),
		"put":        second(s.PutEmbeddings(t.Context(), c.ID, 2, nil)),
		"compare":    s.PutComparison(t.Context(), c.ID, 2, nil),
		"switch":     second(s.SwitchGeneration(t.Context(), c.ID, 2, 0, nil)),
		"embedded":   second(s.Embedded(t.Context(), c.ID, 2, 0)),
		"drop":       s.DropGeneration(t.Context(), c.ID, 2),
		"snapshot":   second(s.Snapshot(t.Context(), c.ID, 2, func(rag.Record) error { return nil })),
		"records":    second(s.Records(t.Context(), c.ID, 2, nil)),
	} {
		wantKind(t, what, err, rag.KindNotFound)
	}
	wantKind(t, "drop the live one", s.DropGeneration(t.Context(), c.ID, 1), rag.KindConflict)
	for _, g := range []rag.Generation{{}, {Model: "m"}, {Model: "m", Dimensions: -1}, {Model: "m", Dimensions: 1 << 20}} {
		wantKind(t, "start a bad one", second(s.StartGeneration(t.Context(), c.ID, g.Model, g.Dimensions)), rag.KindInvalid)
	}
	wantKind(t, "the same model", second(s.StartGeneration(t.Context(), c.ID, Model, Dimensions)), rag.KindConflict)
	wantKind(t, "a known model with other dimensions", second(s.StartGeneration(t.Context(), makeModel(t, s, "more", "m", 3).ID, Model, 3)), rag.KindInvalid)
}

func makeModel(t *testing.T, s Store, name, model string, dimensions int) rag.Collection {
	t.Helper()
	c, err := s.CreateCollection(t.Context(), rag.Collection{Name: name, Generation: rag.Generation{Model: model, Dimensions: dimensions}})
	ok(t, "create", err)
	return c
}

func generationSwitch(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	mustPut(t, s, Put(c.ID, "a", "One.", "Two.", "Both."), Put(c.ID, "b", "Three.", "Four."))
	before, err := s.CollectionByID(t.Context(), c.ID)
	ok(t, "collection", err)
	number := start(t, s, c)
	equal(t, "number", number, 2)
	equal(t, "states", states(t, s, c), "1 live 0/5, 2 building 5/5, ")
	equal(t, "embedded", build(t, s, c, number), 5)
	equal(t, "embedded once more", build(t, s, c, number), 0)
	equal(t, "states", states(t, s, c), "1 live 0/5, 2 building 0/5, ")
	same(t, "live vectors", lengths(t, s, c, 0), []int{Dimensions})
	same(t, "vectors in the shadow", lengths(t, s, c, number), []int{otherDimensions})
	wantKind(t, "start another", second(s.StartGeneration(t.Context(), c.ID, "third", 2)), rag.KindConflict)

	after, err := s.SwitchGeneration(t.Context(), c.ID, number, 0, nil)
	ok(t, "switch", err)
	want := rag.Generation{Number: 2, Chunker: c.Generation.Chunker, Model: other, Dimensions: otherDimensions}
	equal(t, "live generation", after.Generation, want)
	if after.Seq != before.Seq || after.Chunks != before.Chunks || after.Documents != before.Documents {
		t.Errorf("the switch changed documents: %+v, before %+v", after, before)
	}
	read, err := s.Collection(t.Context(), "", "c")
	ok(t, "read", err)
	equal(t, "what is read", read.Generation, want)
	_, err = s.SwitchGeneration(t.Context(), c.ID, number, 0, nil)
	ok(t, "switch once more", err)
	equal(t, "states", states(t, s, c), "1 previous 0/5, 2 live 0/5, ")
	same(t, "live vectors after the switch", lengths(t, s, c, 0), []int{otherDimensions})
	same(t, "the previous one's", lengths(t, s, c, 1), []int{Dimensions})

	back, err := s.SwitchGeneration(t.Context(), c.ID, 1, 0, nil)
	ok(t, "switch back", err)
	equal(t, "after switching back", back.Generation, c.Generation)
	equal(t, "states", states(t, s, c), "1 live 0/5, 2 previous 0/5, ")
}

func generationIncomplete(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	mustPut(t, s, Put(c.ID, "a", "One.", "Two."))
	number := start(t, s, c)
	page, err := s.Unembedded(t.Context(), c.ID, other, 0, 1)
	ok(t, "unembedded", err)
	equal(t, "a page of one", len(page), 1)
	_, err = s.PutEmbeddings(t.Context(), c.ID, number, []rag.Embedding{{Hash: page[0].Hash, Vector: otherVector(page[0].Hash)}})
	ok(t, "put embeddings", err)
	equal(t, "states", states(t, s, c), "1 live 0/2, 2 building 1/2, ")
	wantKind(t, "switch", second(s.SwitchGeneration(t.Context(), c.ID, number, 0, nil)), rag.KindConflict)
	wantKind(t, "embedded", second(s.Embedded(t.Context(), c.ID, number, 0)), rag.KindConflict)
	wantKind(t, "embedded after the first", second(s.Embedded(t.Context(), c.ID, number, page[0].ChunkID)), rag.KindConflict)
	wantKind(t, "switch after the first", second(s.SwitchGeneration(t.Context(), c.ID, number, page[0].ChunkID, nil)), rag.KindConflict)
	wantKind(t, "snapshot", second(s.Snapshot(t.Context(), c.ID, number, func(rag.Record) error { return nil })), rag.KindConflict)
	chunks := changesOf(t, s, c.ID, 0)
	wantKind(t, "record", second(s.Records(t.Context(), c.ID, number, []rag.ChunkID{chunks[0].ChunkID, chunks[1].ChunkID})), rag.KindConflict)
	same(t, "live vectors", lengths(t, s, c, 0), []int{Dimensions})
	read, err := s.Collection(t.Context(), "", "c")
	ok(t, "read", err)
	equal(t, "live generation", read.Generation, c.Generation)
}

func generationMeanwhile(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	gone := mustPut(t, s, Put(c.ID, "a", "One."), Put(c.ID, "b", "Two.", "Kept."), Put(c.ID, "c", "Three."))[0].Document.ID
	number := start(t, s, c)
	equal(t, "embedded", build(t, s, c, number), 4)
	mustPut(t, s, Put(c.ID, "b", "Two anew.", "Kept."), Put(c.ID, "d", "Four."))
	ok(t, "delete", s.DeleteDocument(t.Context(), scopeOf(c), gone))
	_, err := s.Purge(t.Context(), soon())
	ok(t, "purge", err)
	wantKind(t, "switch", second(s.SwitchGeneration(t.Context(), c.ID, number, 0, nil)), rag.KindConflict)
	equal(t, "embedded of what came", build(t, s, c, number), 2)
	last, err := s.Embedded(t.Context(), c.ID, number, 0)
	ok(t, "embedded", err)
	again, err := s.Embedded(t.Context(), c.ID, number, last)
	ok(t, "embedded", err)
	equal(t, "the last chunk", again, last)
	late := mustPut(t, s, Put(c.ID, "late", "Late."))[0].Document.ID
	wantKind(t, "switch after the last", second(s.SwitchGeneration(t.Context(), c.ID, number, last, nil)), rag.KindConflict)
	ok(t, "delete", s.DeleteDocument(t.Context(), scopeOf(c), late))
	_, err = s.Purge(t.Context(), soon())
	ok(t, "purge", err)
	_, err = s.SwitchGeneration(t.Context(), c.ID, number, last, nil)
	ok(t, "switch", err)
	mustPut(t, s, putOther(c.ID, number, "e", "Five."))
	records, _ := snapshot(t, s, c.ID)
	equal(t, "records", len(records), 5)
	equal(t, "states", states(t, s, c), "1 previous 1/5, 2 live 0/5, ")
}

// putOther is Put with the vectors of the other model, for a generation.
func putOther(collectionID int64, generation int, externalID string, paragraphs ...string) rag.Put {
	p := Put(collectionID, externalID, paragraphs...)
	p.Generation = generation
	for h := range p.Vectors {
		p.Vectors[h] = otherVector(h)
	}
	return p
}

func generationStale(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	p := Put(c.ID, "a", "One.")
	p.Generation = 1
	mustPut(t, s, p)
	number := start(t, s, c)
	build(t, s, c, number)
	early := putOther(c.ID, number, "b", "Two.")
	results, err := s.PutDocuments(t.Context(), []rag.Put{early, p})
	ok(t, "put", err)
	wantKind(t, "for one that is not live yet", results[0].Err, rag.KindConflict)
	ok(t, "for the live one", results[1].Err)
	_, err = s.SwitchGeneration(t.Context(), c.ID, number, 0, nil)
	ok(t, "switch", err)
	p = Put(c.ID, "late", "Three.")
	p.Generation = 1
	results, err = s.PutDocuments(t.Context(), []rag.Put{p, early})
	ok(t, "put", err)
	wantKind(t, "for one that is not live any more", results[0].Err, rag.KindConflict)
	ok(t, "for the live one", results[1].Err)
	same(t, "live vectors", lengths(t, s, c, 0), []int{otherDimensions})
}

func generationBadEmbeddings(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	p := Put(c.ID, "a", "One.")
	mustPut(t, s, p)
	number := start(t, s, c)
	h := p.Chunks[0].Hash
	for what, v := range map[string][]float32{"too long": Vector(h), "none": nil} {
		wantKind(t, what, second(s.PutEmbeddings(t.Context(), c.ID, number, []rag.Embedding{{Hash: h, Vector: v}})), rag.KindInvalid)
	}
	n, err := s.PutEmbeddings(t.Context(), c.ID, number, []rag.Embedding{{Hash: rag.Hash{1}, Vector: otherVector(h)}, {Hash: h, Vector: otherVector(h)}, {Hash: h, Vector: otherVector(h)}})
	ok(t, "put", err)
	equal(t, "stored", n, 1) // of what no chunk has, nothing; twice is once
}

// What came in the last moment is embedded within the switch, if it is little.
func generationLast(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	mustPut(t, s, Put(c.ID, "a", "One."))
	number := start(t, s, c)
	build(t, s, c, number)
	checked, err := s.Embedded(t.Context(), c.ID, number, 0)
	ok(t, "embedded", err)
	mustPut(t, s, Put(c.ID, "late", "Late.", "Later."))
	asked := 0
	last := func(_ context.Context, chunks []rag.Unembedded) ([]rag.Embedding, error) {
		asked += len(chunks)
		var out []rag.Embedding
		for _, k := range chunks {
			out = append(out, rag.Embedding{Hash: k.Hash, Vector: otherVector(k.Hash)})
		}
		return out, nil
	}
	down := rag.Errorf(rag.KindUnavailable, "the model is down")
	for what, last := range map[string]func(context.Context, []rag.Unembedded) ([]rag.Embedding, error){
		"a model that is down": func(context.Context, []rag.Unembedded) ([]rag.Embedding, error) { return nil, down },
		"too few embeddings":   func(context.Context, []rag.Unembedded) ([]rag.Embedding, error) { return nil, nil },
	} {
		if _, err := s.SwitchGeneration(t.Context(), c.ID, number, checked, last); err == nil {
			t.Errorf("%s: switched", what)
		}
	}
	equal(t, "states", states(t, s, c), "1 live 0/3, 2 building 2/3, ")
	_, err = s.SwitchGeneration(t.Context(), c.ID, number, checked, last)
	ok(t, "switch", err)
	equal(t, "asked for", asked, 2)
	equal(t, "states", states(t, s, c), "1 previous 0/3, 2 live 0/3, ")
	same(t, "vectors", lengths(t, s, c, 0), []int{otherDimensions})

	var many []string
	for i := range store.MaxLast + 1 {
		many = append(many, fmt.Sprintf("Paragraph %d.", i))
	}
	mustPut(t, s, putOther(c.ID, number, "many", many...))
	_, err = s.SwitchGeneration(t.Context(), c.ID, 1, 0, last)
	wantKind(t, "too many for the switch", err, rag.KindConflict)
	equal(t, "asked for", asked, 2)
}

func generationPurge(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	id := mustPut(t, s, Put(c.ID, "a", "One.", "Shared."), Put(c.ID, "b", "Two.", "Shared."))[0].Document.ID
	number := start(t, s, c)
	build(t, s, c, number)
	ok(t, "delete", s.DeleteDocument(t.Context(), scopeOf(c), id))
	report, err := s.Purge(t.Context(), soon())
	ok(t, "purge", err)
	equal(t, "embeddings purged", report.Embeddings, 4) // "One." and its own "Shared.", of both models
	equal(t, "states", states(t, s, c), "1 live 0/2, 2 building 0/2, ")
	_, err = s.SwitchGeneration(t.Context(), c.ID, number, 0, nil)
	ok(t, "switch", err)
	report, err = s.Purge(t.Context(), soon())
	ok(t, "purge", err)
	equal(t, "embeddings purged after the switch", report.Embeddings, 0)
	equal(t, "states", states(t, s, c), "1 previous 0/2, 2 live 0/2, ")
}

func generationDrop(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	mustPut(t, s, Put(c.ID, "a", "One.", "Two."))
	number := start(t, s, c)
	build(t, s, c, number)
	ok(t, "drop", s.DropGeneration(t.Context(), c.ID, number))
	report, err := s.Purge(t.Context(), soon())
	ok(t, "purge", err)
	equal(t, "embeddings purged", report.Embeddings, 2)
	equal(t, "states", states(t, s, c), "1 live 0/2, ")
	wantKind(t, "drop twice", s.DropGeneration(t.Context(), c.ID, number), rag.KindNotFound)

	number = start(t, s, c)
	equal(t, "embedded anew", build(t, s, c, number), 2)
	_, err = s.SwitchGeneration(t.Context(), c.ID, number, 0, nil)
	ok(t, "switch", err)
	ok(t, "drop the previous", s.DropGeneration(t.Context(), c.ID, 1))
	report, err = s.Purge(t.Context(), soon())
	ok(t, "purge", err)
	equal(t, "embeddings purged", report.Embeddings, 2)
	same(t, "live vectors", lengths(t, s, c, 0), []int{otherDimensions})
	missing, err := s.MissingEmbeddings(t.Context(), c.Tenant, Model, []rag.Hash{Put(0, "a", "One.", "Two.").Chunks[0].Hash})
	ok(t, "missing", err)
	equal(t, "embeddings of the dropped one", len(missing), 1)
}

func generationThird(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	mustPut(t, s, Put(c.ID, "a", "One."))
	number := start(t, s, c)
	build(t, s, c, number)
	_, err := s.SwitchGeneration(t.Context(), c.ID, number, 0, nil)
	ok(t, "switch", err)
	third, err := s.StartGeneration(t.Context(), c.ID, "third-2", 2)
	ok(t, "start", err)
	equal(t, "number", third.Number, 3)
	equal(t, "states", states(t, s, c), "1 previous 0/1, 2 live 0/1, 3 building 1/1, ")
	h := Put(c.ID, "a", "One.").Chunks[0].Hash
	_, err = s.PutEmbeddings(t.Context(), c.ID, 3, []rag.Embedding{{Hash: h, Vector: Vector(h)[:2]}})
	ok(t, "put", err)
	_, err = s.SwitchGeneration(t.Context(), c.ID, 3, 0, nil)
	ok(t, "switch", err)
	equal(t, "states", states(t, s, c), "2 previous 0/1, 3 live 0/1, ")
	report, err := s.Purge(t.Context(), soon())
	ok(t, "purge", err)
	equal(t, "embeddings purged of the first", report.Embeddings, 1)
}

func generationRestore(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	id := mustPut(t, s, Put(c.ID, "a", "One."), Put(c.ID, "b", "Two."))[0].Document.ID
	ok(t, "delete", s.DeleteDocument(t.Context(), scopeOf(c), id))
	number := start(t, s, c)
	equal(t, "embedded, the deleted one included", build(t, s, c, number), 2)
	_, err := s.SwitchGeneration(t.Context(), c.ID, number, 0, nil)
	ok(t, "switch", err)
	records, _ := snapshot(t, s, c.ID)
	equal(t, "records", len(records), 1)
	ok(t, "restore", s.RestoreDocument(t.Context(), scopeOf(c), id))
	records, _ = snapshot(t, s, c.ID)
	equal(t, "records", len(records), 2)
	same(t, "vectors", lengths(t, s, c, 0), []int{otherDimensions})
}

// Two collections that share a model share its embeddings; what one drops stays
// for the other.
func generationShared(t *testing.T, s Store) {
	a, b := makeCollection(t, s, "", "a"), makeModel(t, s, "b", other, otherDimensions)
	mustPut(t, s, Put(a.ID, "x", "Common.", "Own."), putOther(b.ID, 1, "x", "Common."))
	number := start(t, s, a)
	equal(t, "states", states(t, s, a), "1 live 0/2, 2 building 1/2, ")
	equal(t, "embedded", build(t, s, a, number), 1)
	ok(t, "drop", s.DropGeneration(t.Context(), a.ID, number))
	report, err := s.Purge(t.Context(), soon())
	ok(t, "purge", err)
	equal(t, "embeddings purged", report.Embeddings, 1)
	same(t, "vectors of the other", lengths(t, s, b, 0), []int{otherDimensions})
	ok(t, "delete the collection", s.DeleteCollection(t.Context(), "", "b"))
	report, err = s.Purge(t.Context(), soon())
	ok(t, "purge", err)
	equal(t, "embeddings purged with the collection", report.Embeddings, 1)
}

func generationComparison(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	mustPut(t, s, Put(c.ID, "a", "One."))
	number := start(t, s, c)
	want := rag.GenerationComparison{OldModel: Model, NewModel: other, Asked: 3, Judged: 2, JudgedBy: "generated",
		Hybrid: rag.SearchComparison{Overlap: .5, NDCG: &rag.MeasureComparison{Old: .25, New: .5, Diff: .25, Low: -.125, High: 1, Better: 2}}}
	ok(t, "store", s.PutComparison(t.Context(), c.ID, number, &want))
	list, err := s.Generations(t.Context(), c.ID)
	ok(t, "generations", err)
	got := list[1].Comparison
	if list[0].Comparison != nil || got == nil || got.Asked != 3 || got.Hybrid.Overlap != .5 || *got.Hybrid.NDCG != *want.Hybrid.NDCG || got.Vector.NDCG != nil {
		t.Errorf("read back: %+v", got)
	}
	ok(t, "forget", s.PutComparison(t.Context(), c.ID, number, nil))
	list, err = s.Generations(t.Context(), c.ID)
	ok(t, "generations", err)
	if list[1].Comparison != nil {
		t.Errorf("forgotten: %+v", list[1].Comparison)
	}
}

func generationFromNone(t *testing.T, s Store) {
	c := makeModel(t, s, "words", "", 0)
	mustPut(t, s, Put(c.ID, "a", "One.", "Two."))
	same(t, "vectors", lengths(t, s, c, 0), []int{0})
	number := start(t, s, c)
	equal(t, "embedded", build(t, s, c, number), 2)
	_, err := s.SwitchGeneration(t.Context(), c.ID, number, 0, nil)
	ok(t, "switch", err)
	same(t, "vectors", lengths(t, s, c, 0), []int{otherDimensions})
	mustPut(t, s, putOther(c.ID, number, "b", "Three."))
	_, err = s.SwitchGeneration(t.Context(), c.ID, 1, 0, nil)
	ok(t, "switch back", err)
	same(t, "vectors", lengths(t, s, c, 0), []int{0})
}

// While writers add and delete, a generation is built and made live; those that
// wrote for the old one are told. Nothing is lost, and every chunk has its vector.
func generationWriters(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	var stop sync.WaitGroup
	for w := range 4 {
		stop.Go(func() {
			for round := range 20 {
				name := fmt.Sprintf("%d %d", w, round)
				for stored := false; !stored; {
					now, err := s.CollectionByID(t.Context(), c.ID)
					if err != nil {
						t.Error(err)
						return
					}
					p := Put(c.ID, name, "Text of "+name+".", "Common.")
					if now.Generation.Model == other {
						p = putOther(c.ID, 0, name, "Text of "+name+".", "Common.")
					}
					p.Generation = now.Generation.Number
					results, err := s.PutDocuments(t.Context(), []rag.Put{p})
					if err != nil || (results[0].Err != nil && !errors.Is(results[0].Err, rag.ErrConflict)) {
						t.Errorf("put: %+v, %v", results, err)
						return
					}
					stored = results[0].Err == nil
					if stored && round%3 == 0 {
						if err := s.DeleteDocument(t.Context(), scopeOf(c), results[0].Document.ID); err != nil {
							t.Error(err)
						}
					}
				}
			}
		})
	}
	number := start(t, s, c)
	for switched := false; !switched; {
		build(t, s, c, number)
		_, err := s.SwitchGeneration(t.Context(), c.ID, number, 0, nil)
		if err != nil && !errors.Is(err, rag.ErrConflict) {
			t.Fatal(err)
		}
		switched = err == nil
	}
	stop.Wait()
	records, _ := snapshot(t, s, c.ID)
	equal(t, "records", len(records), 4*13*2)
	same(t, "vectors", lengths(t, s, c, 0), []int{otherDimensions})
}
