package rtf

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/grid"
)

const (
	maxInherit = 16  // styles that a style is based on, one on another
	maxRunning = 256 // different headers and footers
	maxFlows   = 16  // text boxes in footnotes in text boxes; deeper ones are read as their contents
)

// flow is a run of paragraphs and tables of its own: the body, a footnote, a header, a
// text box.
type flow struct {
	role    rag.BlockKind // of all its blocks, "" for the body and text boxes
	text    []byte        // of the paragraph that is being read
	label   string
	fields  int // page numbers and dates in it
	code    []string
	tables  []*table // open ones, outermost first
	row     []place  // definition of the row
	next    place    // of the cell that is being defined
	endnote bool
	pieces  []grid.Piece
	at      int // nesting of the table that it is anchored in
}

func (r *reader) flow() *flow { return r.flows[len(r.flows)-1] }

// beginFlow lets the group that has begun be a flow of its own.
func (r *reader) beginFlow(role rag.BlockKind) {
	if role == "" {
		role = r.flow().role
	}
	r.cur.to = body
	if len(r.flows) >= maxFlows {
		return
	}
	r.flows = append(r.flows, &flow{role: role, at: r.cur.table})
	r.cur.ends = endsFlow
	r.cur.hidden, r.cur.deleted = false, false
	r.cur.style, r.cur.outline, r.cur.level, r.cur.list, r.cur.table = 0, -1, 0, 0, 0
}

