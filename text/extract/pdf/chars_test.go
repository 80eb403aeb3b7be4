package pdf_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/pdf"
)

// TestCharactersOfFonts writes in a font that gives its space the meaning U+0003, its
// "#" that of a quote in Windows' code, and its "m" that of an italic x of formulas, which
// is beyond the first 65,536 characters.
func TestCharactersOfFonts(t *testing.T) {
	meanings := "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /M def /CMapType 2 def\n" +
		"1 begincodespacerange <00> <ff> endcodespacerange\n" +
		"1 beginbfrange <61> <6c> <0061> endbfrange\n" +
		"3 beginbfchar <20> <0003> <23> <0093> <6d> <D835DC65> endbfchar\n" +
		"endcmap end end"
	content := document(false, sheetOf{
		dict:    "/Resources << /Font << /F 3 0 R /G 4 0 R >> >>",
		content: "BT /G 12 Tf 20 150 Td (leg bag #flag) Tj 0 -40 Td (mmm jab m dig) Tj ET\n" + written(20, 50, "The end"),
		annots: []string{
			"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 5 0 R >>",
			"<< /Length " + strconv.Itoa(len(meanings)) + " >>\nstream\n" + meanings + "\nendstream",
		},
	})
	e := newEngine(t)
	text := extracted(t, e, content)
	if got, want := strings.Join(strings.Fields(text.Content), " "), "leg bag “flag 𝑥𝑥𝑥 jab 𝑥 dig The end"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	// What stands behind such characters is found where it stands.
	for quote, y := range map[string]int{"bag": 50, "dig": 90, "The end": 150} {
		p, err := e.Page(t.Context(), content, pdf.PageOptions{Page: 1, DPI: 72, NoImage: true, Quote: quote})
		if err != nil || len(p.Marks) != 1 || p.Marks[0].Y > y || p.Marks[0].Y+p.Marks[0].Height < y-4 {
			t.Errorf("%q is marked at %v, %v", quote, p.Marks, err)
		}
	}
	for _, b := range text.Blocks {
		if b.Box == (rag.Box{}) {
			t.Errorf("%q has no box", b.Span.Of(text.Content))
		}
	}
}

func TestAccentsSetApart(t *testing.T) {
	e := newEngine(t)
	// \310 is the two dots and \302 the acute accent of the standard encoding. The
	// letters of "Gyongyi" are 9.3, 6, 6.7 wide, so that the first o begins at 35.3.
	for name, c := range map[string]struct{ content, want string }{
		"before its letter":    {"BT /F 12 Tf 20 100 Td (Gy) Tj 16.2 0 Td (\\310) Tj -0.9 0 Td (ongyi) Tj ET", "Gyöngyi"},
		"at the line's end":    {written(20, 100, "Gyongyi wrote") + "BT /F 12 Tf 36.5 100 Td (\\310) Tj ET", "Gyöngyi wrote"},
		"over no letter":       {written(20, 100, "so on") + "BT /F 12 Tf 200 100 Td (\\310) Tj ET", "so on ¨"},
		"over what takes none": {written(20, 100, "5 + 5") + "BT /F 12 Tf 21 100 Td (\\310) Tj ET", "¨"},
	} {
		text := extracted(t, e, document(false, sheetOf{content: c.content}))
		got := strings.Join(strings.Fields(text.Content), " ")
		if !strings.Contains(got, c.want) || strings.Contains(c.want, "ö") && strings.Contains(got, "¨") {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	content := document(false, sheetOf{content: written(20, 100, "Gyongyi wrote") + "BT /F 12 Tf 36.5 100 Td (\\310) Tj ET"})
	if p, err := e.Page(t.Context(), content, pdf.PageOptions{Page: 1, NoImage: true, Quote: "Gyöngyi wrote"}); err != nil || len(p.Marks) != 1 {
		t.Errorf("marks %v, %v", p.Marks, err)
	}
}

// TestDrawings writes words upwards side by side, as figures do, and pieces that touch.
func TestDrawings(t *testing.T) {
	e := newEngine(t)
	up := func(x int, s string) string {
		return "BT /F 12 Tf 0 1 -1 0 " + strconv.Itoa(x) + " 20 Tm (" + s + ") Tj ET\n"
	}
	text := extracted(t, e, document(false, sheetOf{content: written(20, 180, "Layer five") + up(40, "never") + up(54, "be") + up(68, "perfect") + up(82, "again")}))
	if got := strings.Join(strings.Fields(text.Content), " "); got != "Layer five never be perfect again" {
		t.Errorf("%q", got)
	}
	text = extracted(t, e, document(false, sheetOf{content: "BT /F 12 Tf 20 100 Td (x) Tj /F 7 Tf 6 -2 Td (1) Tj /F 12 Tf 4 2 Td (, y) Tj /F 7 Tf 12.8 -2 Td (2) Tj /F 12 Tf 4 2 Td (!) Tj ET"}))
	if got := strings.Join(strings.Fields(text.Content), " "); got != "x1, y2!" {
		t.Errorf("%q", got)
	}
}

// TestScaledFonts writes a paragraph in a font of size 1 that a matrix makes 12 times as
// large: its lines are one paragraph below a title.
func TestScaledFonts(t *testing.T) {
	text := extracted(t, newEngine(t), document(false, sheetOf{content: "BT /F 1 Tf 18 0 0 18 20 170 Tm (Lease) Tj ET\n" +
		"BT /F 1 Tf 12 0 0 12 20 140 Tm (The lease runs for five years from the day on) Tj 0 -1.2 Td (which it is signed by the lessor and the lessee,) Tj 0 -1.2 Td (and ends without notice on the last of them.) Tj ET\n"}))
	if len(text.Blocks) != 2 || text.Blocks[0].Kind != rag.Heading || text.Blocks[1].Kind != rag.Paragraph {
		t.Errorf("%q: %v", text.Content, text.Blocks)
	}
}
