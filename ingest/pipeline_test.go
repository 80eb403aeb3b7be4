package ingest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/smartretriever/smartretriever/rag"
)

// memory is a document store, a blob store, an extractor and a chunker in one:
// words are chunks, and files say in their first word what is to happen to them.
type memory struct {
	mu       sync.Mutex
	docs     map[string]rag.Document
	vectors  map[rag.Hash][]float32
	blobs    map[string][]byte
	lose     bool // blobs vanish between Put and commit, once
	putErr   error
	batches  []int
	failDoc  string // external id whose put fails
	moved    bool   // the collection is at its second generation
	forget   bool   // an embedding is purged before the first put
	embedded [][]string
	embedErr error

	committed func() // called at the end of a put
	keepErr   error  // of the next Keep
}

func newMemory() *memory {
	return &memory{docs: map[string]rag.Document{}, vectors: map[rag.Hash][]float32{}, blobs: map[string][]byte{}}
}

func (m *memory) FindDocument(_ context.Context, _ int64, id string) (rag.Document, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d, ok := m.docs[id]; ok {
		return d, nil
	}
	return rag.Document{}, rag.Errorf(rag.KindNotFound, "no document %q", id)
}

func (m *memory) DocumentsUnder(_ context.Context, _ int64, prefix, after string, limit int) ([]rag.Document, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []rag.Document
	for _, id := range slices.Sorted(maps.Keys(m.docs)) {
		if strings.HasPrefix(id, prefix) && id > after && len(out) < limit {
			out = append(out, m.docs[id])
		}
	}
	return out, nil
}

func (m *memory) DeleteDocument(_ context.Context, _ rag.Scope, id rag.DocumentID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for external, d := range m.docs {
		if d.ID == id {
			delete(m.docs, external)
			return nil
		}
	}
	return rag.Errorf(rag.KindNotFound, "no document %s", id)
}

func (m *memory) MissingEmbeddings(_ context.Context, _, _ string, hashes []rag.Hash) ([]rag.Hash, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(hashes), func(h rag.Hash) bool { return m.vectors[h] != nil }), nil
}

func (m *memory) PutDocuments(_ context.Context, puts []rag.Put) ([]rag.PutResult, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.putErr != nil {
		return nil, m.putErr
	}
	m.batches = append(m.batches, len(puts))
	if m.lose {
		m.lose = false
		clear(m.blobs)
	}
	out := make([]rag.PutResult, len(puts))
	for i, p := range puts {
		if p.Document.ExternalID == m.failDoc && m.failDoc != "" {
			out[i] = rag.PutResult{State: rag.Failed, Err: rag.Errorf(rag.KindInvalid, "will not have it")}
			continue
		}
		if m.moved != (p.Generation == 2) {
			out[i] = rag.PutResult{State: rag.Failed, Err: rag.Errorf(rag.KindConflict, "another generation")}
			continue
		}
		if m.forget && len(p.Vectors) == 0 {
			m.forget = false
			clear(m.vectors)
			out[i] = rag.PutResult{State: rag.Failed, Err: rag.Errorf(rag.KindConflict, "embedding purged")}
			continue
		}
		d := p.Document
		old, known := m.docs[d.ExternalID]
		d.Version = old.Version + 1
		d.ID = rag.DocumentID("id-" + d.ExternalID)
		for h, v := range p.Vectors {
			m.vectors[h] = v
		}
		for _, c := range p.Chunks {
			if m.vectors[c.Hash] == nil {
				return nil, rag.Errorf(rag.KindInternal, "chunk of %s without a vector", d.ExternalID)
			}
		}
		m.docs[d.ExternalID] = d
		out[i] = rag.PutResult{Document: d, State: rag.Added, Seq: int64(len(m.docs))}
		if known {
			out[i].State = rag.Updated
		}
	}
	if m.committed != nil {
		m.committed()
	}
	return out, nil
}

func (m *memory) Put(_ context.Context, r io.Reader, _ int64) (string, int64, error) {
	content, err := io.ReadAll(r)
	if err != nil {
		return "", 0, err
	}
	sum := sha256.Sum256(content)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.blobs[hex.EncodeToString(sum[:])] = content
	return hex.EncodeToString(sum[:]), int64(len(content)), nil
}

func (m *memory) Keep(ctx context.Context, sha string, _ int64) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := cmp.Or(m.keepErr, ctx.Err()); err != nil {
		m.keepErr = nil
		return false, err
	}
	return m.blobs[sha] != nil, nil
}

