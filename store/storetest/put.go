package storetest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

var putTests = []test{
	{"add", putAdds},
	{"replace", putReplaces},
	{"without an external id", putWithoutID},
	{"the same id twice in a batch", putTwice},
	{"a bad document leaves the others", putBad},
	{"a put that fails leaves the old one", putFailsOnReplace},
	{"embeddings are kept once", putEmbeddings},
	{"failed and empty documents", putEmpty},
	{"a collection without a model", putWithoutModel},
	{"odd characters", putOddCharacters},
	{"a done context stores nothing", putDone},
}

func putAdds(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	p := Put(c.ID, "a", "One two.", "Three four five.")
	p.Document.ACL = []string{"alice"}
	p.Document.Pages = 3
	r := mustPut(t, s, p)[0]
	d := r.Document
	equal(t, "state of the result", r.State, rag.Added)
	equal(t, "state", d.State, rag.StateReady)
	equal(t, "version", d.Version, 1)
	equal(t, "chunks", d.Chunks, 2)
	if len(d.ID) != 36 || d.ID[14] != '7' || d.CreatedAt.IsZero() || !d.UpdatedAt.Equal(d.CreatedAt) {
		t.Errorf("document: %+v", d)
	}
	read, err := s.Document(t.Context(), scopeOf(c), d.ID)
	ok(t, "read", err)
	equal(t, "what is read is what was returned", fmt.Sprintf("%+v", read), fmt.Sprintf("%+v", d))
	want := p.Document
	for what, same := range map[string]bool{
		"external id": read.ExternalID == want.ExternalID, "title": read.Title == want.Title, "source": read.Source == want.Source,
		"media type": read.MediaType == want.MediaType, "sha256": read.SHA256 == want.SHA256, "bytes": read.Bytes == want.Bytes,
		"pages": read.Pages == 3, "language": read.Language == "en", "acl": slices.Equal(read.ACL, want.ACL),
		"input hash": read.InputHash == want.InputHash, "metadata": len(read.Metadata) == 1 && read.Metadata["words"].Equal(want.Metadata["words"]),
	} {
		if !same {
			t.Errorf("%s differs: %+v", what, read)
		}
	}
	col, err := s.CollectionByID(t.Context(), c.ID)
	ok(t, "collection", err)
	if col.Documents != 1 || col.Chunks != 2 || col.Bytes != d.Bytes || col.Seq != r.Seq {
		t.Errorf("counters: %+v, seq %d", col, r.Seq)
	}
	changes := changesOf(t, s, c.ID, 0)
	if len(changes) != 2 || changes[1].Seq != r.Seq {
		t.Fatalf("changes: %+v, seq %d", changes, r.Seq)
	}
	for _, ch := range changes {
		if ch.Op != rag.ChangePut || ch.DocumentID != d.ID || ch.ChunkID <= 0 {
			t.Errorf("change: %+v", ch)
		}
	}
}

func putReplaces(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	first := mustPut(t, s, Put(c.ID, "a", "Old one.", "Kept.", "Old two."))[0]
	old, err := s.DocumentChunks(t.Context(), scopeOf(c), first.Document.ID)
	ok(t, "old chunks", err)

	p := Put(c.ID, "a", "New one.", "Kept.")
	p.Document.ACL, p.Document.Title = []string{"bob"}, "About a"
	r := mustPut(t, s, p)[0]
	d := r.Document
	equal(t, "state", r.State, rag.Updated)
	equal(t, "id", d.ID, first.Document.ID)
	equal(t, "version", d.Version, 2)
	equal(t, "created", d.CreatedAt, first.Document.CreatedAt)
	read, err := s.Document(t.Context(), scopeOf(c), d.ID)
	ok(t, "read", err)
	equal(t, "what is read is what was returned", fmt.Sprintf("%+v", read), fmt.Sprintf("%+v", d))

	chunks, err := s.DocumentChunks(t.Context(), scopeOf(c), d.ID)
	ok(t, "chunks", err)
	equal(t, "chunks", len(chunks), 2)
	for _, k := range chunks {
		equal(t, "chunk's version", k.Version, 2)
		if slices.Contains(chunkIDs(old), k.ID) {
			t.Errorf("chunk id %d is used again", k.ID)
		}
	}
	gone, _, err := s.Chunks(t.Context(), c.ID, chunkIDs(old))
	if err != nil || len(gone) > 0 {
		t.Errorf("old chunks: %v, %v", gone, err)
	}
	changes := changesOf(t, s, c.ID, first.Seq)
	var ops []string
	for _, ch := range changes {
		ops = append(ops, fmt.Sprint(ch.Op))
	}
	equal(t, "changes", strings.Join(ops, " "), "2 2 2 1 1")
	equal(t, "seq", r.Seq, changes[len(changes)-1].Seq)
	col, err := s.CollectionByID(t.Context(), c.ID)
	ok(t, "collection", err)
	if col.Documents != 1 || col.Chunks != 2 || col.Bytes != d.Bytes {
		t.Errorf("counters: %+v", col)
	}
	text, err := s.Text(t.Context(), scopeOf(c), d.ID, 0)
	ok(t, "text", err)
	equal(t, "text", text.Content, p.Text.Content)
}

