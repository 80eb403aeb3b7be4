package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

var collectionTests = []test{
	{"create and read", createAndRead},
	{"names", collectionNames},
	{"tenants do not see each other", tenantsApart},
	{"list", listCollections},
	{"update", updateCollection},
	{"delete takes everything", deleteCollection},
}

func createAndRead(t *testing.T, s Store) {
	spec := Spec("acme", "papers")
	spec.Description = "what we wrote"
	spec.Metadata = rag.Metadata{"team": rag.Str("r&d"), "tags": rag.Strs("a", "b"), "size": rag.Num(2.5), "open": rag.Bool(true)}
	spec.ID, spec.Documents, spec.Seq = 77, 9, 9 // not the caller's to say
	made, err := s.CreateCollection(t.Context(), spec)
	ok(t, "create", err)
	equal(t, "documents", made.Documents, 0)
	equal(t, "seq", made.Seq, 0)
	equal(t, "generation", made.Generation.Number, 1)
	equal(t, "chunker", made.Generation.Chunker, spec.Generation.Chunker)
	if made.CreatedAt.IsZero() || made.ID <= 0 {
		t.Errorf("made: %+v", made)
	}
	for k, v := range spec.Metadata {
		if !made.Metadata[k].Equal(v) {
			t.Errorf("metadata %s: %v", k, made.Metadata[k])
		}
	}
	byName, err := s.Collection(t.Context(), "acme", "papers")
	ok(t, "by name", err)
	byID, err := s.CollectionByID(t.Context(), made.ID)
	ok(t, "by id", err)
	for _, c := range []rag.Collection{byName, byID} {
		equal(t, "the same collection", fmt.Sprint(c), fmt.Sprint(made))
	}
	_, err = s.CreateCollection(t.Context(), Spec("acme", "papers"))
	wantKind(t, "a name in use", err, rag.KindConflict)
	_, err = s.Collection(t.Context(), "acme", "none")
	wantKind(t, "no such name", err, rag.KindNotFound)
	_, err = s.CollectionByID(t.Context(), made.ID+1)
	wantKind(t, "no such id", err, rag.KindNotFound)

	def := makeCollection(t, s, "", rag.DefaultCollection)
	equal(t, "tenant", def.Tenant, rag.DefaultTenant)
	got, err := s.Collection(t.Context(), "", "")
	ok(t, "the defaults", err)
	equal(t, "the default collection", got.ID, def.ID)
}

func collectionNames(t *testing.T, s Store) {
	for _, name := range []string{"a", "A.b_c-9", "Übersicht", "資料", "कागज़", strings.Repeat("x", 128)} {
		if _, err := s.CreateCollection(t.Context(), Spec("", name)); err != nil {
			t.Errorf("name %q: %v", name, err)
		}
	}
	for _, name := range []string{"", ".hidden", "a b", "a/b", "../a", "a\x00", "a\n", "100%", "\xff", "a:b", strings.Repeat("x", 129), "a'b", "€"} {
		_, err := s.CreateCollection(t.Context(), Spec("", name))
		wantKind(t, fmt.Sprintf("name %q", name), err, rag.KindInvalid)
	}
	for _, tenant := range []string{strings.Repeat("x", 129), "a\x00b", "\xff"} {
		_, err := s.CreateCollection(t.Context(), Spec(tenant, "c"))
		wantKind(t, fmt.Sprintf("tenant %q", tenant), err, rag.KindInvalid)
	}
	for _, gen := range []rag.Generation{{Model: "m"}, {Dimensions: 3}, {Model: "m", Dimensions: -1}, {Model: "m", Dimensions: 1 << 20}} {
		_, err := s.CreateCollection(t.Context(), rag.Collection{Name: "gen", Generation: gen})
		wantKind(t, fmt.Sprintf("generation %+v", gen), err, rag.KindInvalid)
	}
	_, err := s.CreateCollection(t.Context(), rag.Collection{Name: "meta", Metadata: rag.Metadata{"": rag.Str("x")}})
	wantKind(t, "bad metadata", err, rag.KindInvalid)
	// A collection without a model is searched by keywords only.
	_, err = s.CreateCollection(t.Context(), rag.Collection{Name: "keywords"})
	ok(t, "no model", err)
}

