package pdf_test

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
	"github.com/smartretriever/smartretriever/text/extract/pdf"
)

// sheetOf describes a page for document: what its dictionary says beside the usual,
// the operators that draw it, and its annotations.
type sheetOf struct {
	dict, content string
	annots        []string
}

// document writes a PDF with the given pages; fields are the annotations that belong
// to the form, which all do when there is one.
func document(form bool, pages ...sheetOf) []byte {
	var objects []string
	add := func(s string) int { objects = append(objects, s); return len(objects) }
	add("")                                                       // 1: the catalogue
	add("")                                                       // 2: the pages
	add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>") // 3
	var kids, fields []string
	for _, p := range pages {
		var annots []string
		for _, a := range p.annots {
			annots = append(annots, fmt.Sprintf("%d 0 R", add(a)))
		}
		fields = append(fields, annots...)
		content := add(fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(p.content), p.content))
		kids = append(kids, fmt.Sprintf("%d 0 R", add(fmt.Sprintf(
			"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 400 200] /Resources << /Font << /F 3 0 R >> >> /Contents %d 0 R /Annots [%s] %s >>",
			content, strings.Join(annots, " "), p.dict))))
	}
	objects[0] = "<< /Type /Catalog /Pages 2 0 R >>"
	if form {
		objects[0] = fmt.Sprintf("<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [%s] /DA (/F 12 Tf) /DR << /Font << /F 3 0 R >> >> >> >>", strings.Join(fields, " "))
	}
	objects[1] = fmt.Sprintf("<< /Type /Pages /Kids [%s] /Count %d >>", strings.Join(kids, " "), len(kids))
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	var at []int
	for i, o := range objects {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, n := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", n)
	}
	fmt.Fprintf(&b, "trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, xref)
	return b.Bytes()
}

// written draws a text at a place, in points from the lower left corner.
func written(x, y int, text string) string {
	return fmt.Sprintf("BT /F 12 Tf %d %d Td (%s) Tj ET\n", x, y, text)
}

func extracted(t *testing.T, e *pdf.Engine, content []byte) rag.Text {
	t.Helper()
	text, err := e.Extract(t.Context(), content, pdf.Options{})
	if err != nil {
		t.Fatal(err)
	}
	extracttest.Check(t, text)
	return text
}

// TestPlacesOnTurnedPages draws a word near a corner of pages that are turned, and
// cut to a part that does not begin at the origin.
func TestPlacesOnTurnedPages(t *testing.T) {
	e := newEngine(t)
	for _, c := range []struct {
		dict          string
		width, height int
		x0, y0        float32 // where the word begins, about
		upright       bool
	}{
		{"", 400, 200, 20, 190, true},
		{"/Rotate 90", 200, 400, 7, 20, false},
		{"/Rotate 180", 400, 200, 380, 10, true},
		{"/Rotate 270", 200, 400, 193, 380, false},
		{"/CropBox [10 0 210 100]", 200, 100, 10, 90, true},
	} {
		content := document(false, sheetOf{dict: c.dict, content: written(20, 10, "Corner")})
		text := extracted(t, e, content)
		if len(text.Blocks) != 1 || text.Content != "Corner" {
			t.Fatalf("%s: %q", c.dict, text.Content)
		}
		b := text.Blocks[0].Box
		near := func(a, b float32) bool { return a-b < 16 && b-a < 16 }
		if !(near(b.X0, c.x0) || near(b.X1, c.x0)) || !(near(b.Y0, c.y0) || near(b.Y1, c.y0)) || (b.X1-b.X0 > b.Y1-b.Y0) != c.upright {
			t.Errorf("%s: box %v", c.dict, b)
		}
		p, err := e.Page(t.Context(), content, pdf.PageOptions{Page: 1, DPI: 72, Quote: "corner"})
		if err != nil || p.Width != c.width || p.Height != c.height || len(p.Marks) != 1 {
			t.Fatalf("%s: %d x %d, marks %v, %v", c.dict, p.Width, p.Height, p.Marks, err)
		}
		// The ink of the page is where the mark says.
		img, err := png.Decode(bytes.NewReader(p.Image))
		if err != nil {
			t.Fatal(err)
		}
		inside, outside := 0, 0
		m := p.Marks[0]
		for y := range p.Height {
			for x := range p.Width {
				if r, _, _, _ := img.At(x, y).RGBA(); r > 0x8000 {
					continue
				}
				if x >= m.X-1 && x <= m.X+m.Width && y >= m.Y-1 && y <= m.Y+m.Height {
					inside++
				} else {
					outside++
				}
			}
		}
		if inside < 30 || outside > 0 {
			t.Errorf("%s: %d dark pixels in the mark %v, %d beside it", c.dict, inside, m, outside)
		}
	}
}