func putWithoutID(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	results := mustPut(t, s, Put(c.ID, "", "One."), Put(c.ID, "", "One."))
	if results[0].Document.ID == results[1].Document.ID {
		t.Error("two documents without an external id became one")
	}
	for _, r := range results {
		equal(t, "external id", r.Document.ExternalID, string(r.Document.ID))
		found, err := s.FindDocument(t.Context(), c.ID, string(r.Document.ID))
		ok(t, "find", err)
		equal(t, "found", found.ID, r.Document.ID)
	}
}

func putTwice(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	results := mustPut(t, s, Put(c.ID, "a", "First."), Put(c.ID, "b", "Between."), Put(c.ID, "a", "Second."))
	equal(t, "first", results[0].State, rag.Added)
	equal(t, "second", results[2].State, rag.Updated)
	equal(t, "id", results[2].Document.ID, results[0].Document.ID)
	text, err := s.Text(t.Context(), scopeOf(c), results[0].Document.ID, 0)
	ok(t, "text", err)
	equal(t, "text", text.Content, "Second.")

	// The same external id in another collection is another document.
	other := makeCollection(t, s, "", "other")
	equal(t, "elsewhere", mustPut(t, s, Put(other.ID, "a", "First."))[0].State, rag.Added)
}

func putBad(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	bad := map[string]struct {
		kind rag.Kind
		harm func(*rag.Put)
	}{
		"no such collection":        {rag.KindNotFound, func(p *rag.Put) { p.CollectionID += 99 }},
		"a chunk beyond the text":   {rag.KindInvalid, func(p *rag.Put) { p.Chunks[1].Span.End += 100 }},
		"an empty chunk":            {rag.KindInvalid, func(p *rag.Put) { p.Chunks[1].Span.End = p.Chunks[1].Span.Start; p.Chunks[1].Text = "" }},
		"a chunk before the text":   {rag.KindInvalid, func(p *rag.Put) { p.Chunks[0].Span.Start = -1 }},
		"a chunk with other words":  {rag.KindInvalid, func(p *rag.Put) { p.Chunks[0].Text = "other" }},
		"a chunk without a hash":    {rag.KindInvalid, func(p *rag.Put) { p.Chunks[1].Hash = rag.Hash{} }},
		"a block beyond the text":   {rag.KindInvalid, func(p *rag.Put) { p.Text.Blocks[1].Span.End += 100 }},
		"blocks that overlap":       {rag.KindInvalid, func(p *rag.Put) { p.Text.Blocks[1].Span.Start = 0 }},
		"a short vector":            {rag.KindInvalid, func(p *rag.Put) { p.Vectors[p.Chunks[1].Hash] = []float32{1} }},
		"a vector with a NaN":       {rag.KindInvalid, func(p *rag.Put) { p.Vectors[p.Chunks[1].Hash][3] = float32(math.NaN()) }},
		"a vector with an infinity": {rag.KindInvalid, func(p *rag.Put) { p.Vectors[p.Chunks[1].Hash][3] = float32(math.Inf(-1)) }},
		"a vector that is missing":  {rag.KindConflict, func(p *rag.Put) { delete(p.Vectors, p.Chunks[1].Hash) }},
		"a null in the metadata":    {rag.KindInvalid, func(p *rag.Put) { p.Document.Metadata["k"] = rag.Value{} }},
		"a null in the text's":      {rag.KindInvalid, func(p *rag.Put) { p.Text.Metadata = rag.Metadata{"k": rag.Value{}} }},
		"an empty principal":        {rag.KindInvalid, func(p *rag.Put) { p.Document.ACL = []string{""} }},
		"an unknown state":          {rag.KindInvalid, func(p *rag.Put) { p.Document.State = "half" }},
		"an endless external id":    {rag.KindInvalid, func(p *rag.Put) { p.Document.ExternalID = strings.Repeat("x", 5000) }},
		"an external id with NUL":   {rag.KindInvalid, func(p *rag.Put) { p.Document.ExternalID = "a\x00b" }},
		"a title that is not UTF-8": {rag.KindInvalid, func(p *rag.Put) { p.Document.Title = "\xff\xfe" }},
		"a vector of no length":     {rag.KindInvalid, func(p *rag.Put) { p.Vectors[p.Chunks[0].Hash] = []float32{} }},
	}
	n := 0
	for what, b := range bad {
		n++
		before, after := fmt.Sprintf("before %d", n), fmt.Sprintf("after %d", n)
		p := Put(c.ID, "bad", fmt.Sprintf("Bad one %d.", n), fmt.Sprintf("Bad two %d.", n))
		b.harm(&p)
		results, err := s.PutDocuments(t.Context(), []rag.Put{Put(c.ID, before, "Good."), p, Put(c.ID, after, "Good too.")})
		ok(t, what, err)
		wantKind(t, what, results[1].Err, b.kind)
		equal(t, what, results[1].State, rag.Failed)
		for _, i := range []int{0, 2} {
			equal(t, what+": the others", results[i].Err, nil)
		}
		for _, id := range []string{before, after} {
			_, err := s.FindDocument(t.Context(), c.ID, id)
			ok(t, what+": "+id, err)
		}
		_, err = s.FindDocument(t.Context(), c.ID, "bad")
		wantKind(t, what+": the bad one", err, rag.KindNotFound)
	}
	Sound(t, s)
}

