package pdf

import (
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

// A running line stands among the outermost lines of a page and returns, but
// for its numbers, on others: as their outermost line too, or at the same height.
const (
	edgeLines    = 3   // lines at the top and at the bottom that are looked at
	runningShare = 0.4 // of the pages on which it has to return; left and right pages may differ
	sameHeight   = 6.0 // points
	maxRunning   = 160 // bytes; running lines are short
)

var (
	digits     = regexp.MustCompile(`[0-9]+`)
	roman      = regexp.MustCompile(`^[ivxlc]+$`)
	pageNumber = regexp.MustCompile(`^[^\pL]*(page|seite|página|pagina|p\.)?[^\pL]*#[^\pL]*(of|von|de|di|sur|/)?[^\pL]*#?[^\pL]*$`)
)

type runningKey struct {
	text string
	top  bool
}

// markRunning sets running on headers, footers and page numbers, working from
// the edges of the pages inwards.
func markRunning(pages []page) {
	for range edgeLines {
		if !markOutermost(pages) {
			break
		}
	}
	for i := range pages {
		pages[i].settle()
	}
}

// settle decides on tables of which lines are running: one that is nothing else, as a
// ruled letterhead is, is no table; of another, the rows that return on each page are
// part of it.
func (p *page) settle() {
	for _, t := range p.tables {
		all := true
		for _, l := range p.lines {
			all = all && (l.table != t || l.running != "")
		}
		for i := range p.lines {
			if l := &p.lines[i]; l.table == t && all {
				l.table = nil
			} else if l.table == t {
				l.running = ""
			}
		}
	}
}

// markOutermost looks at the lines that are not known to be running, and reports
// whether it found any.
func markOutermost(pages []page) (any bool) {
	type place struct {
		page, line int
		outermost  bool
	}
	found := map[runningKey][]place{}
	for i := range pages {
		for _, e := range edges(pages[i].lines) {
			found[e.key] = append(found[e.key], place{i, e.line, e.outermost})
		}
	}
	for key, places := range found {
		need := max(3, int(math.Ceil(float64(len(pages))*runningShare)))
		if pageNumber.MatchString(key.text) {
			need = max(2, need-1)
		}
		if len(places) < need {
			continue
		}
		heights := make([]float64, len(places))
		for i, p := range places {
			heights[i] = pages[p.page].lines[p.line].y
		}
		middle := slices.Clone(heights)
		slices.Sort(middle)
		median := middle[len(middle)/2]
		var same []place
		for i, p := range places {
			if p.outermost || math.Abs(heights[i]-median) <= sameHeight {
				same = append(same, p)
			}
		}
		if len(same) < need {
			continue
		}
		any = true
		for _, p := range same {
			l := &pages[p.page].lines[p.line]
			if l.running = rag.Footer; key.top {
				l.running = rag.Header
			}
		}
	}
	return any
}

type edge struct {
	line      int
	key       runningKey
	outermost bool
}

// edges returns the outermost lines of a page, each text once.
func edges(lines []line) []edge {
	order := make([]int, 0, len(lines))
	for i, l := range lines {
		if l.placed && l.running == "" {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case lines[a].y > lines[b].y:
			return -1
		case lines[a].y < lines[b].y:
			return 1
		}
		return 0
	})
	var out []edge
	seen := map[runningKey]bool{}
	add := func(i int, top, outermost bool) {
		if len(lines[i].text) > maxRunning {
			return
		}
		key := runningKey{runningText(lines[i].text), top}
		if !seen[key] {
			seen[key] = true
			out = append(out, edge{i, key, outermost})
		}
	}
	n := len(order)
	for k := range min(edgeLines, n) {
		add(order[k], true, k == 0)
	}
	for k := range min(edgeLines, n-min(edgeLines, n)) {
		add(order[n-1-k], false, k == 0)
	}
	return out
}

// runningText is what of a line returns on other pages: all but its numbers.
func runningText(s string) string {
	s = strings.ToLower(s)
	if roman.MatchString(s) {
		return "#"
	}
	return digits.ReplaceAllString(s, "#")
}
