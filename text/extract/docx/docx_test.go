package docx_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/docx"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
	"github.com/smartretriever/smartretriever/text/extract/parts/partstest"
)

// document returns a Word document of the body, with further parts.
func document(t testing.TB, body string, more ...string) []byte {
	t.Helper()
	return partstest.Zip(t, append([]string{
		"_rels/.rels", partstest.Relations("rId1", "officeDocument", "word/document.xml"),
		"word/document.xml", `<w:document xmlns:w="w" xmlns:r="r" xmlns:m="m"><w:body>` + body + `</w:body></w:document>`,
	}, more...)...)
}

func p(text string) string { return "<w:p><w:r><w:t>" + text + "</w:t></w:r></w:p>" }

const chart = `<c:chartSpace xmlns:c="c" xmlns:a="a"><c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>Ducks</a:t></a:r></a:p></c:rich></c:tx></c:title><c:plotArea><c:barChart><c:ser>
<c:tx><c:strRef><c:f>A1</c:f><c:strCache><c:pt idx="0"><c:v>North</c:v></c:pt></c:strCache></c:strRef></c:tx>
<c:cat><c:strRef><c:strCache><c:pt idx="0"><c:v>2023</c:v></c:pt></c:strCache></c:strRef></c:cat>
<c:val><c:numRef><c:numCache><c:formatCode>0%</c:formatCode><c:pt idx="0"><c:v>0.5</c:v></c:pt></c:numCache></c:numRef></c:val>
</c:ser></c:barChart></c:plotArea></c:chart></c:chartSpace>`