func putFailsOnReplace(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	first := mustPut(t, s, Put(c.ID, "a", "One.", "Two."))[0]
	p := Put(c.ID, "a", "Three.", "Four.")
	p.Vectors[p.Chunks[1].Hash] = nil
	results, err := s.PutDocuments(t.Context(), []rag.Put{p})
	ok(t, "put", err)
	wantKind(t, "a missing vector", results[0].Err, rag.KindConflict)
	d, err := s.Document(t.Context(), scopeOf(c), first.Document.ID)
	ok(t, "read", err)
	equal(t, "the old one is left", fmt.Sprintf("%+v", d), fmt.Sprintf("%+v", first.Document))
	seq, err := s.LastSeq(t.Context(), c.ID)
	ok(t, "seq", err)
	equal(t, "seq", seq, first.Seq)
	missing, err := s.MissingEmbeddings(t.Context(), c.Tenant, Model, []rag.Hash{p.Chunks[0].Hash})
	ok(t, "missing", err)
	equal(t, "nothing of the new one is left", len(missing), 1)
}

func putEmbeddings(t *testing.T, s Store) {
	c, other := makeCollection(t, s, "a", "c"), makeCollection(t, s, "a", "other")
	p := Put(c.ID, "a", "One.", "Two.", "Two.")
	hashes := []rag.Hash{p.Chunks[0].Hash, {9}, p.Chunks[1].Hash, {9}, p.Chunks[2].Hash}
	missing, err := s.MissingEmbeddings(t.Context(), c.Tenant, Model, hashes)
	ok(t, "missing", err)
	if !slices.Equal(missing, []rag.Hash{p.Chunks[0].Hash, {9}, p.Chunks[1].Hash}) {
		t.Errorf("missing before: %d hashes", len(missing))
	}
	mustPut(t, s, p)
	missing, err = s.MissingEmbeddings(t.Context(), c.Tenant, Model, hashes)
	ok(t, "missing", err)
	if !slices.Equal(missing, []rag.Hash{{9}}) {
		t.Errorf("missing after: %d hashes", len(missing))
	}
	missing, err = s.MissingEmbeddings(t.Context(), c.Tenant, "another model", hashes)
	ok(t, "missing", err)
	equal(t, "missing of another model", len(missing), 3)
	missing, err = s.MissingEmbeddings(t.Context(), c.Tenant, Model, nil)
	if err != nil || len(missing) > 0 {
		t.Errorf("of nothing is missing %v, %v", missing, err)
	}
	// What the tenant has needs no vector, whichever collection brought it.
	p = Put(other.ID, "a", "One.", "Two.", "Two.")
	p.Vectors = nil
	mustPut(t, s, p)
	records, _ := snapshot(t, s, other.ID)
	equal(t, "records", len(records), 3)
	for _, r := range records {
		if len(r.Vector) != Dimensions {
			t.Errorf("vector of chunk %d: %v", r.ChunkID, r.Vector)
		}
	}
	stats, err := s.Stats(t.Context(), scopeOf(other))
	ok(t, "stats", err)
	equal(t, "embeddings", stats.Embeddings, 2)

	spec := Spec("a", "narrow")
	spec.Generation.Dimensions = 4
	narrow, err := s.CreateCollection(t.Context(), spec)
	ok(t, "create", err)
	results, err := s.PutDocuments(t.Context(), []rag.Put{Put(narrow.ID, "a", "One.")})
	ok(t, "put", err)
	wantKind(t, "one model with two lengths", results[0].Err, rag.KindInvalid)
}

