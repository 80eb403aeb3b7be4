package xlsx_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
	"github.com/smartretriever/smartretriever/text/extract/parts/partstest"
	"github.com/smartretriever/smartretriever/text/extract/xlsx"
)

// rows returns a worksheet; a row is cells divided by |, where 12 is a number, =12 the
// stored value of a formula, 12@1 a number in the format 1, and anything else a text.
func rows(lines ...string) string {
	var b strings.Builder
	b.WriteString("<worksheet><sheetData>")
	for i, line := range lines {
		if line == "" {
			continue
		}
		fmt.Fprintf(&b, `<row r="%d">`, i+1)
		for j, value := range strings.Split(line, "|") {
			ref := fmt.Sprintf("%c%d", 'A'+j, i+1)
			number, style, styled := strings.Cut(value, "@")
			switch {
			case value == "":
			case styled:
				fmt.Fprintf(&b, `<c r="%s" s="%s"><v>%s</v></c>`, ref, style, number)
			case strings.HasPrefix(value, "="):
				fmt.Fprintf(&b, `<c r="%s"><f>A1+1</f><v>%s</v></c>`, ref, value[1:])
			case strings.Trim(value, "0123456789.-") == "":
				fmt.Fprintf(&b, `<c r="%s"><v>%s</v></c>`, ref, value)
			default:
				fmt.Fprintf(&b, `<c r="%s" t="inlineStr"><is><t>%s</t></is></c>`, ref, value)
			}
		}
		b.WriteString("</row>")
	}
	b.WriteString("</sheetData></worksheet>")
	return b.String()
}

func with(sheet, more string) string {
	return strings.Replace(sheet, "</sheetData>", "</sheetData>"+more, 1)
}

func cells(markup string) string {
	return "<worksheet><sheetData>" + markup + "</sheetData></worksheet>"
}

