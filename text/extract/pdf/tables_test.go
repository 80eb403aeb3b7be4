package pdf_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/chunk"
	"github.com/smartretriever/smartretriever/text/extract/pdf"
)

// drawn draws a line between two places.
func drawn(x0, y0, x1, y1 int) string {
	return fmt.Sprintf("%d %d m %d %d l S\n", x0, y0, x1, y1)
}

// rulesAt draws all rules of a grid.
func rulesAt(xs, ys []int) string {
	var b strings.Builder
	for _, x := range xs {
		b.WriteString(drawn(x, ys[0], x, ys[len(ys)-1]))
	}
	for _, y := range ys {
		b.WriteString(drawn(xs[0], y, xs[len(xs)-1], y))
	}
	return b.String()
}

// filled writes cells into a grid of columns 100 wide and rows 20 high, from the left
// and the top.
func filled(left, top int, rows ...[]string) string {
	var b strings.Builder
	for i, row := range rows {
		for k, s := range row {
			if s != "" {
				b.WriteString(written(left+100*k+5, top-20*i-14, s))
			}
		}
	}
	return b.String()
}

// tablesOf returns the text of each table.
func tablesOf(text rag.Text) (all []string) {
	for _, b := range text.Blocks {
		if b.Kind == rag.Table {
			all = append(all, b.Span.Of(text.Content))
		}
	}
	return all
}

func TestTables(t *testing.T) {
	e := newEngine(t)
	cells := filled(20, 180, []string{"Country", "Capital", "People"}, []string{"Peru", "Lima", "34"}, []string{"Chile", "Santiago", "19"})
	const table = "| Country | Capital | People |\n| --- | --- | --- |\n| Peru | Lima | 34 |\n| Chile | Santiago | 19 |"
	xs, ys := []int{20, 120, 220, 320}, []int{120, 140, 160, 180}
	var boxes, bars, path strings.Builder
	for _, x := range xs[:3] {
		for _, y := range ys[:3] {
			fmt.Fprintf(&boxes, "%d %d 100 20 re S\n", x, y)
		}
	}
	for _, x := range xs {
		fmt.Fprintf(&bars, "%d 120 1 60 re f\n", x)
		fmt.Fprintf(&path, "%d 120 m %d 180 l\n", x, x)
	}
	for _, y := range ys {
		fmt.Fprintf(&bars, "20 %d 300 0.7 re f\n", y)
		fmt.Fprintf(&path, "20 %d m 320 %d l\n", y, y)
	}
	for _, c := range []struct{ name, dict, content, want string }{
		{"lines", "", rulesAt(xs, ys) + cells, table},
		{"cells framed one by one", "", boxes.String() + cells, table},
		{"thin bars", "", bars.String() + cells, table},
		{"one path", "", path.String() + "S\n" + cells, table},
		{"on a scaled and shifted page", "", "q 0.5 0 0 0.5 30 20 cm\n" + rulesAt(xs, ys) + cells + "Q\n", table},
		{"on a turned page", "/Rotate 90", rulesAt(xs, ys) + cells, "| Chile | Peru | Country |\n| --- | --- | --- |\n| Santiago | Lima | Capital |\n| 19 | 34 | People |"},
		{"drawn twice", "", rulesAt(xs, ys) + rulesAt(xs, ys) + cells, table},
		{"double rules", "", rulesAt(xs, ys) + drawn(20, 178, 320, 178) + cells, table},
		{"open to the sides", "", rulesAt([]int{120, 220}, ys) + drawn(20, 120, 320, 120) + drawn(20, 140, 320, 140) + drawn(20, 160, 320, 160) + drawn(20, 180, 320, 180) + cells, table},
		{"without text in a row and a column", "", rulesAt([]int{10, 20, 120, 220, 320, 330}, []int{110, 120, 140, 160, 180, 190}) + cells, table},
		{"a cell over two columns", "", drawn(20, 120, 20, 180) + drawn(120, 120, 120, 180) + drawn(220, 120, 220, 160) + drawn(320, 120, 320, 180) +
			rulesAt([]int{20, 320}, ys) + filled(20, 180, []string{"Country", "Facts"}, []string{"Peru", "Lima", "34"}, []string{"Chile", "Santiago", "19"}),
			"| Country | Facts | Facts |\n| --- | --- | --- |\n| Peru | Lima | 34 |\n| Chile | Santiago | 19 |"},
		{"a cell over two rows", "", rulesAt([]int{20, 120, 220, 320}, []int{120, 180}) + drawn(120, 140, 320, 140) + drawn(20, 160, 320, 160) +
			filled(20, 180, []string{"Country", "Capital", "People"}, []string{"Both", "Lima", "34"}, []string{"", "Santiago", "19"}),
			"| Country | Capital | People |\n| --- | --- | --- |\n| Both | Lima | 34 |\n| Both | Santiago | 19 |"},
		{"rules between groups of rows", "", rulesAt(xs, []int{120, 160, 180}) + cells, table},
		{"text that goes on in its cell", "", rulesAt([]int{20, 120, 220}, []int{120, 160, 180}) +
			filled(20, 180, []string{"Term", "Meaning"}, []string{"Lessee", "whoever"}, []string{"", "rents"}),
			"| Term | Meaning |\n| --- | --- |\n| Lessee | whoever rents |"},
		{"cells close to each other", "", rulesAt([]int{20, 48, 76}, []int{140, 160, 180}) +
			written(22, 166, "ABC") + written(50, 166, "DEF") + written(22, 146, "123") + written(50, 146, "456"),
			"| ABC | DEF |\n| --- | --- |\n| 123 | 456 |"},
	} {
		text := extracted(t, e, document(false, sheetOf{dict: c.dict, content: written(20, 188, "Before") + c.content + written(20, 20, "After")}))
		if got := tablesOf(text); len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, strings.Join(got, "\n--\n"), c.want)
			continue
		}
		for _, s := range []string{"Before", "After"} {
			if strings.Count(text.Content, s) != 1 {
				t.Errorf("%s: %q", c.name, text.Content)
			}
		}
		// A row is marked where the table is said to be.
		for _, b := range text.Blocks {
			if b.Kind != rag.Table {
				continue
			}
			row := strings.Split(b.Span.Of(text.Content), "\n")[2]
			p, err := e.Page(t.Context(), document(false, sheetOf{dict: c.dict, content: c.content}), pdf.PageOptions{Page: 1, DPI: 72, NoImage: true, Quote: row})
			if err != nil || b.Box == (rag.Box{}) || len(p.Marks) > 0 && !within(p, b) {
				t.Errorf("%s: %q is marked at %v, its table is at %v, %v", c.name, row, p.Marks, b.Box, err)
			}
		}
	}
}

