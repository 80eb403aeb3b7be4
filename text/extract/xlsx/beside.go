package xlsx

import (
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/drawing"
	"github.com/smartretriever/smartretriever/text/extract/grid"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

const (
	maxBeside  = 1000 // tables, drawings and comment parts of one sheet
	maxPersons = 10_000
	maxRemarks = 100_000
)

// readBeside reads what belongs to a sheet beside its cells: the tables defined on
// it, which say where cells belong together, and as pieces the texts and charts drawn
// on it and the comments.
func (s *sheet) readBeside(rels parts.Relations) ([]grid.Piece, error) {
	left := maxBeside
	each := func(kind string, read func(part string) error) error {
		for _, part := range rels.All(kind) {
			if left--; left < 0 {
				return nil
			}
			if err := read(part); err != nil {
				return err
			}
		}
		return nil
	}
	var out []grid.Piece
	if err := each("table", s.readTable); err != nil {
		return nil, err
	}
	err := each("drawing", func(part string) error {
		more, err := s.readDrawing(part)
		out = append(out, more...)
		return err
	})
	if err != nil {
		return nil, err
	}
	threads := map[string]bool{} // cells with a thread, whose plain comment only repeats it
	err = each("threadedcomment", func(part string) error {
		more, err := s.readThreads(part, threads)
		out = append(out, more...)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = each("comments", func(part string) error {
		more, err := s.readComments(part, threads)
		out = append(out, more...)
		return err
	})
	return out, err
}

func (s *sheet) readTable(part string) error {
	return s.pkg.Read(part, func(t *parts.Tokens) error {
		for {
			e, err := t.Next()
			if err != nil {
				return parts.Ended(err)
			}
			if !e.Start("table") {
				continue
			}
			a, ok := parseArea(e.Attr("ref"))
			name := e.Attr("displayname")
			if name == "" {
				name = e.Attr("name")
			}
			if ok {
				s.tables = append(s.tables, defined{a, name, e.Attr("headerrowcount") != "0"})
			}
			return nil
		}
	})
}

// readDrawing reads the text boxes and charts of a drawing. Of a chart on a sheet
// with cells only the caption is told, since its numbers stand in cells; a sheet
// without any, as one that is a chart, has nothing else to say.
func (s *sheet) readDrawing(part string) ([]grid.Piece, error) {
	var out []grid.Piece
	rels := s.pkg.Relations(part)
	err := s.pkg.Read(part, func(t *parts.Tokens) error {
		for {
			e, err := t.Next()
			if err != nil {
				return parts.Ended(err)
			}
			if e.Kind != parts.StartElement {
				continue
			}
			switch e.Name {
			case "txbody":
				body, err := drawing.ReadBody(t, s.b.Limit)
				if err != nil {
					return err
				}
				text := body.Text()
				if err := s.hold(len(text)); err != nil {
					return err
				}
				if text != "" {
					out = append(out, grid.Piece{Block: rag.Block{Kind: rag.Paragraph}, Text: text})
				}
			case "chart":
				chart, err := drawing.ReadChart(s.pkg, rels.ByID(relation(e)).Part)
				if err != nil {
					return err
				}
				if len(s.cells) > 0 {
					chart.Tables = nil
				}
				out = append(out, chart.Pieces(0)...)
			case "fallback":
				if err := t.Skip(); err != nil {
					return err
				}
			}
		}
	})
	return out, err
}

// readPersons reads who writes threaded comments.
func (w *workbook) readPersons(names []string) error {
	w.persons = map[string]string{}
	for _, part := range names[:min(len(names), maxBeside)] {
		err := w.pkg.Read(part, func(t *parts.Tokens) error {
			for {
				e, err := t.Next()
				if err != nil {
					return parts.Ended(err)
				}
				if e.Start("person") && len(w.persons) < maxPersons {
					w.persons[e.Attr("id")] = e.Attr("displayname")
				}
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// readThreads reads comments that can be answered, as Excel writes them since 2018.
func (s *sheet) readThreads(part string, threads map[string]bool) ([]grid.Piece, error) {
	var out []grid.Piece
	err := s.pkg.Read(part, func(t *parts.Tokens) error {
		who, ref, when := "", "", ""
		for {
			e, err := t.Next()
			if err != nil {
				return parts.Ended(err)
			}
			switch {
			case e.Start("threadedcomment"):
				who, ref = s.persons[e.Attr("personid")], e.Attr("ref")
				when, _, _ = strings.Cut(e.Attr("dt"), "T")
				if len(threads) < maxRemarks {
					threads[ref] = true
				}
			case e.Start("text"):
				text, err := t.Text(maxString)
				if err != nil {
					return err
				}
				if out, err = s.remark(out, who, ref, when, text); err != nil {
					return err
				}
			}
		}
	})
	return out, err
}

// readComments reads the comments, now called notes, of a sheet.
func (s *sheet) readComments(part string, threads map[string]bool) ([]grid.Piece, error) {
	var out []grid.Piece
	var authors []string
	err := s.pkg.Read(part, func(t *parts.Tokens) error {
		who, ref := "", ""
		for {
			e, err := t.Next()
			if err != nil {
				return parts.Ended(err)
			}
			switch {
			case e.Start("author"):
				name, err := t.Text(maxString)
				if err != nil {
					return err
				}
				if len(authors) < maxPersons {
					authors = append(authors, name)
				}
			case e.Start("comment"):
				who, ref = "", e.Attr("ref")
				if n, rest := leading(e.Attr("authorid")); rest == "" && int(n) < len(authors) {
					who = authors[n]
				}
			case e.Start("text"):
				text, err := rich(t)
				if err != nil {
					return err
				}
				if threads[ref] {
					continue
				}
				text = strings.TrimPrefix(strings.TrimSpace(text), who+":") // which Excel writes in front
				if out, err = s.remark(out, who, ref, "", text); err != nil {
					return err
				}
			}
		}
	})
	return out, err
}

// remark adds a comment.
func (s *sheet) remark(out []grid.Piece, who, ref, when, text string) ([]grid.Piece, error) {
	if strings.TrimSpace(text) == "" || len(out) >= maxRemarks {
		return out, nil
	}
	about := "Comment"
	if who = strings.TrimSpace(who); who != "" {
		about += " by " + who
	}
	if ref != "" {
		about += " on " + ref
	}
	if when != "" {
		about += ", " + when
	}
	text = about + ": " + strings.TrimSpace(text)
	return append(out, grid.Piece{Block: rag.Block{Kind: rag.Footnote}, Text: text}), s.hold(len(text))
}
