// Package pptx extracts the text of PowerPoint presentations (Office Open XML,
// ECMA-376 part 1, transitional and strict: PPTX, PPTM, POTX, PPSX).
//
// A slide is a page. The parts of the container are read by package parts, as
// streams of XML tokens, and the text in shapes, charts and diagrams by package
// drawing:
//
//	presentation.xml          the slides in their order        pptx.go
//	slideLayouts, Masters     what placeholders inherit        layout.go
//	slides                    shapes, tables, charts           slide.go, shape.go
//	                          which shape is read when         order.go
//	                          what a shape's paragraphs are    text.go
//	notesSlides, comments     what was said about a slide      remarks.go
//
// The title of a slide is a heading: of level 1 on a title slide or one that opens a
// section, of level 2 below such a slide, and of level 1 in a deck that has none.
// Slides without a title take the line that stands first as theirs, if it is short;
// otherwise "Slide 7" keeps them from standing under the title of the slide before.
//
// Speaker notes and comments follow their slide as footnotes: they are about it, and
// often the only sentences in a deck. Dates, slide numbers and footers are running
// footers. What stands on a layout or master is left out: it is decoration or a
// prompt. Hidden slides are read, and a warning says so; hidden shapes are not.
package pptx

import (
	"cmp"
	"context"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/grid"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

const (
	maxSlides = 10_000
	maxShapes = 200_000 // of all slides, with their layouts and notes
	maxCells  = 500_000 // of all tables
	maxTitle  = 100     // bytes of a line that stands in for a title
)

// Options limit the extraction.
type Options struct {
	Limit int // most bytes of text, 0 for no limit
}

// Extract returns the text of a presentation, slide by slide. A container that is
// damaged or holds no presentation is KindInvalid; one that passes a limit is
// KindExhausted.
func Extract(ctx context.Context, content []byte, opt Options) (rag.Text, error) {
	p, err := parts.Open(ctx, content, "PPTX", 0)
	if err != nil {
		return rag.Text{}, err
	}
	d := &deck{pkg: p, b: &clean.Builder{Limit: opt.Limit}, layouts: map[string]*layout{}}
	if err := d.read(ctx); err != nil {
		return rag.Text{}, err
	}
	text := d.b.Text()
	text.Pages = d.slides
	text.Title, text.Metadata = p.Properties()
	if strings.HasPrefix(text.Title, "PowerPoint") && len(strings.Fields(text.Title)) < 3 {
		text.Title = "" // "PowerPoint Presentation", which the program writes by itself
	}
	text.Warnings = p.Warnings()
	return text, nil
}

// deck is the state of one extraction.
type deck struct {
	pkg     *parts.Package
	b       *clean.Builder
	layouts map[string]*layout
	authors map[string]string // of comments, by id
	slides  int
	shapes  int  // met so far
	cells   int  // of tables
	opened  bool // there was a title of level 1 from a title slide
	titled  bool // the slide before had a heading
}

// read goes through the slides.
func (d *deck) read(ctx context.Context) error {
	main := d.pkg.Main("ppt/presentation.xml")
	if main == "" || !strings.HasPrefix(main, "ppt/") && !d.pkg.Has("ppt/presentation.xml") {
		return rag.Errorf(rag.KindInvalid, "the container holds no PowerPoint presentation")
	}
	rels := d.pkg.Relations(main)
	names, err := d.list(main, rels)
	if err != nil {
		return err
	}
	if err := d.readAuthors(rels); err != nil {
		return err
	}
	d.slides = len(names)
	for i, part := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := d.readSlide(part, i+1); err != nil {
			return err
		}
	}
	if d.b.Blocks() == 0 && len(names) == 0 && d.pkg.Damaged(main) {
		return rag.Errorf(rag.KindInvalid, "the PPTX is damaged: %s", d.pkg.Warnings()[0])
	}
	return nil
}

// list returns the parts of the slides in their order. A presentation that lists
// none, as a damaged one, has those that are in the container, by their numbers.
func (d *deck) list(main string, rels parts.Relations) ([]string, error) {
	var names []string
	seen := map[string]bool{}
	missing := 0
	err := d.pkg.Read(main, func(t *parts.Tokens) error {
		for {
			e, err := t.Next()
			if err != nil {
				return parts.Ended(err)
			}
			if e.Start("extlst") { // lists the slides again, by section and without relations
				if err := t.Skip(); err != nil {
					return err
				}
			}
			if !e.Start("sldid") {
				continue
			}
			part := rels.ByID(relation(e, "id")).Part
			switch {
			case part == "" || !d.pkg.Has(part):
				missing++
			case seen[part]:
			case len(names) == maxSlides:
				return rag.Errorf(rag.KindExhausted, "it holds more than %d slides", maxSlides)
			default:
				seen[part] = true
				names = append(names, part)
			}
		}
	})
	if missing > 0 {
		d.pkg.Warn(strconv.Itoa(missing) + " of its slides are listed but missing")
	}
	if err != nil || len(names) > 0 {
		return names, err
	}
	for _, name := range d.pkg.Names() {
		if path.Dir(name) == "ppt/slides" && strings.HasSuffix(name, ".xml") && len(names) < maxSlides {
			names = append(names, name)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(number(a), number(b)) })
	return names, nil
}

// number is the one in a part's name: 12 of slide12.xml.
func number(part string) int {
	n, err := strconv.Atoi(strings.Trim(path.Base(part), "abcdefghijklmnopqrstuvwxyz._-"))
	if err != nil {
		return 1 << 30
	}
	return n
}

// relation returns an attribute by which markup names a relation: r:id, r:dm. It has
// a namespace, unlike the id of the element itself.
func relation(e parts.Token, name string) string {
	for _, a := range e.Attrs {
		if a.Name.Space != "" && strings.EqualFold(a.Name.Local, name) {
			return a.Value
		}
	}
	return ""
}

// add appends pieces to the text.
func (d *deck) add(pieces []grid.Piece) error {
	for _, p := range pieces {
		if err := p.AddTo(d.b); err != nil {
			return err
		}
	}
	return nil
}
