package storetest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

// Model and Dimensions are those of the collections that the suite makes.
const (
	Model      = "hash-8"
	Dimensions = 8
)

// Spec is a collection to be made.
func Spec(tenant, name string) rag.Collection {
	return rag.Collection{Tenant: tenant, Name: name, Generation: rag.Generation{Model: Model, Dimensions: Dimensions,
		Chunker: rag.ChunkerOptions{Name: "structure", Size: 256}}}
}

// Put is a document whose paragraphs are its blocks and its chunks. Every vector
// is given, whether the store has it or not.
func Put(collectionID int64, externalID string, paragraphs ...string) rag.Put {
	content := strings.Join(paragraphs, "\n\n")
	sum := sha256.Sum256([]byte(content))
	p := rag.Put{
		CollectionID: collectionID,
		Document: rag.Document{ExternalID: externalID, Title: "About " + externalID, Source: "/files/" + externalID, MediaType: "text/plain",
			SHA256: hex.EncodeToString(sum[:]), InputHash: "i-" + externalID, Bytes: int64(len(content)), Language: "en", Metadata: rag.Metadata{"words": rag.Num(float64(len(strings.Fields(content))))}},
		Text:    rag.Text{Content: content, Title: "About " + externalID, MediaType: "text/plain", Language: "en"},
		Vectors: map[rag.Hash][]float32{},
	}
	start := 0
	for i, text := range paragraphs {
		span := rag.Span{Start: start, End: start + len(text)}
		start = span.End + 2
		p.Text.Blocks = append(p.Text.Blocks, rag.Block{Kind: rag.Paragraph, Page: 1 + i/3, Span: span})
		if text == "" {
			continue
		}
		c := rag.Chunk{Ordinal: len(p.Chunks), Span: span, Text: text, Page: 1 + i/3, Tokens: len(strings.Fields(text)), Heading: []string{"Part", "Point"}}
		c.Hash = sha256.Sum256([]byte(c.EmbedText(p.Document.Title)))
		p.Chunks = append(p.Chunks, c)
		p.Vectors[c.Hash] = Vector(c.Hash)
	}
	p.Document.Chunks = len(p.Chunks)
	return p
}

// Vector is the embedding that the suite gives a text: of unit length, from its
// hash.
func Vector(h rag.Hash) []float32 {
	v := make([]float32, Dimensions)
	var sum float64
	for i := range v {
		v[i] = float32(h[i]) - 127.5
		sum += float64(v[i]) * float64(v[i])
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(sum))
	}
	return v
}

func makeCollection(t *testing.T, s Store, tenant, name string) rag.Collection {
	t.Helper()
	c, err := s.CreateCollection(t.Context(), Spec(tenant, name))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// scopeOf sees every document of a collection.
func scopeOf(c rag.Collection) rag.Scope {
	return rag.Scope{Tenant: c.Tenant, Collection: c.Name, Admin: true}
}

// mustPut stores documents, none of which may fail.
func mustPut(t *testing.T, s Store, puts ...rag.Put) []rag.PutResult {
	t.Helper()
	results, err := s.PutDocuments(t.Context(), puts)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != len(puts) {
		t.Fatalf("%d results for %d documents", len(results), len(puts))
	}
	for i, r := range results {
		if r.Err != nil {
			t.Fatalf("document %d: %v", i, r.Err)
		}
	}
	return results
}

func wantKind(t *testing.T, what string, err error, kind rag.Kind) {
	t.Helper()
	if rag.KindOf(err) != kind {
		t.Errorf("%s: got %q error %v, want %q", what, rag.KindOf(err), err, kind)
	}
	var own *rag.Error
	if err != nil && !errors.As(err, &own) {
		t.Errorf("%s: %T leaks from below", what, err)
	}
}

func ok(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func externalIDs(docs []rag.Document) []string {
	ids := []string{}
	for _, d := range docs {
		ids = append(ids, d.ExternalID)
	}
	return ids
}

// allDocuments lists all pages.
func allDocuments(t *testing.T, s Store, scope rag.Scope, opt rag.ListOptions) []rag.Document {
	t.Helper()
	var all []rag.Document
	for {
		page, err := s.Documents(t.Context(), scope, opt)
		ok(t, "list documents", err)
		all = append(all, page.Items...)
		if page.Next == "" {
			return all
		}
		if opt.Limit > 0 && len(page.Items) != opt.Limit {
			t.Fatalf("a page that is not the last has %d items of %d", len(page.Items), opt.Limit)
		}
		opt.Cursor = page.Next
	}
}

// snapshot collects all records, and checks their order.
func snapshot(t *testing.T, s Store, collectionID int64) (map[rag.ChunkID]rag.Record, int64) {
	t.Helper()
	records := map[rag.ChunkID]rag.Record{}
	last := rag.ChunkID(0)
	seq, err := s.Snapshot(t.Context(), collectionID, 0, func(r rag.Record) error {
		if r.ChunkID <= last {
			t.Errorf("chunk %d comes after %d", r.ChunkID, last)
		}
		last = r.ChunkID
		records[r.ChunkID] = r
		return nil
	})
	ok(t, "snapshot", err)
	return records, seq
}

func chunkIDs(chunks []rag.Chunk) []rag.ChunkID {
	ids := make([]rag.ChunkID, len(chunks))
	for i, c := range chunks {
		ids[i] = c.ID
	}
	slices.Sort(ids)
	return ids
}

func changesOf(t *testing.T, s Store, collectionID, after int64) []rag.Change {
	t.Helper()
	changes, err := s.Changes(t.Context(), collectionID, after, 0)
	ok(t, "changes", err)
	for _, c := range changes {
		if c.Seq <= after || c.CollectionID != collectionID {
			t.Fatalf("after %d of collection %d comes %+v", after, collectionID, c)
		}
		after = c.Seq
	}
	return changes
}
