package html

import (
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/grid"
)

// Limits on nesting: tables nested deeper are read as their contents, and an
// end tag is matched with an element at most so far up the stack.
const (
	maxTables = 16
	maxReach  = 256
)

// walker turns tokens into blocks. Text collects in inline until an element that
// begins or ends a block flushes it.
type walker struct {
	b        *clean.Builder
	open     []element // block elements, and all elements within a hidden one
	inline   strings.Builder
	space    bool // white space is due before the next letter
	size     int  // bytes waiting in tables
	skip     int  // index+1 in open of the outermost element that is not shown
	heading  int  // level, 0 outside
	pre      int
	quote    int
	caption  int
	lists    []list
	marker   string // of the list item that has just begun
	tables   []*openTable
	titled   bool
	inTitle  bool
	title    string
	language string
	metadata rag.Metadata
	err      error
}

type element struct {
	atom  atom.Atom
	table bool // began a table that is kept in tables
}

type list struct {
	ordered bool
	next    int
}

type openTable struct {
	grid.Table
	inCell bool
}

func newWalker(b *clean.Builder) *walker { return &walker{b: b} }

// text takes a text token.
func (w *walker) text(s []byte) {
	switch {
	case w.inTitle:
		if len(w.title) < 1000 {
			w.title += clean.Cut(string(s), 1000)
		}
		return
	case w.skip > 0:
		return
	case w.pre > 0:
		w.inline.Write(s)
		return
	}
	from := 0
	for i := 0; i <= len(s); i++ {
		blank := i < len(s) && (s[i] == ' ' || s[i] == '\n' || s[i] == '\t' || s[i] == '\r' || s[i] == '\f')
		if i < len(s) && !blank {
			continue
		}
		if i > from {
			if w.space && w.inline.Len() > 0 {
				w.inline.WriteByte(' ')
			}
			w.space = false
			w.inline.Write(s[from:i])
		}
		w.space = w.space || blank
		from = i + 1
	}
}

// start takes a start tag.
func (w *walker) start(z *html.Tokenizer, closed bool) {
	name, more := z.TagName()
	a := atom.Lookup(name)
	attr := attributes(z, more)
	if w.skip > 0 {
		// A hidden paragraph ends where the next block begins.
		w.implied(a)
	}
	if w.skip > 0 {
		if !void[a] && !closed {
			w.open = append(w.open, element{atom: a})
		}
		return
	}
	switch {
	case unshown[a] || hidden(attr):
		w.implied(a)
		if blocks[a] {
			w.flush()
		}
		if !void[a] && !closed {
			w.open = append(w.open, element{atom: a})
			w.skip = len(w.open)
		}
		return
	case a == atom.Title:
		w.inTitle = !w.titled && !closed
		w.titled = true
		if !w.inTitle {
			w.open = append(w.open, element{atom: a})
			w.skip = len(w.open)
		}
		return
	case a == atom.Meta:
		w.meta(attr)
		return
	case a == atom.Br:
		if w.pre > 0 || w.inline.Len() > 0 {
			w.inline.WriteByte('\n')
			w.space = false
		}
		return
	case !blocks[a]:
		return
	}
	w.implied(a)
	w.flush()
	if void[a] {
		return
	}
	e := element{atom: a}
	switch a {
	case atom.Html:
		lang := attr["lang"]
		if lang == "" {
			lang = attr["xml:lang"]
		}
		w.language = primary(lang)
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		w.heading = int(name[1] - '0')
	case atom.Pre, atom.Listing, atom.Xmp:
		w.pre++
	case atom.Blockquote:
		w.quote++
	case atom.Figcaption, atom.Caption:
		w.caption++
	case atom.Ul, atom.Ol, atom.Menu, atom.Dir:
		first, err := strconv.Atoi(attr["start"])
		if err != nil {
			first = 1
		}
		w.lists = append(w.lists, list{a == atom.Ol, first})
	case atom.Li:
		w.item()
	case atom.Table:
		if e.table = len(w.tables) < maxTables; e.table {
			role := attr["role"]
			w.tables = append(w.tables, &openTable{Table: grid.Table{Layout: role == "presentation" || role == "none"}})
		}
	case atom.Tr:
		if t := w.table(); t != nil {
			t.AddRow()
			t.inCell = false
		}
	case atom.Td, atom.Th:
		if t := w.table(); t != nil {
			t.AddCell(number(attr["colspan"]), number(attr["rowspan"]))
			t.inCell = true
		}
	}
	w.open = append(w.open, e)
}

// item begins a list item: its first block gets a marker.
func (w *walker) item() {
	w.marker = "- "
	if n := len(w.lists); n > 0 && w.lists[n-1].ordered {
		w.marker = strconv.Itoa(w.lists[n-1].next) + ". "
		w.lists[n-1].next++
	}
}

// end takes an end tag. One without a start tag in reach is ignored.
func (w *walker) end(a atom.Atom) {
	if w.inTitle {
		w.inTitle = a != atom.Title
		return
	}
	if a == atom.P && w.skip == 0 {
		w.flush()
	}
	if w.skip == 0 && !blocks[a] {
		return
	}
	for i := len(w.open) - 1; i >= 0 && i >= len(w.open)-maxReach; i-- {
		if w.open[i].atom == a || isHeading(w.open[i].atom) && isHeading(a) {
			w.closeTo(i)
			return
		}
		if w.open[i].atom == atom.Table && !tabular[a] && w.skip == 0 {
			return // nothing outside a table is ended from within
		}
	}
}