// endFlow puts the blocks of the flow where they belong: a footnote behind the body, a
// text box before the paragraph that it is anchored in.
func (r *reader) endFlow() error {
	if len(r.flows) < 2 {
		return nil
	}
	if err := r.paragraph(); err != nil {
		return err
	}
	f := r.flow()
	if err := r.closeTables(0); err != nil {
		return err
	}
	r.flows = r.flows[:len(r.flows)-1]
	outer := r.flow()
	for _, p := range f.pieces {
		if f.role != "" {
			if p.Block.Kind, p.Block.Level = f.role, 0; p.Table != nil {
				p.Table.As(f.role)
			}
		}
		var err error
		switch {
		case f.role == outer.role:
			r.held -= len(p.Text)
			err = r.place(p, f.at)
		case f.role == rag.Footnote:
			r.notes = append(r.notes, p)
		default:
			err = r.putRunning(p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// putRunning keeps a header or footer that was not there before.
func (r *reader) putRunning(p grid.Piece) error {
	key := string(p.Block.Kind) + p.Text
	r.held -= len(p.Text)
	if p.Table == nil && (r.running[key] || len(r.running) >= maxRunning) {
		return nil
	}
	r.running[key] = true
	if p.Block.Kind == rag.Footer {
		r.footers = append(r.footers, p)
		r.held += len(p.Text)
		return nil
	}
	return p.AddTo(r.b)
}

// paragraph ends the paragraph and puts it out.
func (r *reader) paragraph() error {
	if err := r.flush(); err != nil {
		return err
	}
	if r.cur.to != body {
		return nil
	}
	f := r.flow()
	text, label, fields := string(f.text), f.label, f.fields
	f.text, f.label, f.fields, r.high = f.text[:0], "", 0, 0
	kind, level := r.role(f)
	if kind == rag.Code && label == "" {
		f.code = append(f.code, text)
		r.held += len(text) + 1
		return r.room(0)
	}
	if err := r.flushCode(); err != nil {
		return err
	}
	if strings.TrimSpace(text) == "" {
		return nil
	}
	switch {
	case kind == rag.Header || kind == rag.Footer:
		if fields > 0 && words(text) <= 2 {
			return nil // "Page 3 of 7"
		}
	case kind == rag.Heading, kind == rag.Footnote:
	case label != "" || r.cur.list > 0:
		if kind, level = rag.ListItem, r.cur.level+1; label == "" {
			label = "- "
		}
	case kind == "":
		kind = rag.Paragraph
	}
	return r.place(grid.Piece{Block: rag.Block{Kind: kind, Level: level}, Text: label + strings.TrimSpace(text)}, r.cur.table)
}

// words counts the words of a text that hold a letter.
func words(text string) int {
	n := 0
	for _, word := range strings.Fields(text) {
		if strings.IndexFunc(word, unicode.IsLetter) >= 0 {
			n++
		}
	}
	return n
}

// role says what the paragraph is by its style and outline level, "" if nothing does.
func (r *reader) role(f *flow) (kind rag.BlockKind, level int) {
	if f.role != "" {
		return f.role, 0
	}
	if o := r.cur.outline; o >= 0 && o < 9 {
		return rag.Heading, min(o+1, 6)
	}
	number := r.cur.style
	for range maxInherit {
		s := r.styles[number]
		if s == nil {
			break
		}
		if kind, level := named(s.name); kind != "" {
			return kind, level
		}
		if s.outline >= 0 && s.outline < 9 {
			return rag.Heading, min(s.outline+1, 6)
		}
		number = s.base
	}
	return "", 0
}

// named interprets the names of built-in styles and those by which code is usually set.
func named(name string) (kind rag.BlockKind, level int) {
	compact := strings.ReplaceAll(name, " ", "")
	if rest, is := strings.CutPrefix(compact, "heading"); is {
		if n, err := strconv.Atoi(rest); err == nil && n > 0 && n < 10 {
			return rag.Heading, min(n, 6)
		}
	}
	switch compact {
	case "title":
		return rag.Heading, 1
	case "subtitle":
		return rag.Heading, 2
	case "caption":
		return rag.Caption, 0
	case "quote", "intensequote", "blocktext", "quotations":
		return rag.Quote, 0
	case "htmlpreformatted", "macrotext", "preformattedtext", "sourcecode", "verbatim", "code":
		return rag.Code, 0
	}
	return "", 0
}

// listLabel makes the label of a list item of what stands in the file: a number as it
// is, with a space behind it, "- " for any bullet.
func listLabel(text string) string {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return ""
	case text == "o", !strings.ContainsFunc(text, func(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) }):
		return "- " // "o" is Word's bullet of the second level
	}
	return text + " "
}

// flushCode ends a block of code, whose lines are paragraphs of their own.
func (r *reader) flushCode() error {
	f := r.flow()
	if len(f.code) == 0 {
		return nil
	}
	text := strings.Join(f.code, "\n")
	r.held -= len(text) + 1
	f.code = nil
	if strings.TrimSpace(text) == "" {
		return nil
	}
	return r.place(grid.Piece{Block: rag.Block{Kind: rag.Code}, Text: text}, r.cur.table)
}

// place puts a piece into the table at a nesting, or, at 0, into the flow.
func (r *reader) place(p grid.Piece, nesting int) error {
	f := r.flow()
	if err := r.closeTables(nesting); err != nil {
		return err
	}
	if nesting == 0 {
		return r.put(p)
	}
	f.open(nesting)
	t := f.tables[nesting-1]
	t.cell = append(t.cell, p)
	r.held += len(p.Text)
	return r.room(0)
}

// put hands a piece to the flow; those of the body go to the text at once.
func (r *reader) put(p grid.Piece) error {
	if len(r.flows) == 1 {
		return p.AddTo(r.b)
	}
	f := r.flow()
	f.pieces = append(f.pieces, p)
	r.held += len(p.Text)
	return r.room(0)
}

// noteNumber writes the number with which a footnote begins. In the text, where it is
// a small raised figure, it would become part of a word.
func (r *reader) noteNumber() error {
	f := r.flow()
	if f.role != rag.Footnote || f.endnote || len(f.text) > 0 {
		return nil
	}
	return r.write(strconv.Itoa(r.noted) + " ")
}

// finish puts out what is still open, and what stands behind the body.
func (r *reader) finish() error {
	if err := r.flush(); err != nil {
		return err
	}
	for len(r.flows) > 1 {
		r.cur.to = body
		if err := r.endFlow(); err != nil {
			return err
		}
	}
	if r.cur.to == body || r.cur.to == nowhere {
		r.cur.to = body
		if err := r.paragraph(); err != nil {
			return err
		}
	}
	if err := r.closeTables(0); err != nil {
		return err
	}
	for _, pieces := range [][]grid.Piece{r.notes, r.footers} {
		for _, p := range pieces {
			if err := p.AddTo(r.b); err != nil {
				return err
			}
		}
	}
	return nil
}
