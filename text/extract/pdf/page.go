package pdf

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
)

const (
	maxWarnings = 20
	lineHyphen  = '\x02'
)

// line is a line of PDFium's text. Where a word is divided at a line's end, that
// goes on over several lines of the page, and lineHyphen stands at the seams. The
// place is that of the first letter's origin in points, y growing upwards as the
// page is shown; placed is false where PDFium does not know it.
type line struct {
	text    string // without white space and hyphen at its end
	hyphen  bool   // ended in a hyphen that divides a word
	placed  bool
	x, y    float64
	end     float64 // y of its last letter
	box     rag.Box // around all of it, on the sheet
	upright bool    // runs upwards or downwards
	size    float64 // of the font, in points
	bold    bool
	running rag.BlockKind // rag.Header or rag.Footer, "" in the body
	table   *ruled        // in which it stands, nil for none
	cell    int           // of the table
}

type page struct {
	number int // from 1
	lines  []line
	tables []*ruled
	notes  []note // text of annotations and form fields
	sheet  sheet
	keys   string // what counts of its lines' text, once it is asked for
}

// reader reads one open document.
type reader struct {
	in       pdfium.Pdfium
	doc      references.FPDF_DOCUMENT
	limit    int
	size     int // bytes of text so far
	drawn    int // objects and points of drawings so far
	warnings []string

	formTried  bool
	formHandle references.FPDF_FORMHANDLE // "" until there is one
}

func (r *reader) warn(format string, args ...any) {
	if len(r.warnings) < maxWarnings {
		r.warnings = append(r.warnings, clean.Line(fmt.Sprintf(format, args...)))
	}
}

// pages reads all pages. A page that cannot be read is empty and a warning; if
// none can, the document is damaged.
func (r *reader) pages(ctx context.Context, most int) ([]page, error) {
	count, err := r.in.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: r.doc})
	if err != nil {
		return nil, rag.Errorf(rag.KindInvalid, "the PDF is damaged: %w", err)
	}
	if most <= 0 {
		most = DefaultMaxPages
	}
	if count.PageCount > most {
		return nil, rag.Errorf(rag.KindExhausted, "the PDF has %d pages; at most %d are read", count.PageCount, most)
	}
	pages := make([]page, count.PageCount)
	failed := 0
	for i := range pages {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		pages[i].number = i + 1
		if err := r.page(&pages[i]); err != nil {
			if rag.KindOf(err) == rag.KindExhausted {
				return nil, err
			}
			failed++
			r.warn("page %d is damaged and was left out: %v", i+1, err)
			if failed == len(pages) {
				return nil, rag.Errorf(rag.KindInvalid, "the PDF is damaged: page %d: %w", i+1, err)
			}
		}
	}
	return pages, nil
}

// page reads the lines and notes of one page.
func (r *reader) page(p *page) error {
	loaded, err := r.in.FPDF_LoadPage(&requests.FPDF_LoadPage{Document: r.doc, Index: p.number - 1})
	if err != nil {
		return err
	}
	defer r.in.FPDF_ClosePage(&requests.FPDF_ClosePage{Page: loaded.Page})
	ref := requests.Page{ByReference: &loaded.Page}
	p.sheet = newSheet(r.in, ref)

	text, err := r.in.FPDFText_LoadPage(&requests.FPDFText_LoadPage{Page: ref})
	if err != nil {
		return err
	}
	defer r.in.FPDFText_ClosePage(&requests.FPDFText_ClosePage{TextPage: text.TextPage})
	if rules, ok := r.rulesOf(p, ref); ok {
		p.tables = rules.tables()
	}
	before := r.size
	if err := r.lines(p, text.TextPage); err != nil {
		return err
	}
	// What turned out to be no table is read anew, as the lines that it is.
	found := len(p.tables)
	p.tables = slices.DeleteFunc(p.tables, func(t *ruled) bool { return !t.holds(p.lines) })
	if len(p.tables) < found {
		r.size, p.lines = before, nil
		if err := r.lines(p, text.TextPage); err != nil {
			return err
		}
	}
	r.notes(p, ref)
	return nil
}

