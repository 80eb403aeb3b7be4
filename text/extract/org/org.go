// Package org extracts Org mode documents (orgmode.org, "Org Syntax").
//
// The file is read line by line, once. Headlines lose what plans them (keywords
// such as TODO, priorities, tags), links are reduced to their text, emphasis to its
// words (inline.go). Drawers, planning lines, comments and settings are left out;
// title, author, date and the like become the title and metadata.
package org

import (
	"context"
	"regexp"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/charset"
)

const (
	maxLevel    = 24   // of lists
	maxColumns  = 1000 // a table with more is read as code
	maxKeywords = 100  // of #+TODO lines
	maxMetadata = 1000 // bytes of one value
)

// Options limit the extraction.
type Options struct {
	Limit int // most bytes of text, 0 for no limit
}

// Extract returns the text of an Org file in any encoding. A title that is not set
// by #+TITLE is the first headline if nothing but settings stands above it. Any
// text is Org: there is no error but those of the limit (KindExhausted) and of ctx.
func Extract(ctx context.Context, content []byte, opt Options) (rag.Text, error) {
	source, _ := charset.Decode(content, "")
	source = strings.ReplaceAll(strings.ReplaceAll(strings.TrimPrefix(source, "\ufeff"), "\r\n", "\n"), "\r", "\n")
	p := &parser{ctx: ctx, b: &clean.Builder{Limit: opt.Limit}, lines: strings.Split(source, "\n"), keywords: map[string]bool{}}
	for _, k := range []string{"TODO", "DONE", "NEXT", "WAITING", "HOLD", "CANCELLED", "CANCELED", "STARTED", "SOMEDAY", "PROJ", "WAIT"} {
		p.keywords[k] = true
	}
	p.declared()
	p.ends()
	if err := p.read(); err != nil {
		return rag.Text{}, err
	}
	t := p.b.Text()
	t.Title = clean.Cut(clean.Line(p.title), maxMetadata)
	if t.Title == "" && len(t.Blocks) > 0 && t.Blocks[0].Kind == rag.Heading {
		t.Title = clean.Cut(t.Blocks[0].Span.Of(t.Content), maxMetadata)
	}
	t.Metadata, t.Language = p.metadata, p.language
	return t, nil
}

var signs = regexp.MustCompile(`(?im)^#\+(title|author|begin_src|begin_example|begin_quote|options|startup|property|filetags|todo):?( |$)|^[ \t]*:(properties|end):[ \t]*$`)

// Is reports whether a text of which head is the beginning is an Org file although
// its name does not say so: it has settings, blocks or drawers as only Org has.
func Is(head string) bool { return signs.MatchString(head) }

// parser writes the blocks of a document.
type parser struct {
	ctx      context.Context
	b        *clean.Builder
	lines    []string
	keywords map[string]bool // that begin a headline
	title    string
	language string
	metadata rag.Metadata
	para     []string // lines of the paragraph or item that is open
	block    rag.Block
	marker   string
	lists    []int            // indentation of the lists that are open
	drawers  []int            // where the drawer that begins with a line ends
	regions  map[string][]int // lines that end regions, by kind
}

// declared collects the keywords that the file declares for its headlines.
func (p *parser) declared() {
	for _, l := range p.lines {
		key, value, is := setting(l)
		if !is || key != "todo" && key != "seq_todo" && key != "typ_todo" {
			continue
		}
		for _, k := range strings.Fields(value) {
			k, _, _ = strings.Cut(k, "(")
			if k != "|" && k != "" && len(p.keywords) < maxKeywords {
				p.keywords[k] = true
			}
		}
	}
}

// setting takes apart a line "#+key: value".
func setting(l string) (key, value string, is bool) {
	rest, is := strings.CutPrefix(strings.TrimLeft(l, " \t"), "#+")
	if !is {
		return "", "", false
	}
	key, value, is = strings.Cut(rest, ":")
	if !is || strings.ContainsAny(key, " \t") {
		return "", "", false
	}
	if i := strings.IndexByte(key, '['); i > 0 { // #+CAPTION[short]:
		key = key[:i]
	}
	return strings.ToLower(key), strings.TrimSpace(value), true
}

