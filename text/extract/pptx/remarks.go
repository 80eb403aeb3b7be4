package pptx

import (
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/drawing"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

const (
	maxAuthors = 10_000
	maxName    = 64 << 10 // bytes
)

// readRemarks reads the speaker notes of a slide and the comments on it.
func (s *slide) readRemarks() error {
	for _, part := range s.rels.All("notesslide") {
		if err := s.readNotes(part); err != nil {
			return err
		}
	}
	for _, part := range s.rels.All("comments") {
		if err := s.readComments(part); err != nil {
			return err
		}
	}
	return nil
}

// readNotes reads a notes page: of its placeholders only the body is what was
// written there; the others repeat the slide and its number.
func (s *slide) readNotes(part string) error {
	notes := &slide{deck: s.deck, page: s.page}
	return s.pkg.Read(part, func(t *parts.Tokens) error {
		for {
			e, err := t.Next()
			if err != nil {
				return parts.Ended(err)
			}
			if !e.Start("sptree") {
				continue
			}
			shapes, err := notes.tree(t)
			if err != nil {
				return err
			}
			for _, sh := range flatten(shapes) {
				if sh.holder != "" && sh.holder != "body" {
					continue
				}
				for _, p := range paragraphs(&sh.body, s.page) {
					if err := s.remark(p.Text); err != nil {
						return err
					}
				}
			}
		}
	})
}

func (s *slide) remark(text string) error {
	return s.b.Add(rag.Block{Kind: rag.Footnote, Page: s.page}, text)
}

// readAuthors reads who comments: commentAuthors.xml, and authors.xml since 2021.
func (d *deck) readAuthors(rels parts.Relations) error {
	d.authors = map[string]string{}
	for _, part := range append(rels.All("commentauthors"), rels.All("authors")...) {
		err := d.pkg.Read(part, func(t *parts.Tokens) error {
			for {
				e, err := t.Next()
				if err != nil {
					return parts.Ended(err)
				}
				if (e.Start("cmauthor") || e.Start("author")) && len(d.authors) < maxAuthors {
					d.authors[e.Attr("id")] = e.Attr("name")
				}
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// readComments reads comments and answers, in both forms that PowerPoint writes.
func (s *slide) readComments(part string) error {
	who, when := "", ""
	return s.pkg.Read(part, func(t *parts.Tokens) error {
		for {
			e, err := t.Next()
			if err != nil {
				return parts.Ended(err)
			}
			if e.Kind != parts.StartElement {
				continue
			}
			text := ""
			switch e.Name {
			case "cm", "reply":
				who, when = s.authors[e.Attr("authorid")], e.Attr("dt")
				if when == "" {
					when = e.Attr("created")
				}
				continue
			case "text":
				text, err = t.Text(maxName)
			case "txbody":
				var body drawing.Body
				body, err = drawing.ReadBody(t, maxName)
				text = body.Text()
			default:
				continue
			}
			if err != nil {
				return err
			}
			if strings.TrimSpace(text) != "" {
				if err := s.remark(commented(who, when) + text); err != nil {
					return err
				}
			}
		}
	})
}

// commented says who wrote a comment and on which day.
func commented(who, when string) string {
	out := "Comment"
	if who != "" {
		out += " by " + who
	}
	if day, _, found := strings.Cut(when, "T"); found {
		out += ", " + day
	}
	return out + ": "
}
