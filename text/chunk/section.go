package chunk

import (
	"context"
	"slices"

	"github.com/smartretriever/smartretriever/rag"
)

// part is a block, or a piece of one, with what a chunker has found out about it. A
// part that begins a section takes the place of those of its own level and below
// in the path of headings. One of kind Heading only names the section: what follows
// belongs to it at once.
type part struct {
	rag.Block
	begins bool
	level  int
	name   string // "" begins a section without a name of its own
	// coded says that the section is one of source code: it lies under the names in
	// under, inside the headings that are open, and leaves these as they are.
	coded  bool
	under  []string
	single bool   // the section is not put together with others
	strict bool   // the section is put together with its own siblings and children only
	alone  bool   // a section by itself, but for a heading right above it
	fill   bool   // chunks are filled up, not made equal
	turn   string // begins a speaker's turn; repeated where the turn is cut
}

// section is a heading with what stands under it, or as much of it as no running
// header or footer interrupts.
type section struct {
	run
	path   []string // headings above its text, its own included
	parent []string // headings above its first heading
	cut    bool     // a running header or footer stands before it
	single bool
	strict bool
	fill   bool
	coded  bool
}

// sectioned returns a way to cut along the sections that parts finds: each is
// divided evenly, and neighbouring ones too short to stand alone are put together
// where they share a parent.
func (m measure) sectioned(parts func(rag.Text) []part) func(context.Context, rag.Text) ([]rag.Chunk, error) {
	return func(ctx context.Context, t rag.Text) ([]rag.Chunk, error) {
		found := parts(t)
		pages := m.locator(t.Content, blocksOf(found))
		var out []rag.Chunk
		emit := func(sec *section) {
			n := len(out)
			drafts := m.pack(&sec.run, !sec.fill, groupStart)
			if sec.coded {
				drafts = m.joinTail(&sec.run, drafts)
			}
			out = m.chunks(out, t.Content, &sec.run, drafts)
			headings := m.room(sec.path)
			for i := range out[n:] {
				c := &out[n+i]
				c.Page, _ = pages.at(c.Span.Start)
				c.Heading = headings
			}
		}
		var open *section
		for sec := range m.sections(t.Content, found) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			switch {
			case open == nil:
				open = sec
			case m.together(open, sec):
				open.join(sec)
			default:
				emit(open)
				open = sec
			}
		}
		if open != nil {
			emit(open)
		}
		return out, nil
	}
}

func blocksOf(parts []part) []rag.Block {
	blocks := make([]rag.Block, len(parts))
	for i := range parts {
		blocks[i] = parts[i].Block
	}
	return blocks
}

// sections calls yield with the sections of a text, in order.
func (m measure) sections(text string, parts []part) func(yield func(*section) bool) {
	return func(yield func(*section) bool) {
		var above path
		var code []string // names below above, in source code
		var last rag.BlockKind
		lastLevel := 0
		turn := "" // of the speaker
		cur := &section{}
		next := func(cut bool) bool {
			if len(cur.atoms) > 0 {
				if !yield(cur) {
					return false
				}
			} else {
				cut = cut || cur.cut
			}
			names := join(above.names, code)
			cur = &section{path: names, parent: names, cut: cut}
			last = ""
			return true
		}
		for i := range parts {
			p := &parts[i]
			if running(p.Block) {
				if !next(true) {
					return
				}
				continue
			}
			// A heading right below a higher one has nothing between them to stand
			// for itself: both begin the same section. So does what stands alone.
			nested := last == rag.Heading && (p.alone || p.begins && !p.coded && !p.single && p.level > lastLevel)
			if (p.begins || p.alone) && !nested && !next(false) {
				return
			}
			switch {
			case p.begins && p.coded:
				code, cur.parent = p.under, join(above.names, p.under)
				if p.name != "" {
					code = join(p.under, []string{p.name})
				}
				cur.path = join(above.names, code)
			case p.begins:
				lone := len(cur.atoms) == 0
				code, turn, lastLevel = nil, "", p.level
				above.enter(p.level, p.name)
				cur.path = above.names
				if lone {
					cur.parent = above.names[:len(above.names)-1]
				}
			}
			cur.single = cur.single || p.single || p.alone
			cur.strict = cur.strict || p.strict
			cur.coded = cur.coded || p.coded
			cur.fill = cur.fill || p.fill || p.alone
			if p.turn != "" {
				turn = p.turn
			}
			switch {
			case turn != "":
				m.addTurn(&cur.run, text, p.Block, turn, p.turn != "", last)
			case p.coded:
				m.addCode(&cur.run, text, p.Block)
			default:
				m.add(&cur.run, text, p.Block, last)
			}
			last = p.Kind
			if p.alone && !next(false) {
				return
			}
		}
		next(false)
	}
}

// join returns the names of a, then those of b, without changing either.
func join(a, b []string) []string {
	if len(b) == 0 {
		return a
	}
	return append(slices.Clip(a), b...)
}

// together reports whether next is merged into open: one of the two is small, both
// fit into a chunk, and next belongs under a heading that open is under too.
func (m measure) together(open, next *section) bool {
	small := m.size / 4
	if next.cut || open.single || next.single || open.tokens >= small && next.tokens >= small {
		return false
	}
	if (open.strict || next.strict) && !slices.Equal(next.parent, open.parent) && !slices.Equal(next.parent, open.path) {
		return false
	}
	bytes := next.span().End - open.span().Start
	return fits(open.tokens+next.tokens, bytes, m.size) && common(open.path, next.parent) == len(next.parent)
}

func (sec *section) join(next *section) {
	for i := range next.atoms {
		if next.atoms[i].head > 0 {
			next.atoms[i].head += len(sec.heads)
		}
	}
	sec.atoms = append(sec.atoms, next.atoms...)
	sec.heads = append(sec.heads, next.heads...)
	sec.tokens += next.tokens
	sec.fill = sec.fill || next.fill
	sec.path = slices.Clip(sec.path[:common(sec.path, next.path)])
}

// common returns the length of the common beginning of two heading paths.
func common(a, b []string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
