package pptx

import (
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/grid"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

// slide is one while it is read.
type slide struct {
	*deck
	rels   parts.Relations
	page   int
	layout *layout
	bare   bool // of a layout: only where placeholders stand and what they look like is read
	held   int  // bytes of text in its shapes
}

// readSlide reads a slide and puts it out: title, contents, footers, and then what
// was said about it.
func (d *deck) readSlide(part string, page int) error {
	s := &slide{deck: d, page: page, rels: d.pkg.Relations(part)}
	l, err := d.layout(s.rels, "slidelayout")
	if err != nil {
		return err
	}
	s.layout = l
	var shapes []*shape
	err = d.pkg.Read(part, func(t *parts.Tokens) error {
		for {
			e, err := t.Next()
			if err != nil {
				return parts.Ended(err)
			}
			switch {
			case e.Start("sld"):
				if show := e.Attr("show"); show == "0" || show == "false" {
					d.pkg.Warn("slide " + strconv.Itoa(page) + " is hidden; it was read")
				}
			case e.Start("sptree"):
				more, err := s.tree(t)
				shapes = append(shapes, more...)
				if err != nil {
					return err
				}
			}
		}
	})
	if err != nil {
		return err
	}
	if err := s.put(shapes); err != nil {
		return err
	}
	return s.readRemarks()
}

// put puts the shapes out.
func (s *slide) put(shapes []*shape) error {
	for _, sh := range flatten(shapes) {
		s.layout.inherit(sh)
	}
	var titles, rest, footers []*shape
	for _, sh := range shapes {
		switch {
		case sh.title():
			titles = append(titles, sh)
		case sh.footer():
			footers = append(footers, sh)
		default:
			rest = append(rest, sh)
		}
	}
	var pieces, foot []grid.Piece
	for _, sh := range order(rest) {
		pieces = append(pieces, s.pieces(sh)...)
	}
	for _, sh := range footers {
		foot = append(foot, s.pieces(sh)...)
	}
	heading := ""
	for _, sh := range titles {
		heading += " " + strings.ReplaceAll(sh.body.Text(), "\n", " ")
	}
	if heading = clean.Line(heading); heading == "" {
		heading, pieces = s.title(pieces)
	}
	s.titled = heading != ""
	if err := s.b.Add(rag.Block{Kind: rag.Heading, Level: s.level(titles, heading), Page: s.page}, heading); err != nil {
		return err
	}
	if err := s.add(pieces); err != nil {
		return err
	}
	return s.add(foot)
}

// title finds one for a slide that has none: the line that stands first, if it looks
// like one, or the slide's number if there was a title before and there is anything
// to be titled.
func (s *slide) title(pieces []grid.Piece) (string, []grid.Piece) {
	if len(pieces) == 0 {
		return "", pieces
	}
	first := pieces[0]
	line := strings.TrimSpace(first.Text)
	if first.Table == nil && first.Block.Kind == rag.Paragraph && len(line) <= maxTitle && !strings.ContainsAny(line, "\n\v") && !strings.HasSuffix(line, ".") && !strings.HasSuffix(line, ":") {
		return clean.Line(line), pieces[1:]
	}
	if s.titled {
		return "Slide " + strconv.Itoa(s.page), pieces
	}
	return "", pieces
}

// level is the level of the slide's heading.
func (s *slide) level(titles []*shape, heading string) int {
	opens := s.layout != nil && (s.layout.kind == "title" || s.layout.kind == "secHead")
	for _, sh := range titles {
		opens = opens || sh.holder == "ctrTitle"
	}
	if opens && len(titles) > 0 && heading != "" {
		s.opened = true
		return 1
	}
	if s.opened {
		return 2
	}
	return 1
}

// flatten lists shapes with those in groups.
func flatten(shapes []*shape) []*shape {
	var out []*shape
	for _, sh := range shapes {
		out = append(out, sh)
		out = append(out, flatten(sh.group)...)
	}
	return out
}