var (
	begin    = regexp.MustCompile(`(?i)^[ \t]*#\+begin_(\S+)(.*)$`)
	dynamic  = regexp.MustCompile(`(?i)^[ \t]*#\+(begin|end):`)
	drawer   = regexp.MustCompile(`^[ \t]*:[\w-]+:[ \t]*$`)
	planning = regexp.MustCompile(`^[ \t]*(DEADLINE|SCHEDULED|CLOSED|CLOCK):[ \t]`)
	bullet   = regexp.MustCompile(`^([ \t]*)([-+]|[ \t]\*|\d{1,9}[.)]|[A-Za-z][.)])([ \t]+|$)`)
	checkbox = regexp.MustCompile(`^(?:\[@\d+\][ \t]*)?(\[[ X-]\])[ \t]+`)
	footnote = regexp.MustCompile(`^\[fn:([\w-]+)\][ \t]*(.*)$`)
	dashes   = regexp.MustCompile(`^[ \t]*-{5,}[ \t]*$`)
)

// read writes the whole document.
func (p *parser) read() error {
	for i := 0; i < len(p.lines); {
		if i%1024 == 0 && p.ctx.Err() != nil {
			return p.ctx.Err()
		}
		next, err := p.line(i)
		if err != nil {
			return err
		}
		i = next
	}
	return p.flush()
}

// line reads what begins with line i and returns where it ends.
func (p *parser) line(i int) (end int, err error) {
	l := p.lines[i]
	body := strings.TrimLeft(l, " \t")
	switch {
	case body == "":
		if err := p.flush(); err != nil {
			return 0, err
		}
		if i+1 < len(p.lines) && strings.TrimSpace(p.lines[i+1]) == "" {
			p.lists = nil // two blank lines end all lists
		}
		return i + 1, nil
	case l[0] == '*':
		if stars := strings.TrimLeft(l, "*"); strings.HasPrefix(stars, " ") {
			return i + 1, p.headline(len(l)-len(stars), stars)
		}
	case body == "#" || strings.HasPrefix(body, "# "): // a comment
		return i + 1, p.flush()
	case strings.HasPrefix(body, "#+"):
		if err := p.flush(); err != nil {
			return 0, err
		}
		if m := begin.FindStringSubmatch(l); m != nil {
			return p.region(i, strings.ToLower(m[1]))
		}
		if key, value, is := setting(l); is && !dynamic.MatchString(l) {
			return i + 1, p.set(key, value)
		}
		if dynamic.MatchString(l) {
			return i + 1, nil
		}
	case body[0] == '|':
		return p.table(i)
	case body == ":" || strings.HasPrefix(body, ": "):
		return p.fixed(i)
	case drawer.MatchString(l):
		if end := p.drawers[i]; end > 0 {
			return end + 1, p.flush()
		}
	case planning.MatchString(l), dashes.MatchString(l):
		return i + 1, p.flush()
	case l[0] == '[' && footnote.MatchString(l):
		if err := p.flush(); err != nil {
			return 0, err
		}
		m := footnote.FindStringSubmatch(l)
		p.lists = nil
		p.block, p.marker, p.para = rag.Block{Kind: rag.Footnote}, "["+m[1]+"] ", []string{m[2]}
		return i + 1, nil
	}
	return i + 1, p.text(l)
}

// text takes a line of a paragraph or a list item.
func (p *parser) text(l string) error {
	depth := len(l) - len(strings.TrimLeft(l, " \t"))
	if m := bullet.FindStringSubmatch(l); m != nil {
		if err := p.flush(); err != nil {
			return err
		}
		p.item(l, m, depth)
		return nil
	}
	if len(p.para) == 0 {
		p.block, p.marker = rag.Block{Kind: rag.Paragraph}, ""
		for n := len(p.lists); n > 0 && depth <= p.lists[n-1]; n = len(p.lists) {
			p.lists = p.lists[:n-1]
		}
		if n := len(p.lists); n > 0 {
			p.block = rag.Block{Kind: rag.ListItem, Level: n}
		}
	}
	p.para = append(p.para, l)
	return nil
}

