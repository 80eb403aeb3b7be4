package odf

import (
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/grid"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

// document is the state of one extraction.
type document struct {
	files  *files
	b      *clean.Builder
	styles styles
	lists  lists
	sinks  []*sink // innermost last
	held   int     // bytes in sinks, and in notes and footers
	code   []string
	tables int // open tables
	cells  int // of all tables

	headings count // the outline's numbers
	notes    []grid.Piece
	footers  []grid.Piece
	running  map[string]bool // headers and footers that were seen

	page, pages int    // page is 0 outside of slides
	objects     int    // read so far
	inside      int    // sinks that were open when the part that is read was begun
	nested      int    // objects that are open
	dir         string // of the part that is read

	title    string
	language string
	metadata rag.Metadata
}

func newDocument(f *files, b *clean.Builder) *document {
	return &document{files: f, b: b, styles: newStyles(), lists: newLists(), running: map[string]bool{}}
}

// sink collects blocks that have no place in the text yet. Its role, if not empty, is
// the kind of all of them.
type sink struct {
	role   rag.BlockKind
	pieces []grid.Piece
	size   int
	item   *item    // the list item that was open around it
	code   []string // the block of code likewise
}

// maxSinks is how deep cells, notes and text boxes may lie in each other.
const maxSinks = 40

// begin opens a sink: what is put goes there. Lists do not reach into it.
func (d *document) begin(role rag.BlockKind) error {
	if len(d.sinks) >= maxSinks {
		return rag.Errorf(rag.KindExhausted, "its tables, notes and text boxes are nested deeper than %d", maxSinks)
	}
	if n := len(d.sinks); role == "" && n > 0 {
		role = d.sinks[n-1].role
	}
	d.sinks = append(d.sinks, &sink{role: role, item: d.lists.item, code: d.code})
	d.lists.item, d.code = nil, nil
	return nil
}

// end closes the innermost sink and returns what it holds.
func (d *document) end() ([]grid.Piece, error) {
	err := d.flushCode()
	last := len(d.sinks) - 1
	s := d.sinks[last]
	d.sinks = d.sinks[:last]
	d.lists.item, d.code = s.item, s.code
	d.held -= s.size
	return s.pieces, err
}

// put hands a piece to the innermost sink, or to the text.
func (d *document) put(p grid.Piece) error {
	if err := d.flushCode(); err != nil {
		return err
	}
	p.Block.Page = d.page
	n := len(d.sinks)
	if n == 0 {
		return p.AddTo(d.b)
	}
	s := d.sinks[n-1]
	if s.role != "" {
		if p.Block.Kind, p.Block.Level = s.role, 0; p.Table != nil {
			p.Table.As(s.role)
		}
	}
	s.size += len(p.Text)
	s.pieces = append(s.pieces, p)
	return d.hold(len(p.Text))
}

// endAt closes the sinks down to the given number and returns what they hold together;
// there is more than one where damage ended what was being read.
func (d *document) endAt(depth int) ([]grid.Piece, error) {
	for {
		pieces, err := d.end()
		if err != nil || len(d.sinks) <= depth {
			return pieces, err
		}
		if err := d.putAll(pieces); err != nil {
			return nil, err
		}
	}
}

func (d *document) putAll(pieces []grid.Piece) error {
	for _, p := range pieces {
		if err := d.put(p); err != nil {
			return err
		}
	}
	return nil
}

// hold counts bytes that wait for their place towards the limit of the text.
func (d *document) hold(n int) error {
	d.held += n
	return d.room(0)
}

// room reports, as an error, that n more bytes would pass the limit of the text.
func (d *document) room(n int) error {
	if d.b.Limit > 0 && d.b.Len()+d.held+n > d.b.Limit {
		return rag.Errorf(rag.KindExhausted, "it holds more than %d MiB of text", max(1, d.b.Limit>>20))
	}
	return nil
}

// flushCode ends a block of code, whose lines are paragraphs of their own.
func (d *document) flushCode() error {
	if len(d.code) == 0 {
		return nil
	}
	text := strings.Join(d.code, "\n")
	d.held -= len(text) + 1
	d.code = nil
	if strings.TrimSpace(text) == "" {
		return nil
	}
	return d.put(grid.Piece{Block: rag.Block{Kind: rag.Code}, Text: text})
}

// root reads a part whose root element holds styles, metadata and a body, in the
// order of the file.
func (d *document) root(t *parts.Tokens) error { return d.rootOf(t, nil) }

// rootOf is root for an object; one that is a formula becomes part of the paragraph p.
func (d *document) rootOf(t *parts.Tokens, p *para) error {
	for {
		e, err := t.Next()
		if err != nil {
			if err := d.unwind(); err != nil {
				return err
			}
			return parts.Ended(err)
		}
		if e.Kind != parts.StartElement {
			continue
		}
		switch e.Name {
		case "meta":
			err = d.meta(t)
		case "styles":
			err = d.styles.read(t, false)
		case "automatic-styles":
			err = d.styles.read(t, true)
		case "master-styles":
			err = d.masters(t)
		case "math":
			err = d.formula(t, p)
		case "body":
			err = t.Within(func(e parts.Token) error { return d.element(t, e) })
		case "scripts", "settings", "font-face-decls":
			err = t.Skip()
		}
		if err != nil {
			if err := d.unwind(); err != nil {
				return err
			}
			return err
		}
	}
}

// unwind puts out what open sinks hold when a part has come to its end, sound or
// damaged: what was read of it counts.
func (d *document) unwind() error {
	if len(d.sinks) > d.inside {
		pieces, err := d.endAt(d.inside)
		if err != nil {
			return err
		}
		if err := d.putAll(pieces); err != nil {
			return err
		}
	}
	d.tables, d.lists.item = 0, nil
	return d.flushCode()
}

// masters reads the headers and footers of the master pages (OpenDocument part 3,
// 16.9 to 16.14). Headers are put out at once, each once.
func (d *document) masters(t *parts.Tokens) error {
	return t.Within(func(e parts.Token) error {
		if e.Kind != parts.StartElement {
			return nil
		}
		name, rest, _ := strings.Cut(e.Name, "-")
		switch {
		case e.Name == "notes" || e.Name == "forms" || shapes[e.Name]:
			return t.Skip() // what a master page shows of slides are places to be filled
		case rest != "" && rest != "left" && rest != "first":
			return nil
		case name == "header":
			return d.runningText(t, e, rag.Header)
		case name == "footer":
			return d.runningText(t, e, rag.Footer)
		}
		return nil
	})
}

const maxRunning = 256 // different headers and footers

func (d *document) runningText(t *parts.Tokens, e parts.Token, role rag.BlockKind) error {
	if e.Attr("display") == "false" {
		return t.Skip()
	}
	if err := d.begin(role); err != nil {
		return err
	}
	if err := t.Within(func(e parts.Token) error { return d.element(t, e) }); err != nil {
		return err
	}
	pieces, err := d.end()
	if err != nil {
		return err
	}
	return d.putRunning(role, pieces)
}

// putRunning keeps the pieces of a header or footer that were not seen before.
func (d *document) putRunning(role rag.BlockKind, pieces []grid.Piece) error {
	for _, p := range pieces {
		key := string(role) + p.Text
		if p.Table == nil && (d.running[key] || len(d.running) >= maxRunning) {
			continue
		}
		d.running[key] = true
		if role == rag.Footer {
			d.footers = append(d.footers, p)
			if err := d.hold(len(p.Text)); err != nil {
				return err
			}
		} else if err := d.put(p); err != nil {
			return err
		}
	}
	return nil
}

// finish puts out what stands behind the body: notes and footers.
func (d *document) finish() error {
	for _, pieces := range [][]grid.Piece{d.notes, d.footers} {
		for _, p := range pieces {
			d.held -= len(p.Text)
			if err := p.AddTo(d.b); err != nil {
				return err
			}
		}
	}
	return nil
}