func TestNotesAndFields(t *testing.T) {
	text := extracted(t, newEngine(t), document(true, sheetOf{content: written(20, 180, "Surname:"), annots: []string{
		`<< /Type /Annot /Subtype /FreeText /Rect [20 150 200 170] /Contents (Typed onto the page) /DA (/F 12 Tf) >>`,
		`<< /Type /Annot /Subtype /Text /Rect [300 150 320 170] /Contents (A remark at the edge) >>`,
		`<< /Type /Annot /Subtype /Text /F 2 /Rect [300 150 320 170] /Contents (A hidden remark) >>`,
		`<< /Type /Annot /Subtype /Widget /FT /Tx /T (f1_01) /TU (Surname) /V (Miller) /Rect [80 175 200 195] >>`,
		`<< /Type /Annot /Subtype /Widget /FT /Tx /T (f1_02) /TU (Town) /V (Ulm) /Rect [80 120 200 140] >>`,
		`<< /Type /Annot /Subtype /Widget /FT /Tx /Ff 8192 /T (pin) /V (4711) /Rect [80 20 200 40] >>`,
		`<< /Type /Annot /Subtype /Widget /FT /Ch /Ff 131072 /T (country) /Opt [(Peru) (Chile)] /V (Chile) /Rect [80 100 200 118] >>`,
		`<< /Type /Annot /Subtype /Widget /FT /Btn /T (Newsletter) /V /Yes /AS /Yes /AP << /N << /Yes 3 0 R /Off 3 0 R >> >> /Rect [80 80 90 90] >>`,
		`<< /Type /Annot /Subtype /Widget /FT /Btn /T (Advertising) /V /Off /AS /Off /AP << /N << /Yes 3 0 R /Off 3 0 R >> >> /Rect [80 60 90 70] >>`,
	}}))
	want := []string{"Surname:", "Typed onto the page", "A remark at the edge", "Miller", "Town: Ulm", "Chile", "☑ Newsletter"}
	var got []string
	for _, b := range text.Blocks {
		got = append(got, b.Span.Of(text.Content))
		if b.Box == (rag.Box{}) {
			t.Errorf("%q has no box", b.Span.Of(text.Content))
		}
		if (b.Kind == rag.Footnote) != (b.Span.Of(text.Content) == "A remark at the edge") {
			t.Errorf("%q is a %s", b.Span.Of(text.Content), b.Kind)
		}
	}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestLinesAsTheyAreSet(t *testing.T) {
	e := newEngine(t)
	for name, c := range map[string]struct{ content, want string }{
		"spaced out": {"BT /F 12 Tf 6 Tc 20 100 Td (LEASE AGREEMENT) Tj ET", "LEASE AGREEMENT"},
		"letter by letter": {written(20, 100, "n") + written(27, 100, "o") + written(34, 100, "w") + written(60, 100, "h") + written(67, 100, "e") +
			written(74, 100, "r") + written(79, 100, "e"), "now here"},
		"beyond the edge": {written(20, 100, "seen") + written(20, 300, "unseen") + written(-300, 100, "unseen"), "seen"},
	} {
		text := extracted(t, e, document(false, sheetOf{content: c.content}))
		if got := strings.Join(strings.Fields(text.Content), " "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestMarks looks for quotes as citations hold them on a page of several lines.
func TestMarks(t *testing.T) {
	content := document(false,
		sheetOf{content: written(20, 170, "The fee is 500 euro. The deposit is 900 euro.") + written(20, 150, "Interest on the depo-") +
			written(20, 130, "sit is paid yearly. The fee is 500 euro") + written(20, 20, "footer 1")},
		sheetOf{content: written(20, 170, "for each further year that the lease runs.")})
	e := newEngine(t)
	marks := func(opt pdf.PageOptions) []rag.Rect {
		t.Helper()
		opt.DPI, opt.NoImage = 72, true
		p, err := e.Page(t.Context(), content, opt)
		if err != nil {
			t.Fatal(err)
		}
		return p.Marks
	}
	row := func(r rag.Rect) int { return (r.Y + r.Height/2 - 20) / 20 } // 0 for the line at 170
	for _, c := range []struct {
		name string
		opt  pdf.PageOptions
		rows []int
	}{
		{"a line", pdf.PageOptions{Page: 1, Quote: "The deposit is 900 euro."}, []int{0}},
		{"a divided word", pdf.PageOptions{Page: 1, Quote: "Interest on the\ndeposit is paid"}, []int{1, 2}},
		{"the first of two", pdf.PageOptions{Page: 1, Quote: "The fee is 500 euro"}, []int{0}},
		{"the one that has these words behind it", pdf.PageOptions{Page: 1, Quote: "The fee is 500 euro", After: ". The deposit is"}, []int{0}},
		{"the one that has these words before it", pdf.PageOptions{Page: 1, Quote: "The fee is 500 euro", Before: "deposit is paid yearly. "}, []int{2}},
		{"over two pages, the first", pdf.PageOptions{Page: 1, Quote: "paid yearly. The fee is 500 euro for each further year that the lease runs."}, []int{2}},
		{"over two pages, the second", pdf.PageOptions{Page: 2, Quote: "paid yearly. The fee is 500 euro for each further year that the lease runs."}, []int{0}},
		{"other letters for the same", pdf.PageOptions{Page: 1, Quote: "ＤＥＰＯＳＩＴ is 900 ｅｕｒｏ"}, []int{0}},
		{"a table's row", pdf.PageOptions{Page: 1, Quote: "| The deposit | is 900 euro |"}, []int{0}},
		{"not there", pdf.PageOptions{Page: 1, Quote: "The tenant owns a whale."}, nil},
		{"nothing", pdf.PageOptions{Page: 1, Quote: " - "}, nil},
		{"not there, but its block is known", pdf.PageOptions{Page: 1, Quote: "A remark.", Boxes: []rag.Box{{X0: 20, Y0: 60, X1: 90, Y1: 78}}}, []int{2}},
	} {
		got := marks(c.opt)
		if len(got) != len(c.rows) {
			t.Errorf("%s: %v", c.name, got)
			continue
		}
		for i, r := range got {
			if row(r) != c.rows[i] {
				t.Errorf("%s: mark %v is in line %d, want %d", c.name, r, row(r), c.rows[i])
			}
		}
	}
	if whole, part := marks(pdf.PageOptions{Page: 1, Quote: "The fee is 500 euro. The deposit is 900 euro."}), marks(pdf.PageOptions{Page: 1, Quote: "900"}); whole[0].Width < 8*part[0].Width || part[0].X <= whole[0].X {
		t.Errorf("a number is marked as wide as its line: %v, %v", whole, part)
	}
}

// TestPictureLimits asks for pictures of pages that are too large or have no size.
func TestPictureLimits(t *testing.T) {
	e := newEngine(t)
	for _, c := range []struct {
		box, says     string
		opt           pdf.PageOptions
		width, height int
	}{
		{"[0 0 400 200]", "", pdf.PageOptions{Page: 1}, pdf.DefaultWidth, pdf.DefaultWidth / 2},
		{"[0 0 400 200]", "", pdf.PageOptions{Page: 1, Width: 1 << 30}, pdf.MaxWidth, pdf.MaxWidth / 2},
		{"[0 0 14400 14400]", "", pdf.PageOptions{Page: 1, DPI: 1 << 30}, 4000, 4000},
		{"[0 0 10 14400]", "", pdf.PageOptions{Page: 1}, 11, 16000},
		{"[0 0 14400 1]", "", pdf.PageOptions{Page: 1, Width: 100}, 100, 1},
	} {
		p, err := e.Page(t.Context(), document(false, sheetOf{dict: "/MediaBox " + c.box, content: written(20, 10, "x")}), c.opt)
		if err != nil || p.Width != c.width || p.Height != c.height || len(p.Image) == 0 {
			t.Errorf("%s: %d x %d with %d bytes, %v", c.box, p.Width, p.Height, len(p.Image), err)
		}
	}
	for _, page := range []int{-1, 0, 2} {
		if _, err := e.Page(t.Context(), document(false, sheetOf{}), pdf.PageOptions{Page: page}); !errors.Is(err, rag.ErrNotFound) {
			t.Errorf("page %d: %v", page, err)
		}
	}
}
