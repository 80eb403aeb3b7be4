// Package drawing reads what the programs of Office share (DrawingML, ECMA-376 part
// 1, 20 and 21): the text in shapes, charts and diagrams. Packages docx, pptx and
// xlsx put what it returns where it belongs.
//
//	body.go     the paragraphs of a shape, their levels and bullets
//	chart.go    a chart's title, categories and series, as a table
//	points.go   what the caches of a chart hold
//	number.go   the numbers of list items
//	diagram.go  the tree of a SmartArt diagram, as a list
package drawing

import (
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/omml"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

// Levels is the number of list levels that shapes have.
const Levels = 9

const maxParagraphs = 1_000_000 // of one shape

// Bullet says what stands in front of a paragraph. The zero Bullet says nothing: what
// the paragraph inherits counts.
type Bullet struct {
	Kind   BulletKind
	Format string // of Numbered: "arabicPeriod", ... (20.1.10.61)
	Start  int    // of Numbered, from 1
}

// BulletKind is what stands in front of a paragraph.
type BulletKind uint8

// The kinds of bullets.
const (
	Inherited BulletKind = iota
	None
	Sign // a character or a picture
	Numbered
)

// Paragraph is one of a shape's paragraphs.
type Paragraph struct {
	Level  int // of a list, from 0
	Bullet Bullet
	Text   string // with line breaks
}

// Body is the text of a shape.
type Body struct {
	Bullets    [Levels]Bullet // what the shape says of its levels
	Paragraphs []Paragraph
}

// Text returns the paragraphs that hold text, a line each.
func (b *Body) Text() string {
	var lines []string
	for _, p := range b.Paragraphs {
		if s := strings.TrimSpace(p.Text); s != "" {
			lines = append(lines, s)
		}
	}
	return strings.Join(lines, "\n")
}

// ReadBody reads the element (txBody, t, rich) whose start was just read. A body of
// more than limit bytes is KindExhausted; 0 is no limit.
func ReadBody(t *parts.Tokens, limit int) (Body, error) {
	var b Body
	size := 0
	err := t.Within(func(e parts.Token) error {
		if e.Kind != parts.StartElement {
			return nil
		}
		switch e.Name {
		case "lststyle":
			bullets, err := ReadBullets(t)
			b.Bullets = bullets
			return err
		case "bodypr":
			return t.Skip()
		case "p":
			p, err := paragraph(t)
			if size += len(p.Text); err == nil && (limit > 0 && size > limit || len(b.Paragraphs) >= maxParagraphs) {
				err = rag.Errorf(rag.KindExhausted, "it holds more than %d MiB of text", max(1, limit>>20))
			}
			b.Paragraphs = append(b.Paragraphs, p)
			return err
		}
		return nil
	})
	return b, err
}

// ReadBullets reads the list style (lstStyle, bodyStyle, ...) whose start was just
// read.
func ReadBullets(t *parts.Tokens) (bullets [Levels]Bullet, err error) {
	err = t.Within(func(e parts.Token) error {
		if e.Kind != parts.StartElement {
			return nil
		}
		digit, is := strings.CutSuffix(strings.TrimPrefix(e.Name, "lvl"), "ppr")
		n, err := strconv.Atoi(digit)
		if !is || err != nil || n < 1 || n > Levels {
			return nil
		}
		return t.Within(func(e parts.Token) error {
			if e.Kind == parts.StartElement {
				bullets[n-1].set(e)
			}
			return nil
		})
	})
	return bullets, err
}

func (b *Bullet) set(e parts.Token) {
	switch e.Name {
	case "bunone":
		*b = Bullet{Kind: None}
	case "buchar", "bublip":
		*b = Bullet{Kind: Sign}
	case "buautonum":
		*b = Bullet{Kind: Numbered, Format: e.Attr("type"), Start: 1}
		if n, err := strconv.Atoi(e.Attr("startat")); err == nil && n > 0 && n <= 32767 {
			b.Start = n
		}
	}
}

func paragraph(t *parts.Tokens) (Paragraph, error) {
	var p Paragraph
	var text strings.Builder
	err := t.Within(func(e parts.Token) error {
		if e.Kind != parts.StartElement {
			return nil
		}
		switch e.Name {
		case "ppr":
			if n, err := strconv.Atoi(e.Attr("lvl")); err == nil && n > 0 && n < Levels {
				p.Level = n
			}
			return t.Within(func(e parts.Token) error {
				if e.Kind == parts.StartElement {
					p.Bullet.set(e)
				}
				return nil
			})
		case "t":
			return t.Within(func(e parts.Token) error {
				if e.Kind == parts.Characters {
					text.WriteString(strings.ReplaceAll(string(e.Text), "\n", " "))
				}
				return nil
			})
		case "br":
			text.WriteByte('\n')
		case "tab":
			text.WriteByte('\t')
		case "omath", "omathpara":
			formula, err := omml.Read(t)
			text.WriteString(formula)
			return err
		case "rpr", "endpararpr", "fallback":
			return t.Skip()
		}
		return nil
	})
	p.Text = text.String()
	return p, err
}
