package chunk

import "github.com/smartretriever/smartretriever/rag"

// structureParts are the blocks of a text as they are: a document's own headings
// begin its sections.
func structureParts(t rag.Text) []part {
	blocks := outline(t)
	parts := make([]part, len(blocks))
	for i, b := range blocks {
		parts[i] = asPart(t.Content, b)
	}
	return parts
}

// asPart is a block that is left as it is.
func asPart(text string, b rag.Block) part {
	p := part{Block: b}
	if b.Kind == rag.Heading {
		p.begins, p.level, p.name = true, level(b), HeadingName(b.Span.Of(text))
	}
	return p
}
