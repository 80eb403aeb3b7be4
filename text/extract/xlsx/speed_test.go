package xlsx_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/text/extract/parts/partstest"
	"github.com/smartretriever/smartretriever/text/extract/xlsx"
)

func BenchmarkExtract(b *testing.B) {
	var sheet strings.Builder
	sheet.WriteString(`<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="C1" t="s"><v>2</v></c><c r="D1" t="s"><v>0</v></c></row>`)
	for i := 2; i <= 20_001; i++ {
		fmt.Fprintf(&sheet, `<row r="%d"><c r="A%d" t="s"><v>%d</v></c><c r="B%d" s="1"><v>%d</v></c><c r="C%d" s="2"><v>%d.5</v></c><c r="D%d"><v>%d</v></c></row>`, i, i, i%3, i, 40000+i%5000, i, i, i, i*7)
	}
	sheet.WriteString(`</sheetData></worksheet>`)
	content := workbookOf(b, sheet.String())
	b.SetBytes(int64(sheet.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := xlsx.Extract(b.Context(), content, xlsx.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// workbookOf returns a workbook of sheets named One, Two, ...: their parts, and further
// parts as name, content, ...
func workbookOf(t testing.TB, sheet string, more ...string) []byte {
	t.Helper()
	return partstest.Zip(t, append([]string{
		"_rels/.rels", partstest.Relations("rId1", "officeDocument", "xl/workbook.xml"),
		"xl/workbook.xml", `<workbook xmlns:r="r"><sheets><sheet name="One" sheetId="1" r:id="rId1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels", partstest.Relations("rId1", "worksheet", "worksheets/sheet1.xml", "rId2", "styles", "styles.xml", "rId3", "sharedStrings", "sharedStrings.xml"),
		"xl/worksheets/sheet1.xml", sheet,
		"xl/styles.xml", `<styleSheet><numFmts><numFmt numFmtId="164" formatCode="#,##0.00\ &quot;€&quot;"/></numFmts><cellStyleXfs><xf numFmtId="9"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="10"/></cellXfs></styleSheet>`,
		"xl/sharedStrings.xml", `<sst><si><t>Name</t></si><si><t>Day</t></si><si><r><rPr><b/></rPr><t>Am</t></r><r><t xml:space="preserve">ount</t></r><rPh sb="0" eb="1"><t>amaunto</t></rPh></si></sst>`,
	}, more...)...)
}