func TestExtract(t *testing.T) {
	for _, c := range []struct {
		name, sheet string
		more        []string
		want        string
	}{
		{"table", rows("Name|Amount", "a|1", "b|=2"), nil, "table: | Name | Amount | / | --- | --- | / | a | 1 | / | b | 2 |"},
		{"kinds of cells", cells(`<row r="1"><c r="A1" t="s"><v>2</v></c><c r="B1" t="s"><v>1</v></c><c r="C1" t="s"><v>0</v></c></row>
			<row r="2"><c r="A2" s="2"><v>1234.5</v></c><c r="B2" s="1"><v>45292</v></c><c r="C2" t="str"><f>x</f><v>a_x000D_b_x005F_</v></c></row>
			<row r="3"><c r="A3" t="b"><v>1</v></c><c r="B3" t="e"><v>#N/A</v></c><c r="C3" t="d"><v>2024-01-02</v></c></row>
			<row r="4"><c r="A4" s="3"><v>0.256</v></c><c r="B4"><v>0.1</v></c><c r="C4" t="s"><v>99</v></c></row>`), nil,
			"table: | Amount | Day | Name | / | --- | --- | --- | / | 1,234.50 € | 2024-01-01 | a b_ | / | TRUE | #N/A | 2024-01-02 | / | 25.60% | 0.1 |  |"},
		{"cells without references", cells(`<row><c t="inlineStr"><is><r><t>a</t></r><r><t>b</t></r></is></c><c><v>2</v></c></row><row><c/><c><v>3</v></c></row>`), nil,
			"table: |  |  | / | --- | --- | / | ab | 2 | / |  | 3 |"},
		{"title above a table", rows("Ducks of a year", "Year|Number", "2023|5"), nil, "caption: Ducks of a year\ntable: | Year | Number | / | --- | --- | / | 2023 | 5 |"},
		{"two tables", rows("a|b||c|d", "x|1||y|2", "", "e|f", "z|3"), nil,
			"table: | a | b | / | --- | --- | / | x | 1 |\ntable: | c | d | / | --- | --- | / | y | 2 |\ntable: | e | f | / | --- | --- | / | z | 3 |"},
		{"an empty row within a table", rows("a|b", "x|1", "y|2", "", "sum|3"), nil, "table: | a | b | / | --- | --- | / | x | 1 | / | y | 2 | / | sum | 3 |"},
		{"an empty column within a table", rows("a||b", "x||1", "y||2", "z||3"), nil, "table: | a |  | b | / | --- | --- | --- | / | x |  | 1 | / | y |  | 2 | / | z |  | 3 |"},
		{"a list", rows("one", "two"), nil, "paragraph: one / two"},
		{"a row", rows("Total|5|6"), nil, "paragraph: Total | 5 | 6"},
		{"no header", rows("1.5|a", "2.5|b"), nil, "table: |  |  | / | --- | --- | / | 1.5 | a | / | 2.5 | b |"},
		{"years as header", rows("|2022|2023", "Ducks|1.5|2"), nil, "table: |  | 2022 | 2023 | / | --- | --- | --- | / | Ducks | 1.5 | 2 |"},
		{"merged cells", with(rows("City|Sales|", "|North|South", "Oslo|1|2", "|3|4"), `<mergeCells><mergeCell ref="B1:C1"/><mergeCell ref="A3:A4"/></mergeCells>`), nil,
			"table: | City | Sales North | Sales South | / | --- | --- | --- | / | Oslo | 1 | 2 | / | Oslo | 3 | 4 |"},
		{"a cell far away", cells(`<row r="1048576"><c r="XFD1048576"><v>7</v></c></row>`), nil, "paragraph: 7"},
		{"a cell that no sheet has", cells(`<row r="1"><c r="XFE1"><v>7</v></c><c r="A1"><v>8</v></c></row>`), nil, "paragraph: 8"},
		{"a diagonal", cells(diagonal(3)), nil, "table: | 1 |  |  | / | --- | --- | --- | / |  | 2 |  | / |  |  | 3 |"},
		{"a defined table", rows("x|1", "y|2"), []string{
			"xl/worksheets/_rels/sheet1.xml.rels", partstest.Relations("rId1", "table", "../tables/table1.xml"),
			"xl/tables/table1.xml", `<table displayName="Income" ref="A1:B2" headerRowCount="0"/>`,
		}, "caption: Income\ntable: |  |  | / | --- | --- | / | x | 1 | / | y | 2 |"},
		{"what stands beside", rows("a"), []string{
			"xl/worksheets/_rels/sheet1.xml.rels", partstest.Relations("rId1", "drawing", "../drawings/drawing1.xml", "rId2", "comments", "../comments1.xml", "rId3", "threadedComment", "../threads.xml"),
			"xl/drawings/drawing1.xml", `<xdr:wsDr xmlns:r="r"><xdr:sp><xdr:txBody><a:p><a:r><a:t>box</a:t></a:r></a:p></xdr:txBody></xdr:sp><c:chart r:id="rId1"/></xdr:wsDr>`,
			"xl/drawings/_rels/drawing1.xml.rels", partstest.Relations("rId1", "chart", "../charts/chart1.xml"),
			"xl/charts/chart1.xml", `<c:chartSpace><c:title><c:tx><c:rich><a:p><a:r><a:t>Ducks</a:t></a:r></a:p></c:rich></c:tx></c:title><c:pieChart/></c:chartSpace>`,
			"xl/comments1.xml", `<comments><authors><author>Ann</author></authors><commentList><comment ref="B2" authorId="0"><text><r><t>Ann:</t></r><r><t xml:space="preserve"> why?</t></r></text></comment><comment ref="C3" authorId="0"><text><t>[Threaded comment]</t></text></comment></commentList></comments>`,
			"xl/threads.xml", `<ThreadedComments><threadedComment ref="C3" dT="2026-06-18T17:12:37.41" personId="{1}"><text>so</text></threadedComment></ThreadedComments>`,
		}, "paragraph: a\nparagraph: box\ncaption: Ducks (pie chart)\nfootnote: Comment on C3, 2026-06-18: so\nfootnote: Comment by Ann on B2: why?"},
		{"an empty sheet", cells(`<row r="1"><c r="A1" s="1"/></row>`), nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, err := xlsx.Extract(t.Context(), workbookOf(t, c.sheet, c.more...), xlsx.Options{})
			if err != nil {
				t.Fatal(err)
			}
			extracttest.Check(t, text)
			want := c.want
			if want != "" {
				want = "heading 1: One\n" + want
			}
			if got := extracttest.Outline(text); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// diagonal returns rows of one cell each, every one a column further.
func diagonal(n int) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, `<row r="%d"><c r="%s%d"><v>%d</v></c></row>`, i, column(i), i, i)
	}
	return b.String()
}