func (m *memory) Extract(_ context.Context, file rag.File) (rag.Text, error) {
	content := file.Content
	if bytes.HasPrefix(content, []byte("damaged")) {
		return rag.Text{}, rag.Errorf(rag.KindInvalid, "is damaged")
	}
	return rag.Text{Content: string(content), MediaType: "text/plain", Metadata: rag.Metadata{"by": rag.Str("file"), "author": rag.Str("file")}}, nil
}

func (m *memory) Chunk(_ context.Context, t rag.Text) ([]rag.Chunk, error) {
	var out []rag.Chunk
	at := 0
	for _, w := range strings.Fields(t.Content) {
		i := at + strings.Index(t.Content[at:], w)
		at = i + len(w)
		out = append(out, rag.Chunk{Span: rag.Span{Start: i, End: at}, Text: w, Tokens: 1})
	}
	return out, nil
}

func (m *memory) Model() rag.Model       { return rag.Model{ID: "letters", Dimensions: 1} }
func (m *memory) CountTokens(string) int { return 1 }
func (m *memory) Embed(_ context.Context, _ rag.EmbedKind, texts []string) ([][]float32, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.embedded = append(m.embedded, slices.Clone(texts))
	out := make([][]float32, len(texts))
	for i := range out {
		out[i] = []float32{1}
	}
	return out, m.embedErr
}

// moved is the model of the collection's second generation.
type moved struct{ *memory }

func (m moved) Model() rag.Model { return rag.Model{ID: "words", Dimensions: 1} }
func (m moved) Embed(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error) {
	out, err := m.memory.Embed(ctx, kind, texts)
	for i := range out {
		out[i] = []float32{2}
	}
	return out, err
}

func (m *memory) modelOf(col rag.Collection) Embedder {
	if col.Generation.Number == 2 {
		return moved{m}
	}
	return m
}

func (m *memory) CollectionByID(context.Context, int64) (rag.Collection, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	col := collection
	if m.moved {
		col.Generation.Number, col.Generation.Model = 2, "words"
	}
	return col, nil
}

var collection = rag.Collection{ID: 1, Name: "c", Generation: rag.Generation{Number: 1, Model: "letters", Dimensions: 1}}

func (m *memory) pipeline() *Pipeline {
	return New(Config{Store: m, Blobs: m, Extract: m, MaxBytes: 1 << 10,
		Embed:   func(_ context.Context, col rag.Collection) (Embedder, error) { return m.modelOf(col), nil },
		Chunker: func(rag.ChunkerOptions, Embedder, int) (Chunker, error) { return m, nil }})
}

func (m *memory) run(t *testing.T, inputs ...rag.Input) []rag.AddResult {
	t.Helper()
	out := make([]rag.AddResult, len(inputs))
	told := 0
	err := m.pipeline().Run(t.Context(), collection, slices.Values(inputs), func(i int, r rag.AddResult) {
		out[i] = r
		told++
	})
	if err != nil {
		t.Fatal(err)
	}
	if told != len(inputs) {
		t.Fatalf("%d results for %d inputs", told, len(inputs))
	}
	return out
}

func text(id, body string) rag.Input { return rag.Input{ExternalID: id, Text: body, Title: "t"} }

func TestVerdicts(t *testing.T) {
	m := newMemory()
	m.failDoc = "refused"
	got := m.run(t,
		text("a", "one two"),
		text("b", "damaged goods"),
		text("c", ""),
		text("refused", "one three"),
		rag.Input{ExternalID: "d", Content: iotest.ErrReader(errors.New("disk on fire"))},
		rag.Input{ExternalID: "e", Content: strings.NewReader(strings.Repeat("x", 2<<10))},
		rag.Input{},
		rag.Input{ExternalID: "f", Text: "x", Content: strings.NewReader("x")},
		rag.Input{ExternalID: "g", Text: "x", MediaType: "image/png"},
		rag.Input{ExternalID: "h", Text: "x", ACL: []string{""}},
	)
	want := []struct {
		state rag.AddState
		kind  rag.Kind
		says  string
	}{
		{rag.Added, "", ""},
		{rag.Failed, rag.KindInvalid, "is damaged"},
		{rag.Skipped, rag.KindInvalid, "is empty"},
		{rag.Failed, rag.KindInvalid, "will not have it"},
		{rag.Failed, rag.KindInvalid, "disk on fire"},
		{rag.Failed, rag.KindExhausted, "larger than the limit"},
		{rag.Failed, rag.KindInvalid, "neither text nor content"},
		{rag.Failed, rag.KindInvalid, "both"},
		{rag.Failed, rag.KindInvalid, "image/png"},
		{rag.Failed, rag.KindInvalid, "acl"},
	}
	for i, w := range want {
		r := got[i]
		if r.State != w.state || rag.KindOf(r.Err) != w.kind || (w.says != "" && !strings.Contains(r.Err.Error(), w.says)) {
			t.Errorf("input %d: %s, %v; want %s, %s %q", i, r.State, r.Err, w.state, w.kind, w.says)
		}
	}
	if len(m.docs) != 1 {
		t.Errorf("%d documents are stored, want 1", len(m.docs))
	}
}

