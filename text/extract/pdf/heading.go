package pdf

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
)

// What a heading looks like.
const (
	headingSize  = 1.15 // times the size of the body text
	headingShare = 0.25 // of all text: a size that is used for more is no heading's
	maxHeading   = 200  // bytes
	maxBold      = 120  // bytes of one that only its weight tells
	headingLines = 3
	sizeLevels   = 4 // levels told apart by size; bold ones come below

	maxOutline      = 2000 // entries that are read
	maxOutlineDepth = 6
)

var sectionNumber = regexp.MustCompile(`^(?:[0-9]{1,2}|[IVX]{1,5}|[A-Z])((?:\.[0-9]{1,2})*)\.?\s+`)

// markHeadings turns paragraphs into headings: those that the outline names, and
// otherwise those that are set larger than the body text, or bold and alone.
func markHeadings(paras []para, outline map[string]int) {
	body, bold, share := bodyFont(paras)
	levels := headingSizes(paras, body, share)
	for i := range paras {
		p := &paras[i]
		if p.kind != rag.Paragraph && p.kind != rag.ListItem || p.lines > headingLines || len(p.text) > maxHeading || strings.Contains(p.text, "\n") {
			continue
		}
		if level, named := outline[outlineKey(p.text)]; named {
			p.kind, p.level = rag.Heading, level
			continue
		}
		if !titleLike(p.text) {
			continue
		}
		if level := levels[roundSize(p.size)]; level > 0 {
			p.kind, p.level = rag.Heading, level
			continue
		}
		if p.bold && !bold && roundSize(p.size) >= body-0.5 && len(p.text) <= maxBold && p.lines <= 2 && !sentence(p.text) {
			p.kind, p.level = rag.Heading, min(6, len(levels)+1+strings.Count(submatch(p.text), "."))
		}
	}
}

func submatch(s string) string {
	if m := sectionNumber.FindStringSubmatch(s); m != nil {
		return m[1]
	}
	return ""
}

// titleLike reports whether a text can be a heading at all.
func titleLike(s string) bool {
	letters := 0
	for _, r := range s {
		if unicode.IsLetter(r) {
			letters++
		}
	}
	return letters >= 2 && letters*2 >= len([]rune(s))-strings.Count(s, " ") && !bullet.MatchString(s) && !tabular(s)
}

// sentence reports whether a bold line is rather the start of running text.
func sentence(s string) bool {
	r := []rune(s)
	return strings.ContainsRune(".,;:", r[len(r)-1]) || unicode.IsLower(r[0])
}

func roundSize(s float64) float64 { return math.Round(s*2) / 2 }

// bodyFont returns the size that most of the text is set in, whether most of
// that is bold, and the share of the text that each size has.
func bodyFont(paras []para) (size float64, bold bool, share map[float64]float64) {
	share = map[float64]float64{}
	heavy := map[float64]float64{}
	total := 0.0
	for _, p := range paras {
		if p.size <= 0 || p.kind == rag.Header || p.kind == rag.Footer {
			continue
		}
		n := float64(len(p.text))
		share[roundSize(p.size)] += n
		if p.bold {
			heavy[roundSize(p.size)] += n
		}
		total += n
	}
	most := 0.0
	for s, n := range share {
		if n > most || n == most && s < size {
			most, size = n, s
		}
	}
	bold = heavy[size]*2 > share[size]
	for s := range share {
		share[s] /= total
	}
	return size, bold, share
}

// headingSizes gives each size that headings are set in its level: the largest
// is 1; sizes that differ by less than a twentieth share a level.
func headingSizes(paras []para, body float64, share map[float64]float64) map[float64]int {
	var sizes []float64
	for s, part := range share {
		if s >= body*headingSize && part < headingShare && hasTitle(paras, s) {
			sizes = append(sizes, s)
		}
	}
	slices.Sort(sizes)
	slices.Reverse(sizes)
	levels := map[float64]int{}
	level := 0
	last := math.Inf(1)
	for _, s := range sizes {
		if s < last*0.95 {
			level++
			last = s
		}
		levels[s] = min(level, sizeLevels)
	}
	return levels
}

func hasTitle(paras []para, size float64) bool {
	for _, p := range paras {
		if roundSize(p.size) == size && p.lines <= headingLines && len(p.text) <= maxHeading && titleLike(p.text) {
			return true
		}
	}
	return false
}

// firstHeading returns the topmost heading of the first page, as the title of a
// document that does not state one.
func firstHeading(paras []para) string {
	best, level := "", 7
	for _, p := range paras {
		if p.page > 1 {
			break
		}
		if p.kind == rag.Heading && p.level < level {
			best, level = p.text, p.level
		}
	}
	return clean.Line(best)
}

// outline returns the level of each title in the document's outline. Only so
// much of it is read as an honest one has: a file can make it a circle.
func (r *reader) outline() map[string]int {
	out := map[string]int{}
	left := maxOutline
	var walk func(parent *references.FPDF_BOOKMARK, level int)
	walk = func(parent *references.FPDF_BOOKMARK, level int) {
		first, err := r.in.FPDFBookmark_GetFirstChild(&requests.FPDFBookmark_GetFirstChild{Document: r.doc, Bookmark: parent})
		if err != nil {
			return
		}
		for mark := first.Bookmark; mark != nil && left > 0; left-- {
			if title, err := r.in.FPDFBookmark_GetTitle(&requests.FPDFBookmark_GetTitle{Bookmark: *mark}); err == nil {
				if key := outlineKey(title.Title); key != "" && out[key] == 0 {
					out[key] = level
				}
			}
			if level < maxOutlineDepth {
				walk(mark, level+1)
			}
			next, err := r.in.FPDFBookmark_GetNextSibling(&requests.FPDFBookmark_GetNextSibling{Document: r.doc, Bookmark: *mark})
			if err != nil {
				return
			}
			mark = next.Bookmark
		}
	}
	walk(nil, 1)
	return out
}

// outlineKey is by what a title in the outline and a line on a page are
// compared: letters and digits in lower case, without the section number. A
// key of one or two letters would match too much.
func outlineKey(s string) string {
	s = strings.TrimRight(clean.Line(s), "\x00")
	s = sectionNumber.ReplaceAllString(s, "")
	key := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
	if len(key) < 3 {
		return ""
	}
	return key
}
