package xmldoc

import (
	"context"
	"encoding/xml"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/grid"
	"github.com/smartretriever/smartretriever/text/extract/html"
)

// How data is laid out.
const (
	maxTables    = 16
	maxGroup     = 1500 // bytes of a block of lines
	longText     = 200  // bytes from which text is a paragraph
	maxAttribute = 200  // bytes; longer ones are left out
	maxSteps     = 3    // names of a path
	maxAuthors   = 20
)

// walker turns tokens into blocks.
type walker struct {
	ctx context.Context
	b   *clean.Builder
	names
	mode      mode
	open      []element
	within    [date + 1]int // open elements of a role
	text      *strings.Builder
	suspended []*strings.Builder // what stood before the footnotes that are open
	notes     []grid.Piece
	marker    string // of the list item that has just begun
	lists     []list
	tables    []*openTable
	group     strings.Builder // lines of data
	lines     int             // in group
	title     string
	language  string
	metadata  rag.Metadata
}

type element struct {
	name  string // in lower case
	shown string // as it is written
	role  role
	own   bool // it holds an element that is not inline
}

type list struct {
	ordered bool
	next    int
}

type openTable struct {
	grid.Table
	inCell bool
}

func newWalker(ctx context.Context, b *clean.Builder, n names) *walker {
	return &walker{ctx: ctx, b: b, names: n, mode: modeOf(n), text: &strings.Builder{}}
}

// walk reads the file for the second time. damage says where the XML ends to be
// sound, "" if it does not.
func (w *walker) walk(source string) (damage string, err error) {
	d := decoder(source)
	for n := 0; ; n++ {
		if n%4096 == 0 && w.ctx.Err() != nil {
			return "", w.ctx.Err()
		}
		raw, fault := d.RawToken()
		if fault != nil {
			if fault != io.EOF {
				damage = clean.Cut(clean.Line(fault.Error()), 200)
			}
			for len(w.open) > 0 && err == nil {
				err = w.end()
			}
			if err == nil {
				err = w.endGroup()
			}
			return damage, err
		}
		switch x := raw.(type) {
		case xml.StartElement:
			err = w.start(x.Name.Local, x.Attr)
		case xml.EndElement:
			if len(w.open) > 0 {
				err = w.end()
			}
		case xml.CharData:
			if w.within[skipped] == 0 {
				w.text.Write(x)
			}
		}
		if err != nil {
			return "", err
		}
	}
}

// parent returns the role of the innermost element.
func (w *walker) parent() role {
	if n := len(w.open); n > 0 {
		return w.open[n-1].role
	}
	return generic
}

func (w *walker) inlineText() bool { return strings.TrimSpace(w.text.String()) != "" }

func attribute(attrs []xml.Attr, name string) string {
	for _, a := range attrs {
		if strings.EqualFold(a.Name.Local, name) {
			return a.Value
		}
	}
	return ""
}

func (w *walker) start(shown string, attrs []xml.Attr) error {
	name := strings.ToLower(shown)
	r := skipped
	if w.within[skipped] == 0 {
		r = w.roleOf(name)
	}
	if w.language == "" && len(w.open) < 2 {
		w.language = primary(attribute(attrs, "lang"))
	}
	e := element{name: name, shown: shown, role: r}
	switch r {
	case inline:
		if name == "br" || name == "lb" {
			w.text.WriteByte(' ')
		}
	case footnote:
		w.suspended = append(w.suspended, w.text)
		w.text = &strings.Builder{}
	case skipped:
	default:
		if err := w.flush(); err != nil {
			return err
		}
		if n := len(w.open); n > 0 {
			w.open[n-1].own = true
		}
	}
	switch r {
	case bullets, numbers:
		ordered := r == numbers || slices.Contains([]string{"order", "ordered", "number"}, strings.ToLower(attribute(attrs, "list-type")+attribute(attrs, "type")))
		w.lists = append(w.lists, list{ordered, 1})
	case item:
		w.marker = "- "
		if n := len(w.lists); n > 0 && w.lists[n-1].ordered {
			w.marker = strconv.Itoa(w.lists[n-1].next) + ". "
			w.lists[n-1].next++
		}
	case table:
		if len(w.tables) < maxTables {
			w.tables = append(w.tables, &openTable{})
		} else {
			e.role = generic
		}
	case row:
		if t := w.table(); t != nil {
			t.AddRow()
			t.inCell = false
		}
	case cell:
		if t := w.table(); t != nil {
			t.AddCell(number(attribute(attrs, "colspan")), max(number(attribute(attrs, "rowspan")), number(attribute(attrs, "morerows"))+1))
			t.inCell = true
		}
	case generic:
		w.within[e.role]++
		w.open = append(w.open, e)
		if w.mode == data {
			return w.attributes(attrs)
		}
		return nil
	}
	w.within[e.role]++
	w.open = append(w.open, e)
	return nil
}