func TestOnlyWhatChangedIsDone(t *testing.T) {
	m := newMemory()
	in := text("a", "one two three")
	first := m.run(t, in)[0]
	if first.State != rag.Added || first.Embedded != 3 || first.Chunks != 3 {
		t.Fatalf("first: %+v", first)
	}
	if r := m.run(t, in)[0]; r.State != rag.Unchanged || r.ID != first.ID || r.Embedded != 0 {
		t.Errorf("again: %+v", r)
	}
	in.Text = "one two four"
	if r := m.run(t, in)[0]; r.State != rag.Updated || r.Version != 2 || r.Embedded != 1 {
		t.Errorf("one word changed: %+v", r)
	}
	in.Metadata = rag.Metadata{"by": rag.Str("me")}
	if r := m.run(t, in)[0]; r.State != rag.Updated || r.Embedded != 0 {
		t.Errorf("metadata changed: %+v", r)
	}
	if d := m.docs["a"]; d.Metadata["by"].Text() != "me" || d.Metadata["author"].Text() != "file" {
		t.Errorf("metadata %v: the caller's word is over the file's", d.Metadata)
	}
	in.Force = true
	if r := m.run(t, in)[0]; r.State != rag.Updated {
		t.Errorf("forced: %+v", r)
	}
	in.Force, in.Text = false, ""
	if r := m.run(t, in)[0]; r.State != rag.Updated || r.Chunks != 0 || len(r.Warnings) == 0 {
		t.Errorf("emptied: %+v; what it held must not go on answering", r)
	}
}

func TestOneTextIsEmbeddedOnce(t *testing.T) {
	m := newMemory()
	m.failDoc = "a" // whose vectors the others then bring along
	res := m.run(t, text("a", "same"), text("b", "same"), text("c", "same same"))
	seen := 0
	for _, batch := range m.embedded {
		seen += len(batch)
	}
	paid := 0
	for _, r := range res {
		paid += r.Embedded
	}
	// Documents of different batches may each have embedded it before the other's
	// commit is visible, but never twice within one.
	if seen != paid || seen > len(m.batches) {
		t.Errorf("%d texts were embedded in %d batches, %d accounted for", seen, len(m.batches), paid)
	}
}

func TestOriginalIsStoredAgainAfterACleanUp(t *testing.T) {
	m := newMemory()
	m.lose = true
	m.run(t, text("a", "one"))
	if len(m.blobs) != 1 {
		t.Error("the original of a committed document is gone")
	}
}

func TestEmbeddingPurgedMeanwhileIsMadeAgain(t *testing.T) {
	m := newMemory()
	m.run(t, text("a", "same"))
	m.forget = true
	if r := m.run(t, text("b", "same"))[0]; r.State != rag.Added || r.Embedded != 1 {
		t.Errorf("%+v", r)
	}
}

func TestRunStopsWhenAPartIsDown(t *testing.T) {
	for name, breakIt := range map[string]func(*memory){
		"store":    func(m *memory) { m.putErr = rag.Errorf(rag.KindUnavailable, "down") },
		"embedder": func(m *memory) { m.embedErr = rag.Errorf(rag.KindUnavailable, "down") },
	} {
		m := newMemory()
		breakIt(m)
		told := 0
		many := func(yield func(rag.Input) bool) {
			for i := range 1000 {
				if !yield(text(fmt.Sprint(i), fmt.Sprint("word", i))) {
					return
				}
			}
		}
		err := m.pipeline().Run(t.Context(), collection, many, func(int, rag.AddResult) { told++ })
		if !errors.Is(err, rag.ErrUnavailable) || told != 0 || len(m.docs) != 0 {
			t.Errorf("%s: %v, %d told, %d stored", name, err, told, len(m.docs))
		}
	}
}