// lines reads the page's text at once and asks for place and font of the first
// letter of each line only: asking for every letter takes three times as long.
func (r *reader) lines(p *page, text references.FPDF_TEXTPAGE) error {
	got, place, err := readText(r.in, text, p.sheet)
	if err != nil || got == "" {
		return err
	}
	if r.size += len(got); r.limit > 0 && r.size > r.limit {
		return rag.Errorf(rag.KindExhausted, "it holds more than %d MiB of text", max(1, r.limit>>20))
	}
	// PDFium marks the same with U+FFFE where the hyphen stood in the file and
	// with U+0002 where it was found by the layout.
	all := strings.ReplaceAll(got, "\uFFFE", string(lineHyphen))
	index := 0 // of the line's first character in the text
	for raw := range strings.SplitSeq(all, "\n") {
		raw = strings.Map(legible, raw)
		parts, next := partsOf(raw, index)
		if len(parts) > 1 {
			raw = place.withoutFalseHyphens(raw, index)
			parts, _ = partsOf(raw, index)
		}
		for len(parts) > 0 {
			head := raw
			if place.crooked(parts) {
				head = place.straight(raw, index)
			}
			var table *ruled
			cell := -1
			if len(p.tables) > 0 {
				parts, _ = partsOf(head, index)
				head, table, cell = place.inCell(head, index, parts, p.tables)
			}
			if len(head) < len(raw) {
				parts, _ = partsOf(head, index)
			}
			if l := place.line(head, index, parts); l.text != "" && !p.sheet.hides(l.box) {
				l.table, l.cell = table, cell
				p.lines = append(p.lines, l)
			}
			index += utf8.RuneCountInString(head)
			raw = raw[len(head):]
			parts, _ = partsOf(raw, index)
		}
		index = next
	}
	return nil
}

// line makes a line of one of PDFium's, whose first character is at index.
func (p placer) line(raw string, index int, parts []part) line {
	switch {
	case letterSpaced(raw):
		raw = p.unspace(raw, index)
	case hasAccents(raw):
		raw = p.accented(raw, index)
	}
	l := line{}
	l.text, l.hyphen = strings.CutSuffix(strings.TrimSpace(raw), string(lineHyphen))
	pieces := strings.Split(l.text, string(lineHyphen))
	for i := range pieces {
		pieces[i] = clean.Line(pieces[i])
	}
	if l.text = strings.Join(pieces, string(lineHyphen)); l.text != "" {
		p.set(&l, parts)
	}
	return l
}

// legible turns control characters into spaces: in fonts that do not say what
// their glyphs mean, spaces and parts of brackets come as such.
func legible(r rune) rune {
	if unicode.IsControl(r) && r != lineHyphen {
		return ' '
	}
	return r
}

// part is what of a line stands on one line of the page: the places of its first
// and last character in the page's text.
type part struct{ first, last int }

// partsOf returns the parts of a line whose first character is at index, and the
// index of the line after it.
func partsOf(raw string, index int) (parts []part, next int) {
	open := false
	for _, c := range raw {
		switch {
		case c == lineHyphen:
			open = false
		case unicode.IsSpace(c):
		case !open:
			parts = append(parts, part{index, index})
			open = true
		default:
			parts[len(parts)-1].last = index
		}
		index++
	}
	return parts, index + 1
}

// placer finds out where a line stands and in what font.
type placer struct {
	in    pdfium.Pdfium
	text  references.FPDF_TEXTPAGE
	sheet sheet
	wide  []int // runes of the page's text that count as two characters
}

// withoutFalseHyphens returns a line with U+FFFD for each hyphen in it that is none:
// PDFium gives glyphs without a meaning, often ligatures, the character that
// divides a word at a line's end. There the page goes on below; after such a glyph
// it goes on to the right. index is the place of the line's first character.
func (p placer) withoutFalseHyphens(raw string, index int) string {
	runes := []rune(raw)
	last := -1        // letter before the hyphens
	var waiting []int // hyphens since then
	for i, r := range runes {
		switch {
		case r == lineHyphen:
			waiting = append(waiting, i)
		case unicode.IsSpace(r):
		default:
			if last >= 0 && len(waiting) > 0 && p.goesOn(index+last, index+i) {
				for _, h := range waiting {
					runes[h] = unicode.ReplacementChar
				}
			}
			last, waiting = i, waiting[:0]
		}
	}
	return string(runes)
}

// goesOn reports whether one character stands to the right of another on the same
// line of the page.
func (p placer) goesOn(left, right int) bool {
	from, to := p.box(p.char(left)), p.box(p.char(right))
	if from == (rag.Box{}) || to == (rag.Box{}) {
		return false
	}
	shared := min(from.Y1, to.Y1) - max(from.Y0, to.Y0)
	return shared >= min(from.Y1-from.Y0, to.Y1-to.Y0)/2 && to.X0 > from.X0
}

// maxParts bounds the lines of the page that one line's box is made of; the first
// and the last of more are looked at.
const maxParts = 50