// TestNoTables draws what has lines like a table and is none.
func TestNoTables(t *testing.T) {
	e := newEngine(t)
	prose := written(25, 160, "The lease runs for") + written(25, 145, "five years from the") + written(25, 130, "day on which it is signed.")
	long := ""
	for y := 190; y > 5; y -= 3 {
		long += fmt.Sprintf("BT /F 3 Tf 12 %d Td (%s) Tj ET\n", y, strings.Repeat("the lessee shall pay ", 7)) +
			fmt.Sprintf("BT /F 3 Tf 212 %d Td (%s) Tj ET\n", y, strings.Repeat("the lessor shall grant ", 6))
	}
	ticks := ""
	for i := range 5 {
		ticks += written(30, 40+30*i, fmt.Sprint(10*i)) + written(60+50*i, 20, fmt.Sprint(2000+i))
	}
	many := strings.Builder{}
	for i := range 11_000 {
		fmt.Fprintf(&many, "%d %d m %d %d l S\n", i%300, i%170, i%300+5, i%170)
	}
	cells := filled(20, 180, []string{"Country", "Capital"}, []string{"Peru", "Lima"})
	for name, content := range map[string]string{
		"a frame":                    rulesAt([]int{20, 320}, []int{100, 180}) + prose,
		"frames within each other":   rulesAt([]int{10, 340}, []int{90, 190}) + rulesAt([]int{20, 320}, []int{100, 180}) + prose,
		"underlined words":           prose + drawn(25, 158, 120, 158) + drawn(25, 143, 130, 143) + drawn(25, 128, 160, 128),
		"a line between two columns": prose + written(220, 160, "Another column") + written(220, 145, "beside it") + drawn(210, 20, 210, 180) + drawn(20, 180, 390, 180),
		"a chart with a grid":        rulesAt([]int{60, 110, 160, 210, 260}, []int{40, 70, 100, 130, 160}) + ticks,
		"axes with marks on them":    drawn(60, 40, 300, 40) + drawn(60, 40, 60, 160) + drawn(55, 70, 65, 70) + drawn(55, 100, 65, 100) + drawn(110, 35, 110, 45) + ticks,
		"one row":                    rulesAt([]int{20, 120, 220, 320}, []int{160, 180}) + filled(20, 180, []string{"Country", "Capital", "People"}),
		"one column":                 rulesAt([]int{20, 120}, []int{120, 140, 160, 180}) + filled(20, 180, []string{"Country"}, []string{"Peru"}, []string{"Chile"}),
		"a form that is empty":       rulesAt([]int{20, 120, 220, 320}, []int{100, 120, 140, 160, 180}) + filled(20, 180, []string{"Name", "", "Date"}),
		"a page of boxes":            rulesAt([]int{10, 210, 390}, []int{3, 100, 195}) + long,
		"invisible rules":            strings.ReplaceAll(rulesAt([]int{20, 120, 220}, []int{140, 160, 180}), " S\n", " n\n") + cells,
		"a drawing of very many":     many.String() + rulesAt([]int{20, 120, 220}, []int{140, 160, 180}) + cells,
		"slanted rules":              "0.97 0.24 -0.24 0.97 30 -20 cm " + rulesAt([]int{20, 120, 220}, []int{140, 160, 180}),
	} {
		text := extracted(t, e, document(false, sheetOf{content: content}))
		if got := tablesOf(text); len(got) > 0 {
			t.Errorf("%s: %q", name, got)
		}
	}
	// What was looked at as a table and is none is read as if it had not been.
	plain := extracted(t, e, document(false, sheetOf{content: prose}))
	if framed := extracted(t, e, document(false, sheetOf{content: rulesAt([]int{20, 120, 320}, []int{100, 140, 180}) + prose})); framed.Content != plain.Content {
		t.Errorf("%q, want %q", framed.Content, plain.Content)
	}
}