func column(n int) string {
	s := ""
	for ; n > 0; n = (n - 1) / 26 {
		s = string(rune('A'+(n-1)%26)) + s
	}
	return s
}

func TestWarnings(t *testing.T) {
	content := partstest.Zip(t,
		"xl/workbook.xml", `<workbook xmlns:r="r"><workbookPr date1904="1"/><sheets><sheet name="Secret" state="hidden" r:id="rId1"/><sheet name="Gone" r:id="rId9"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels", partstest.Relations("rId1", "worksheet", "worksheets/sheet1.xml", "rId2", "styles", "styles.xml"),
		"xl/styles.xml", `<styleSheet><cellXfs><xf numFmtId="14"/></cellXfs></styleSheet>`,
		"xl/worksheets/sheet1.xml", `<worksheet><sheetData><row><c s="0"><v>0</v></c><c><f>NOW()</f></c></row></sheetData></worksheet>`)
	text, err := xlsx.Extract(t.Context(), content, xlsx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if text.Content != "Secret\n\n1904-01-01" {
		t.Errorf("got %q", text.Content)
	}
	all := strings.Join(text.Warnings, "\n")
	for _, want := range []string{`sheet "Secret" is hidden`, "1 of its sheets are listed but missing", "1 formulas have no stored result"} {
		if !strings.Contains(all, want) {
			t.Errorf("no warning %q in %q", want, text.Warnings)
		}
	}
}

// TestHostile reads workbooks that are made to hang or to fill the memory.
func TestHostile(t *testing.T) {
	sheet := func(r io.Reader) []byte {
		return partstest.Container(t,
			partstest.Part{Name: "xl/workbook.xml", Content: strings.NewReader(`<workbook xmlns:r="r"><sheets><sheet name="One" r:id="rId1"/></sheets></workbook>`)},
			partstest.Part{Name: "xl/_rels/workbook.xml.rels", Content: strings.NewReader(partstest.Relations("rId1", "worksheet", "s.xml", "rId2", "sharedStrings", "t.xml"))},
			partstest.Part{Name: "xl/t.xml", Content: strings.NewReader("<sst><si><t>" + strings.Repeat("long ", 10_000) + "</t></si></sst>")},
			partstest.Part{Name: "xl/s.xml", Content: r})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name    string
		ctx     context.Context
		content []byte
		want    error // nil for text
	}{
		{"10 M rows", t.Context(), sheet(io.MultiReader(strings.NewReader("<worksheet><sheetData>"), partstest.Repeat("<row><c><v>1</v></c></row>", 10_000_000))), rag.ErrExhausted},
		{"10 M empty rows", t.Context(), sheet(io.MultiReader(strings.NewReader("<worksheet><sheetData>"), partstest.Repeat("<row/>", 10_000_000))), rag.ErrExhausted},
		{"a text of 50 kB in 100,000 cells", t.Context(), sheet(io.MultiReader(strings.NewReader("<worksheet><sheetData>"), partstest.Repeat(`<row><c t="s"><v>0</v></c></row>`, 100_000), strings.NewReader("</sheetData></worksheet>"))), rag.ErrExhausted},
		{"a diagonal of 16,000 cells", t.Context(), sheet(strings.NewReader(cells(diagonal(16_000)))), nil},
		{"a number of 100 MB", t.Context(), sheet(io.MultiReader(strings.NewReader("<worksheet><sheetData><row><c><v>"), partstest.Repeat("1", 100<<20))), rag.ErrExhausted},
		{"merged cells over everything", t.Context(), sheet(strings.NewReader(with(cells(`<row r="1"><c r="A1"><v>1</v></c></row>`+diagonal(2000)), "<mergeCells>"+strings.Repeat(`<mergeCell ref="A1:XFD1048576"/><mergeCell ref="B2:XFD1048576"/>`, 1000)+"</mergeCells>"))), nil},
		{"a million sheets", t.Context(), partstest.Container(t,
			partstest.Part{Name: "xl/workbook.xml", Content: io.MultiReader(strings.NewReader(`<workbook xmlns:r="r">`), partstest.Repeat(`<sheet name="a" r:id="rId1"/>`, 1_000_000))},
			partstest.Part{Name: "xl/_rels/workbook.xml.rels", Content: strings.NewReader(partstest.Relations("rId1", "worksheet", "s.xml"))},
			partstest.Part{Name: "xl/s.xml", Content: strings.NewReader("<worksheet/>")}), rag.ErrExhausted},
		{"a binary workbook", t.Context(), partstest.Zip(t, "_rels/.rels", partstest.Relations("rId1", "officeDocument", "xl/workbook.bin"), "xl/workbook.bin", "\x83\x01"), rag.ErrInvalid},
		{"no workbook", t.Context(), partstest.Zip(t, "xl/a.xml", "<a/>"), rag.ErrInvalid},
		{"no container", t.Context(), []byte("PK\x03\x04"), rag.ErrInvalid},
		{"cancelled", ctx, sheet(strings.NewReader(cells(diagonal(5000)))), context.Canceled},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, err := xlsx.Extract(c.ctx, c.content, xlsx.Options{Limit: 64 << 20})
			if c.want == nil && err != nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%v (%s), want %v", err, rag.KindOf(err), c.want)
			}
			t.Logf("%d bytes of text, %v", len(text.Content), err)
			if err == nil {
				extracttest.Check(t, text)
			}
		})
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(rows("a|b", "1@1|2@2", "", "x||y"), `<sst><si><t>a_x000D_</t></si></sst>`, `<styleSheet><numFmts><numFmt numFmtId="170" formatCode="# ?/?"/></numFmts><cellXfs><xf numFmtId="170"/></cellXfs></styleSheet>`)
	f.Add(with(rows("a|b|c", "1||2"), `<mergeCells><mergeCell ref="A1:C1"/><mergeCell ref="A2:B9"/></mergeCells>`), `<sst>`, `<styleSheet>`)
	f.Add(cells(diagonal(30)), "", "")
	f.Fuzz(func(t *testing.T, sheet, strings, styles string) {
		content := partstest.Zip(t,
			"xl/workbook.xml", `<workbook xmlns:r="r"><sheets><sheet name="One" r:id="rId1"/></sheets></workbook>`,
			"xl/_rels/workbook.xml.rels", partstest.Relations("rId1", "worksheet", "s.xml", "rId2", "sharedStrings", "t.xml", "rId3", "styles", "f.xml"),
			"xl/_rels/s.xml.rels", partstest.Relations("rId1", "comments", "t.xml", "rId2", "table", "f.xml", "rId3", "drawing", "s.xml"),
			"xl/s.xml", sheet, "xl/t.xml", strings, "xl/f.xml", styles)
		text, err := xlsx.Extract(t.Context(), content, xlsx.Options{Limit: 1 << 20})
		extracttest.Survived(t, text, err)
	})
}
