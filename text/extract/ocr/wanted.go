package ocr

import (
	"strings"
	"unicode"

	"github.com/smartretriever/smartretriever/rag"
)

// fewLetters is how many characters a page has at least that is not a mere picture:
// a scan may have a page number or a stamp as text.
const fewLetters = 20

// illegibleShare is the share of characters without a meaning above which a page is
// read better from its picture.
const illegibleShare = 0.1

// Want says of a page how its text falls short.
type Want struct {
	Page int
	// Illegible is a page whose fonts do not say what its letters mean. Otherwise it
	// has next to no text, which it shares with blank pages.
	Illegible bool
}

// Wanted returns the pages of a text, in order, that say so little that what is to be
// read there may be a picture: those with fewer than 20 characters, and those of whose
// characters more than a tenth is U+FFFD. Remarks at the edge of a page do not count.
func Wanted(text rag.Text) []Want {
	if text.Pages <= 0 {
		return nil
	}
	type count struct{ all, bad int }
	pages := make([]count, text.Pages+1)
	for _, b := range text.Blocks {
		if b.Page < 1 || b.Page > text.Pages || b.Kind == rag.Footnote {
			continue
		}
		s := b.Span.Of(text.Content)
		for _, r := range s {
			if !unicode.IsSpace(r) {
				pages[b.Page].all++
			}
		}
		pages[b.Page].bad += strings.Count(s, "\uFFFD")
	}
	var out []Want
	for i, p := range pages[1:] {
		switch {
		case p.all < fewLetters:
			out = append(out, Want{Page: i + 1})
		case float64(p.bad) > illegibleShare*float64(p.all):
			out = append(out, Want{Page: i + 1, Illegible: true})
		}
	}
	return out
}