func tenantsApart(t *testing.T, s Store) {
	a, b := makeCollection(t, s, "a", "same"), makeCollection(t, s, "b", "same")
	if a.ID == b.ID {
		t.Fatal("two tenants share a collection")
	}
	doc := mustPut(t, s, Put(a.ID, "secret", "The code is 1234."))[0].Document
	theirs := scopeOf(b)
	_, err := s.Document(t.Context(), theirs, doc.ID)
	wantKind(t, "document", err, rag.KindNotFound)
	_, err = s.DocumentByExternalID(t.Context(), theirs, "secret")
	wantKind(t, "by external id", err, rag.KindNotFound)
	_, err = s.Text(t.Context(), theirs, doc.ID, 0)
	wantKind(t, "text", err, rag.KindNotFound)
	_, err = s.DocumentChunks(t.Context(), theirs, doc.ID)
	wantKind(t, "chunks of the document", err, rag.KindNotFound)
	_, err = s.UpdateDocument(t.Context(), theirs, doc.ID, rag.DocumentChange{Title: new(string)})
	wantKind(t, "update", err, rag.KindNotFound)
	wantKind(t, "delete", s.DeleteDocument(t.Context(), theirs, doc.ID), rag.KindNotFound)
	wantKind(t, "restore", s.RestoreDocument(t.Context(), theirs, doc.ID), rag.KindNotFound)
	_, err = s.FindDocument(t.Context(), b.ID, "secret")
	wantKind(t, "find", err, rag.KindNotFound)
	equal(t, "listed", len(allDocuments(t, s, theirs, rag.ListOptions{})), 0)

	chunks, err := s.DocumentChunks(t.Context(), scopeOf(a), doc.ID)
	ok(t, "own chunks", err)
	got, docs, err := s.Chunks(t.Context(), b.ID, chunkIDs(chunks))
	if err != nil || len(got)+len(docs) > 0 {
		t.Errorf("chunks of another collection: %v, %v, %v", got, docs, err)
	}
	records, err := s.Records(t.Context(), b.ID, 0, chunkIDs(chunks))
	if err != nil || len(records) > 0 {
		t.Errorf("records of another collection: %v, %v", records, err)
	}
	_, err = s.Quote(t.Context(), b.ID, doc.ID, 1, rag.Span{End: 3})
	wantKind(t, "quote", err, rag.KindNotFound)
	equal(t, "changes", len(changesOf(t, s, b.ID, 0)), 0)
	ok(t, "log", s.RecordQuery(t.Context(), rag.QueryRecord{Scope: scopeOf(a), Text: "what is the code?"}))
	page, err := s.Queries(t.Context(), theirs, rag.ListOptions{})
	if err != nil || len(page.Items) > 0 {
		t.Errorf("their log shows %v, %v", page.Items, err)
	}
	stats, err := s.Stats(t.Context(), theirs)
	ok(t, "stats", err)
	if stats.Documents+stats.Chunks+stats.Embeddings+int(stats.Queries)+int(stats.Bytes) > 0 || stats.Collections != 1 {
		t.Errorf("their stats: %+v", stats)
	}
	list, err := s.Collections(t.Context(), "b", rag.ListOptions{})
	ok(t, "collections", err)
	equal(t, "their collections", len(list.Items), 1)
}

func listCollections(t *testing.T, s Store) {
	var want []string
	for i := range 7 {
		spec := Spec("t", fmt.Sprint("c", i))
		spec.Metadata = rag.Metadata{"odd": rag.Bool(i%2 == 1)}
		_, err := s.CreateCollection(t.Context(), spec)
		ok(t, "create", err)
		want = append(want, spec.Name)
	}
	names := func(opt rag.ListOptions) []string {
		var got []string
		for {
			page, err := s.Collections(t.Context(), "t", opt)
			ok(t, "list", err)
			for _, c := range page.Items {
				got = append(got, c.Name)
			}
			if page.Next == "" {
				return got
			}
			opt.Cursor = page.Next
		}
	}
	for _, limit := range []int{0, 1, 2, 6, 7, 8, 5000} {
		if got := names(rag.ListOptions{Limit: limit}); !slices.Equal(got, want) {
			t.Errorf("pages of %d: %v", limit, got)
		}
	}
	slices.Reverse(want)
	if got := names(rag.ListOptions{Limit: 3, Descending: true}); !slices.Equal(got, want) {
		t.Errorf("descending: %v", got)
	}
	odd := rag.ListOptions{Limit: 1, Filter: rag.Eq("odd", rag.Bool(true))}
	if got := names(odd); !slices.Equal(got, []string{"c1", "c3", "c5"}) {
		t.Errorf("filtered: %v", got)
	}
	for _, opt := range []rag.ListOptions{{Limit: -1}, {Cursor: "x"}, {Filter: rag.Filter{Type: "nope"}}} {
		_, err := s.Collections(t.Context(), "t", opt)
		wantKind(t, fmt.Sprintf("%+v", opt), err, rag.KindInvalid)
	}
}

