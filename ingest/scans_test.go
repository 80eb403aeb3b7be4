package ingest

import (
	"context"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/ocr"
)

// scanner reads a file's second page only if it can read pictures, in some languages.
type scanner struct{ as string }

func (s *scanner) ReadsScans(context.Context) string { return s.as }

func (s *scanner) Extract(_ context.Context, file rag.File) (rag.Text, error) {
	content := file.Content
	text := rag.Text{Content: string(content), MediaType: "application/pdf", Pages: 2}
	text.Blocks = []rag.Block{{Kind: rag.Paragraph, Page: 1, Span: rag.Span{End: len(content)}}}
	if s.as != "" {
		text.ReadAs = s.as
		text.Content += "\n\nThe second page was a picture."
		text.Blocks = append(text.Blocks, rag.Block{Kind: rag.Paragraph, Page: 2, Span: rag.Span{Start: len(content) + 2, End: len(text.Content)}})
	}
	return text, nil
}

// TestScansAreReadOnceTheyCanBe adds the same file again and again: it is read again
// when pictures can be read, or in other languages, and only then.
func TestScansAreReadOnceTheyCanBe(t *testing.T) {
	m, s := newMemory(), &scanner{}
	p := m.pipeline()
	p.cfg.Extract = s
	add := func(words string) (out rag.AddResult) {
		t.Helper()
		in := rag.Input{ExternalID: "a.pdf", Name: "a.pdf", Content: strings.NewReader(words)}
		err := p.Run(t.Context(), collection, func(yield func(rag.Input) bool) { yield(in) }, func(_ int, r rag.AddResult) { out = r })
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	const page = "The first page has its text."
	for i, step := range []struct {
		as     string
		want   rag.AddState
		chunks int
	}{
		{"", rag.Added, 6},
		{"", rag.Unchanged, 6},
		{"eng", rag.Updated, 12},
		{"eng", rag.Unchanged, 12},
		{"", rag.Unchanged, 12}, // what was read stays
		{"deu+eng", rag.Updated, 12},
		{"deu+eng", rag.Unchanged, 12},
	} {
		s.as = step.as
		if got := add(page); got.Err != nil || got.State != step.want || got.Chunks != step.chunks {
			t.Errorf("step %d: %s with %d chunks, %v", i, got.State, got.Chunks, got.Err)
		}
	}
}

// TestUnreadImage leaves an image out where pictures are not read: the file is not at
// fault, and a folder of photographs is no list of failures.
func TestUnreadImage(t *testing.T) {
	m := newMemory()
	p := m.pipeline()
	p.cfg.Extract = unreading{}
	var got rag.AddResult
	one := func(yield func(rag.Input) bool) {
		yield(rag.Input{Name: "a.png", Source: "a.png", Content: strings.NewReader("picture")})
	}
	if err := p.Run(t.Context(), collection, one, func(_ int, res rag.AddResult) { got = res }); err != nil {
		t.Fatal(err)
	}
	if got.State != rag.Skipped || got.Err == nil || got.Err.Error() != "a.png: an image" {
		t.Errorf("%+v", got)
	}
}

type unreading struct{}

func (unreading) Extract(_ context.Context, file rag.File) (rag.Text, error) {
	return rag.Text{}, rag.Errorf(rag.KindInvalid, "%s: %w", file.Name, ocr.Unread(rag.Errorf(rag.KindInvalid, "an image")))
}
