package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

var readTests = []test{
	{"text with its structure", readText},
	{"long text", readLongText},
	{"chunks", readChunks},
	{"parents", readParents},
	{"chunks by id, page by page", readAfter},
	{"quotes", readQuotes},
	{"records", readRecords},
	{"access", readAccess},
	{"ids that are none", readNoIDs},
	{"documents under a prefix", readUnder},
	{"update", updateDocument},
}

func readText(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	content := "Title\n\nA list:\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nfooter 7"
	table := strings.Index(content, "| a")
	p := Put(c.ID, "a")
	p.Text = rag.Text{
		Content: content, Title: "Title", MediaType: "text/markdown", Language: "en", Pages: 7,
		Metadata: rag.Metadata{"author": rag.Str("Ada")}, Warnings: []string{"page 3 could not be read"},
		Blocks: []rag.Block{
			{Kind: rag.Heading, Level: 1, Page: 1, Span: rag.Span{End: 5}},
			{Kind: rag.Paragraph, Page: 1, Span: rag.Span{Start: 7, End: 14}},
			{Kind: rag.ListItem, Level: 2, Page: 2, Span: rag.Span{Start: 15, End: 20}},
			{Kind: rag.Table, Page: 7, Span: rag.Span{Start: table, End: table + 29}, HeaderEnd: table + 20},
			{Kind: "of a later version", Level: -1, Page: 70000, Span: rag.Span{Start: len(content), End: len(content)}},
		},
	}
	d := mustPut(t, s, p)[0].Document
	text, err := s.Text(t.Context(), scopeOf(c), d.ID, 0)
	ok(t, "text", err)
	equal(t, "text", fmt.Sprintf("%+v", text), fmt.Sprintf("%+v", p.Text))
	text, err = s.Text(t.Context(), scopeOf(c), d.ID, 1)
	ok(t, "text of version 1", err)
	equal(t, "content", text.Content, content)
	for _, version := range []int{2, -1, 1 << 40} {
		_, err = s.Text(t.Context(), scopeOf(c), d.ID, version)
		wantKind(t, fmt.Sprintf("version %d", version), err, rag.KindNotFound)
	}
}

// longDocument has chunks of many lengths, at and across any boundary that a
// store may cut its texts at.
func longDocument(collectionID int64) rag.Put {
	var paragraphs []string
	for i := range 60 {
		paragraphs = append(paragraphs, strings.Repeat(fmt.Sprintf("%c%d ", 'a'+i%26, i), 1+i*i))
	}
	return Put(collectionID, "long", paragraphs...)
}

func readLongText(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	p := longDocument(c.ID)
	d := mustPut(t, s, Put(c.ID, "before", "Before."), p, Put(c.ID, "after", "After."))[1].Document
	text, err := s.Text(t.Context(), scopeOf(c), d.ID, 0)
	ok(t, "text", err)
	if text.Content != p.Text.Content {
		t.Fatalf("a text of %d bytes comes back with %d", len(p.Text.Content), len(text.Content))
	}
	chunks, err := s.DocumentChunks(t.Context(), scopeOf(c), d.ID)
	ok(t, "chunks", err)
	some, _, err := s.Chunks(t.Context(), c.ID, chunkIDs(chunks))
	ok(t, "chunks by id", err)
	slices.SortFunc(some, func(a, b rag.Chunk) int { return a.Ordinal - b.Ordinal })
	for _, got := range [][]rag.Chunk{chunks, some} {
		equal(t, "chunks", len(got), len(p.Chunks))
		for i, k := range got {
			if k.Text != p.Chunks[i].Text || k.Ordinal != i {
				t.Fatalf("chunk %d, bytes %v: %.40q", i, k.Span, k.Text)
			}
		}
	}
	for _, at := range []int{0, 1, 8191, 8192, 8193, 16384, 65535, len(text.Content)} {
		for _, n := range []int{0, 1, 8192, 20000} {
			span := rag.Span{Start: at, End: min(at+n, len(text.Content))}
			quote, err := s.Quote(t.Context(), c.ID, d.ID, 1, span)
			if err != nil || quote != span.Of(text.Content) {
				t.Errorf("quote of %v: %d bytes, %v", span, len(quote), err)
			}
		}
	}
	records, _ := snapshot(t, s, c.ID)
	equal(t, "records", len(records), len(p.Chunks)+2)
	for _, k := range chunks {
		if got, want := records[k.ID].Text, k.EmbedText(d.Title); got != want {
			t.Fatalf("record of chunk %d has %d bytes, want %d", k.ID, len(got), len(want))
		}
	}
}

