package odf

import (
	"path"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/grid"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

const (
	maxObjects = 2000 // objects that are read
	maxNested  = 4    // objects within objects
)

// object reads a document within the document: a formula becomes part of the paragraph
// p, unless that is nil; of others the text and tables count. It lies in parts of its
// own, or, in flat XML, in the element.
func (d *document) object(t *parts.Tokens, e parts.Token, p *para) error {
	href := e.Attr("href")
	err := t.Within(func(e parts.Token) error {
		if e.Start("math") {
			return d.formula(t, p)
		}
		return d.element(t, e)
	})
	if err != nil || href == "" || strings.Contains(href, ":") {
		return err
	}
	name := parts.Name(path.Join(d.dir, href, contentPart))
	if d.objects >= maxObjects || d.nested >= maxNested || !d.files.pkg.Has(name) {
		return nil
	}
	d.objects++
	return d.part(name, p)
}

// part reads the content of an object, with the state of the document around it put
// aside.
func (d *document) part(name string, p *para) error {
	styles, lists, tables, inside, dir := d.styles, d.lists, d.tables, d.inside, d.dir
	defer func() { d.styles, d.lists, d.tables, d.inside, d.dir = styles, lists, tables, inside, dir }()
	if err := d.flushCode(); err != nil {
		return err
	}
	d.styles, d.lists, d.tables, d.inside, d.dir = newStyles(), newLists(), 0, len(d.sinks), path.Dir(name)
	d.nested++
	defer func() { d.nested-- }()
	title, metadata := d.title, d.metadata
	defer func() { d.title, d.metadata = title, metadata }()
	return d.files.read(name, func(t *parts.Tokens) error {
		return d.rootOf(t, p)
	})
}

// formula reads a formula in MathML.
func (d *document) formula(t *parts.Tokens, p *para) error {
	text, err := linear(t)
	switch {
	case text == "":
	case p != nil:
		p.write(" " + text + " ")
	default:
		if err := d.put(grid.Piece{Block: rag.Block{Kind: rag.Paragraph}, Text: text}); err != nil {
			return err
		}
	}
	return err
}
