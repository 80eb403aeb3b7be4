package drawing

import (
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/grid"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

const (
	maxTitle  = 64 << 10 // bytes
	maxSeries = 1000
	maxCells  = 100_000 // of a chart's tables
)

// Chart is what a chart shows.
type Chart struct {
	Title  string
	Kind   string     // "bar chart", "" if it is not known
	Axes   []string   // titles of its axes
	Tables [][]Column // columns of equal length, the categories first; the series that share them
}

// Column is a column of a chart's table.
type Column struct {
	Name   string
	Values []string
}

// series is one of a chart's while it is read.
type series struct {
	name       string
	categories []point
	values     []point
	sizes      []point // of bubbles
}

// ReadChart reads a chart part, as Office 2007 (chart) and 2016 (chartex) write it.
// One that does not exist or is damaged from its beginning is empty.
func ReadChart(p *parts.Package, part string) (Chart, error) {
	r := &chartReader{}
	err := p.Read(part, func(t *parts.Tokens) error {
		for {
			e, err := t.Next()
			if err != nil {
				return parts.Ended(err)
			}
			if e.Kind == parts.StartElement {
				if err := r.element(t, e); err != nil {
					return err
				}
			}
		}
	})
	if err != nil {
		return Chart{}, err
	}
	r.join()
	if r.shorten() {
		p.Warn(part + " is a chart of very many values and was shortened")
	}
	return r.chart, nil
}

type chartReader struct {
	chart    Chart
	series   []series
	data     map[string]*series // of a chartex: what the series refer to
	order    []string           // its ids in their order
	date1904 bool
	axis     bool // within an axis
}

// element handles an element of a chart space. Elements that only hold others are
// passed through: their contents come as the next tokens.
func (r *chartReader) element(t *parts.Tokens, e parts.Token) error {
	switch e.Name {
	case "date1904":
		r.date1904 = e.On()
	case "catax", "valax", "dateax", "serax", "axis":
		r.axis = true
		err := t.Within(func(e parts.Token) error {
			if e.Kind == parts.StartElement {
				return r.element(t, e)
			}
			return nil
		})
		r.axis = false
		return err
	case "title":
		title, err := label(t)
		switch {
		case err != nil || title == "":
		case r.axis:
			r.chart.Axes = append(r.chart.Axes, title)
		case r.chart.Title == "":
			r.chart.Title = title
		}
		return err
	case "ser":
		return r.readSeries(t)
	case "data": // chartex
		return r.readData(t, e.Attr("id"))
	case "series":
		return r.readReference(t, e.Attr("layoutid"))
	case "sppr", "txpr", "fallback", "extlst", "printsettings", "pivotfmts", "externaldata", "dlbls":
		return t.Skip()
	default:
		if kind, is := strings.CutSuffix(e.Name, "chart"); is && kind != "" && r.chart.Kind == "" {
			r.chart.Kind = kinds[kind]
		}
	}
	return nil
}

// kinds of charts by the element that holds the series, and by chartex's layoutId.
var kinds = map[string]string{
	"bar": "bar chart", "bar3d": "bar chart", "line": "line chart", "line3d": "line chart", "pie": "pie chart", "pie3d": "pie chart",
	"ofpie": "pie chart", "doughnut": "doughnut chart", "area": "area chart", "area3d": "area chart", "scatter": "scatter chart",
	"bubble": "bubble chart", "radar": "radar chart", "stock": "stock chart", "surface": "surface chart", "surface3d": "surface chart",
	"waterfall": "waterfall chart", "treemap": "treemap chart", "sunburst": "sunburst chart", "funnel": "funnel chart",
	"boxwhisker": "box plot", "clusteredcolumn": "histogram", "paretoline": "Pareto chart", "regionmap": "map chart",
}

// label returns the text of a title or a series' name: what is written there, or
// what the cell held that it refers to. The formula of the reference is left out.
func label(t *parts.Tokens) (string, error) {
	var b strings.Builder
	err := t.Within(func(e parts.Token) error {
		if e.Kind != parts.StartElement {
			return nil
		}
		switch e.Name {
		case "rich":
			body, err := ReadBody(t, maxTitle)
			b.WriteString(" " + body.Text())
			return err
		case "v":
			s, err := t.Text(maxTitle)
			if b.Len() < maxTitle {
				b.WriteString(" " + s)
			}
			return err
		case "txpr", "sppr", "extlst", "f", "layout":
			return t.Skip()
		}
		return nil
	})
	return clean.Line(b.String()), err
}

func (r *chartReader) readSeries(t *parts.Tokens) error {
	var s series
	err := t.Within(func(e parts.Token) (err error) {
		if e.Kind != parts.StartElement {
			return nil
		}
		switch e.Name {
		case "tx":
			s.name, err = label(t)
		case "cat", "xval":
			s.categories, err = r.points(t)
		case "val", "yval":
			s.values, err = r.points(t)
		case "bubblesize":
			s.sizes, err = r.points(t)
		default:
			err = t.Skip()
		}
		return err
	})
	if len(r.series) < maxSeries {
		r.series = append(r.series, s)
	}
	return err
}

// readData reads the data of a chartex, which its series name by an id.
func (r *chartReader) readData(t *parts.Tokens, id string) error {
	s := &series{}
	if r.data == nil {
		r.data = map[string]*series{}
	}
	if len(r.data) < maxSeries {
		r.data[id] = s
		r.order = append(r.order, id)
	}
	return t.Within(func(e parts.Token) error {
		if e.Kind != parts.StartElement || e.Name != "strdim" && e.Name != "numdim" {
			return nil
		}
		words := e.Name == "strdim"
		points, err := r.points(t)
		if words {
			s.categories = points
		} else if s.values == nil {
			s.values = points
		}
		return err
	})
}

func (r *chartReader) readReference(t *parts.Tokens, layout string) error {
	if r.chart.Kind == "" {
		r.chart.Kind = kinds[strings.ToLower(layout)]
	}
	name, id := "", ""
	err := t.Within(func(e parts.Token) (err error) {
		if e.Kind != parts.StartElement {
			return nil
		}
		switch e.Name {
		case "tx":
			name, err = label(t)
		case "dataid":
			id = e.Attr("val")
		}
		return err
	})
	if s := r.data[id]; s != nil && s.name == "" {
		s.name = name
	}
	return err
}

// join makes tables of the series: those with the same categories share one.
func (r *chartReader) join() {
	for _, id := range r.order {
		r.series = append(r.series, *r.data[id])
	}
	var groups []*group
	for _, s := range r.series {
		if len(s.values) == 0 {
			continue
		}
		var g *group
		for _, known := range groups[max(0, len(groups)-8):] {
			if same(known.categories, s.categories) || len(s.categories) == 0 {
				g = known
				break
			}
		}
		if g == nil {
			g = &group{categories: s.categories}
			groups = append(groups, g)
		}
		g.series = append(g.series, s)
	}
	for _, g := range groups {
		r.chart.Tables = append(r.chart.Tables, g.columns())
	}
}

// shorten holds the tables to the most cells that a chart may have.
func (r *chartReader) shorten() (cut bool) {
	left := maxCells
	for i, table := range r.chart.Tables {
		if len(table) == 0 {
			continue
		}
		rows := len(table[0].Values)
		keep := min(rows, left/len(table))
		left -= keep * len(table)
		cut = cut || keep < rows
		for c := range table {
			r.chart.Tables[i][c].Values = table[c].Values[:keep]
		}
	}
	return cut
}

// Pieces returns the chart as a caption and tables, on the page given.
func (c *Chart) Pieces(page int) []grid.Piece {
	var out []grid.Piece
	if text := c.Caption(); text != "" {
		out = append(out, grid.Piece{Block: rag.Block{Kind: rag.Caption, Page: page}, Text: text})
	}
	for _, columns := range c.Tables {
		if len(columns) == 0 || len(columns[0].Values) == 0 {
			continue
		}
		table := &grid.Table{Page: page}
		put := func(text string) {
			table.AddCell(1, 1)
			if text != "" {
				table.Put(grid.Piece{Block: rag.Block{Kind: rag.Paragraph, Page: page}, Text: text})
			}
		}
		table.AddRow()
		for _, col := range columns {
			put(col.Name)
		}
		for i := range columns[0].Values {
			table.AddRow()
			for _, col := range columns {
				put(col.Values[i])
			}
		}
		out = append(out, grid.Piece{Table: table})
	}
	return out
}

// Caption is a line that says what the chart is: "Ducks by year (bar chart; axes:
// year, number)".
func (c *Chart) Caption() string {
	about := c.Kind
	if len(c.Axes) > 0 {
		if about != "" {
			about += "; "
		}
		about += "axes: " + strings.Join(c.Axes, ", ")
	}
	switch {
	case c.Title == "" && about == "":
		return ""
	case c.Title == "":
		return strings.ToUpper(about[:1]) + about[1:]
	case about == "":
		return c.Title
	}
	return c.Title + " (" + about + ")"
}
