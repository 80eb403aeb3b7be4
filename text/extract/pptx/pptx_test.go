package pptx_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
	"github.com/smartretriever/smartretriever/text/extract/parts/partstest"
	"github.com/smartretriever/smartretriever/text/extract/pptx"
)

const master = `<p:sldMaster><p:cSld><p:spTree>
<p:sp><p:nvSpPr><p:nvPr><p:ph type="title"/></p:nvPr></p:nvSpPr><p:spPr><a:xfrm><a:off x="0" y="0"/><a:ext cx="900" cy="100"/></a:xfrm></p:spPr></p:sp>
<p:sp><p:nvSpPr><p:nvPr><p:ph type="body" idx="1"/></p:nvPr></p:nvSpPr><p:spPr><a:xfrm><a:off x="0" y="200"/><a:ext cx="400" cy="600"/></a:xfrm></p:spPr></p:sp>
</p:spTree></p:cSld><p:txStyles><p:titleStyle><a:lvl1pPr><a:buNone/></a:lvl1pPr></p:titleStyle><p:bodyStyle><a:lvl1pPr><a:buChar char="•"/></a:lvl1pPr><a:lvl2pPr><a:buChar char="–"/></a:lvl2pPr></p:bodyStyle></p:txStyles></p:sldMaster>`

// deck returns a presentation of slides; each is the contents of its shape tree.
func deck(t testing.TB, slides []string, more ...string) []byte {
	t.Helper()
	list, rels := "", []string{}
	parts := []string{"_rels/.rels", partstest.Relations("rId1", "officeDocument", "ppt/presentation.xml")}
	for i, tree := range slides {
		list += fmt.Sprintf(`<p:sldId id="%d" r:id="s%d"/>`, 256+i, i)
		rels = append(rels, fmt.Sprintf("s%d", i), "slide", fmt.Sprintf("slides/slide%d.xml", i+1))
		attr := ""
		if strings.HasPrefix(tree, "hidden") {
			attr, tree = ` show="0"`, strings.TrimPrefix(tree, "hidden")
		}
		parts = append(parts, fmt.Sprintf("ppt/slides/slide%d.xml", i+1), `<p:sld`+attr+` xmlns:r="r"><p:cSld><p:spTree>`+tree+`</p:spTree></p:cSld></p:sld>`,
			fmt.Sprintf("ppt/slides/_rels/slide%d.xml.rels", i+1), partstest.Relations("rId1", "slideLayout", "../slideLayouts/slideLayout1.xml", "rId2", "chart", "../charts/chart1.xml",
				"rId3", "diagramData", "../diagrams/data1.xml", "rId4", "notesSlide", fmt.Sprintf("../notesSlides/notesSlide%d.xml", i+1), "rId5", "comments", fmt.Sprintf("../comments/comment%d.xml", i+1)))
	}
	rels = append(rels, "a1", "commentAuthors", "commentAuthors.xml")
	return partstest.Zip(t, append(append(parts,
		"ppt/presentation.xml", `<p:presentation xmlns:r="r"><p:sldIdLst>`+list+`</p:sldIdLst><p:extLst><p14:sldIdLst><p14:sldId id="256"/></p14:sldIdLst></p:extLst></p:presentation>`,
		"ppt/_rels/presentation.xml.rels", partstest.Relations(rels...),
		"ppt/slideLayouts/slideLayout1.xml", `<p:sldLayout type="obj"><p:cSld><p:spTree><p:sp><p:nvSpPr><p:nvPr><p:ph idx="1"/></p:nvPr></p:nvSpPr><p:txBody><a:lstStyle><a:lvl2pPr><a:buNone/></a:lvl2pPr></a:lstStyle><a:p><a:r><a:t>Click to edit</a:t></a:r></a:p></p:txBody></p:sp></p:spTree></p:cSld></p:sldLayout>`,
		"ppt/slideLayouts/_rels/slideLayout1.xml.rels", partstest.Relations("rId1", "slideMaster", "../slideMasters/slideMaster1.xml"),
		"ppt/slideMasters/slideMaster1.xml", master), more...)...)
}

