package pdf_test

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/pdf"
)

var documents = filepath.Join("..", "..", "..", "..", "shared", "data", "documents")

// realFiles lists the real PDF files; the test is skipped where there are none.
func realFiles(t *testing.T) []string {
	t.Helper()
	f, err := os.Open(filepath.Join(documents, "manifest.tsv"))
	if err != nil {
		t.Skipf("needs the real documents: %v", err)
	}
	defer f.Close()
	var files []string
	for s := bufio.NewScanner(f); s.Scan(); {
		if row := strings.Split(s.Text(), "\t"); len(row) > 1 && row[1] == "pdf" {
			files = append(files, filepath.Join(documents, row[0]))
		}
	}
	if len(files) == 0 {
		t.Fatal("the manifest names no PDF file")
	}
	return files
}

// newEngine returns an engine whose compiled code is kept between runs of the tests.
func newEngine(t testing.TB) *pdf.Engine {
	t.Helper()
	e := pdf.NewEngine(pdf.Config{CacheDir: filepath.Join(os.TempDir(), "smartretriever-test-wazero")})
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// quoteOf takes a sentence, or what comes near one, out of a block's text.
func quoteOf(text rag.Text, b rag.Block) rag.Span {
	s := b.Span.Of(text.Content)
	from := 0
	if i := strings.Index(s, ". "); i > 0 && len(s)-i > 60 {
		from = i + 2
	}
	end := len(s)
	if i := strings.IndexAny(s[from:], ".!?"); i > 20 {
		end = from + i + 1
	}
	return rag.Span{Start: b.Span.Start + from, End: b.Span.Start + end}
}

// TestMarksOnRealPages takes sentences of the extracted text of every real file and
// asks for their place on the page that their block names. They have to be found,
// and where the block says it stands.
func TestMarksOnRealPages(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	e := newEngine(t)
	asked, found, placed, byWords, boxed, blocks := 0, 0, 0, 0, 0, 0
	for _, file := range realFiles(t) {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text, err := e.Extract(t.Context(), content, pdf.Options{})
		if err != nil {
			continue
		}
		for _, b := range text.Blocks {
			blocks++
			if b.Box != (rag.Box{}) {
				boxed++
			}
		}
		step := max(1, len(text.Blocks)/4)
		for i := step / 2; i < len(text.Blocks); i += step {
			b := text.Blocks[i]
			span := quoteOf(text, b)
			if b.Kind == rag.Footnote || strings.TrimFunc(span.Of(text.Content), func(r rune) bool { return r < 'A' }) == "" {
				continue
			}
			opt := pdf.PageOptions{
				Page: b.Page, DPI: 72, NoImage: true, Quote: span.Of(text.Content),
				Before: text.Content[max(0, span.Start-200):span.Start], After: text.Content[span.End:min(len(text.Content), span.End+200)],
			}
			words, err := e.Page(t.Context(), content, opt)
			if err != nil {
				if !strings.Contains(err.Error(), "has no size") {
					t.Errorf("%s page %d: %v", file, b.Page, err)
				}
				continue
			}
			asked++
			opt.Boxes = []rag.Box{b.Box}
			picture, err := e.Page(t.Context(), content, opt)
			if err != nil {
				t.Fatal(err)
			}
			if len(words.Marks) > 0 {
				byWords++
			}
			switch {
			case len(picture.Marks) == 0:
				t.Logf("%s page %d: not found: %.80q", file, b.Page, span.Of(text.Content))
				continue
			case within(picture, b):
				placed++
			default:
				t.Logf("%s page %d: elsewhere: %.80q marks %v block %v", file, b.Page, span.Of(text.Content), picture.Marks, b.Box)
			}
			found++
		}
	}
	share := func(n int) float64 { return 100 * float64(n) / float64(asked) }
	t.Logf("%d sentences: %d marked (%.2f %%), %d of them by their words (%.2f %%), %d within their block's box (%.2f %%); %d of %d blocks have a box",
		asked, found, share(found), byWords, share(byWords), placed, share(placed), boxed, blocks)
	if asked < 500 || float64(found) < 0.98*float64(asked) || float64(placed) < 0.95*float64(asked) {
		t.Error("too few")
	}
}

// within reports whether the middle of every mark lies in the block's box, give or
// take half a line, in a picture with a pixel for a point.
func within(p rag.Picture, b rag.Block) bool {
	const slack = 6
	for _, m := range p.Marks {
		x, y := float32(m.X)+float32(m.Width)/2, float32(m.Y)+float32(m.Height)/2
		if x < b.Box.X0-slack || x > b.Box.X1+slack || y < b.Box.Y0-slack || y > b.Box.Y1+slack {
			return false
		}
	}
	return true
}
