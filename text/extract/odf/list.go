package odf

import "github.com/smartretriever/smartretriever/text/extract/parts"

// lists is what is known of the lists of a text: the item that is open, and how far
// each list has come, since a later one can continue it.
type lists struct {
	item    *item
	byStyle map[string]*count
	byID    map[string]*count
}

const maxLists = 20_000 // that can be continued

func newLists() lists {
	return lists{byStyle: map[string]*count{}, byID: map[string]*count{}}
}

// list is one level of an open list.
type list struct {
	style string
	level int // from 0
	count *count
}

// item is an open item of a list.
type item struct {
	list     *list
	start    int  // the number it asks for, -1 for none
	bare     bool // it has no label: a header, or its label was given
	labelled bool // its first paragraph was met
}

// list reads a list up to its end.
func (d *document) list(t *parts.Tokens, e parts.Token) error {
	outer := d.lists.item
	l := &list{style: e.Attr("style-name")}
	continues, id := e.Attr("continue-numbering") == "true", e.Attr("continue-list")
	if outer != nil {
		l.level = min(outer.list.level+1, listLevels-1)
		l.count = outer.list.count
		if l.style == "" {
			l.style = outer.list.style
		}
		if !continues && outer.labelled {
			l.count.restart(l.level)
		}
	} else {
		l.count = d.continued(l.style, continues, id)
		if own := e.Attr("id"); own != "" && len(d.lists.byID) < maxLists {
			d.lists.byID[own] = l.count
		}
	}
	err := t.Within(func(e parts.Token) error {
		switch {
		case e.Start("list-item"):
			return d.listItem(t, &item{list: l, start: number(e.Attr("start-value"), -1)})
		case e.Start("list-header"):
			return d.listItem(t, &item{list: l, start: -1, bare: true})
		}
		return nil
	})
	d.lists.item = outer
	return err
}

func (d *document) listItem(t *parts.Tokens, it *item) error {
	d.lists.item = it
	return t.Within(func(e parts.Token) error { return d.element(t, e) })
}

// continued returns the count of a new list, which may go on with an earlier one's.
func (d *document) continued(style string, continues bool, id string) *count {
	if c := d.lists.byID[id]; c != nil && id != "" {
		return c
	}
	if c := d.lists.byStyle[style]; c != nil && continues {
		return c
	}
	c := &count{}
	if len(d.lists.byStyle) < maxLists {
		d.lists.byStyle[style] = c
	}
	return c
}

// label counts an item at its first paragraph and returns its label; "" for the
// paragraphs behind that.
func (d *document) label(it *item, paragraphStyle string) string {
	if it.labelled || it.bare {
		return ""
	}
	it.labelled = true
	style := d.styles.lists[it.list.style]
	if style == nil {
		style = d.styles.lists[d.styles.list(paragraphStyle)]
	}
	it.list.count.next(style, it.list.level, it.start)
	return it.list.count.label(style, it.list.level)
}
