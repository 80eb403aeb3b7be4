package pptx

import (
	"github.com/smartretriever/smartretriever/text/extract/drawing"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

const maxLayouts = 1000 // layouts and masters that are kept

// layout is what a slide's placeholders take from the slide's layout, and those of a
// layout from its master: where they stand and which paragraphs have bullets
// (ECMA-376 part 1, 19.3.1.36).
type layout struct {
	kind         string // of a layout: "title", "secHead", ...
	placeholders []*shape
	master       *layout
	title, body  bullets // of a master, for its titles and for what is below them
}

type bullets = [drawing.Levels]drawing.Bullet

// layout returns the one that a slide or a layout refers to; nil if there is none.
func (d *deck) layout(rels parts.Relations, kind string) (*layout, error) {
	part := rels.First(kind)
	if part == "" || !d.pkg.Has(part) {
		return nil, nil
	}
	if l, known := d.layouts[part]; known {
		return l, nil
	}
	if len(d.layouts) >= maxLayouts {
		return nil, nil
	}
	l := &layout{}
	d.layouts[part] = l
	if err := d.readLayout(part, l); err != nil {
		return nil, err
	}
	if kind == "slidelayout" {
		master, err := d.layout(d.pkg.Relations(part), "slidemaster")
		if err != nil {
			return nil, err
		}
		if master != l && (master == nil || master.master == nil) {
			l.master = master // and never in a circle
		}
	}
	return l, nil
}

func (d *deck) readLayout(part string, l *layout) error {
	s := &slide{deck: d, bare: true}
	return d.pkg.Read(part, func(t *parts.Tokens) error {
		for {
			e, err := t.Next()
			if err != nil {
				return parts.Ended(err)
			}
			if e.Kind != parts.StartElement {
				continue
			}
			switch e.Name {
			case "sldlayout":
				l.kind = e.Attr("type")
			case "sptree":
				shapes, err := s.tree(t)
				if err != nil {
					return err
				}
				for _, sh := range shapes {
					if sh.holder != "" {
						l.placeholders = append(l.placeholders, sh)
					}
				}
			case "titlestyle":
				if l.title, err = drawing.ReadBullets(t); err != nil {
					return err
				}
			case "bodystyle":
				if l.body, err = drawing.ReadBullets(t); err != nil {
					return err
				}
			}
		}
	})
}

// find returns the placeholder of the layout that sh is based on: the one of the same
// index, or else of the same type.
func (l *layout) find(sh *shape) *shape {
	for _, p := range l.placeholders {
		if sh.index != "" && p.index == sh.index && p.title() == sh.title() {
			return p
		}
	}
	for _, p := range l.placeholders {
		if family(p.holder) == family(sh.holder) {
			return p
		}
	}
	return nil
}

// family is the type of the master's placeholder that one of the type is based on.
func family(holder string) string {
	switch holder {
	case "ctrTitle", "title":
		return "title"
	case "dt", "ftr", "sldNum", "hdr":
		return holder
	}
	return "body"
}

// inherit completes a shape of the slide by what the layout and its master say.
func (l *layout) inherit(sh *shape) {
	if l == nil || sh.holder == "" {
		return
	}
	merge := func(from *bullets) {
		for i, b := range from {
			if sh.body.Bullets[i].Kind == drawing.Inherited {
				sh.body.Bullets[i] = b
			}
		}
	}
	base := sh
	for at := l; at != nil; at = at.master {
		if found := at.find(base); found != nil {
			if !sh.placed {
				sh.box, sh.placed = found.box, found.placed
			}
			merge(&found.body.Bullets)
			base = found
		}
		if at.master == nil {
			switch family(sh.holder) {
			case "title":
				merge(&at.title)
			case "body":
				merge(&at.body)
			}
		}
	}
}
