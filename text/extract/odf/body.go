package odf

import (
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/grid"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

// passedOver lists the elements whose contents are no text of the document: tracked
// changes and what was before them, annotations, declarations, the models after which
// indexes are made, form controls, messages of validations, animations, data of
// pictures, scripts.
var passedOver = map[string]bool{
	"tracked-changes": true, "annotation": true, "previous": true, "forms": true, "content-validations": true, "dde-links": true,
	"dde-source": true, "sequence-decls": true, "variable-decls": true, "user-field-decls": true, "scripts": true, "script": true,
	"event-listeners": true, "table-of-content-source": true, "illustration-index-source": true, "table-index-source": true,
	"object-index-source": true, "user-index-source": true, "alphabetical-index-source": true, "bibliography-source": true,
	"binary-data": true, "enhanced-geometry": true, "page-thumbnail": true, "styles": true, "automatic-styles": true,
	"master-styles": true, "meta": true, "settings": true, "font-face-decls": true, "par": true, "animations": true,
	"calculation-settings": true, "named-expressions": true, "database-ranges": true, "data-pilot-tables": true, "label-ranges": true,
	"consolidation": true, "change-info": true, "conditional-formats": true, "sparkline-groups": true,
}

// shapes are the elements of drawings that can hold text.
var shapes = map[string]bool{
	"frame": true, "custom-shape": true, "rect": true, "ellipse": true, "circle": true, "line": true, "polyline": true, "polygon": true,
	"regular-polygon": true, "path": true, "connector": true, "measure": true, "caption": true, "g": true, "control": true, "scene": true,
}

// element handles an element where blocks may stand. Containers without a meaning of
// their own (sections, indexes, text boxes) are passed through: their contents come as
// the next tokens.
func (d *document) element(t *parts.Tokens, e parts.Token) error {
	if e.Kind != parts.StartElement {
		return nil
	}
	switch e.Name {
	case "p", "h":
		return d.paragraph(t, e)
	case "list":
		return d.list(t, e)
	case "table":
		return d.table(t, e)
	case "spreadsheet":
		return d.spreadsheet(t)
	case "page":
		return d.slide(t, e)
	case "section", "alphabetical-index", "table-of-content":
		if e.Attr("display") == "none" || e.Attr("is-hidden") == "true" {
			return t.Skip()
		}
	case "object":
		return d.object(t, e, nil)
	case "math":
		return d.formula(t, nil)
	case "header-decl", "footer-decl":
		return d.declared(t, e.Name)
	default:
		switch {
		case passedOver[e.Name]:
			return t.Skip()
		case shapes[e.Name]:
			return d.shape(t, e)
		}
	}
	return nil
}

// shape reads a shape with its text.
func (d *document) shape(t *parts.Tokens, e parts.Token) error {
	if e.Attr("placeholder") == "true" {
		return t.Skip() // "Click to add text"
	}
	switch e.Attr("class") {
	case "title":
		return d.slideTitle(t)
	case "header", "footer", "date-time", "page-number", "page":
		return t.Skip()
	}
	return t.Within(func(e parts.Token) error { return d.element(t, e) })
}

// note reads a foot- or endnote. It stands behind the body and begins with its number.
func (d *document) note(t *parts.Tokens) error {
	if err := d.begin(rag.Footnote); err != nil {
		return err
	}
	number := ""
	err := t.Within(func(e parts.Token) (err error) {
		if e.Start("note-citation") {
			number, err = short(t)
			return err
		}
		return d.element(t, e)
	})
	if err != nil {
		return err
	}
	pieces, err := d.end()
	if err != nil {
		return err
	}
	for i, p := range pieces {
		if i == 0 && number != "" && p.Table == nil {
			p.Text = number + " " + p.Text
		}
		d.notes = append(d.notes, p)
		if err := d.hold(len(p.Text)); err != nil {
			return err
		}
	}
	return nil
}

// declared reads a header or footer that slides refer to.
func (d *document) declared(t *parts.Tokens, name string) error {
	text, err := short(t)
	if err != nil || text == "" {
		return err
	}
	role := rag.Header
	if name == "footer-decl" {
		role = rag.Footer
	}
	return d.putRunning(role, []grid.Piece{{Block: rag.Block{Kind: role}, Text: text}})
}