func updateCollection(t *testing.T, s Store) {
	c, other := makeCollection(t, s, "t", "old"), makeCollection(t, s, "t", "other")
	mustPut(t, s, Put(c.ID, "a", "One."))
	ok(t, "log", s.RecordQuery(t.Context(), rag.QueryRecord{Scope: scopeOf(c), Text: "q"}))
	name, about, meta := "new", "about it", rag.Metadata{"k": rag.Num(1)}
	changed, err := s.UpdateCollection(t.Context(), "t", "old", rag.CollectionChange{Name: &name, Description: &about, Metadata: &meta})
	ok(t, "update", err)
	if changed.Name != name || changed.Description != about || !changed.Metadata["k"].Equal(rag.Num(1)) || changed.ID != c.ID || changed.Documents != 1 {
		t.Errorf("changed: %+v", changed)
	}
	_, err = s.Collection(t.Context(), "t", "old")
	wantKind(t, "the old name", err, rag.KindNotFound)
	equal(t, "documents under the new name", len(allDocuments(t, s, scopeOf(changed), rag.ListOptions{})), 1)
	log, err := s.Queries(t.Context(), scopeOf(changed), rag.ListOptions{})
	ok(t, "log", err)
	equal(t, "log under the new name", len(log.Items), 1)

	same, err := s.UpdateCollection(t.Context(), "t", "new", rag.CollectionChange{Name: &name})
	ok(t, "its own name", err)
	equal(t, "description is left", same.Description, about)
	_, err = s.UpdateCollection(t.Context(), "t", "new", rag.CollectionChange{Name: &other.Name})
	wantKind(t, "a name in use", err, rag.KindConflict)
	bad := "a/b"
	_, err = s.UpdateCollection(t.Context(), "t", "new", rag.CollectionChange{Name: &bad})
	wantKind(t, "a bad name", err, rag.KindInvalid)
	_, err = s.UpdateCollection(t.Context(), "t", "none", rag.CollectionChange{Description: &about})
	wantKind(t, "no collection", err, rag.KindNotFound)
}

func deleteCollection(t *testing.T, s Store) {
	c, kept := makeCollection(t, s, "t", "gone"), makeCollection(t, s, "t", "kept")
	docs := mustPut(t, s, Put(c.ID, "a", "One.", "Two."), Put(c.ID, "b", strings.Repeat("long ", 9000)))
	mustPut(t, s, Put(kept.ID, "a", "One.", "Two."))
	ok(t, "delete document", s.DeleteDocument(t.Context(), scopeOf(c), docs[0].Document.ID))
	ok(t, "log", s.RecordQuery(t.Context(), rag.QueryRecord{Scope: scopeOf(c), Text: "q"}))
	ok(t, "delete", s.DeleteCollection(t.Context(), "t", "gone"))
	wantKind(t, "again", s.DeleteCollection(t.Context(), "t", "gone"), rag.KindNotFound)
	for what, err := range map[string]error{
		"changes":  second(s.Changes(t.Context(), c.ID, 0, 0)),
		"last seq": second(s.LastSeq(t.Context(), c.ID)),
		"snapshot": second(s.Snapshot(t.Context(), c.ID, 0, func(rag.Record) error { return nil })),
		"document": second(s.Document(t.Context(), scopeOf(c), docs[1].Document.ID)),
		"list":     second(s.Documents(t.Context(), scopeOf(c), rag.ListOptions{})),
	} {
		wantKind(t, what, err, rag.KindNotFound)
	}
	again := makeCollection(t, s, "t", "gone")
	if again.ID == c.ID || again.Documents != 0 {
		t.Errorf("made again: %+v", again)
	}
	equal(t, "the other is left", len(allDocuments(t, s, scopeOf(kept), rag.ListOptions{})), 1)
	log, err := s.Queries(t.Context(), scopeOf(again), rag.ListOptions{})
	ok(t, "log", err)
	equal(t, "log", len(log.Items), 0)
}

func second[T any](_ T, err error) error { return err }
