package extract_test

import (
	"bytes"
	"errors"
	"image/png"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
	"github.com/smartretriever/smartretriever/text/extract/pdf"
)

func manual(t *testing.T) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "testdata", "samples", "kestrel-k2-manual.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestPage shows the same page in this process and in a child: the same picture
// with the same marks, and the same blocks with the same boxes.
func TestPage(t *testing.T) {
	content := manual(t)
	opt := pdf.PageOptions{Page: 2, Width: 600, Quote: "heats the tank to 62 degrees"}
	var pictures []rag.Picture
	var texts []rag.Text
	for _, config := range []extract.Config{{}, isolated(t)} {
		e := open(t, config)
		p, err := e.Page(t.Context(), "manual.pdf", content, "", opt)
		if err != nil {
			t.Fatal(err)
		}
		text, err := e.Extract(t.Context(), "manual.pdf", content, "")
		if err != nil {
			t.Fatal(err)
		}
		extracttest.Check(t, text)
		pictures, texts = append(pictures, p), append(texts, text)

		for name, c := range map[string]struct {
			content []byte
			page    int
			kind    error
		}{
			"no such page":       {content, 4, rag.ErrNotFound},
			"page 0":             {content, 0, rag.ErrNotFound},
			"a text":             {[]byte("no pages"), 1, rag.ErrNotFound},
			"a damaged document": {content[:len(content)/8], 1, rag.ErrInvalid},
		} {
			if _, err := e.Page(t.Context(), "x", c.content, "", pdf.PageOptions{Page: c.page}); !errors.Is(err, c.kind) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if !reflect.DeepEqual(pictures[0], pictures[1]) || len(pictures[0].Marks) != 1 {
		t.Errorf("marks %v here and %v in a child", pictures[0].Marks, pictures[1].Marks)
	}
	if size, err := png.DecodeConfig(bytes.NewReader(pictures[0].Image)); err != nil || size.Width != 600 || size.Height != pictures[0].Height {
		t.Errorf("%+v, %v", size, err)
	}
	if !reflect.DeepEqual(texts[0], texts[1]) {
		t.Error("the texts differ")
	}
	for _, b := range texts[0].Blocks {
		if b.Box == (rag.Box{}) {
			t.Errorf("no box: %q", b.Span.Of(texts[0].Content))
		}
	}
}
