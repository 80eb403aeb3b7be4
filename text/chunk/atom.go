package chunk

import (
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/sentence"
)

// border says how good a place the start of an atom is to cut at.
type border uint8

const (
	inside        border = iota // within a sentence: it was too long
	sentenceStart               // within a list item
	itemStart                   // a sentence of a paragraph, a list item, a table row, a line of code
	groupStart                  // a paragraph, a whole list, a whole table, a whole listing
)

// atom is a piece of text that is never cut again, with its tokens.
type atom struct {
	span    rag.Span
	tokens  int
	border  border
	hard    bool // starts a list, a table or a listing: not divided for the sake of a short chunk before it
	block   bool // within a table or listing
	heading bool // of a heading
	head    int  // 1 + index of the table head that is repeated when a chunk starts here; 0 for none
}

// head is the header of a table: what is repeated, and what that costs.
type head struct {
	text   string
	tokens int
}

// run is a stretch of text that may become one chunk: atoms in order, nothing to
// be left out between them.
type run struct {
	atoms  []atom
	heads  []head
	tokens int
}

func (r *run) span() rag.Span {
	return rag.Span{Start: r.atoms[0].span.Start, End: r.atoms[len(r.atoms)-1].span.End}
}

// add cuts a block into atoms. after is the kind of the block before it in the
// same run, "" for none: a heading stays with what follows it, and neighbouring
// list items are one list.
func (m measure) add(r *run, text string, b rag.Block, after rag.BlockKind) {
	first := groupStart
	if after == rag.Heading || after == rag.ListItem && b.Kind == rag.ListItem {
		first = itemStart
	}
	n := len(r.atoms)
	switch b.Kind {
	case rag.Table:
		m.addTable(r, text, b)
	case rag.Code:
		m.addPieces(r, text, lines(text, b.Span), m.size, itemStart, 0)
	case rag.Heading:
		m.addPieces(r, text, once(b.Span), m.size, itemStart, 0)
	case rag.ListItem:
		m.addPieces(r, text, sentences(text, b.Span), m.size, sentenceStart, 0)
	default:
		m.addPieces(r, text, sentences(text, b.Span), m.size, itemStart, 0)
	}
	if n < len(r.atoms) {
		r.atoms[len(r.atoms)-1].heading = b.Kind == rag.Heading
		for i := n + 1; i < len(r.atoms); i++ {
			r.atoms[i].block = b.Kind == rag.Table || b.Kind == rag.Code
		}
		r.atoms[n].border = first
		r.atoms[n].hard = first == groupStart && (b.Kind == rag.ListItem || b.Kind == rag.Table || b.Kind == rag.Code)
	}
	for _, a := range r.atoms[n:] {
		r.tokens += a.tokens
	}
}

// addTable makes an atom of each row. Rows below the header repeat it when a chunk
// starts with them, unless the header takes more than half of the chunk.
func (m measure) addTable(r *run, text string, b rag.Block) {
	limit, repeated := m.size, 0
	body := b.Span
	if cut := runeFloor(text, b.HeaderEnd); b.Span.Start < cut && cut < b.Span.End {
		top := trim(text, rag.Span{Start: b.Span.Start, End: cut})
		m.addPieces(r, text, rows(text, top), limit, itemStart, 0)
		h := head{text: top.Of(text)}
		if fits(0, top.Len(), limit/2) {
			h.tokens = m.count(h.text)
			if h.tokens <= limit/2 {
				r.heads = append(r.heads, h)
				limit -= h.tokens
				repeated = len(r.heads)
			}
		}
		body.Start = cut
	}
	m.addPieces(r, text, rows(text, body), limit, itemStart, repeated)
}

// addTurn cuts a block of what somebody says. label is repeated where a chunk begins
// in the middle of the turn, unless it takes more than a quarter of the chunk; first
// says that the turn begins with the block.
func (m measure) addTurn(r *run, text string, b rag.Block, label string, first bool, after rag.BlockKind) {
	if b.Kind == rag.Table || b.Kind == rag.Code || b.Kind == rag.Heading {
		m.add(r, text, b, after)
		return
	}
	n, repeated, limit := len(r.atoms), 0, m.size
	if tokens := m.within(label, m.size/4); tokens <= m.size/4 {
		if k := len(r.heads); k == 0 || r.heads[k-1].text != label {
			r.heads = append(r.heads, head{label, tokens})
		}
		repeated, limit = len(r.heads), m.size-tokens
	}
	m.addPieces(r, text, sentences(text, b.Span), limit, sentenceStart, repeated)
	if n < len(r.atoms) {
		r.atoms[n].border = itemStart
		if first {
			r.atoms[n].border, r.atoms[n].head = groupStart, 0
		}
	}
	for _, a := range r.atoms[n:] {
		r.tokens += a.tokens
	}
}