// item begins a list item.
func (p *parser) item(l string, m []string, depth int) {
	for n := len(p.lists); n > 0 && depth < p.lists[n-1]; n = len(p.lists) {
		p.lists = p.lists[:n-1]
	}
	if n := len(p.lists); n < maxLevel && (n == 0 || depth > p.lists[n-1]) {
		p.lists = append(p.lists, depth)
	}
	p.marker = strings.TrimSpace(m[2]) + " "
	if strings.ContainsAny(p.marker, "-+*") {
		p.marker = "- "
	}
	rest := l[len(m[0]):]
	if box := checkbox.FindStringSubmatch(rest); box != nil {
		p.marker += box[1] + " "
		rest = rest[len(box[0]):]
	}
	if term, about, is := strings.Cut(rest, " :: "); is && p.marker[0] == '-' {
		rest = strings.TrimSpace(term) + ": " + about
	}
	p.block = rag.Block{Kind: rag.ListItem, Level: max(1, len(p.lists))}
	p.para = []string{rest}
}

// flush ends the open paragraph.
func (p *parser) flush() error {
	text := strings.Join(p.para, "\n")
	p.para = nil
	if strings.TrimSpace(text) == "" {
		return nil
	}
	return p.b.Add(p.block, p.marker+plainText(text))
}

var (
	priority = regexp.MustCompile(`^\[#[A-Za-z0-9]+\][ \t]+`)
	tags     = regexp.MustCompile(`[ \t]+:[\pL\pN_@#%:]+:[ \t]*$`)
	cookie   = regexp.MustCompile(`[ \t]*\[(?:\d*/\d*|\d*%)\]`)
)

// headline writes a headline without what plans it.
func (p *parser) headline(level int, text string) error {
	if err := p.flush(); err != nil {
		return err
	}
	p.lists = nil
	text = strings.TrimSpace(text)
	if word, rest, _ := strings.Cut(text, " "); p.keywords[word] {
		text = strings.TrimSpace(rest)
	}
	text = priority.ReplaceAllString(text, "")
	text = strings.TrimPrefix(text, "COMMENT ")
	text = cookie.ReplaceAllString(tags.ReplaceAllString(" "+text, ""), "")
	return p.b.Add(rag.Block{Kind: rag.Heading, Level: min(level, 6)}, plainText(text))
}

// set takes a setting of the document, or what is said of the next block.
func (p *parser) set(key, value string) error {
	value = clean.Cut(clean.Line(plainText(value)), maxMetadata)
	meta := map[string]string{"author": "author", "date": "date", "description": "description", "keywords": "keywords", "subject": "subject", "filetags": "keywords"}
	switch name := meta[key]; {
	case value == "":
	case key == "title":
		p.title = strings.TrimSpace(p.title + " " + value)
		p.title = clean.Cut(p.title, maxMetadata)
	case key == "caption":
		return p.b.Add(rag.Block{Kind: rag.Caption}, value)
	case key == "language" && len(value) >= 2:
		if code, _, _ := strings.Cut(strings.ToLower(value), "-"); len(code) == 2 && code[0] >= 'a' && code[0] <= 'z' && code[1] >= 'a' && code[1] <= 'z' {
			p.language = code
		}
	case name != "":
		if key == "filetags" {
			value = strings.Join(strings.FieldsFunc(value, func(r rune) bool { return r == ':' || r == ' ' }), ", ")
		}
		if key == "date" {
			value = strings.Trim(value, "<>[]")
		}
		if p.metadata == nil {
			p.metadata = rag.Metadata{}
		}
		if _, twice := p.metadata[name]; !twice && value != "" {
			p.metadata[name] = rag.Str(value)
		}
	}
	return nil
}