// set fills in place and font of a line from its first character, where it ends
// from its last, and its box from the first and the last of each of its parts: to
// ask for every character takes three times as long. What PDFium does not know
// stays zero.
func (p placer) set(l *line, parts []part) {
	at := p.char(parts[0].first)
	if size, err := p.in.FPDFText_GetFontSize(&requests.FPDFText_GetFontSize{TextPage: p.text, Index: at}); err == nil {
		l.size = size.FontSize
	}
	l.bold = p.bold(at)
	l.box = p.box(at)
	// Many writers state a size of 1 and scale the letters by the matrix.
	if h := float64(l.box.Y1 - l.box.Y0); h > 0 && (h > 2*l.size || h < l.size) {
		if m, err := p.in.FPDFText_GetMatrix(&requests.FPDFText_GetMatrix{TextPage: p.text, Index: at}); err == nil {
			if scaled := l.size * math.Hypot(float64(m.Matrix.C), float64(m.Matrix.D)); scaled > 0 && scaled < farthest {
				l.size = scaled
			}
		}
	}
	if l.x, l.y, l.placed = p.origin(at); !l.placed {
		return
	}
	l.end = l.y
	if len(parts) > maxParts {
		parts = append(parts[:maxParts-1:maxParts-1], parts[len(parts)-1])
	}
	for i, part := range parts {
		if i > 0 {
			l.box = l.box.Union(p.box(p.char(part.first)))
		}
		if part.last == part.first {
			continue
		}
		at := p.char(part.last)
		tail := p.box(at)
		l.upright = l.upright || i == 0 && column(l.box, tail)
		l.box = l.box.Union(tail)
		if i > 0 && i == len(parts)-1 {
			if _, y, ok := p.origin(at); ok {
				l.end = y
			}
		}
	}
}

// box returns the place of a character with the room that its font gives to tall
// and deep letters, so that the boxes of all letters of a line are as high.
func (p placer) box(at int) rag.Box {
	b, err := p.in.FPDFText_GetLooseCharBox(&requests.FPDFText_GetLooseCharBox{TextPage: p.text, Index: at})
	if err != nil {
		return rag.Box{}
	}
	r := b.Rect
	return p.sheet.box(float64(r.Left), float64(r.Bottom), float64(r.Right), float64(r.Top))
}

// bold reports whether a character is set in bold. Older fonts do not state their
// weight, but their names do.
func (p placer) bold(at int) bool {
	if w, err := p.in.FPDFText_GetFontWeight(&requests.FPDFText_GetFontWeight{TextPage: p.text, Index: at}); err == nil && w.FontWeight >= 600 {
		return true
	}
	font, err := p.in.FPDFText_GetFontInfo(&requests.FPDFText_GetFontInfo{TextPage: p.text, Index: at})
	return err == nil && boldName.MatchString(font.FontName)
}

var boldName = regexp.MustCompile(`(?i)bold|black|heavy|demi|-medi|cmbx|cmssbx`)

// origin returns the place of a character as the page is shown, y growing upwards.
func (p placer) origin(at int) (x, y float64, ok bool) {
	o, err := p.in.FPDFText_GetCharOrigin(&requests.FPDFText_GetCharOrigin{TextPage: p.text, Index: at})
	if err != nil {
		return 0, 0, false
	}
	x, y = p.sheet.point(o.X, o.Y)
	return x, -y, true
}

// properties returns what the file says of itself.
func (r *reader) properties() (title string, meta rag.Metadata) {
	get := func(tag string) string {
		m, err := r.in.FPDF_GetMetaText(&requests.FPDF_GetMetaText{Document: r.doc, Tag: tag})
		if err != nil {
			return ""
		}
		return clean.Cut(clean.Line(strings.TrimRight(m.Value, "\x00")), rag.MaxMetadataString)
	}
	meta = rag.Metadata{}
	for tag, key := range map[string]string{"Author": "author", "Subject": "subject", "Keywords": "keywords"} {
		if v := get(tag); v != "" {
			meta[key] = rag.Str(v)
		}
	}
	for tag, key := range map[string]string{"CreationDate": "date", "ModDate": "modified"} {
		if t, ok := parseDate(get(tag)); ok {
			meta[key] = rag.Str(t.UTC().Format(time.RFC3339))
		}
	}
	if len(meta) == 0 {
		meta = nil
	}
	return properTitle(get("Title")), meta
}

// properTitle drops titles that a program and not a person gave: the name of
// the file that was printed.
func properTitle(title string) string {
	for _, prefix := range []string{"Microsoft Word - ", "Microsoft PowerPoint - "} {
		if _, is := strings.CutPrefix(title, prefix); is {
			return ""
		}
	}
	low := strings.ToLower(title)
	for _, suffix := range []string{".doc", ".docx", ".dvi", ".tex", ".pdf", ".ps", ".indd", ".htm", ".html", ".qxd", ".rtf", ".txt", ".ppt", ".pptx", ".xls", ".xlsx", ".fm"} {
		if strings.HasSuffix(low, suffix) {
			return ""
		}
	}
	if low == "untitled" || low == "none" || low == "title" {
		return ""
	}
	return title
}