func TestExtract(t *testing.T) {
	for _, c := range []struct {
		name, body string
		more       []string
		want       string
	}{
		{"formulas", `<w:p><w:r><w:t>Let </w:t></w:r><m:oMath><m:r><m:t>a=b</m:t></m:r></m:oMath><m:oMath><m:f><m:num><m:r><m:t>1</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f></m:oMath></w:p>`, nil, "paragraph: Let a=b 1/2"},
		{"chart", `<w:p><w:r><w:drawing><c:chart r:id="rId5"/></w:drawing></w:r></w:p>` + p("below"), []string{
			"word/_rels/document.xml.rels", partstest.Relations("rId5", "chart", "charts/chart1.xml"), "word/charts/chart1.xml", chart,
		}, "caption: Ducks (bar chart)\ntable: |  | North | / | --- | --- | / | 2023 | 50% |\nparagraph: below"},
		{"chart that is missing", `<w:p><w:r><w:drawing><c:chart r:id="rId5"/></w:drawing></w:r></w:p>` + p("below"), nil, "paragraph: below"},
		{"diagram", `<w:p><w:r><dgm:relIds r:dm="rId5"/></w:r></w:p>`, []string{
			"word/_rels/document.xml.rels", partstest.Relations("rId5", "diagramData", "diagrams/data1.xml"),
			"word/diagrams/data1.xml", `<dgm:dataModel><dgm:ptLst><dgm:pt modelId="1" type="doc"/><dgm:pt modelId="2"><dgm:t><a:p><a:r><a:t>Plan</a:t></a:r></a:p></dgm:t></dgm:pt></dgm:ptLst><dgm:cxnLst><dgm:cxn srcId="1" destId="2" srcOrd="0"/></dgm:cxnLst></dgm:dataModel>`,
		}, "list_item 1: - Plan"},
		{"form", `<w:p><w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:checkBox><w:default w:val="0"/><w:checked/></w:checkBox></w:ffData></w:fldChar></w:r><w:r><w:instrText>FORMCHECKBOX</w:instrText></w:r><w:r><w:t xml:space="preserve"> yes </w:t></w:r><w:r><w:fldChar><w:ffData><w:checkBox><w:default w:val="0"/></w:checkBox></w:ffData></w:fldChar></w:r><w:r><w:t xml:space="preserve"> no </w:t></w:r><w:r><w:fldChar><w:ffData><w:ddList><w:result w:val="1"/><w:listEntry w:val="red"/><w:listEntry w:val="blue"/></w:ddList></w:ffData></w:fldChar></w:r></w:p>`, nil, "paragraph: ☒ yes ☐ no blue"},
		{"content control", `<w:sdt><w:sdtPr><w:alias w:val="x"/></w:sdtPr><w:sdtContent>` + p("filled in") + `</w:sdtContent></w:sdt>`, nil, "paragraph: filled in"},
		{"text in a shape", `<w:p><w:r><w:drawing><wps:txbx><w:txbxContent>` + p("box") + `</w:txbxContent></wps:txbx></w:drawing></w:r></w:p>`, nil, "paragraph: box"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, err := docx.Extract(t.Context(), document(t, c.body, c.more...), docx.Options{})
			if err != nil {
				t.Fatal(err)
			}
			extracttest.Check(t, text)
			if got := extracttest.Outline(text); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestForeignPartsAreSaid(t *testing.T) {
	text, err := docx.Extract(t.Context(), document(t, p("a")+`<w:altChunk r:id="rId9"/>`), docx.Options{})
	if err != nil || len(text.Warnings) != 1 || !strings.Contains(text.Warnings[0], "altChunk") {
		t.Errorf("warnings %q, %v", text.Warnings, err)
	}
}

func TestRefusals(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	big := document(t, strings.Repeat(p("word"), 5000))
	for _, c := range []struct {
		name    string
		ctx     context.Context
		content []byte
		limit   int
		want    error
	}{
		{"no container", t.Context(), []byte("PK"), 0, rag.ErrInvalid},
		{"no document", t.Context(), partstest.Zip(t, "a.txt", "a"), 0, rag.ErrInvalid},
		{"limit", t.Context(), big, 1000, rag.ErrExhausted},
		{"cancelled", ctx, big, 0, context.Canceled},
		{"a chart of one value of 100 MB", t.Context(), partstest.Container(t,
			partstest.Part{Name: "word/document.xml", Content: strings.NewReader(`<w:document xmlns:r="r"><w:p><c:chart r:id="rId5"/></w:p></w:document>`)},
			partstest.Part{Name: "word/_rels/document.xml.rels", Content: strings.NewReader(partstest.Relations("rId5", "chart", "chart.xml"))},
			partstest.Part{Name: "word/chart.xml", Content: io.MultiReader(strings.NewReader("<c:ser><c:val><c:pt idx='0'><c:v>"), partstest.Repeat("1", 100<<20))}), 0, rag.ErrExhausted},
	} {
		if _, err := docx.Extract(c.ctx, c.content, docx.Options{Limit: c.limit}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v (%s)", c.name, err, rag.KindOf(err))
		}
	}
}

// TestRealDocuments measures the real documents that have an expected text.
func TestRealDocuments(t *testing.T) {
	folder := filepath.Join("..", "..", "..", "..", "shared", "data", "documents")
	manifest, err := os.ReadFile(filepath.Join(folder, "manifest.tsv"))
	if err != nil {
		t.Skipf("needs the real documents: %v", err)
	}
	var scores []float64
	for line := range strings.Lines(string(manifest)) {
		row := strings.Split(strings.TrimRight(line, "\r\n"), "\t")
		if len(row) < 9 || row[8] == "" || !strings.HasPrefix(row[0], "docx/") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(folder, row[0]))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(folder, row[8]))
		if err != nil {
			t.Fatal(err)
		}
		text, err := docx.Extract(t.Context(), content, docx.Options{})
		if err != nil {
			t.Errorf("%s: %v", row[0], err)
			continue
		}
		extracttest.Check(t, text)
		f1 := extracttest.F1(text.Content, extracttest.Readable(string(want)))
		t.Logf("%.4f %s", f1, row[0])
		scores = append(scores, f1)
	}
	sum := 0.0
	for _, s := range scores {
		sum += s
	}
	mean := sum / float64(max(1, len(scores)))
	t.Logf("mean F1 %.4f of %d, least %.4f", mean, len(scores), slices.Min(append(scores, 1)))
	if mean < 0.96 {
		t.Errorf("mean F1 is %.4f, want 0.96", mean)
	}
}

func FuzzExtract(f *testing.F) {
	for _, body := range []string{
		p("a"), `<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="3"/></w:tcPr>` + p("a") + `</w:tc></w:tr></w:tbl>`,
		`<w:p><m:oMath><m:f/></m:oMath><c:chart r:id="rId5"/><w:ffData><w:checkBox/></w:ffData></w:p>`, `<w:p><w:p><w:tbl><w:p>`,
	} {
		f.Add(body, chart)
	}
	f.Fuzz(func(t *testing.T, body, chart string) {
		content := document(t, body, "word/_rels/document.xml.rels", partstest.Relations("rId5", "chart", "c.xml", "rId6", "styles", "styles.xml"), "word/c.xml", chart)
		text, err := docx.Extract(t.Context(), content, docx.Options{Limit: 1 << 20})
		extracttest.Survived(t, text, err)
	})
}