// TestTableInAForm draws a table by a form object that is moved on the page.
func TestTableInAForm(t *testing.T) {
	content := rulesAt([]int{0, 100, 200}, []int{0, 20, 40}) + filled(0, 40, []string{"Country", "Capital"}, []string{"Peru", "Lima"})
	form := fmt.Sprintf("<< /Type /XObject /Subtype /Form /BBox [0 0 300 100] /Matrix [1 0 0 1 10 10] /Resources << /Font << /F 3 0 R >> >> /Length %d >>\nstream\n%s\nendstream", len(content), content)
	text := extracted(t, newEngine(t), document(false, sheetOf{
		dict: "/Resources << /XObject << /T 4 0 R >> /Font << /F 3 0 R >> >>", content: "q 0.9 0 0 0.9 40 60 cm /T Do Q\n", annots: []string{form},
	}))
	if got := tablesOf(text); len(got) != 1 || got[0] != "| Country | Capital |\n| --- | --- |\n| Peru | Lima |" {
		t.Errorf("%q", text.Content)
	}
}

// words is a model that counts words.
type words struct{}

func (words) Model() rag.Model         { return rag.Model{ID: "words", MaxTokens: 512} }
func (words) CountTokens(s string) int { return len(strings.Fields(s)) }
func (words) Embed(context.Context, rag.EmbedKind, []string) ([][]float32, error) {
	return nil, nil
}

// TestTableOverPages reads a table that goes on over two pages with its header on both,
// below a letterhead in a frame of its own, and cuts it: every chunk of it begins with
// the header or carries it.
func TestTableOverPages(t *testing.T) {
	var sheets []sheetOf
	for page := range 4 {
		rows := [][]string{{"Number", "Town", "Rent"}}
		for i := range 6 {
			rows = append(rows, []string{fmt.Sprint(100*page + i), "Ulm", fmt.Sprint(500 + i)})
		}
		ys := []int{20, 40, 60, 80, 100, 120, 140, 160}
		sheets = append(sheets, sheetOf{content: rulesAt([]int{20, 120, 220}, []int{170, 180, 190}) +
			"BT /F 6 Tf 25 182 Td (Miller Homes) Tj ET BT /F 6 Tf 125 182 Td (List of rents) Tj ET BT /F 6 Tf 25 172 Td (Ulm) Tj ET BT /F 6 Tf 125 172 Td (Edition 7) Tj ET\n" +
			rulesAt([]int{20, 120, 220, 320}, ys) + filled(20, 160, rows...)})
	}
	text := extracted(t, newEngine(t), document(false, sheets...))
	found := tablesOf(text)
	const header = "| Number | Town | Rent |\n| --- | --- | --- |\n"
	if len(found) != 4 || !strings.HasPrefix(found[3], header) || strings.Count(found[3], "\n") != 7 {
		t.Fatalf("%q", found)
	}
	for _, b := range text.Blocks {
		if s := b.Span.Of(text.Content); strings.Contains(s, "Miller") && b.Kind != rag.Header {
			t.Errorf("the letterhead is a %s: %q", b.Kind, s)
		}
	}
	c, err := chunk.New(rag.ChunkerOptions{Size: 40}, words{})
	if err != nil {
		t.Fatal(err)
	}
	chunks, err := c.Chunk(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	repeated := 0
	for _, c := range chunks {
		if !strings.Contains(c.Text, "| Ulm |") {
			continue
		}
		switch {
		case strings.Contains(c.Text, header):
		case strings.HasPrefix(c.Prefix, strings.TrimSuffix(header, "\n")):
			repeated++
		default:
			t.Errorf("a chunk without the header: %q with %q", c.Text, c.Prefix)
		}
	}
	if repeated == 0 {
		t.Errorf("no table was cut: %v", chunks)
	}
}
