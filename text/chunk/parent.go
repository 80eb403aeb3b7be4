package chunk

import (
	"slices"

	"github.com/smartretriever/smartretriever/rag"
)

// widen gives each chunk its parent: the section that it is part of, together with
// its neighbours where these are short, or a part of the section where it is long,
// of up to size tokens. A chunk that has no neighbours to be read with has none.
//
// Parents are packed of chunks as chunks are packed of sentences: those under one
// heading are a unit.
func (m measure) widen(t rag.Text, chunks []rag.Chunk, size int) {
	m.size, m.overlap = size, 0
	blocks := outline(t)
	next := 0
	for len(chunks) > 0 {
		// Up to the next running header or footer.
		for next < len(blocks) && (!running(blocks[next]) || blocks[next].Span.Start < chunks[0].Span.Start) {
			next++
		}
		n := len(chunks)
		if next < len(blocks) {
			stop := blocks[next].Span.Start
			n = max(1, sortedBefore(chunks, stop))
		}
		m.widenRun(t.Content, chunks[:n])
		chunks = chunks[n:]
	}
}

// sortedBefore returns how many of the chunks begin before stop.
func sortedBefore(chunks []rag.Chunk, stop int) int {
	n, _ := slices.BinarySearchFunc(chunks, stop, func(c rag.Chunk, stop int) int { return c.Span.Start - stop })
	return n
}

func (m measure) widenRun(text string, chunks []rag.Chunk) {
	r := &run{atoms: make([]atom, len(chunks))}
	for i, c := range chunks {
		at := groupStart
		if i > 0 && slices.Equal(c.Heading, chunks[i-1].Heading) {
			at = itemStart
		}
		r.atoms[i] = atom{span: c.Span, tokens: c.Tokens, border: at}
		r.tokens += c.Tokens
	}
	for _, d := range m.pack(r, true, groupStart) {
		m.adopt(text, chunks[d.from:d.to])
	}
}

// adopt makes one parent of neighbouring chunks, or two where their tokens together
// are more than their sum said.
func (m measure) adopt(text string, chunks []rag.Chunk) {
	if len(chunks) < 2 {
		return
	}
	span := rag.Span{Start: chunks[0].Span.Start, End: chunks[len(chunks)-1].Span.End}
	if m.count(span.Of(text)) > m.size {
		m.adopt(text, chunks[:len(chunks)/2])
		m.adopt(text, chunks[len(chunks)/2:])
		return
	}
	for i := range chunks {
		chunks[i].Parent = span
	}
}
