package drawing

import (
	"slices"
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/numfmt"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

const (
	maxPoints = 200_000 // of one column
	maxValue  = 4096    // bytes of one value
	maxLevels = 8       // of categories that are groups of categories
)

// point is a value of a chart with its place. Places without a value are left out of
// the file.
type point struct {
	at   int
	text string
}

// points reads the values of the element whose start was just read: numbers as their
// format shows them, categories of several levels joined from the outermost to the
// innermost.
func (r *chartReader) points(t *parts.Tokens) ([]point, error) {
	var levels [][]point // as they stand in the file: innermost first
	var current []point
	format := numfmt.General
	numeric := false
	err := t.Within(func(e parts.Token) error {
		if e.Kind == parts.EndElement {
			if e.Name == "lvl" && len(levels) < maxLevels {
				levels, current = append(levels, current), nil
			}
			return nil
		}
		if e.Kind != parts.StartElement {
			return nil
		}
		switch e.Name {
		case "f", "extlst":
			return t.Skip()
		case "numcache", "numlit":
			numeric = true
		case "formatcode":
			code, err := t.Text(maxValue)
			format = numfmt.Parse(code)
			return err
		case "lvl":
			if code := e.Attr("formatcode"); code != "" {
				format, numeric = numfmt.Parse(code), true
			}
		case "pt":
			at, err := strconv.Atoi(e.Attr("idx"))
			own := format
			if code := e.Attr("formatcode"); code != "" {
				own = numfmt.Parse(code)
			}
			s, textErr := t.Text(maxTitle)
			if textErr != nil {
				return textErr
			}
			s = clean.Cut(clean.Line(s), maxValue)
			if v, bad := strconv.ParseFloat(s, 64); bad == nil && numeric {
				s = own.Number(v, r.date1904)
			}
			if err == nil && at >= 0 && len(current) < maxPoints {
				current = append(current, point{at, s})
			}
		}
		return nil
	})
	if len(current) > 0 || len(levels) == 0 {
		levels = append(levels, current)
	}
	for i := range levels {
		slices.SortStableFunc(levels[i], func(a, b point) int { return a.at - b.at })
	}
	return nest(levels), err
}

// nest joins levels of categories. A group stands at the place of its first member
// and holds up to the next group.
func nest(levels [][]point) []point {
	out := slices.Clone(levels[0])
	for _, groups := range levels[1:] {
		g := -1
		for i := range out {
			for g+1 < len(groups) && groups[g+1].at <= out[i].at {
				g++
			}
			if g >= 0 && len(out[i].text) < maxValue {
				out[i].text = strings.TrimSpace(groups[g].text + " " + out[i].text)
			}
		}
	}
	return out
}

func same(a, b []point) bool { return slices.Equal(a, b) }

// group is series that share their categories.
type group struct {
	categories []point
	series     []series
}

// columns lays the series out: a row for each place that has a category or a value.
func (g *group) columns() []Column {
	var places []int
	add := func(ps []point) {
		for _, p := range ps {
			places = append(places, p.at)
		}
	}
	add(g.categories)
	for _, s := range g.series {
		add(s.values)
	}
	slices.Sort(places)
	places = slices.Compact(places)
	// One row too many tells that the chart is shortened.
	columns := 1
	for _, s := range g.series {
		if columns++; len(s.sizes) > 0 {
			columns++
		}
	}
	places = places[:min(len(places), maxCells/columns+1)]

	fill := func(name string, ps []point) Column {
		values := make([]string, len(places))
		i := 0
		for row, at := range places {
			for i < len(ps) && ps[i].at < at {
				i++
			}
			if i < len(ps) && ps[i].at == at {
				values[row] = ps[i].text
			}
		}
		return Column{name, values}
	}
	first := fill("", g.categories)
	if len(g.categories) == 0 {
		for row, at := range places {
			first.Values[row] = strconv.Itoa(at + 1)
		}
	}
	out := []Column{first}
	for i, s := range g.series {
		name := s.name
		if name == "" {
			name = "Series " + strconv.Itoa(i+1)
		}
		out = append(out, fill(name, s.values))
		if len(s.sizes) > 0 {
			out = append(out, fill(name+" (size)", s.sizes))
		}
	}
	return out
}
