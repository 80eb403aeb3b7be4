package drawing_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/drawing"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
	"github.com/smartretriever/smartretriever/text/extract/parts"
	"github.com/smartretriever/smartretriever/text/extract/parts/partstest"
)

func open(t testing.TB, markup string) *parts.Package {
	t.Helper()
	p, err := parts.Open(t.Context(), partstest.Zip(t, "a.xml", markup), "test", 0)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// text returns the chart as it stands in a document.
func text(t testing.TB, c drawing.Chart) string {
	t.Helper()
	b := &clean.Builder{}
	for _, p := range c.Pieces(0) {
		if err := p.AddTo(b); err != nil {
			t.Fatal(err)
		}
	}
	out := b.Text()
	extracttest.Check(t, out)
	return out.Content
}

func strs(values ...string) string {
	s := "<c:strRef><c:f>Sheet1!$A$1</c:f><c:strCache>"
	for i, v := range values {
		s += fmt.Sprintf(`<c:pt idx="%d"><c:v>%s</c:v></c:pt>`, i, v)
	}
	return s + "</c:strCache></c:strRef>"
}

func nums(format string, values ...string) string {
	s := "<c:numRef><c:f>Sheet1!$B$1</c:f><c:numCache><c:formatCode>" + format + "</c:formatCode>"
	for i, v := range values {
		if v != "" {
			s += fmt.Sprintf(`<c:pt idx="%d"><c:v>%s</c:v></c:pt>`, i, v)
		}
	}
	return s + "</c:numCache></c:numRef>"
}

func ser(name, categories, values string) string {
	return "<c:ser><c:tx>" + strs(name) + "</c:tx><c:cat>" + categories + "</c:cat><c:val>" + values + "</c:val><c:dLbls><c:tx><c:rich/></c:tx></c:dLbls></c:ser>"
}

func TestChart(t *testing.T) {
	heading := func(s string) string {
		return "<c:title><c:tx><c:rich><a:p><a:r><a:t>" + s + "</a:t></a:r></a:p></c:rich></c:tx></c:title>"
	}
	for _, c := range []struct{ name, markup, want string }{
		{"bars", "<c:chartSpace><c:chart>" + heading("Ducks") + "<c:plotArea><c:barChart>" + ser("North", strs("2022", "2023"), nums("0%", "0.5", "0.25")) + ser("South", strs("2022", "2023"), nums("General", "", "4.4000000000000004")) +
			"</c:barChart><c:catAx>" + heading("Year") + "</c:catAx><c:valAx>" + heading("Share") + "</c:valAx></c:plotArea></c:chart></c:chartSpace>",
			"Ducks (bar chart; axes: Year, Share)\n\n|  | North | South |\n| --- | --- | --- |\n| 2022 | 50% |  |\n| 2023 | 25% | 4.4 |"},
		{"dates", "<c:date1904 val=\"0\"/><c:lineChart>" + ser("a", nums("yyyy\\-mm\\-dd", "45292"), nums("General", "1")) + "</c:lineChart>", "Line chart\n\n|  | a |\n| --- | --- |\n| 2024-01-01 | 1 |"},
		{"two axes of their own", "<c:scatterChart>" + ser("a", nums("0", "1"), nums("0", "2")) + ser("b", nums("0", "3"), nums("0", "4")) + "</c:scatterChart>",
			"Scatter chart\n\n|  | a |\n| --- | --- |\n| 1 | 2 |\n\n|  | b |\n| --- | --- |\n| 3 | 4 |"},
		{"groups of categories", "<c:barChart><c:ser><c:cat><c:multiLvlStrRef><c:multiLvlStrCache><c:lvl><c:pt idx=\"0\"><c:v>Q1</c:v></c:pt><c:pt idx=\"1\"><c:v>Q2</c:v></c:pt><c:pt idx=\"2\"><c:v>Q1</c:v></c:pt></c:lvl><c:lvl><c:pt idx=\"0\"><c:v>2022</c:v></c:pt><c:pt idx=\"2\"><c:v>2023</c:v></c:pt></c:lvl></c:multiLvlStrCache></c:multiLvlStrRef></c:cat><c:val>" + nums("0", "1", "2", "3") + "</c:val></c:ser></c:barChart>",
			"Bar chart\n\n|  | Series 1 |\n| --- | --- |\n| 2022 Q1 | 1 |\n| 2022 Q2 | 2 |\n| 2023 Q1 | 3 |"},
		{"without categories", "<c:pieChart><c:ser><c:val>" + nums("0", "1", "2") + "</c:val></c:ser></c:pieChart>", "Pie chart\n\n|  | Series 1 |\n| --- | --- |\n| 1 | 1 |\n| 2 | 2 |"},
		{"chartex", `<cx:chartSpace><cx:chartData><cx:data id="0"><cx:strDim type="cat"><cx:f>A</cx:f><cx:lvl><cx:pt idx="0">in</cx:pt><cx:pt idx="1">out</cx:pt></cx:lvl></cx:strDim><cx:numDim type="val"><cx:f>B</cx:f><cx:lvl formatCode="0.0"><cx:pt idx="0">5</cx:pt><cx:pt idx="1">-2</cx:pt></cx:lvl></cx:numDim></cx:data></cx:chartData><cx:chart><cx:title><cx:tx><cx:txData><cx:v>Cash</cx:v></cx:txData></cx:tx></cx:title><cx:plotArea><cx:plotAreaRegion><cx:series layoutId="waterfall"><cx:tx><cx:txData><cx:f>x</cx:f><cx:v>Flow</cx:v></cx:txData></cx:tx><cx:dataId val="0"/></cx:series></cx:plotAreaRegion></cx:plotArea></cx:chart></cx:chartSpace>`,
			"Cash (waterfall chart)\n\n|  | Flow |\n| --- | --- |\n| in | 5.0 |\n| out | -2.0 |"},
		{"nothing", "<c:chartSpace/>", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			chart, err := drawing.ReadChart(open(t, c.markup), "a.xml")
			if err != nil {
				t.Fatal(err)
			}
			if got := text(t, chart); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// TestChartIsShortened reads a chart whose series have no place in common, so that
// its table would be a thousand times what is in the file.
func TestChartIsShortened(t *testing.T) {
	var b strings.Builder
	for s := range 500 {
		fmt.Fprintf(&b, `<c:ser><c:val><c:numRef><c:numCache>`)
		for i := range 100 {
			fmt.Fprintf(&b, `<c:pt idx="%d"><c:v>1</c:v></c:pt>`, s*100_000+i)
		}
		b.WriteString(`</c:numCache></c:numRef></c:val></c:ser>`)
	}
	p := open(t, b.String())
	chart, err := drawing.ReadChart(p, "a.xml")
	if err != nil || len(p.Warnings()) != 1 {
		t.Fatalf("%v, warnings %q", err, p.Warnings())
	}
	cells := 0
	for _, table := range chart.Tables {
		for _, column := range table {
			cells += len(column.Values)
		}
	}
	if cells > 100_000 || cells < 50_000 {
		t.Errorf("%d cells", cells)
	}
}

func TestDiagram(t *testing.T) {
	node := func(id, text string) string {
		return `<dgm:pt modelId="` + id + `"><dgm:t><a:p><a:r><a:t>` + text + `</a:t></a:r></a:p></dgm:t></dgm:pt>`
	}
	line := func(from, to string, place int) string {
		return fmt.Sprintf(`<dgm:cxn srcId="%s" destId="%s" srcOrd="%d"/>`, from, to, place)
	}
	for _, c := range []struct{ name, markup, want string }{
		{"tree", `<dgm:pt modelId="0" type="doc"/>` + node("1", "b") + node("2", "a") + node("3", "a1") + `<dgm:pt modelId="9" type="sibTrans"><dgm:t><a:p><a:r><a:t>line</a:t></a:r></a:p></dgm:t></dgm:pt>` +
			line("0", "1", 1) + line("0", "2", 0) + line("2", "3", 0), "1 a, 2 a1, 1 b"},
		{"circle", node("1", "a") + node("2", "b") + line("1", "2", 0) + line("2", "1", 0), "1 a, 2 b"},
		{"loose", node("1", "a") + node("2", "b"), "1 a, 1 b"},
	} {
		items, err := drawing.ReadDiagram(open(t, "<dgm:dataModel>"+c.markup+"</dgm:dataModel>"), "a.xml", 0)
		var got []string
		for _, i := range items {
			got = append(got, fmt.Sprint(i.Level, " ", i.Text))
		}
		if s := strings.Join(got, ", "); err != nil || s != c.want {
			t.Errorf("%s: got %q, %v, want %q", c.name, s, err, c.want)
		}
	}
}

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		format string
		n      int
		want   string
	}{
		{"arabicPeriod", 3, "3."}, {"alphaLcParenBoth", 28, "(bb)"}, {"romanUcPeriod", 14, "XIV."}, {"romanLcParenR", 9, "ix)"}, {"arabicPlain", 7, "7"}, {"circleNumDbPlain", 2, "2"}, {"", 1, "1."},
		{"alphaUcPeriod", 0, "A."}, {"romanUcPeriod", 40000, "40000."},
	} {
		if got := drawing.Number(c.format, c.n); got != c.want {
			t.Errorf("%s of %d: got %q, want %q", c.format, c.n, got, c.want)
		}
	}
}

func FuzzChart(f *testing.F) {
	f.Add("<c:barChart>" + ser("a", strs("x"), nums("0%", "1")) + "</c:barChart>")
	f.Add(`<cx:data id="0"><cx:strDim><cx:lvl><cx:pt idx="0">in</cx:pt></cx:lvl></cx:strDim><cx:numDim><cx:lvl><cx:pt idx="1">5</cx:pt></cx:lvl></cx:numDim></cx:data><cx:series layoutId="funnel"><cx:dataId val="0"/></cx:series>`)
	f.Add(`<dgm:pt modelId="1"><dgm:t><a:p>a</a:p></dgm:t></dgm:pt><dgm:cxn srcId="1" destId="1"/>`)
	f.Fuzz(func(t *testing.T, markup string) {
		chart, err := drawing.ReadChart(open(t, markup), "a.xml")
		if err != nil && rag.KindOf(err) != rag.KindExhausted {
			t.Errorf("%v (%s)", err, rag.KindOf(err))
		}
		text(t, chart)
		if _, err := drawing.ReadDiagram(open(t, markup), "a.xml", 1<<20); err != nil && rag.KindOf(err) != rag.KindExhausted {
			t.Errorf("%v (%s)", err, rag.KindOf(err))
		}
	})
}