// sp returns a shape: holder is the attributes of its placeholder, at its place.
func sp(holder, at string, paragraphs ...string) string {
	s := `<p:sp><p:nvSpPr><p:cNvPr id="2" name="x"/><p:nvPr>`
	if holder != "" {
		s += `<p:ph ` + holder + `/>`
	}
	s += `</p:nvPr></p:nvSpPr><p:spPr>` + xfrm(at) + `</p:spPr><p:txBody><a:bodyPr/>`
	for _, p := range paragraphs {
		props, text, found := strings.Cut(p, "|")
		if !found {
			props, text = "", p
		}
		s += `<a:p><a:pPr ` + props + `/><a:r><a:rPr/><a:t>` + text + `</a:t></a:r></a:p>`
	}
	return s + `</p:txBody></p:sp>`
}

func xfrm(at string) string {
	var x, y, w, h int
	if n, _ := fmt.Sscan(at, &x, &y, &w, &h); n < 4 {
		return ""
	}
	return fmt.Sprintf(`<a:xfrm><a:off x="%d" y="%d"/><a:ext cx="%d" cy="%d"/></a:xfrm>`, x, y, w, h)
}

const (
	title    = `type="title"`
	center   = `type="ctrTitle"`
	body     = `idx="1"`
	subtitle = `type="subTitle" idx="7"`
)