// crumb is the length below which a piece is kept together with its follower: a
// text of one-letter sentences has as many as it has letters.
const crumb = 24

// addPieces makes atoms of spans, cutting those that exceed limit tokens.
func (m measure) addPieces(r *run, text string, spans iter.Seq[rag.Span], limit int, at border, repeated int) {
	var cur rag.Span
	for s := range spans {
		if cur.Len() > 0 && cur.Len() < crumb {
			cur.End = s.End
			continue
		}
		m.addAtom(r, text, cur, limit, at, repeated)
		cur = s
	}
	m.addAtom(r, text, cur, limit, at, repeated)
}

// addAtom makes one atom of a span, or several where it exceeds limit tokens.
func (m measure) addAtom(r *run, text string, s rag.Span, limit int, at border, repeated int) {
	if s = trim(text, s); s.Len() == 0 {
		return
	}
	if n := m.within(s.Of(text), limit); n <= limit {
		r.atoms = append(r.atoms, atom{span: s, tokens: n, border: at, head: repeated})
		return
	}
	n := len(r.atoms)
	m.cut(r, text, s, limit, max(limit/2, minStep), repeated)
	if n < len(r.atoms) {
		r.atoms[n].border = at
	}
}

// minStep is the shortest piece, in bytes, that cut makes by choice.
const minStep = 8

// cut makes atoms of about step bytes of a span that exceeds limit tokens: small
// enough that chunks made of them are well filled. A piece that still exceeds the
// limit is cut finer.
func (m measure) cut(r *run, text string, s rag.Span, limit, step, repeated int) {
	for s.Len() > 0 {
		end := s.End
		if s.Len() > step {
			end = s.Start + breakAt(s.Of(text), step)
		}
		piece := trim(text, rag.Span{Start: s.Start, End: end})
		s.Start = end
		if piece.Len() == 0 {
			continue
		}
		n := m.count(piece.Of(text))
		if n > limit && piece.Len() > minStep && step > minStep {
			m.cut(r, text, piece, limit, max(step/4, minStep), repeated)
			continue
		}
		r.atoms = append(r.atoms, atom{span: piece, tokens: n, border: inside, head: repeated})
	}
}

// breakAt returns an offset in (0, len(s)) at which to cut s, at most step bytes
// in if that is possible: behind white space in the second half, else behind the
// last whole grapheme, and inside a grapheme only when one is longer than step.
func breakAt(s string, step int) int {
	window := s[:runeFloor(s, step)]
	if i := strings.LastIndexFunc(window, unicode.IsSpace); i >= len(window)/2 {
		_, w := utf8.DecodeRuneInString(window[i:])
		return i + w
	}
	return graphemeFloor(s, step)
}

// graphemeFloor returns the last grapheme border at or before i, but not 0. Where
// the first grapheme is longer it returns a rune border.
func graphemeFloor(s string, i int) int {
	const look = 256 // bytes before i in which to find a border to start from
	from := runeFloor(s, i-look)
	if from > 0 {
		if sp := strings.IndexAny(s[from:i], " \t\r\n"); sp >= 0 {
			from += sp
		}
	}
	last := 0
	for g := graphemes.FromString(s[from:min(len(s), i+utf8.UTFMax)]); g.Next(); {
		if from+g.Start() > i {
			break
		}
		last = from + g.Start()
	}
	if last > from {
		return last
	}
	if cut := runeFloor(s, i); cut > 0 {
		return cut
	}
	_, w := utf8.DecodeRuneInString(s)
	return max(w, min(i, len(s)))
}

func once(s rag.Span) iter.Seq[rag.Span] {
	return func(yield func(rag.Span) bool) { yield(s) }
}

// sentences yields the sentences in the span s of text.
func sentences(text string, s rag.Span) iter.Seq[rag.Span] {
	return func(yield func(rag.Span) bool) {
		for t := range sentence.All(s.Of(text)) {
			if !yield(rag.Span{Start: s.Start + t.Start, End: s.Start + t.End}) {
				return
			}
		}
	}
}

// lines yields the lines in the span s of text.
func lines(text string, s rag.Span) iter.Seq[rag.Span] {
	return func(yield func(rag.Span) bool) {
		for s.Len() > 0 {
			end := s.End
			if i := strings.IndexByte(s.Of(text), '\n'); i >= 0 {
				end = s.Start + i + 1
			}
			if !yield(rag.Span{Start: s.Start, End: end}) {
				return
			}
			s.Start = end
		}
	}
}