// end leaves the innermost element. Which one an end tag names does not matter.
func (w *walker) end() error {
	last := len(w.open) - 1
	e := w.open[last]
	if e.role != inline && e.role != skipped {
		if err := w.flush(); err != nil {
			return err
		}
	}
	w.open = w.open[:last]
	w.within[e.role]--
	switch e.role {
	case footnote:
		n := len(w.suspended) - 1
		w.text = w.suspended[n]
		w.suspended = w.suspended[:n]
		if !w.inlineText() && w.within[footnote] == 0 {
			return w.addNotes()
		}
	case bullets, numbers:
		w.lists = w.lists[:len(w.lists)-1]
	case item:
		w.marker = ""
	case cell:
		if t := w.table(); t != nil {
			t.inCell = false
		}
	case table:
		t := w.table()
		w.tables = w.tables[:len(w.tables)-1]
		return w.put(grid.Piece{Table: &t.Table})
	case generic:
		if w.mode == data && e.own {
			return w.endRecord()
		}
	}
	return nil
}

func (w *walker) table() *openTable {
	if n := len(w.tables); n > 0 {
		return w.tables[n-1]
	}
	return nil
}

// flush ends the block that is being collected.
func (w *walker) flush() error {
	text := w.text.String()
	w.text.Reset()
	if strings.TrimSpace(text) == "" {
		return nil
	}
	r := generic
	for i := len(w.open) - 1; i >= 0; i-- {
		if r = w.open[i].role; r != inline {
			break
		}
	}
	if w.within[about] > 0 && !w.describes(r, text) {
		return nil
	}
	block := rag.Block{Kind: rag.Paragraph}
	switch {
	case r == heading:
		block.Kind, block.Level = rag.Heading, min(max(w.depth(), 1), 6)
		if w.title == "" {
			w.title = clean.Cut(clean.Line(text), 500)
		}
	case r == listing:
		block.Kind = rag.Code
	case r == caption:
		block.Kind = rag.Caption
	case r == markup:
		if err := w.endGroup(); err != nil {
			return err
		}
		return html.Append(w.ctx, w.b, text)
	case w.within[footnote] > 0:
		block.Kind = rag.Footnote
	case w.within[item] > 0:
		block.Kind, block.Level = rag.ListItem, max(1, len(w.lists))
		text = w.marker + clean.Line(text)
		w.marker = ""
	case w.within[quote] > 0:
		block.Kind = rag.Quote
	case w.mode == data, w.mode == feed && r == generic:
		return w.line(text)
	case w.mode == drawing && r == generic:
		return nil
	}
	if r != listing {
		text = clean.Line(text)
	}
	if err := w.put(grid.Piece{Block: block, Text: text}); err != nil {
		return err
	}
	if w.within[footnote] == 0 {
		return w.addNotes()
	}
	return nil
}

// depth is that of the innermost section: the number of sections around.
func (w *walker) depth() int { return w.within[section] }

// addNotes adds the footnotes of the block that has ended.
func (w *walker) addNotes() error {
	notes := w.notes
	w.notes = nil
	for _, n := range notes {
		if err := w.put(n); err != nil {
			return err
		}
	}
	return nil
}

