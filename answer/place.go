package answer

import (
	"slices"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/chunk"
)

// A chunk says on which page and under which headings it begins. The words that are
// quoted from it may stand pages and headings further on; where they do is told by the
// blocks of the document, which places reads once a document.
type places map[placedVersion][]rag.Block

type placedVersion struct {
	id      rag.DocumentID
	version int
}

// of returns the page and the headings of the words that begin at an offset of a
// hit's document, given those of the chunk around them, which begins at start.
func (p places) of(c *citer, h rag.Hit, offset, start, page int, heading []string) (int, []string) {
	key := placedVersion{h.Document.ID, h.Version}
	blocks, known := p[key]
	if !known {
		// Without blocks, as while the document is being deleted, the chunk's place is
		// the best there is.
		blocks, _ = c.chunks.Blocks(c.ctx, c.col, h.Document.ID, h.Version)
		p[key] = blocks
	}
	at := last(blocks, offset)
	if at < 0 {
		return page, heading
	}
	page = blocks[at].Page
	under := headings(blocks, at)
	if slices.Equal(under, headings(blocks, last(blocks, start))) {
		return page, heading // which may be of the chunker's own making, as of clauses
	}
	names := make([]string, 0, len(under))
	for _, span := range under {
		text, err := c.chunks.Quote(c.ctx, c.col, h.Document.ID, h.Version, span)
		if err != nil {
			return page, heading
		}
		names = append(names, chunk.HeadingName(text))
	}
	return page, names
}

// last returns the index of the last block that begins at or before an offset, -1 for none.
func last(blocks []rag.Block, offset int) int {
	i, _ := slices.BinarySearchFunc(blocks, offset+1, func(b rag.Block, o int) int { return b.Span.Start - o })
	return i - 1
}

// headings returns the spans of the headings that a block lies under, the outermost
// first. A heading lies under itself.
func headings(blocks []rag.Block, at int) []rag.Span {
	var under []rag.Span
	least := 7
	for i := at; i >= 0 && least > 1; i-- {
		if b := blocks[i]; b.Kind == rag.Heading && min(max(b.Level, 1), 6) < least {
			least = min(max(b.Level, 1), 6)
			under = append(under, b.Span)
		}
	}
	slices.Reverse(under)
	return under
}