func readChunks(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	p := Put(c.ID, "a", "One.", "Two.", "Three.", "Four.")
	p.Chunks[2].Prefix, p.Chunks[2].Heading = "| h |", nil
	docs := mustPut(t, s, p, Put(c.ID, "b", "Five."))
	chunks, err := s.DocumentChunks(t.Context(), scopeOf(c), docs[0].Document.ID)
	ok(t, "chunks", err)
	equal(t, "chunks", len(chunks), 4)
	for i, k := range chunks {
		want := p.Chunks[i]
		want.ID, want.DocumentID, want.Version = k.ID, docs[0].Document.ID, 1
		equal(t, "chunk", fmt.Sprintf("%+v", k), fmt.Sprintf("%+v", want))
	}
	five, err := s.DocumentChunks(t.Context(), scopeOf(c), docs[1].Document.ID)
	ok(t, "chunks", err)
	// Twice the same, one that never was, and an order of their own.
	ids := []rag.ChunkID{five[0].ID, chunks[3].ID, 1 << 60, chunks[1].ID, five[0].ID, -5, 0}
	got, documents, err := s.Chunks(t.Context(), c.ID, ids)
	ok(t, "by id", err)
	equal(t, "found", fmt.Sprint(chunkIDs(got)), fmt.Sprint(chunkIDs([]rag.Chunk{chunks[1], chunks[3], five[0]})))
	equal(t, "documents", len(documents), 2)
	for _, k := range got {
		if d, ok := documents[k.DocumentID]; !ok || d.Version != k.Version || d.ID != k.DocumentID {
			t.Errorf("document of chunk %d: %+v", k.ID, d)
		}
	}
	got, documents, err = s.Chunks(t.Context(), c.ID, nil)
	if err != nil || len(got)+len(documents) > 0 {
		t.Errorf("no ids: %v, %v, %v", got, documents, err)
	}
}

