package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

var deleteTests = []test{
	{"deleted is invisible", deletedIsInvisible},
	{"restore", restore},
	{"add again after delete", addAfterDelete},
	{"purge", purge},
	{"purge spares what is shared", purgeSpares},
	{"purge takes answers", purgeTakesAnswers},
	{"blobs", liveBlobs},
}

// longAgo and soon are before and after everything that a test does.
func longAgo() time.Time { return time.Now().Add(-time.Hour) }
func soon() time.Time    { return time.Now().Add(time.Hour) }

func deletedIsInvisible(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	put := mustPut(t, s, Put(c.ID, "a", "One.", "Two."), Put(c.ID, "b", "Three."))
	id := put[0].Document.ID
	chunks, err := s.DocumentChunks(t.Context(), scopeOf(c), id)
	ok(t, "chunks", err)
	ok(t, "delete", s.DeleteDocument(t.Context(), scopeOf(c), id))
	wantKind(t, "delete again", s.DeleteDocument(t.Context(), scopeOf(c), id), rag.KindNotFound)
	title := "x"
	for what, err := range map[string]error{
		"document":       second(s.Document(t.Context(), scopeOf(c), id)),
		"by external id": second(s.DocumentByExternalID(t.Context(), scopeOf(c), "a")),
		"find":           second(s.FindDocument(t.Context(), c.ID, "a")),
		"text":           second(s.Text(t.Context(), scopeOf(c), id, 0)),
		"chunks":         second(s.DocumentChunks(t.Context(), scopeOf(c), id)),
		"quote":          second(s.Quote(t.Context(), c.ID, id, 1, rag.Span{End: 1})),
		"update":         second(s.UpdateDocument(t.Context(), scopeOf(c), id, rag.DocumentChange{Title: &title})),
	} {
		wantKind(t, what, err, rag.KindNotFound)
	}
	found, docs, err := s.Chunks(t.Context(), c.ID, chunkIDs(chunks))
	if err != nil || len(found)+len(docs) > 0 {
		t.Errorf("chunks: %v, %v, %v", found, docs, err)
	}
	records, err := s.Records(t.Context(), c.ID, 0, chunkIDs(chunks))
	if err != nil || len(records) > 0 {
		t.Errorf("records: %v, %v", records, err)
	}
	equal(t, "listed", fmt.Sprint(externalIDs(allDocuments(t, s, scopeOf(c), rag.ListOptions{}))), "[b]")
	all, seq := snapshot(t, s, c.ID)
	equal(t, "in the snapshot", len(all), 1)
	changes := changesOf(t, s, c.ID, put[1].Seq)
	equal(t, "changes", len(changes), 2)
	for _, ch := range changes {
		if ch.Op != rag.ChangeDelete || ch.DocumentID != id || !slices.Contains(chunkIDs(chunks), ch.ChunkID) {
			t.Errorf("change: %+v", ch)
		}
	}
	equal(t, "seq", seq, changes[1].Seq)
	col, err := s.CollectionByID(t.Context(), c.ID)
	ok(t, "collection", err)
	if col.Documents != 1 || col.Chunks != 1 || col.Bytes != put[1].Document.Bytes {
		t.Errorf("counters: %+v", col)
	}
}

func restore(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	put := mustPut(t, s, Put(c.ID, "a", "One.", "Two."))[0]
	before, _ := snapshot(t, s, c.ID)
	wantKind(t, "what is not deleted", s.RestoreDocument(t.Context(), scopeOf(c), put.Document.ID), rag.KindNotFound)
	ok(t, "delete", s.DeleteDocument(t.Context(), scopeOf(c), put.Document.ID))
	ok(t, "restore", s.RestoreDocument(t.Context(), scopeOf(c), put.Document.ID))
	d, err := s.Document(t.Context(), scopeOf(c), put.Document.ID)
	ok(t, "read", err)
	equal(t, "as it was", fmt.Sprintf("%+v", d), fmt.Sprintf("%+v", put.Document))
	after, _ := snapshot(t, s, c.ID)
	equal(t, "records", len(after), len(before))
	for id, r := range before {
		equal(t, "record", after[id].Text, r.Text)
	}
	changes := changesOf(t, s, c.ID, put.Seq)
	var ops []string
	for _, ch := range changes {
		ops = append(ops, fmt.Sprint(ch.Op))
	}
	equal(t, "changes", strings.Join(ops, " "), "2 2 1 1")
}

