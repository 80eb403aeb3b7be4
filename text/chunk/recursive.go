package chunk

import (
	"context"
	"iter"
	"strings"

	"github.com/clipperhouse/uax29/v2/graphemes"

	"github.com/smartretriever/smartretriever/rag"
)

// recursive cuts a text at the strongest separator it has (blank line, line,
// sentence, space), goes on with the next one inside the pieces that are still too
// long, and joins neighbouring pieces up to size tokens, or characters. A chunk
// begins with those last pieces of the one before it that are no longer than overlap
// together.
//
// This is the rule of LangChain's RecursiveCharacterTextSplitter with a sentence
// separator added. Other than there, separators stay at the end of their piece, so
// that a chunk is always a span of the text.
type recursive struct {
	m            measure
	inCharacters bool
}

// length returns the length of a piece in the chunker's unit, but not much beyond
// the size: what is longer is divided anyway.
func (r recursive) length(s string) int {
	if r.inCharacters {
		return characters(s, r.m.size)
	}
	return r.m.within(s, r.m.size)
}

// separators are ways to divide a span, from the strongest to the weakest.
var separators = []func(text string, s rag.Span) iter.Seq[rag.Span]{
	separated("\n\n"),
	separated("\n"),
	sentences,
	separated(" "),
}

func (r recursive) cut(ctx context.Context, t rag.Text) ([]rag.Chunk, error) {
	c := r.m.collect(t)
	for _, region := range regions(t.Content, c.where.blocks) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r.split(c, region, 0)
	}
	return c.out, nil
}

// split adds the chunks of a span, divided by separators[level] and those after it.
func (r recursive) split(c *collector, s rag.Span, level int) {
	divide := r.characters
	if level < len(separators) {
		divide = separators[level]
	}
	w := window{c: c, size: r.m.size, overlap: r.m.overlap}
	for p := range divide(c.text, s) {
		n := r.length(p.Of(c.text))
		if n <= r.m.size || level >= len(separators) {
			w.push(piece{p, n})
			continue
		}
		w.flush()
		r.split(c, p, level+1)
	}
	w.flush()
}

// characters yields pieces of a span that has no separators: whole graphemes, a
// fiftieth of a chunk together (a few, where tokens count), so that chunks can
// overlap.
func (r recursive) characters(text string, s rag.Span) iter.Seq[rag.Span] {
	step := max(1, r.m.size/50)
	if !r.inCharacters {
		step = minStep
	}
	longest := min(32, r.m.size-step) // characters of a grapheme beyond step; what is longer is cut
	return func(yield func(rag.Span) bool) {
		for s.Len() > 0 {
			rest := s.Of(text)
			least := forward(rest, step)
			g := graphemes.FromString(rest[:least+forward(rest[least:], longest)])
			for g.Next() && g.End() < least {
			}
			if !yield(rag.Span{Start: s.Start, End: s.Start + g.End()}) {
				return
			}
			s.Start += g.End()
		}
	}
}

// separated returns a function that yields the pieces of a span, each with the
// separator behind it.
func separated(sep string) func(string, rag.Span) iter.Seq[rag.Span] {
	return func(text string, s rag.Span) iter.Seq[rag.Span] {
		return func(yield func(rag.Span) bool) {
			for s.Len() > 0 {
				end := s.End
				if i := strings.Index(s.Of(text), sep); i >= 0 {
					end = s.Start + i + len(sep)
				}
				if !yield(rag.Span{Start: s.Start, End: end}) {
					return
				}
				s.Start = end
			}
		}
	}
}

// piece is a span with its length in the chunker's unit.
type piece struct {
	span rag.Span
	n    int
}

// window is the open chunk of recursive: neighbouring pieces.
type window struct {
	c             *collector
	size, overlap int
	pieces        []piece
	total         int // length of pieces
}

// push adds a piece. If the chunk would grow too long, it is closed first, and the
// pieces at its front are dropped until the rest can serve as overlap.
func (w *window) push(p piece) {
	if len(w.pieces) > 0 && w.total+p.n > w.size {
		w.emit()
		drop := 0
		for w.total > 0 && (w.total > w.overlap || w.total+p.n > w.size) {
			w.total -= w.pieces[drop].n
			drop++
		}
		w.pieces = append(w.pieces[:0], w.pieces[drop:]...)
	}
	w.pieces = append(w.pieces, p)
	w.total += p.n
}

func (w *window) flush() {
	if len(w.pieces) > 0 {
		w.emit()
	}
	w.pieces, w.total = w.pieces[:0], 0
}

func (w *window) emit() {
	w.c.add(rag.Span{Start: w.pieces[0].span.Start, End: w.pieces[len(w.pieces)-1].span.End})
}

// characters counts the characters of s, but not much beyond limit.
func characters(s string, limit int) int {
	n := 0
	for range s {
		if n++; n > limit {
			break
		}
	}
	return n
}