// implied ends the elements that the start of a ends without an end tag.
func (w *walker) implied(a atom.Atom) {
	var ended, barrier map[atom.Atom]bool
	switch a {
	case atom.Li:
		ended, barrier = items, listBarrier
	case atom.Dt, atom.Dd:
		ended, barrier = terms, listBarrier
	case atom.Option, atom.Optgroup:
		ended, barrier = options, listBarrier
	case atom.Td, atom.Th:
		ended, barrier = cells, tableBarrier
	case atom.Tr:
		ended, barrier = rows, tableBarrier
	case atom.Thead, atom.Tbody, atom.Tfoot:
		ended, barrier = groups, tableBarrier
	}
	for i := len(w.open) - 1; i >= 0 && i >= len(w.open)-maxReach; i-- {
		at := w.open[i].atom
		switch {
		case ended[at]:
			w.closeTo(i)
			return
		case barrier[at]:
			return
		case ended == nil && at == atom.P && blocks[a]:
			w.closeTo(i)
			return
		case ended == nil && blocks[at]:
			return
		}
	}
}

// closeTo ends the open elements from the innermost to the i-th.
func (w *walker) closeTo(i int) {
	for len(w.open) > i {
		last := len(w.open) - 1
		e := w.open[last]
		if w.skip == 0 {
			w.flush()
			w.leave(e)
		}
		w.open = w.open[:last]
		if w.skip > len(w.open) {
			w.skip = 0
		}
	}
	if i == 0 && w.skip == 0 {
		w.flush()
	}
}

// leave undoes what the start of e did.
func (w *walker) leave(e element) {
	switch e.atom {
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		w.heading = 0
	case atom.Pre, atom.Listing, atom.Xmp:
		w.pre--
	case atom.Blockquote:
		w.quote--
	case atom.Figcaption, atom.Caption:
		w.caption--
	case atom.Ul, atom.Ol, atom.Menu, atom.Dir:
		w.lists = w.lists[:len(w.lists)-1]
	case atom.Li:
		w.marker = ""
	case atom.Td, atom.Th:
		if t := w.table(); t != nil {
			t.inCell = false
		}
	case atom.Table:
		if !e.table {
			return
		}
		t := w.table()
		w.tables = w.tables[:len(w.tables)-1]
		w.put(grid.Piece{Table: &t.Table})
	}
}

// table returns the innermost open table, nil outside.
func (w *walker) table() *openTable {
	if n := len(w.tables); n > 0 {
		return w.tables[n-1]
	}
	return nil
}

// flush ends the block that is being collected.
func (w *walker) flush() {
	w.space = false
	if w.inline.Len() == 0 {
		return
	}
	text := w.inline.String()
	w.inline.Reset()
	if strings.TrimSpace(text) == "" {
		return
	}
	block := rag.Block{Kind: rag.Paragraph}
	switch {
	case w.heading > 0:
		block.Kind, block.Level = rag.Heading, w.heading
	case w.pre > 0:
		block.Kind = rag.Code
	case w.caption > 0:
		block.Kind = rag.Caption
	case w.isItem():
		block.Kind, block.Level = rag.ListItem, max(1, len(w.lists))
		text = w.marker + text
	case w.quote > 0:
		block.Kind = rag.Quote
	}
	w.marker = ""
	w.put(grid.Piece{Block: block, Text: text})
}

// isItem reports whether the text that is flushed stands in a list item.
func (w *walker) isItem() bool {
	if w.marker != "" {
		return true
	}
	for i := len(w.open) - 1; i >= 0 && i >= len(w.open)-8; i-- {
		switch w.open[i].atom {
		case atom.Li:
			return true
		case atom.Td, atom.Th, atom.Table, atom.Ul, atom.Ol:
			return false
		}
	}
	return false
}

// put hands a piece to the innermost open cell, or to the text.
func (w *walker) put(p grid.Piece) {
	if w.err != nil {
		return
	}
	for i := len(w.tables) - 1; i >= 0; i-- {
		if t := w.tables[i]; t.inCell {
			w.size += len(p.Text)
			if w.b.Limit > 0 && w.b.Len()+w.size > w.b.Limit {
				w.err = rag.Errorf(rag.KindExhausted, "it holds more than %d MiB of text", max(1, w.b.Limit>>20))
			}
			t.Put(p)
			return
		}
	}
	if p.Table != nil {
		w.size = 0
	}
	w.err = p.AddTo(w.b)
}

func number(s string) int {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < 1 {
		return 1
	}
	return n
}

func hidden(attr map[string]string) bool {
	if _, is := attr["hidden"]; is {
		return attr["hidden"] != "until-found"
	}
	style := attr["style"]
	if style == "" {
		return false
	}
	style = strings.ToLower(strings.Join(strings.Fields(style), ""))
	return strings.Contains(style, "display:none") || strings.Contains(style, "visibility:hidden")
}
