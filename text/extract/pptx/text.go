package pptx

import (
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/drawing"
	"github.com/smartretriever/smartretriever/text/extract/grid"
)

// pieces returns the text of a shape, of a group's members in their order.
func (s *slide) pieces(sh *shape) []grid.Piece {
	out := paragraphs(&sh.body, s.page)
	if sh.footer() {
		for i := range out {
			out[i].Block.Kind, out[i].Block.Level = rag.Footer, 0
		}
	}
	out = append(out, sh.frame...)
	for _, inner := range order(sh.group) {
		out = append(out, s.pieces(inner)...)
	}
	return out
}

// paragraphs makes blocks of a shape's paragraphs: those with a bullet or a number
// are list items.
func paragraphs(b *drawing.Body, page int) []grid.Piece {
	var out []grid.Piece
	var count [drawing.Levels]int
	for _, p := range b.Paragraphs {
		text := strings.TrimSpace(p.Text)
		if text == "" {
			continue
		}
		bullet := p.Bullet
		if bullet.Kind == drawing.Inherited {
			bullet = b.Bullets[p.Level]
		}
		for deeper := p.Level + 1; deeper < drawing.Levels; deeper++ {
			count[deeper] = 0
		}
		block := rag.Block{Kind: rag.ListItem, Level: p.Level + 1, Page: page}
		switch bullet.Kind {
		case drawing.Sign:
			text = "- " + text
		case drawing.Numbered:
			text = drawing.Number(bullet.Format, bullet.Start+count[p.Level]) + " " + text
			count[p.Level]++
		default:
			count[p.Level] = 0
			block.Kind, block.Level = rag.Paragraph, 0
		}
		out = append(out, grid.Piece{Block: block, Text: text})
	}
	return out
}