// ends finds, in one reading of the lines from the last to the first, where the
// drawer that might begin with a line ends, 0 if it does not before the next
// headline; and the ends of regions by their kind.
func (p *parser) ends() {
	p.drawers = make([]int, len(p.lines)+1)
	p.regions = map[string][]int{}
	end := 0
	for i := len(p.lines) - 1; i >= 0; i-- {
		p.drawers[i] = end
		l := p.lines[i]
		switch body := strings.ToLower(strings.TrimSpace(l)); {
		case body == ":end:":
			end = i
		case strings.HasPrefix(l, "*") && strings.HasPrefix(strings.TrimLeft(l, "*"), " "):
			end = 0
		case strings.HasPrefix(body, "#+end_"):
			kind := body[len("#+end_"):]
			p.regions[kind] = append(p.regions[kind], i)
		}
	}
}

// region writes a block between #+begin and #+end. One that does not end is no
// block, and its first line is passed over.
func (p *parser) region(i int, kind string) (end int, err error) {
	end = p.endOf(i, kind)
	if end == 0 {
		return i + 1, nil
	}
	in := p.lines[i+1 : end]
	switch kind {
	case "src", "example", "verse", "export":
		if kind == "export" {
			return end + 1, nil // for a program, in its language
		}
		if kind == "verse" {
			return end + 1, p.b.Add(rag.Block{Kind: rag.Quote}, plainText(strings.Join(in, "\n")))
		}
		return end + 1, p.b.Add(rag.Block{Kind: rag.Code}, unescape(in))
	case "comment":
		return end + 1, nil
	case "quote":
		for part := range strings.SplitSeq(strings.Join(in, "\n"), "\n\n") {
			if err := p.b.Add(rag.Block{Kind: rag.Quote}, plainText(part)); err != nil {
				return 0, err
			}
		}
		return end + 1, nil
	}
	p.lines[end] = "" // the contents are read like the rest
	return i + 1, nil
}

// endOf returns the next line "#+end_kind" behind line i that has ended nothing yet,
// 0 if there is none.
func (p *parser) endOf(i int, kind string) int {
	ends := p.regions[kind] // the last one first
	for len(ends) > 0 {
		next := ends[len(ends)-1]
		ends = ends[:len(ends)-1]
		p.regions[kind] = ends
		if next > i {
			return next
		}
	}
	return 0
}

// unescape returns lines of code with their common indentation taken off, and the
// comma that protects a star or a sign at the beginning of a line.
func unescape(in []string) string {
	least := -1
	for _, l := range in {
		if body := strings.TrimLeft(l, " "); body != "" && (least < 0 || len(l)-len(body) < least) {
			least = len(l) - len(body)
		}
	}
	out := make([]string, len(in))
	for i, l := range in {
		l = l[min(max(least, 0), len(l)):]
		if strings.HasPrefix(l, ",*") || strings.HasPrefix(l, ",#+") {
			l = l[1:]
		}
		out[i] = l
	}
	return strings.Join(out, "\n")
}

// fixed writes lines that begin with a colon: they stand as they are.
func (p *parser) fixed(i int) (end int, err error) {
	if err := p.flush(); err != nil {
		return 0, err
	}
	var in []string
	for end = i; end < len(p.lines); end++ {
		body := strings.TrimLeft(p.lines[end], " \t")
		if body != ":" && !strings.HasPrefix(body, ": ") {
			break
		}
		in = append(in, strings.TrimPrefix(body[1:], " "))
	}
	return end, p.b.Add(rag.Block{Kind: rag.Code}, strings.Join(in, "\n"))
}

// table writes the table that begins with line i.
func (p *parser) table(i int) (end int, err error) {
	if err := p.flush(); err != nil {
		return 0, err
	}
	var rows [][]string
	for end = i; end < len(p.lines); end++ {
		body := strings.TrimSpace(p.lines[end])
		if !strings.HasPrefix(body, "|") {
			break
		}
		if strings.HasPrefix(body, "|-") {
			continue
		}
		row := strings.Split(strings.TrimSuffix(body[1:], "|"), "|")
		if len(row) > maxColumns {
			return end + 1, p.b.Add(rag.Block{Kind: rag.Code}, strings.Join(p.lines[i:end+1], "\n"))
		}
		for c := range row {
			row[c] = plainText(strings.ReplaceAll(strings.TrimSpace(row[c]), `\vert{}`, "|"))
		}
		rows = append(rows, row)
	}
	return end, p.b.AddTable(0, rows)
}
