package chunk

import (
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
)

// longestLine bounds how much of a line is looked at when its kind is told.
const longestLine = 400

// markLines divides prose at lines that mark something: a clause, a section of a
// note, a turn. mark is shown each line of a block, without white space and list
// signs at its front, and says by begins, single or turn that a part begins there;
// next is the line after it. A part of kind Heading is that one line (or two, where
// mark says so by taken). Blocks that are not prose stay whole.
func markLines(t rag.Text, mark func(line, next string, at position) (p part, taken int)) []part {
	var parts []part
	for _, b := range outline(t) {
		if running(b) || b.Kind == rag.Table || b.Kind == rag.Code || b.Kind == rag.Caption {
			parts = append(parts, asPart(t.Content, b))
			continue
		}
		parts = markBlock(parts, t.Content, b, mark)
	}
	return parts
}

// position says where in a block a line stands.
type position struct {
	block  rag.Block
	first  bool // it is the block's first
	last   bool // and its last
	before byte // last byte of the line before that is not white space; 0 for none
}

func markBlock(parts []part, text string, b rag.Block, mark func(line, next string, at position) (part, int)) []part {
	open := asPart(text, b)
	open.begins = false // unless mark leaves a heading as it is
	start := b.Span.Start
	flush := func(end int) {
		if open.Span = trim(text, rag.Span{Start: start, End: end}); open.Span.Len() > 0 {
			parts = append(parts, open)
		}
		start = end
	}
	skip := 0
	before := byte(0)
	for line, next := range pairs(lines(text, b.Span)) {
		if skip > 0 {
			skip--
			if skip == 0 {
				flush(line.End)
				open = part{Block: rag.Block{Kind: plain(b.Kind), Level: b.Level, Page: b.Page}}
			}
			continue
		}
		shown := shownLine(line.Of(text))
		if shown == "" {
			continue
		}
		at := position{block: b, first: before == 0, last: next.Len() == 0, before: before}
		before = shown[len(shown)-1]
		p, taken := mark(shown, shownLine(next.Of(text)), at)
		if !p.begins && p.turn == "" {
			if b.Kind == rag.Heading && at.first {
				open = asPart(text, b)
			}
			continue
		}
		flush(line.Start)
		kind := p.Kind
		if p.Block = b; kind != "" {
			p.Kind = kind
		} else {
			p.Kind = plain(b.Kind)
		}
		open = p
		if p.Kind == rag.Heading {
			if taken > 1 {
				skip = taken - 1
				continue
			}
			flush(line.End)
			open = part{Block: rag.Block{Kind: plain(b.Kind), Level: b.Level, Page: b.Page}}
		}
	}
	flush(b.Span.End)
	return parts
}

// plain is the kind of what stands beside a mark: a heading that turns out to be
// more than one is prose.
func plain(k rag.BlockKind) rag.BlockKind {
	if k == rag.Heading {
		return rag.Paragraph
	}
	return k
}

// pairs yields each span with the one after it, the last with an empty one.
func pairs(spans iter.Seq[rag.Span]) iter.Seq2[rag.Span, rag.Span] {
	return func(yield func(rag.Span, rag.Span) bool) {
		var held rag.Span
		for s := range spans {
			if held.Len() > 0 && !yield(held, s) {
				return
			}
			held = s
		}
		if held.Len() > 0 {
			yield(held, rag.Span{})
		}
	}
}

// shownLine is the beginning of a line as marks are looked for in it: without white
// space at its ends, the signs of quotations, lists and headings, and emphasis.
func shownLine(line string) string {
	if len(line) > longestLine {
		line = line[:runeFloor(line, longestLine)]
	}
	line = strings.TrimLeft(line, " \t\u00a0\u3000>")
	for _, sign := range []string{"- ", "* ", "+ ", "• ", "– "} {
		if rest, ok := strings.CutPrefix(line, sign); ok {
			line = rest
			break
		}
	}
	line = strings.TrimLeft(line, "#*_ \t\u00a0")
	return strings.TrimRight(line, "*_ \t\r\n\u00a0")
}

// words returns the number of words of a short text.
func words(s string) int { return len(strings.Fields(s)) }

// afterPrefix cuts a prefix off s without regard to case, if what follows is no
// letter or digit.
func afterPrefix(s, prefix string) (rest string, ok bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	rest = s[len(prefix):]
	r, _ := utf8.DecodeRuneInString(rest)
	return rest, rest == "" || !isWordRune(r)
}
