package chunk

import (
	"slices"

	"github.com/smartretriever/smartretriever/rag"
)

// structure cuts along a document's own structure: a heading starts a chunk, what
// follows it stays with it, and neighbouring sections too short to stand alone
// are put together where they share a parent.
type structure struct{ m measure }

// section is a heading with what stands under it, or as much of it as no running
// header or footer interrupts.
type section struct {
	run
	path   []string // headings above its text, its own included
	parent []string // headings above its first heading
	cut    bool     // a running header or footer stands before it
}

func (s structure) Chunk(t rag.Text) []rag.Chunk {
	blocks := outline(t)
	pages := s.m.locator(t.Content, blocks)
	var out []rag.Chunk
	emit := func(sec *section) {
		n := len(out)
		out = s.m.chunks(out, t.Content, &sec.run, s.m.pack(&sec.run, true))
		headings := s.m.room(sec.path)
		for i := range out[n:] {
			c := &out[n+i]
			c.Page, _ = pages.at(c.Span.Start)
			c.Heading = headings
		}
	}
	var open *section
	for sec := range s.m.sections(t.Content, blocks) {
		switch {
		case open == nil:
			open = sec
		case s.m.together(open, sec):
			open.join(sec)
		default:
			emit(open)
			open = sec
		}
	}
	if open != nil {
		emit(open)
	}
	return out
}

// sections calls yield with the sections of a text, in order.
func (m measure) sections(text string, blocks []rag.Block) func(yield func(*section) bool) {
	return func(yield func(*section) bool) {
		var above path
		var last rag.BlockKind
		lastLevel := 0
		cur := &section{}
		next := func(cut bool) bool {
			if len(cur.atoms) > 0 {
				if !yield(cur) {
					return false
				}
			} else {
				cut = cut || cur.cut
			}
			cur = &section{path: above.names, parent: above.names, cut: cut}
			last = ""
			return true
		}
		for _, b := range blocks {
			if running(b) {
				if !next(true) {
					return
				}
				continue
			}
			if b.Kind == rag.Heading {
				// A heading right below a higher one has nothing between them to
				// stand for itself: both begin the same section.
				if nested := last == rag.Heading && level(b) > lastLevel; !nested {
					if !next(false) {
						return
					}
				}
				lone := len(cur.atoms) == 0
				above.enter(level(b), headingName(b.Span.Of(text)))
				cur.path = above.names
				if lone {
					cur.parent = above.names[:len(above.names)-1]
				}
				lastLevel = level(b)
			}
			m.add(&cur.run, text, b, last)
			last = b.Kind
		}
		next(false)
	}
}

// together reports whether next is merged into open: one of the two is small, both
// fit into a chunk, and next belongs under a heading that open is under too.
func (m measure) together(open, next *section) bool {
	small := m.size / 4
	if next.cut || open.tokens >= small && next.tokens >= small {
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