// put hands a piece to the footnote or cell that is open, or to the text.
func (w *walker) put(p grid.Piece) error {
	if w.within[footnote] > 0 {
		w.notes = append(w.notes, p)
		return nil
	}
	if err := w.endGroup(); err != nil {
		return err
	}
	for i := len(w.tables) - 1; i >= 0; i-- {
		if t := w.tables[i]; t.inCell {
			t.Put(p)
			return nil
		}
	}
	return p.AddTo(w.b)
}

// describes takes what a document says of itself; true for what is to be read like
// the rest: its title and its abstract.
func (w *walker) describes(r role, text string) bool {
	add := func(key string, several bool) {
		value := clean.Cut(clean.Line(text), 200)
		said, is := w.metadata[key]
		switch {
		case !is:
			if w.metadata == nil {
				w.metadata = rag.Metadata{}
			}
			w.metadata[key] = rag.Str(value)
		case several && strings.Count(said.Text(), ";") < maxAuthors:
			w.metadata[key] = rag.Str(said.Text() + "; " + value)
		}
	}
	switch {
	case w.within[author] > 0:
		add("author", true)
	case w.within[date] > 0:
		add("date", false)
	case r == heading:
		return w.title == "" || w.within[section] > 0
	case w.within[section] > 0 && slices.ContainsFunc(w.open, func(e element) bool { return e.name == "abstract" }):
		return true
	}
	return false
}

// path names the innermost elements, without the root.
func (w *walker) path() string {
	var steps []string
	most := maxSteps
	if w.mode == feed {
		most = 1
	}
	for i := len(w.open) - 1; i > 0 && len(steps) < most; i-- {
		if w.open[i].role != inline {
			steps = append(steps, w.open[i].shown)
		}
	}
	slices.Reverse(steps)
	return clean.Line(strings.Join(steps, "."))
}

// line writes the text of an element of data.
func (w *walker) line(text string) error {
	text = clean.Line(text)
	if len(text) > longText {
		return w.put(grid.Piece{Block: rag.Block{Kind: rag.Paragraph}, Text: text})
	}
	if p := w.path(); p != "" {
		text = p + ": " + text
	}
	return w.addLine(text)
}

// attributes writes those of an element of data.
func (w *walker) attributes(attrs []xml.Attr) error {
	var all []string
	for _, a := range attrs[:min(len(attrs), 32)] {
		value := clean.Line(a.Value)
		if value == "" || len(value) > maxAttribute || a.Name.Space == "xmlns" || a.Name.Space == "xsi" || a.Name.Local == "xmlns" {
			continue
		}
		all = append(all, clean.Line(a.Name.Local)+": "+value)
	}
	if len(all) == 0 {
		return nil
	}
	line := strings.Join(all, ", ")
	if p := w.path(); p != "" {
		line = p + " (" + line + ")"
	}
	return w.addLine(line)
}

func (w *walker) addLine(s string) error {
	if w.group.Len() > 0 && w.group.Len()+len(s) > maxGroup {
		if err := w.endGroup(); err != nil {
			return err
		}
	}
	if w.group.Len() > 0 {
		w.group.WriteByte('\n')
	}
	w.group.WriteString(s)
	w.lines++
	return nil
}

// endRecord ends the block of lines after an element that holds several.
func (w *walker) endRecord() error {
	if w.lines >= 3 {
		return w.endGroup()
	}
	return nil
}

func (w *walker) endGroup() error {
	s := w.group.String()
	w.group.Reset()
	w.lines = 0
	return w.b.Add(rag.Block{Kind: rag.Paragraph}, s)
}

func number(s string) int {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// primary returns the language of a tag such as "en-GB", "" if it has none of two
// letters.
func primary(tag string) string {
	tag, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
	if len(tag) != 2 || tag[0] < 'a' || tag[0] > 'z' || tag[1] < 'a' || tag[1] > 'z' {
		return ""
	}
	return tag
}
