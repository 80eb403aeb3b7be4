package drawing

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/text/extract/parts"
)

const maxNodes = 20_000 // of a diagram

// Item is a node of a diagram.
type Item struct {
	Level int // from 1
	Text  string
}

// ReadDiagram reads the data of a SmartArt diagram (ECMA-376 part 1, 21.4): its
// nodes as a list, each before its children, in their order. limit is the most bytes
// of one node's text, 0 for no limit.
func ReadDiagram(p *parts.Package, part string, limit int) ([]Item, error) {
	d := &diagram{nodes: map[string]*node{}}
	err := p.Read(part, func(t *parts.Tokens) error {
		for {
			e, err := t.Next()
			if err != nil {
				return parts.Ended(err)
			}
			if e.Kind != parts.StartElement {
				continue
			}
			switch e.Name {
			case "pt":
				err = d.point(t, e, limit)
			case "cxn":
				d.connect(e)
			case "bg", "whole", "extlst":
				err = t.Skip()
			}
			if err != nil {
				return err
			}
		}
	})
	return d.list(), err
}

type diagram struct {
	nodes map[string]*node
	order []*node
}

type node struct {
	text     string
	children []child
	inner    bool // a child of another
	seen     bool
}

type child struct {
	place int
	*node
}

// point reads a point of the model: the document itself or a node. The others stand
// for the lines between nodes and for how things are drawn.
func (d *diagram) point(t *parts.Tokens, e parts.Token, limit int) error {
	id := e.Attr("modelid")
	switch e.Attr("type") {
	case "", "node", "asst", "doc":
	default:
		return t.Skip()
	}
	n := &node{}
	err := t.Within(func(e parts.Token) error {
		switch {
		case e.Kind != parts.StartElement:
			return nil
		case e.Name != "t":
			return t.Skip()
		}
		body, err := ReadBody(t, limit)
		n.text = body.Text()
		return err
	})
	if _, twice := d.nodes[id]; !twice && len(d.nodes) < maxNodes {
		d.nodes[id] = n
		d.order = append(d.order, n)
	}
	return err
}

func (d *diagram) connect(e parts.Token) {
	if kind := e.Attr("type"); kind != "" && kind != "parOf" {
		return
	}
	from, to := d.nodes[e.Attr("srcid")], d.nodes[e.Attr("destid")]
	if from == nil || to == nil || to.inner {
		return
	}
	place, _ := strconv.Atoi(e.Attr("srcord"))
	to.inner = true
	from.children = append(from.children, child{place, to})
}

// list walks the tree, then what hangs on no root because the file says so in a
// circle.
func (d *diagram) list() []Item {
	var out []Item
	type step struct {
		*node
		level int
	}
	walk := func(root *node) {
		stack := []step{{root, 0}}
		for len(stack) > 0 {
			at := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if at.seen {
				continue
			}
			at.seen = true
			level := at.level
			if strings.TrimSpace(at.text) != "" {
				level++
				out = append(out, Item{level, at.text})
			}
			slices.SortStableFunc(at.children, func(a, b child) int { return cmp.Compare(a.place, b.place) })
			for _, c := range slices.Backward(at.children) {
				stack = append(stack, step{c.node, level})
			}
		}
	}
	for _, n := range d.order {
		if !n.inner {
			walk(n)
		}
	}
	for _, n := range d.order {
		walk(n)
	}
	return out
}