func putEmpty(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	p := Put(c.ID, "scan")
	p.Document.State, p.Document.Error, p.Document.Bytes = rag.StateFailed, "no text layer", 12345
	d := mustPut(t, s, p)[0].Document
	read, err := s.Document(t.Context(), scopeOf(c), d.ID)
	ok(t, "read", err)
	if read.State != rag.StateFailed || read.Error != "no text layer" || read.Chunks != 0 {
		t.Errorf("failed document: %+v", read)
	}
	text, err := s.Text(t.Context(), scopeOf(c), d.ID, 0)
	if err != nil || text.Content != "" || len(text.Blocks) != 0 {
		t.Errorf("its text: %+v, %v", text, err)
	}
	chunks, err := s.DocumentChunks(t.Context(), scopeOf(c), d.ID)
	if err != nil || len(chunks) != 0 {
		t.Errorf("its chunks: %v, %v", chunks, err)
	}
	// From empty to full and back.
	full := mustPut(t, s, Put(c.ID, "scan", "Now with text."))[0]
	equal(t, "updated", full.State, rag.Updated)
	equal(t, "version", full.Document.Version, 2)
	empty := mustPut(t, s, Put(c.ID, "scan"))[0]
	equal(t, "a delete is announced", empty.Seq, full.Seq+1)
	records, _ := snapshot(t, s, c.ID)
	equal(t, "records", len(records), 0)

	results, err := s.PutDocuments(t.Context(), nil)
	if err != nil || len(results) != 0 {
		t.Errorf("putting nothing: %v, %v", results, err)
	}
}

func putWithoutModel(t *testing.T, s Store) {
	c, err := s.CreateCollection(t.Context(), rag.Collection{Name: "keywords"})
	ok(t, "create", err)
	p := Put(c.ID, "a", "One.", "Two.")
	p.Vectors = nil
	mustPut(t, s, p)
	records, _ := snapshot(t, s, c.ID)
	equal(t, "records", len(records), 2)
	for id, r := range records {
		if r.Vector != nil || !strings.HasPrefix(r.Text, "About a") {
			t.Errorf("record %d: %+v", id, r)
		}
	}
	some, err := s.Records(t.Context(), c.ID, 0, []rag.ChunkID{changesOf(t, s, c.ID, 0)[0].ChunkID})
	if err != nil || len(some) != 1 || some[0].Vector != nil {
		t.Errorf("by id: %+v, %v", some, err)
	}
}

func putOddCharacters(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	odd := "it's \"quoted\" % _ \\ ; -- 漢字 🦊 \u2028 é e\u0301 \r\n\t"
	body := "NUL \x00 inside, bad UTF-8 \xff\xfe, " + odd
	p := Put(c.ID, odd, body, "second")
	p.Document.Title = odd
	p.Document.Metadata = rag.Metadata{odd: rag.Str(odd), "list": rag.List(rag.Str(odd), rag.Num(-1e300), rag.Bool(false))}
	p.Document.ACL = []string{odd}
	p.Chunks[0].Heading, p.Chunks[0].Prefix = []string{odd, ""}, odd
	d := mustPut(t, s, p)[0].Document
	read, err := s.FindDocument(t.Context(), c.ID, odd)
	ok(t, "find", err)
	equal(t, "document", fmt.Sprintf("%q", fmt.Sprint(read)), fmt.Sprintf("%q", fmt.Sprint(d)))
	equal(t, "metadata", read.Metadata["list"].String(), p.Document.Metadata["list"].String())
	chunks, err := s.DocumentChunks(t.Context(), scopeOf(c), d.ID)
	ok(t, "chunks", err)
	equal(t, "text", chunks[0].Text, body)
	equal(t, "prefix", chunks[0].Prefix, odd)
	equal(t, "heading", fmt.Sprintf("%q", chunks[0].Heading), fmt.Sprintf("%q", p.Chunks[0].Heading))
	quote, err := s.Quote(t.Context(), c.ID, d.ID, 1, rag.Span{Start: 4, End: 5})
	ok(t, "quote", err)
	equal(t, "quote", quote, "\x00")
}

func putDone(t *testing.T, s Store) {
	c := makeCollection(t, s, "", "c")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.PutDocuments(ctx, []rag.Put{Put(c.ID, "a", "One.")})
	wantKind(t, "put", err, rag.KindUnavailable)
	_, err = s.Documents(ctx, scopeOf(c), rag.ListOptions{})
	wantKind(t, "list", err, rag.KindUnavailable)
	equal(t, "documents", len(allDocuments(t, s, scopeOf(c), rag.ListOptions{})), 0)
}