func TestCancelKeepsWhatWasReported(t *testing.T) {
	m := newMemory()
	ctx, cancel := context.WithCancel(t.Context())
	reported := map[string]bool{}
	closed := 0
	endless := func(yield func(rag.Input) bool) {
		for i := 0; yield(rag.Input{ExternalID: fmt.Sprint(i), Content: &closer{strings.NewReader(fmt.Sprint("w", i)), &closed, &m.mu}}); i++ {
			if i > 1_000_000 {
				t.Error("the run does not end")
				return
			}
		}
	}
	err := m.pipeline().Run(ctx, collection, endless, func(_ int, r rag.AddResult) {
		reported[r.ExternalID] = true
		if len(reported) == 300 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	for id := range reported {
		if _, ok := m.docs[id]; !ok {
			t.Errorf("%s was reported and is not stored", id)
		}
	}
	if closed < len(reported) {
		t.Errorf("%d inputs were closed, %d reported", closed, len(reported))
	}
}

// A run that is cancelled, or whose blob store fails, once a batch is committed tells of
// what it committed: of all, but what the fault itself leaves open.
func TestCommittedIsToldOf(t *testing.T) {
	inputs := func() iter.Seq[rag.Input] {
		return func(yield func(rag.Input) bool) {
			for i := range 3 {
				if !yield(text(fmt.Sprint(i), fmt.Sprint("word", i))) {
					return
				}
			}
		}
	}
	for what, keepErr := range map[string]error{"cancelled": nil, "blobs away": rag.Errorf(rag.KindUnavailable, "the disk")} {
		m := newMemory()
		ctx, cancel := context.WithCancel(t.Context())
		m.committed = cancel
		if keepErr != nil {
			m.committed = func() { m.keepErr = keepErr }
		}
		told := map[string]bool{}
		err := m.pipeline().Run(ctx, collection, inputs(), func(_ int, r rag.AddResult) {
			if r.State != rag.Added || r.ID == "" {
				t.Errorf("%s: %+v", what, r)
			}
			told[r.ExternalID] = true
		})
		if want := cmp.Or(keepErr, context.Canceled); !errors.Is(err, want) {
			t.Errorf("%s: %v", what, err)
		}
		lost := 0
		if keepErr != nil {
			lost = 1 // the one whose original may be gone
		}
		if len(m.docs) == 0 || len(told) != len(m.docs)-lost {
			t.Errorf("%s: %d are stored, %d were told of", what, len(m.docs), len(told))
		}
		cancel()
	}
}

type closer struct {
	io.Reader
	n  *int
	mu *sync.Mutex
}

func (c *closer) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	*c.n++
	return nil
}

func TestAnotherModelIsRefusedByName(t *testing.T) {
	m := newMemory()
	col := collection
	col.Generation.Model = "numbers"
	err := m.pipeline().Run(t.Context(), col, slices.Values([]rag.Input{text("a", "x")}), func(int, rag.AddResult) {})
	if !errors.Is(err, rag.ErrConflict) || !strings.Contains(err.Error(), "numbers") || !strings.Contains(err.Error(), "letters") {
		t.Errorf("got %v", err)
	}
}

// A collection that moves to another model while documents come gets them with
// vectors of that model, those that were embedded already too.
func TestMovesWhileDocumentsCome(t *testing.T) {
	m := newMemory()
	inputs := func(yield func(rag.Input) bool) {
		for i := range 200 {
			if i == 100 {
				m.mu.Lock()
				m.moved = true
				clear(m.vectors) // the store keeps them by model; this one knows no models
				m.mu.Unlock()
			}
			if !yield(text(fmt.Sprint(i), fmt.Sprintf("word%d", i))) {
				return
			}
		}
	}
	stored := 0
	err := m.pipeline().Run(t.Context(), collection, inputs, func(_ int, r rag.AddResult) {
		if r.State != rag.Added {
			t.Errorf("%+v", r)
		}
		stored++
	})
	if err != nil || stored != 200 {
		t.Errorf("%d stored, %v", stored, err)
	}
	for _, v := range m.vectors {
		if v[0] != 2 {
			t.Fatal("a vector of the old model was stored after the move")
		}
	}
	if len(m.vectors) < 100 {
		t.Errorf("%d vectors of the new model", len(m.vectors))
	}
}

func TestTitles(t *testing.T) {
	for _, c := range []struct {
		in   rag.Input
		text string
		want string
	}{
		{rag.Input{Title: " Given "}, "Found", "Given"},
		{rag.Input{Source: "/a/report.pdf"}, "Found", "Found"},
		{rag.Input{Source: "/a/report.v2.pdf"}, "", "report.v2"},
		{rag.Input{Name: ".profile"}, "", ".profile"},
		{rag.Input{ExternalID: "x-1"}, "", "x-1"},
	} {
		if got := title(c.in, rag.Text{Title: c.text}); got != c.want {
			t.Errorf("%+v: %q, want %q", c.in, got, c.want)
		}
	}
}
