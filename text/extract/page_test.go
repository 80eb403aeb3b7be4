package extract_test

import (
	"bytes"
	"errors"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

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

// TestHostilePages shows pages that are made to hang or to fill the memory. Each must
// end as a picture or as an error that says which limit it passed or that it is
// damaged, and the page after it must be shown as if nothing had been.
func TestHostilePages(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	config := isolated(t)
	config.Timeout = 5 * time.Second
	e := open(t, config)
	for name, c := range map[string][]byte{
		"a stream of 1 GB":    portable(t, repeat("\x00", 1<<30)),
		"3 M text operators":  portable(t, io.MultiReader(strings.NewReader("BT /F 12 Tf "), repeat("(a) Tj ", 3_000_000))),
		"2 M saved states":    portable(t, repeat("q ", 2_000_000)),
		"1 M filled circles":  portable(t, repeat("0 0 m 600 0 600 700 0 700 c f ", 1_000_000)),
		"a page tree in loop": objects("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[2 0 R 2 0 R]/Count 1000000>>"),
	} {
		t.Run(name, func(t *testing.T) {
			p, err := e.Page(t.Context(), "a.pdf", c, "", pdf.PageOptions{Page: 1, Quote: strings.Repeat("a", 1000)})
			t.Logf("%d x %d, %d marks, %v", p.Width, p.Height, len(p.Marks), err)
			if err != nil && !errors.Is(err, rag.ErrExhausted) && !errors.Is(err, rag.ErrInvalid) {
				t.Errorf("ended as %s", rag.KindOf(err))
			}
			if p, err := e.Page(t.Context(), "b.pdf", manual(t), "", pdf.PageOptions{Page: 1, Width: 100}); err != nil || len(p.Image) == 0 {
				t.Errorf("the next page: %v", err)
			}
		})
	}
}
