package extract_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
	"github.com/smartretriever/smartretriever/text/extract/ocr"
	"github.com/smartretriever/smartretriever/text/extract/pdf"
)

// needsTesseract skips where the project's test script did not install the program. It
// sets the variable, so that the tests fail where the program is missing.
func needsTesseract(t *testing.T) {
	t.Helper()
	if os.Getenv("OCR_TESTS") == "" {
		t.Skip("OCR_TESTS is not set: the program tesseract is not used")
	}
}

// absent is a configuration that finds no program.
func absent(t *testing.T) extract.Config {
	return extract.Config{OCR: ocr.Config{Program: filepath.Join(t.TempDir(), "tesseract")}}
}

// pictured draws a page of a PDF as a program reads it.
func pictured(t *testing.T, e *extract.Extractor, content []byte, page int) *image.Gray {
	t.Helper()
	p, err := e.Page(t.Context(), "a.pdf", content, "", pdf.PageOptions{Page: page, ForOCR: true})
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(p.Image))
	if err != nil {
		t.Fatal(err)
	}
	return m.(*image.Gray)
}

// scanned writes a PDF whose first page says something, the second is a picture of 300
// dots an inch, turned as it may lie on a scanner, and the third is blank.
func scanned(t *testing.T, m *image.Gray, turn int) []byte {
	t.Helper()
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	if _, err := z.Write(m.Pix); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	stream := func(dict, s string) string {
		return fmt.Sprintf("<<%s/Length %d>>stream\n%s\nendstream", dict, len(s), s)
	}
	width, height := m.Rect.Dx()*72/300, m.Rect.Dy()*72/300
	return objects(
		"<</Type/Catalog/Pages 2 0 R>>",
		"<</Type/Pages/Kids[3 0 R 4 0 R 5 0 R]/Count 3>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 6 0 R/Resources<</Font<</F 9 0 R>>>>>>",
		fmt.Sprintf("<</Type/Page/Parent 2 0 R/Rotate %d/MediaBox[0 0 %d %d]/Contents 7 0 R/Resources<</XObject<</I 8 0 R>>>>>>", turn, width, height),
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]>>",
		stream("", "BT /F 12 Tf 72 700 Td (The first page is text as such, and stays.) Tj ET"),
		stream("", fmt.Sprintf("q %d 0 0 %d 0 0 cm /I Do Q", width, height)),
		stream(fmt.Sprintf("/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/FlateDecode", m.Rect.Dx(), m.Rect.Dy()), packed.String()),
		"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
	)
}

// onPage returns the text of a page, and the union of its boxes.
func onPage(text rag.Text, page int) (s string, box rag.Box) {
	for _, b := range text.Blocks {
		if b.Page == page {
			s += b.Span.Of(text.Content) + "\n"
			box = box.Union(b.Box)
		}
	}
	return s, box
}

// TestScans reads a page of a manual as a picture of it, in this process and in a
// child: the text must be that of the page, in its place in the file, with boxes where
// the letters are, also where the scanner has turned it.
func TestScans(t *testing.T) {
	needsTesseract(t)
	for name, config := range map[string]extract.Config{"here": {CacheDir: isolated(t).CacheDir}, "in a child": isolated(t)} {
		e := open(t, config)
		born, err := e.Extract(t.Context(), rag.File{Name: "manual.pdf", Content: manual(t)})
		if err != nil {
			t.Fatal(err)
		}
		want, wantBox := onPage(born, 2)
		picture := pictured(t, e, manual(t), 2)
		for _, turn := range []int{0, 180} {
			text, err := e.Extract(t.Context(), rag.File{Name: "scan.pdf", Content: scanned(t, picture, turn)})
			if err != nil {
				t.Fatal(err)
			}
			extracttest.Check(t, text)
			if text.ReadAs == "" || text.ReadAs != e.ReadsScans(t.Context()) {
				t.Errorf("%s: it was read as %q", name, text.ReadAs)
			}
			got, box := onPage(text, 2)
			if f1 := extracttest.F1(got, want); f1 < .98 {
				t.Errorf("%s, turned by %d: F1 %.4f\n%s", name, turn, f1, got)
			} else {
				t.Logf("%s, turned by %d: F1 %.4f, order %.4f", name, turn, f1, extracttest.Order(got, want))
			}
			if first, _ := onPage(text, 1); !strings.HasPrefix(text.Content, "The first page is text as such, and stays.") || first == "" {
				t.Errorf("%s: the first page is %q", name, first)
			}
			if len(text.Warnings) != 1 || text.Warnings[0] != "1 of 3 pages hold no text" {
				t.Errorf("%s: %q", name, text.Warnings)
			}
			if turn == 0 && !near(box, wantBox) {
				t.Errorf("%s: read at %v, stands at %v", name, box, wantBox)
			}
		}
	}
}