func TestExtract(t *testing.T) {
	for _, c := range []struct {
		name   string
		slides []string
		more   []string
		want   string
	}{
		{"titles", []string{sp(center, "", "Deck"), sp(title, "", "One") + sp(body, "", "a"), sp(title, "", "Two")}, nil,
			"heading 1 p1: Deck\nheading 2 p2: One\nlist_item 1 p2: - a\nheading 2 p3: Two"},
		{"titles without a title slide", []string{sp(title, "", "One"), sp(title, "", "Two")}, nil, "heading 1 p1: One\nheading 1 p2: Two"},
		{"the title comes first", []string{sp(body, "", "a") + sp(title, "", "One")}, nil, "heading 1 p1: One\nlist_item 1 p1: - a"},
		{"no title", []string{sp(title, "", "One"), sp("", "0 0 9 9", "Two") + sp("", "0 20 9 9", "text."), sp("", "", "A whole sentence.")}, nil,
			"heading 1 p1: One\nheading 1 p2: Two\nparagraph p2: text.\nheading 1 p3: Slide 3\nparagraph p3: A whole sentence."},
		{"bullets", []string{sp(title, "", "One") + sp(body, "", "a", `lvl="1"|not in the layout`, "b")}, nil,
			"heading 1 p1: One\nlist_item 1 p1: - a\nparagraph p1: not in the layout\nlist_item 1 p1: - b"},
		{"numbers", []string{sp(title, "", "One") + `<p:sp><p:txBody><a:p><a:pPr><a:buAutoNum type="alphaLcParenR" startAt="2"/></a:pPr><a:r><a:t>x</a:t></a:r></a:p><a:p><a:pPr><a:buAutoNum type="alphaLcParenR" startAt="2"/></a:pPr><a:r><a:t>y</a:t></a:r></a:p></p:txBody></p:sp>`}, nil,
			"heading 1 p1: One\nlist_item 1 p1: b) x\nlist_item 1 p1: c) y"},
		{"two columns", []string{sp(title, "", "One") + sp("", "500 200 400 100", "right top") + sp("", "0 200 400 100", "left top") + sp("", "0 310 400 100", "left below") + sp("", "500 310 400 100", "right below")}, nil,
			"heading 1 p1: One\nparagraph p1: left top\nparagraph p1: left below\nparagraph p1: right top\nparagraph p1: right below"},
		{"rows", []string{sp(title, "", "One") + sp("", "0 600 400 100", "below") + sp("", "410 200 400 100", "right") + sp("", "0 200 400 100", "left")}, nil,
			"heading 1 p1: One\nparagraph p1: left\nparagraph p1: right\nparagraph p1: below"},
		{"places of the layout", []string{sp(title, "", "One") + sp("", "500 200 400 600", "right") + sp(body, "", "left")}, nil,
			"heading 1 p1: One\nlist_item 1 p1: - left\nparagraph p1: right"},
		{"group", []string{sp(title, "", "One") + `<p:grpSp><p:nvGrpSpPr/><p:grpSpPr>` + xfrm("0 0 9 9") + `</p:grpSpPr>` + sp("", "0 50 9 9", "second") + sp("", "0 0 9 9", "first") + `</p:grpSp>`}, nil,
			"heading 1 p1: One\nparagraph p1: first\nparagraph p1: second"},
		{"table", []string{sp(title, "", "One") + `<p:graphicFrame><p:nvGraphicFramePr/><p:xfrm/><a:graphic><a:graphicData><a:tbl><a:tr><a:tc gridSpan="2"><a:txBody><a:p><a:r><a:t>wide</a:t></a:r></a:p></a:txBody></a:tc><a:tc hMerge="1"><a:txBody/></a:tc></a:tr><a:tr><a:tc rowSpan="2"><a:txBody><a:p><a:r><a:t>tall</a:t></a:r></a:p></a:txBody></a:tc><a:tc><a:txBody><a:p><a:r><a:t>b</a:t></a:r></a:p></a:txBody></a:tc></a:tr><a:tr><a:tc vMerge="1"><a:txBody/></a:tc><a:tc><a:txBody><a:p><a:r><a:t>c</a:t></a:r></a:p></a:txBody></a:tc></a:tr></a:tbl></a:graphicData></a:graphic></p:graphicFrame>`}, nil,
			"heading 1 p1: One\ntable p1: | wide | wide | / | --- | --- | / | tall | b | / | tall | c |"},
		{"chart and diagram", []string{sp(title, "", "One") + `<p:graphicFrame><a:graphicData><c:chart r:id="rId2"/></a:graphicData></p:graphicFrame><mc:AlternateContent><mc:Choice><p:graphicFrame><a:graphicData><dgm:relIds r:dm="rId3"/></a:graphicData></p:graphicFrame></mc:Choice><mc:Fallback>` + sp("", "", "picture") + `</mc:Fallback></mc:AlternateContent>`},
			[]string{
				"ppt/charts/chart1.xml", `<c:chartSpace><c:lineChart><c:ser><c:cat><c:strRef><c:pt idx="0"><c:v>A</c:v></c:pt></c:strRef></c:cat><c:val><c:numRef><c:numCache><c:pt idx="0"><c:v>4.4000000000000004</c:v></c:pt></c:numCache></c:numRef></c:val></c:ser></c:lineChart></c:chartSpace>`,
				"ppt/diagrams/data1.xml", `<dgm:dataModel><dgm:ptLst><dgm:pt modelId="2"><dgm:t><a:p><a:r><a:t>Plan</a:t></a:r></a:p></dgm:t></dgm:pt></dgm:ptLst></dgm:dataModel>`,
			}, "heading 1 p1: One\ncaption p1: Line chart\ntable p1: |  | Series 1 | / | --- | --- | / | A | 4.4 |\nlist_item 1 p1: - Plan"},
		{"footers, notes and comments", []string{sp(title, "", "One") + sp(`type="ftr"`, "", "Company") + sp(`type="sldNum"`, "", "1") + sp("", "", "text")},
			[]string{
				"ppt/notesSlides/notesSlide1.xml", `<p:notes><p:spTree>` + sp(`type="sldImg"`, "", "image") + sp(`type="body"`, "", "Say this.") + sp(`type="sldNum"`, "", "1") + `</p:spTree></p:notes>`,
				"ppt/comments/comment1.xml", `<p:cmLst><p:cm authorId="3" dt="2026-01-02T03:04:05"><p:text>Why?</p:text></p:cm><p188:cm authorId="4" created="2026-01-03T00:00:00"><p188:txBody><a:p><a:r><a:t>So.</a:t></a:r></a:p></p188:txBody></p188:cm></p:cmLst>`,
				"ppt/commentAuthors.xml", `<p:cmAuthorLst><p:cmAuthor id="3" name="Ann"/></p:cmAuthorLst>`,
			}, "heading 1 p1: One\nparagraph p1: text\nfooter p1: Company\nfooter p1: 1\nfootnote p1: Say this.\nfootnote p1: Comment by Ann, 2026-01-02: Why?\nfootnote p1: Comment, 2026-01-03: So."},
		{"hidden shape", []string{sp(title, "", "One") + strings.Replace(sp("", "", "x"), `id="2"`, `id="2" hidden="1"`, 1)}, nil, "heading 1 p1: One"},
		{"formula", []string{sp(title, "", "One") + `<p:sp><p:txBody><a:p><a14:m><m:oMath><m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup></m:oMath></a14:m></a:p></p:txBody></p:sp>`}, nil, "heading 1 p1: One\nparagraph p1: x^2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, err := pptx.Extract(t.Context(), deck(t, c.slides, c.more...), pptx.Options{})
			if err != nil {
				t.Fatal(err)
			}
			extracttest.Check(t, text)
			if got := extracttest.Outline(text); got != c.want || text.Pages != len(c.slides) {
				t.Errorf("%d pages, got\n%s\nwant\n%s", text.Pages, got, c.want)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	text, err := pptx.Extract(t.Context(), deck(t, []string{sp(title, "", "One"), "hidden" + sp(title, "", "Two")}), pptx.Options{})
	if err != nil || strings.Join(text.Warnings, "\n") != "slide 2 is hidden; it was read" || !strings.Contains(text.Content, "Two") {
		t.Errorf("%q, %v, %q", text.Warnings, err, text.Content)
	}
}

// TestHostile reads presentations that are made to hang or to fill the memory.
func TestHostile(t *testing.T) {
	slide := func(r io.Reader) []byte {
		return partstest.Container(t,
			partstest.Part{Name: "ppt/presentation.xml", Content: strings.NewReader(`<p:presentation/>`)},
			partstest.Part{Name: "ppt/slides/slide1.xml", Content: io.MultiReader(strings.NewReader("<p:sld><p:spTree>"), r, strings.NewReader("</p:spTree></p:sld>"))})
	}
	loop := `<dgm:dataModel><dgm:pt modelId="1"><dgm:t><a:p><a:r><a:t>a</a:t></a:r></a:p></dgm:t></dgm:pt><dgm:pt modelId="2"><dgm:t><a:p><a:r><a:t>b</a:t></a:r></a:p></dgm:t></dgm:pt><dgm:cxn srcId="1" destId="2"/><dgm:cxn srcId="2" destId="1"/></dgm:dataModel>`
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name    string
		ctx     context.Context
		content []byte
		want    error // nil for text
	}{
		{"a text of 300 MB", t.Context(), slide(io.MultiReader(strings.NewReader("<p:sp><p:txBody><a:p><a:r><a:t>"), partstest.Repeat("a", 300<<20))), rag.ErrExhausted},
		{"6 M shapes", t.Context(), slide(partstest.Repeat("<p:sp/>", 6_000_000)), rag.ErrExhausted},
		{"200,000 nested groups", t.Context(), slide(partstest.Repeat("<p:grpSp>", 200_000)), rag.ErrExhausted},
		{"20,000 shapes on top of each other", t.Context(), slide(partstest.Repeat(sp("", "0 0 9 9", "a"), 20_000)), nil},
		{"6 M cells", t.Context(), slide(io.MultiReader(strings.NewReader("<p:graphicFrame><a:tbl><a:tr>"), partstest.Repeat(`<a:tc gridSpan="100000"/>`, 6_000_000))), rag.ErrExhausted},
		{"a diagram in a circle", t.Context(), deck(t, []string{`<p:graphicFrame><dgm:relIds r:dm="rId3"/></p:graphicFrame>`}, "ppt/diagrams/data1.xml", loop), nil},
		{"a layout that is its own master", t.Context(), partstest.Zip(t, "ppt/presentation.xml", "<p:presentation/>", "ppt/slides/slide1.xml", `<p:sld><p:spTree>`+sp(body, "", "a")+`</p:spTree></p:sld>`,
			"ppt/slides/_rels/slide1.xml.rels", partstest.Relations("r", "slideLayout", "l.xml"), "ppt/slides/l.xml", master, "ppt/slides/_rels/l.xml.rels", partstest.Relations("r", "slideMaster", "l.xml")), nil},
		{"no presentation", t.Context(), partstest.Zip(t, "a.xml", "<a/>"), rag.ErrInvalid},
		{"no container", t.Context(), []byte("PK\x03\x04"), rag.ErrInvalid},
		{"cancelled", ctx, deck(t, []string{sp(title, "", "One")}), context.Canceled},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, err := pptx.Extract(c.ctx, c.content, pptx.Options{Limit: 64 << 20})
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

// TestRealPresentations reads the real presentations.
func TestRealPresentations(t *testing.T) {
	folder := filepath.Join("..", "..", "..", "..", "shared", "data", "documents")
	manifest, err := os.ReadFile(filepath.Join(folder, "manifest.tsv"))
	if err != nil {
		t.Skipf("needs the real documents: %v", err)
	}
	files, read, sum, scored := 0, 0, 0.0, 0
	for line := range strings.Lines(string(manifest)) {
		row := strings.Split(strings.TrimRight(line, "\r\n"), "\t")
		if len(row) < 9 || !strings.HasPrefix(row[0], "pptx/") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(folder, row[0]))
		if err != nil {
			t.Fatal(err)
		}
		files++
		text, err := pptx.Extract(t.Context(), content, pptx.Options{Limit: 32 << 20})
		if err != nil {
			if !errors.Is(err, rag.ErrInvalid) {
				t.Errorf("%s: %v (%s)", row[0], err, rag.KindOf(err))
			}
			continue
		}
		read++
		if fault := extracttest.Fault(text); fault != "" {
			t.Errorf("%s: %s", row[0], fault)
		}
		if row[8] == "" {
			continue
		}
		want, err := os.ReadFile(filepath.Join(folder, row[8]))
		if err != nil {
			t.Fatal(err)
		}
		f1 := extracttest.F1(text.Content, extracttest.Readable(string(want)))
		t.Logf("%.4f %s", f1, row[0])
		sum += f1
		scored++
	}
	mean := sum / float64(max(1, scored))
	t.Logf("%d of %d files read, mean F1 %.4f of %d", read, files, mean, scored)
	if read < 63 {
		t.Errorf("%d of %d files were read, want 63", read, files)
	}
	if mean < 0.91 {
		t.Errorf("mean F1 is %.4f, want 0.91", mean)
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(sp(title, "", "One")+sp(body, "", "a", `lvl="1"|b`)+`<p:graphicFrame><c:chart r:id="rId2"/><dgm:relIds r:dm="rId3"/></p:graphicFrame>`, `<c:ser><c:val><c:pt idx="0"><c:v>1</c:v></c:pt></c:val></c:ser>`, `<dgm:pt modelId="1"><dgm:t><a:p><a:r><a:t>a`)
	f.Add(`<p:grpSp><a:tbl><a:tr><a:tc gridSpan="2"><a:txBody>`, `<cx:data id="0"><cx:strDim><cx:lvl><cx:pt idx="0">a</cx:pt></cx:lvl></cx:strDim><cx:numDim><cx:lvl formatCode="0%"><cx:pt idx="0">1`, `<dgm:cxn srcId="1" destId="1"/>`)
	f.Fuzz(func(t *testing.T, tree, chart, diagram string) {
		content := deck(t, []string{tree, tree}, "ppt/charts/chart1.xml", chart, "ppt/diagrams/data1.xml", diagram, "ppt/notesSlides/notesSlide1.xml", tree, "ppt/comments/comment1.xml", diagram)
		text, err := pptx.Extract(t.Context(), content, pptx.Options{Limit: 1 << 20})
		extracttest.Survived(t, text, err)
	})
}
