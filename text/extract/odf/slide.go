package odf

import (
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/grid"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

// slide reads a slide, or a page of a drawing, with its notes.
func (d *document) slide(t *parts.Tokens, e parts.Token) error {
	outer := d.page
	if len(d.sinks) == 0 {
		d.pages++
		d.page = d.pages
	}
	err := t.Within(func(e parts.Token) error { return d.element(t, e) })
	d.page = outer
	return err
}

// slideTitle reads the text of a slide's title, whatever paragraphs it is written in,
// as one heading.
func (d *document) slideTitle(t *parts.Tokens) error {
	depth := len(d.sinks)
	if err := d.begin(""); err != nil {
		return err
	}
	failed := t.Within(func(e parts.Token) error { return d.element(t, e) })
	pieces, err := d.endAt(depth)
	if err != nil {
		return err
	}
	var words []string
	for _, p := range pieces {
		if p.Table == nil {
			words = append(words, strings.TrimPrefix(p.Text, "- "))
		}
	}
	if err := d.put(grid.Piece{Block: rag.Block{Kind: rag.Heading, Level: 1}, Text: strings.Join(words, " ")}); err != nil {
		return err
	}
	return failed
}