func near(a, b rag.Box) bool {
	const most = 20 // points: one has what is drawn as a picture, the other the room of fonts
	for _, d := range []float32{a.X0 - b.X0, a.Y0 - b.Y0, a.X1 - b.X1, a.Y1 - b.Y1} {
		if d > most || d < -most {
			return false
		}
	}
	return true
}

// TestScansUnread has no program, or is told not to use it: what there is is read, and
// a warning says what would help.
func TestScansUnread(t *testing.T) {
	content := scanned(t, image.NewGray(image.Rect(0, 0, 61, 79)), 0)
	without := absent(t)
	off := extract.Config{NoOCR: true}
	for says, config := range map[string]extract.Config{"Debian: tesseract-ocr": without, "switched off": off} {
		e := open(t, config)
		text, err := e.Extract(t.Context(), rag.File{Name: "scan.pdf", Content: content})
		if err != nil {
			t.Fatal(err)
		}
		if len(text.Warnings) != 2 || text.Warnings[0] != "2 of 3 pages hold no text" || !strings.Contains(text.Warnings[1], says) || e.ReadsScans(t.Context()) != "" {
			t.Errorf("%q", text.Warnings)
		}
	}
	if _, err := extract.New(extract.Config{OCRPages: -1, OCR: ocr.Config{Languages: []string{"-x"}}}); !errors.Is(err, rag.ErrInvalid) {
		t.Error(err)
	}
}

// TestScansCancelled gives up before pages are read.
func TestScansCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e := open(t, extract.Config{})
	if _, err := e.Extract(ctx, rag.File{Name: "scan.pdf", Content: scanned(t, image.NewGray(image.Rect(0, 0, 61, 79)), 0)}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestImages reads a page of a manual as a photograph of it.
func TestImages(t *testing.T) {
	var content bytes.Buffer
	source := open(t, extract.Config{})
	if err := png.Encode(&content, pictured(t, source, manual(t), 2)); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, absent(t)).Extract(t.Context(), rag.File{Name: "a.png", Content: content.Bytes()}); !errors.Is(err, rag.ErrInvalid) || !strings.Contains(err.Error(), "an image; its text can be read when the program tesseract is installed (Debian: tesseract-ocr)") {
		t.Errorf("without the program: %v", err)
	}
	needsTesseract(t)
	born, err := source.Extract(t.Context(), rag.File{Name: "manual.pdf", Content: manual(t)})
	if err != nil {
		t.Fatal(err)
	}
	want, _ := onPage(born, 2)
	for _, config := range []extract.Config{{CacheDir: isolated(t).CacheDir}, isolated(t)} {
		e := open(t, config)
		text, err := e.Extract(t.Context(), rag.File{Name: "a.png", Content: content.Bytes()})
		if err != nil {
			t.Fatal(err)
		}
		extracttest.Check(t, text)
		if f1 := extracttest.F1(text.Content, want); f1 < .98 || text.MediaType != "image/png" || text.Pages != 1 {
			t.Errorf("F1 %.4f, %s, %d pages", f1, text.MediaType, text.Pages)
		}
		if p, err := e.Page(t.Context(), "a.png", content.Bytes(), "", pdf.PageOptions{Page: 1, Width: 300, Boxes: []rag.Box{text.Blocks[0].Box}}); err != nil || p.Width != 300 || len(p.Marks) != 1 {
			t.Errorf("%d x %d, %v, %v", p.Width, p.Height, p.Marks, err)
		}
	}
}

// TestRealScans reads what scanners and fax machines made.
func TestRealScans(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "shared", "data", "documents", "pdf")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the data is not there")
	}
	needsTesseract(t)
	if testing.Short() {
		t.Skip("takes a while")
	}
	e := open(t, isolated(t))
	for name, want := range map[string]string{
		"docling/ocr_test.pdf":          "Docling bundles PDF document conversion to JSON and Markdown in an easy self contained package",
		"scanned-ocrmypdf/linn.pdf":     "The LinnSequencer is a state-of-the-art composition and performance tool",
		"scanned-ocrmypdf/ccitt.pdf":    "The LinnSequencer is a state-of-the-art composition and performance tool",
		"scanned-ocrmypdf/skew.pdf":     "The LinnSequencer is a state-of-the-art composition and performance tool",
		"scanned-ocrmypdf/francais.pdf": "Portez ce vieux whisky au juge blond qui fume sur son",
		"scanned-ocrmypdf/2400dpi.pdf":  "laurier, kruidnagel, kerrie, zout",
		"tika/testOCR.pdf":              "Happy New Year 2003!",
	} {
		content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		text, err := e.Extract(t.Context(), rag.File{Name: name, Content: content})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		extracttest.Check(t, text)
		t.Logf("%s: %d words, %q, %q", name, len(extracttest.Tokens(text.Content)), text.Content[:min(len(text.Content), 150)], text.Warnings)
		if !strings.Contains(strings.Join(extracttest.Tokens(text.Content), " "), strings.Join(extracttest.Tokens(want), " ")) {
			t.Errorf("%s: %q is not in %q", name, want, text.Content)
		}
	}
}