func readParents(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	p := Put(c.ID, "a", "One.", "Two.", "Three.")
	whole := rag.Span{End: p.Chunks[1].Span.End}
	p.Chunks[0].Parent, p.Chunks[1].Parent = whole, whole
	d := mustPut(t, s, p)[0].Document
	chunks, err := s.DocumentChunks(t.Context(), scopeOf(c), d.ID)
	ok(t, "chunks", err)
	for i, k := range chunks {
		equal(t, "parent", k.Parent, p.Chunks[i].Parent)
	}
	byID, _, err := s.Chunks(t.Context(), c.ID, chunkIDs(chunks[:1]))
	ok(t, "by id", err)
	equal(t, "parent by id", byID[0].Parent, whole)
	for i, k := range chunks {
		for _, offset := range []int{k.Span.Start, k.Span.End - 1} {
			got, err := s.ChunkAt(t.Context(), c.ID, d.ID, 1, offset)
			ok(t, "chunk at", err)
			equal(t, "chunk at", fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", chunks[i]))
		}
	}
	for _, offset := range []int{-1, chunks[0].Span.End, chunks[2].Span.End, 1 << 40} {
		_, err := s.ChunkAt(t.Context(), c.ID, d.ID, 1, offset)
		wantKind(t, fmt.Sprintf("chunk at %d", offset), err, rag.KindNotFound)
	}
	_, err = s.ChunkAt(t.Context(), c.ID, d.ID, 2, 0)
	wantKind(t, "a version to come", err, rag.KindNotFound)
	_, err = s.ChunkAt(t.Context(), c.ID+1, d.ID, 1, 0)
	wantKind(t, "another collection", err, rag.KindNotFound)

	text, err := s.Text(t.Context(), scopeOf(c), d.ID, 1)
	ok(t, "text", err)
	blocks, err := s.Blocks(t.Context(), c.ID, d.ID, 1)
	ok(t, "blocks", err)
	if len(blocks) == 0 || !slices.Equal(blocks, text.Blocks) {
		t.Errorf("blocks are %v, those of the text %v", blocks, text.Blocks)
	}
	_, err = s.Blocks(t.Context(), c.ID, d.ID, 2)
	wantKind(t, "blocks of a version to come", err, rag.KindNotFound)
	_, err = s.Blocks(t.Context(), c.ID+1, d.ID, 1)
	wantKind(t, "blocks in another collection", err, rag.KindNotFound)

	for what, bad := range map[string]rag.Span{
		"beside its chunk": {End: 2}, "beyond the text": {End: 1000}, "before the text": {Start: -1, End: whole.End},
	} {
		p := Put(c.ID, "b", "One.", "Two.")
		p.Chunks[1].Parent = bad
		results, err := s.PutDocuments(t.Context(), []rag.Put{p})
		ok(t, "put", err)
		wantKind(t, "a parent "+what, results[0].Err, rag.KindInvalid)
	}
}

func readAfter(t *testing.T, s Store) {
	c, other := makeCollection(t, s, "", "c"), makeCollection(t, s, "", "other")
	docs := mustPut(t, s, Put(c.ID, "a", "One.", "Two.", "Three."), Put(other.ID, "x", "Elsewhere."), Put(c.ID, "gone", "Gone."), Put(c.ID, "b", "Four."))
	ok(t, "delete", s.DeleteDocument(t.Context(), scopeOf(c), docs[2].Document.ID))
	var seen []string
	var last rag.ChunkID
	for pages := 0; ; pages++ {
		chunks, documents, err := s.ChunksAfter(t.Context(), c.ID, last, 2)
		ok(t, "page", err)
		if len(chunks) == 0 {
			equal(t, "pages", pages, 2)
			break
		}
		for _, k := range chunks {
			if k.ID <= last || documents[k.DocumentID].ID != k.DocumentID {
				t.Errorf("chunk %d after %d, of %+v", k.ID, last, documents[k.DocumentID])
			}
			last = k.ID
			seen = append(seen, k.Text)
		}
	}
	equal(t, "all", strings.Join(seen, " "), "One. Two. Three. Four.")
}

func readQuotes(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	d := mustPut(t, s, Put(c.ID, "a", "Hello world."))[0].Document
	for _, test := range []struct {
		span rag.Span
		want string
	}{{rag.Span{Start: 0, End: 5}, "Hello"}, {rag.Span{Start: 6, End: 12}, "world."}, {rag.Span{Start: 12, End: 12}, ""}} {
		got, err := s.Quote(t.Context(), c.ID, d.ID, 1, test.span)
		if err != nil || got != test.want {
			t.Errorf("%v: %q, %v", test.span, got, err)
		}
	}
	for _, span := range []rag.Span{{Start: -1, End: 2}, {Start: 0, End: 13}, {Start: 5, End: 3}, {Start: 1 << 40, End: 1<<40 + 1}} {
		_, err := s.Quote(t.Context(), c.ID, d.ID, 1, span)
		wantKind(t, fmt.Sprint(span), err, rag.KindNotFound)
	}
	_, err := s.Quote(t.Context(), c.ID, d.ID, 2, rag.Span{End: 1})
	wantKind(t, "a version to come", err, rag.KindNotFound)
	mustPut(t, s, Put(c.ID, "a", "Jello world."))
	got, err := s.Quote(t.Context(), c.ID, d.ID, 2, rag.Span{End: 5})
	if err != nil || got != "Jello" {
		t.Errorf("version 2: %q, %v", got, err)
	}
}

func readRecords(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	p, q := Put(c.ID, "a", "One.", "Two."), Put(c.ID, "b", "Three.", "")
	docs := mustPut(t, s, p, q)
	all, seq := snapshot(t, s, c.ID)
	equal(t, "records", len(all), 3)
	last, err := s.LastSeq(t.Context(), c.ID)
	ok(t, "last seq", err)
	equal(t, "seq", seq, last)
	var ids []rag.ChunkID
	for id := range all {
		ids = append(ids, id)
	}
	some, err := s.Records(t.Context(), c.ID, 0, append(ids, 1<<60))
	ok(t, "by id", err)
	equal(t, "by id", len(some), 3)
	byDocument := map[rag.DocumentID]*rag.Document{}
	for _, r := range some {
		equal(t, "the same by id", fmt.Sprint(*r.Document, r.Text, r.Vector), fmt.Sprint(*all[r.ChunkID].Document, all[r.ChunkID].Text, all[r.ChunkID].Vector))
		if was := byDocument[r.Document.ID]; was != nil && was != r.Document {
			t.Error("records of one document do not share it")
		}
		byDocument[r.Document.ID] = r.Document
	}
	for i, put := range []rag.Put{p, q} {
		chunks, err := s.DocumentChunks(t.Context(), scopeOf(c), docs[i].Document.ID)
		ok(t, "chunks", err)
		for j, k := range chunks {
			r := all[k.ID]
			equal(t, "text", r.Text, put.Chunks[j].EmbedText(put.Document.Title))
			if !slices.Equal(r.Vector, Vector(put.Chunks[j].Hash)) {
				t.Errorf("vector of chunk %d: %v", k.ID, r.Vector)
			}
		}
	}
	enough := errors.New("enough")
	n := 0
	_, err = s.Snapshot(t.Context(), c.ID, 0, func(rag.Record) error { n++; return enough })
	if n != 1 || !errors.Is(err, enough) {
		t.Errorf("a stop after one: %d, %v", n, err)
	}
}

func readAccess(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	open, closed := Put(c.ID, "open", "Open."), Put(c.ID, "closed", "Closed.")
	closed.Document.ACL = []string{"alice", "staff"}
	docs := mustPut(t, s, open, closed)
	id := docs[1].Document.ID
	as := func(who ...string) rag.Scope { return rag.Scope{Collection: "c", Principals: who} }
	for _, scope := range []rag.Scope{as("staff", "bob"), as("alice"), {Collection: "c", Admin: true}} {
		_, err := s.Document(t.Context(), scope, id)
		ok(t, "document", err)
		equal(t, "listed", len(allDocuments(t, s, scope, rag.ListOptions{})), 2)
	}
	for _, scope := range []rag.Scope{as(), as("bob"), as("alic", "STAFF")} {
		equal(t, "listed", fmt.Sprint(externalIDs(allDocuments(t, s, scope, rag.ListOptions{}))), "[open]")
		title := "x"
		for what, err := range map[string]error{
			"document":       second(s.Document(t.Context(), scope, id)),
			"by external id": second(s.DocumentByExternalID(t.Context(), scope, "closed")),
			"text":           second(s.Text(t.Context(), scope, id, 0)),
			"chunks":         second(s.DocumentChunks(t.Context(), scope, id)),
			"update":         second(s.UpdateDocument(t.Context(), scope, id, rag.DocumentChange{Title: &title})),
			"delete":         s.DeleteDocument(t.Context(), scope, id),
		} {
			wantKind(t, what, err, rag.KindNotFound)
		}
	}
	// Ingestion replaces by id, whoever may read.
	_, err := s.FindDocument(t.Context(), c.ID, "closed")
	ok(t, "find", err)
	ok(t, "delete", s.DeleteDocument(t.Context(), as("alice"), id))
	wantKind(t, "restore", s.RestoreDocument(t.Context(), as("bob"), id), rag.KindNotFound)
	ok(t, "restore", s.RestoreDocument(t.Context(), as("staff"), id))
	var nobody []string
	_, err = s.UpdateDocument(t.Context(), as("alice"), id, rag.DocumentChange{ACL: &nobody})
	ok(t, "open it", err)
	equal(t, "listed", len(allDocuments(t, s, as(), rag.ListOptions{})), 2)
}

func readNoIDs(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	for _, id := range []rag.DocumentID{"", "x", "00000000-0000-7000-8000-000000000000", "' OR 1=1 --", rag.DocumentID(strings.Repeat("a", 10000)),
		"urn:uuid:00000000-0000-7000-8000-000000000000", "{00000000-0000-7000-8000-000000000000}"} {
		_, err := s.Document(t.Context(), scopeOf(c), id)
		wantKind(t, fmt.Sprintf("%.40q", id), err, rag.KindNotFound)
		_, err = s.Quote(t.Context(), c.ID, id, 1, rag.Span{})
		wantKind(t, fmt.Sprintf("quote of %.40q", id), err, rag.KindNotFound)
		wantKind(t, "delete", s.DeleteDocument(t.Context(), scopeOf(c), id), rag.KindNotFound)
	}
	_, err := s.Document(t.Context(), rag.Scope{Collection: "none"}, "x")
	wantKind(t, "no collection", err, rag.KindNotFound)
}

func updateDocument(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	put := mustPut(t, s, Put(c.ID, "a", "One.", "Two."))[0]
	before, _ := snapshot(t, s, c.ID)
	title, meta, acl := "A better title", rag.Metadata{"year": rag.Num(2024)}, []string{"alice"}
	d, err := s.UpdateDocument(t.Context(), scopeOf(c), put.Document.ID, rag.DocumentChange{Title: &title, Metadata: &meta, ACL: &acl})
	ok(t, "update", err)
	if d.Title != title || !d.Metadata["year"].Equal(rag.Num(2024)) || len(d.Metadata) != 1 || !slices.Equal(d.ACL, acl) || d.Version != 1 {
		t.Errorf("changed: %+v", d)
	}
	read, err := s.Document(t.Context(), scopeOf(c), d.ID)
	ok(t, "read", err)
	equal(t, "read", fmt.Sprintf("%+v", read), fmt.Sprintf("%+v", d))
	changes := changesOf(t, s, c.ID, put.Seq)
	equal(t, "changes", len(changes), 2)
	after, seq := snapshot(t, s, c.ID)
	equal(t, "seq", seq, changes[1].Seq)
	for _, ch := range changes {
		r := after[ch.ChunkID]
		if ch.Op != rag.ChangePut || r.Document == nil || r.Document.Title != title || !strings.HasPrefix(r.Text, title) {
			t.Errorf("change %+v, record %+v", ch, r)
		}
		if !slices.Equal(r.Vector, before[ch.ChunkID].Vector) {
			t.Errorf("the vector of chunk %d has changed", ch.ChunkID)
		}
	}
	same, err := s.UpdateDocument(t.Context(), scopeOf(c), d.ID, rag.DocumentChange{})
	ok(t, "change nothing", err)
	equal(t, "title", same.Title, title)
	null := rag.Metadata{"k": rag.Value{}}
	_, err = s.UpdateDocument(t.Context(), scopeOf(c), d.ID, rag.DocumentChange{Metadata: &null})
	wantKind(t, "bad metadata", err, rag.KindInvalid)
	long := strings.Repeat("x", 1<<20)
	_, err = s.UpdateDocument(t.Context(), scopeOf(c), d.ID, rag.DocumentChange{Title: &long})
	wantKind(t, "an endless title", err, rag.KindInvalid)
}

func readUnder(t *testing.T, s Store) {
	c, other := makeCollection(t, s, "", "c"), makeCollection(t, s, "", "other")
	closed := Put(c.ID, "a!/closed", "x")
	closed.Document.ACL = []string{"alice"}
	puts := []rag.Put{closed, Put(other.ID, "a!/elsewhere", "x")}
	for _, id := range []string{"a", "a!", "a!/2", "a!/10", "a!/1", "a!/ä", "a!/\U0010ffff", "a0", "b!/1"} {
		puts = append(puts, Put(c.ID, id, "x"))
	}
	results := mustPut(t, s, puts...)
	for _, r := range results {
		if r.Document.ExternalID == "a!/10" {
			ok(t, "delete", s.DeleteDocument(t.Context(), scopeOf(c), r.Document.ID))
		}
	}
	under := func(prefix, after string, limit int) []string {
		docs, err := s.DocumentsUnder(t.Context(), c.ID, prefix, after, limit)
		ok(t, "documents under", err)
		ids := []string{}
		for _, d := range docs {
			ids = append(ids, d.ExternalID)
		}
		return ids
	}
	equal(t, "all", fmt.Sprint(under("a!/", "", 100)), fmt.Sprint([]string{"a!/1", "a!/2", "a!/closed", "a!/ä", "a!/\U0010ffff"}))
	equal(t, "the first two", fmt.Sprint(under("a!/", "", 2)), "[a!/1 a!/2]")
	equal(t, "the next two", fmt.Sprint(under("a!/", "a!/2", 2)), "[a!/closed a!/ä]")
	equal(t, "after the last", len(under("a!/", "a!/\U0010ffff", 2)), 0)
	equal(t, "none", len(under("nothing", "", 100)), 0)
}