func addAfterDelete(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	old := mustPut(t, s, Put(c.ID, "a", "Old."))[0]
	ok(t, "delete", s.DeleteDocument(t.Context(), scopeOf(c), old.Document.ID))
	fresh := mustPut(t, s, Put(c.ID, "a", "New."))[0]
	equal(t, "state", fresh.State, rag.Added)
	equal(t, "version", fresh.Document.Version, 1)
	if fresh.Document.ID == old.Document.ID {
		t.Error("a deleted document came back with new content")
	}
	wantKind(t, "restore the old one", s.RestoreDocument(t.Context(), scopeOf(c), old.Document.ID), rag.KindConflict)
	ok(t, "delete the new one", s.DeleteDocument(t.Context(), scopeOf(c), fresh.Document.ID))
	ok(t, "restore the old one", s.RestoreDocument(t.Context(), scopeOf(c), old.Document.ID))
	text, err := s.Text(t.Context(), scopeOf(c), old.Document.ID, 0)
	ok(t, "text", err)
	equal(t, "text", text.Content, "Old.")
}

func purge(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	var puts []rag.Put
	for i := range 120 {
		puts = append(puts, Put(c.ID, fmt.Sprint("d", i), fmt.Sprintf("Text %d.", i), fmt.Sprintf("More %d.", i)))
	}
	docs := mustPut(t, s, puts...)
	for _, d := range docs[:110] {
		ok(t, "delete", s.DeleteDocument(t.Context(), scopeOf(c), d.Document.ID))
	}
	report, err := s.Purge(t.Context(), longAgo())
	ok(t, "purge of what is older", err)
	if report.Documents+report.Chunks+report.Embeddings > 0 {
		t.Errorf("purged too early: %+v", report)
	}
	ok(t, "restore", s.RestoreDocument(t.Context(), scopeOf(c), docs[109].Document.ID))
	report, err = s.Purge(t.Context(), soon())
	ok(t, "purge", err)
	if report.Documents != 109 || report.Chunks != 218 || report.Embeddings != 218 {
		t.Errorf("report: %+v", report)
	}
	wantKind(t, "restore", s.RestoreDocument(t.Context(), scopeOf(c), docs[0].Document.ID), rag.KindNotFound)
	missing, err := s.MissingEmbeddings(t.Context(), c.Tenant, Model, []rag.Hash{puts[0].Chunks[0].Hash, puts[115].Chunks[0].Hash})
	ok(t, "missing", err)
	if !slices.Equal(missing, []rag.Hash{puts[0].Chunks[0].Hash}) {
		t.Errorf("missing: %d hashes", len(missing))
	}
	records, _ := snapshot(t, s, c.ID)
	equal(t, "records", len(records), 22)
	report, err = s.Purge(t.Context(), soon())
	ok(t, "purge", err)
	if report.Documents+report.Chunks+report.Embeddings > 0 {
		t.Errorf("purged twice: %+v", report)
	}
}

func purgeSpares(t *testing.T, s Store) {
	c, other := makeCollection(t, s, "a", "c"), makeCollection(t, s, "a", "other")
	p := Put(c.ID, "a", "Shared.", "Own.")
	doc := mustPut(t, s, p, Put(other.ID, "a", "Shared."))[0].Document
	ok(t, "delete", s.DeleteDocument(t.Context(), scopeOf(c), doc.ID))
	report, err := s.Purge(t.Context(), soon())
	ok(t, "purge", err)
	equal(t, "embeddings", report.Embeddings, 1)
	// An embedding that only an old version had goes as well.
	mustPut(t, s, Put(other.ID, "a", "Changed."))
	report, err = s.Purge(t.Context(), soon())
	ok(t, "purge", err)
	equal(t, "embeddings", report.Embeddings, 1)
	ok(t, "delete collection", s.DeleteCollection(t.Context(), "a", "other"))
	report, err = s.Purge(t.Context(), soon())
	ok(t, "purge", err)
	equal(t, "embeddings", report.Embeddings, 1)
}

