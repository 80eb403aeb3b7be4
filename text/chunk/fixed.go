package chunk

import (
	"context"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
)

// fixedTokens cuts every size tokens, to within a twentieth: at white space where
// there is some. Each chunk begins overlap tokens before the end of the one before.
type fixedTokens struct{ m measure }

// finest is the shortest piece, in bytes, that fixedTokens counts: longer than most
// graphemes.
const finest = 32

func (f fixedTokens) cut(ctx context.Context, t rag.Text) ([]rag.Chunk, error) {
	blocks := outline(t)
	where := f.m.locator(t.Content, blocks)
	var out []rag.Chunk
	for _, region := range regions(t.Content, blocks) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var r run
		f.m.cut(&r, t.Content, region, f.m.size, max(finest, f.m.size/5), 0)
		for i := range r.atoms {
			r.atoms[i].border = itemStart // one place is as good as the next
			r.tokens += r.atoms[i].tokens
		}
		out = where.place(f.m.chunks(out, t.Content, &r, f.m.pack(&r, false, itemStart)), len(out))
	}
	return out, nil
}

// fixedCharacters cuts every size characters, each chunk beginning overlap
// characters before the end of the one before it.
type fixedCharacters struct{ m measure }

func (f fixedCharacters) cut(ctx context.Context, t rag.Text) ([]rag.Chunk, error) {
	c := f.m.collect(t)
	for _, region := range regions(t.Content, c.where.blocks) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		text := region.Of(t.Content)
		for start := 0; ; {
			end := start + forward(text[start:], f.m.size)
			if end < len(text) {
				end = start + graphemeFloor(text[start:], end-start)
			}
			c.add(rag.Span{Start: region.Start + start, End: region.Start + end})
			if end == len(text) {
				break
			}
			next := end - backward(text[:end], f.m.overlap)
			if next > start && next < end {
				next = start + graphemeFloor(text[start:], next-start)
			}
			if next <= start {
				next = end
			}
			start = next
		}
	}
	return c.out, nil
}

// collector makes chunks of spans, for the chunkers that know no atoms.
type collector struct {
	m     measure
	text  string
	where *locator
	end   int // of the last span that was taken
	out   []rag.Chunk
}

func (m measure) collect(t rag.Text) *collector {
	return &collector{m: m, text: t.Content, where: m.locator(t.Content, outline(t))}
}

// add takes a span as a chunk: without the white space around it, in halves if it
// has more tokens than the model takes, and not at all if it holds nothing that
// the chunk before it did not.
func (c *collector) add(s rag.Span) {
	if s = trim(c.text, s); s.Len() == 0 || s.End <= c.end {
		return
	}
	text := s.Of(c.text)
	n := c.m.count(text)
	if !fits(n, len(text), c.m.ceiling) && len(text) > minStep {
		mid := s.Start + breakAt(text, (len(text)+1)/2)
		c.add(rag.Span{Start: s.Start, End: mid})
		c.add(rag.Span{Start: mid, End: s.End})
		return
	}
	page, headings := c.where.at(s.Start)
	c.end = s.End
	c.out = append(c.out, rag.Chunk{Ordinal: len(c.out), Span: s, Text: text, Page: page, Heading: headings, Tokens: n})
}

// forward returns the bytes of the first n characters of s.
func forward(s string, n int) int {
	i := 0
	for ; n > 0 && i < len(s); n-- {
		_, w := utf8.DecodeRuneInString(s[i:])
		i += w
	}
	return i
}

// backward returns the bytes of the last n characters of s.
func backward(s string, n int) int {
	i := len(s)
	for ; n > 0 && i > 0; n-- {
		_, w := utf8.DecodeLastRuneInString(s[:i])
		i -= w
	}
	return len(s) - i
}
