package docx

import (
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/drawing"
	"github.com/smartretriever/smartretriever/text/extract/grid"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

// related returns the part that an attribute with a namespace (r:id, r:dm) names in
// the part being read.
func (d *document) related(e parts.Token, name string) string {
	for _, a := range e.Attrs {
		if a.Name.Space != "" && strings.EqualFold(a.Name.Local, name) {
			if d.rels == nil {
				d.rels = d.pkg.Relations(d.part)
			}
			return d.rels.ByID(a.Value).Part
		}
	}
	return ""
}

// chart puts out the chart that the element refers to. It comes before the paragraph
// that it is anchored in, as text boxes do.
func (d *document) chart(e parts.Token) error {
	part := d.related(e, "id")
	if part == "" {
		return nil
	}
	chart, err := drawing.ReadChart(d.pkg, part)
	if err != nil {
		return err
	}
	for _, p := range chart.Pieces(0) {
		switch {
		case d.role == "":
		case p.Table != nil:
			p.Table.As(d.role)
		default:
			p.Block.Kind = d.role
		}
		if err := d.put(p); err != nil {
			return err
		}
	}
	return nil
}

// diagram puts out the nodes of a diagram as a list.
func (d *document) diagram(e parts.Token) error {
	part := d.related(e, "dm")
	if part == "" {
		return nil
	}
	items, err := drawing.ReadDiagram(d.pkg, part, d.b.Limit)
	if err != nil {
		return err
	}
	for _, item := range items {
		block := rag.Block{Kind: rag.ListItem, Level: item.Level}
		if d.role != "" {
			block = rag.Block{Kind: d.role}
		}
		if err := d.put(grid.Piece{Block: block, Text: "- " + item.Text}); err != nil {
			return err
		}
	}
	return nil
}