func purgeTakesAnswers(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	docs := mustPut(t, s, Put(c.ID, "a", "The code is 1234."), Put(c.ID, "b", "The sky is blue."))
	chunk := map[int]rag.ChunkID{}
	for i, d := range docs {
		chunks, err := s.DocumentChunks(t.Context(), scopeOf(c), d.Document.ID)
		ok(t, "chunks", err)
		chunk[i] = chunks[0].ID
	}
	cite := func(i int) rag.Citation {
		return rag.Citation{Number: 1, Document: docs[i].Document, ChunkID: chunk[i], Quote: "The"}
	}
	ok(t, "record", s.RecordQueries(t.Context(), []rag.QueryRecord{
		{ID: "cites a", Scope: scopeOf(c), Kind: "query", Text: "?", Answer: "1234 [1]", Citations: []rag.Citation{cite(0)}},
		{ID: "read a", Scope: scopeOf(c), Kind: "query", Text: "?", Answer: "something", Hits: []rag.ChunkID{chunk[0]}},
		{ID: "cites b", Scope: scopeOf(c), Kind: "query", Text: "?", Answer: "blue [1]", Citations: []rag.Citation{cite(1)}, Hits: []rag.ChunkID{chunk[1]}},
		{ID: "found a", Scope: scopeOf(c), Kind: "search", Text: "?", Hits: []rag.ChunkID{chunk[0]}},
	}))
	ok(t, "delete", s.DeleteDocument(t.Context(), scopeOf(c), docs[0].Document.ID))
	report, err := s.Purge(t.Context(), soon())
	ok(t, "purge", err)
	equal(t, "queries", report.Queries, 2)
	// A slow caller's answer comes after the purge.
	ok(t, "record", s.RecordQuery(t.Context(), rag.QueryRecord{ID: "late", Scope: scopeOf(c), Text: "?", Answer: "1234 [1]", Citations: []rag.Citation{cite(0)}}))
	log, err := s.Queries(t.Context(), scopeOf(c), rag.ListOptions{})
	ok(t, "log", err)
	var left []string
	for _, q := range log.Items {
		left = append(left, q.ID+"="+q.Answer)
		for _, cited := range q.Citations {
			if cited.Document.ID == docs[0].Document.ID {
				t.Errorf("%s still cites it", q.ID)
			}
		}
	}
	equal(t, "left", strings.Join(left, ", "), "cites b=blue [1], found a=, late=")
}

func liveBlobs(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	a, b, same := Put(c.ID, "a", "One."), Put(c.ID, "b", "Two."), Put(c.ID, "same", "One.")
	docs := mustPut(t, s, a, b, same)
	live := func() []string {
		var shas []string
		ok(t, "live", s.LiveBlobs(t.Context(), func(sha string) error { shas = append(shas, sha); return nil }))
		return shas
	}
	want := []string{a.Document.SHA256, b.Document.SHA256}
	slices.Sort(want)
	if got := live(); !slices.Equal(got, want) {
		t.Errorf("live: %v, want %v", got, want)
	}
	stranger := strings.Repeat("0", 64)
	dead := func() []string {
		got, err := s.UnreferencedBlobs(t.Context(), []string{stranger, a.Document.SHA256, b.Document.SHA256})
		ok(t, "unreferenced", err)
		return got
	}
	equal(t, "unreferenced", fmt.Sprint(dead()), fmt.Sprint([]string{stranger}))
	for _, i := range []int{0, 1} { // a can be restored; and "same" has its content
		ok(t, "delete", s.DeleteDocument(t.Context(), scopeOf(c), docs[i].Document.ID))
	}
	equal(t, "deleted, but not purged", fmt.Sprint(dead()), fmt.Sprint([]string{stranger}))
	second(s.Purge(t.Context(), soon()))
	equal(t, "purged", fmt.Sprint(dead()), fmt.Sprint([]string{stranger, b.Document.SHA256}))
	enough := errors.New("enough")
	if err := s.LiveBlobs(t.Context(), func(string) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("a stop: %v", err)
	}
	none, err := s.UnreferencedBlobs(t.Context(), nil)
	if err != nil || len(none) > 0 {
		t.Errorf("of none: %v, %v", none, err)
	}
}
