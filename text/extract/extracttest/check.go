// Package extracttest holds the promises of an extracted text as a check that
// every extractor's tests and fuzz targets call, and the measure by which
// extracted text is compared with what was expected.
package extracttest

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
)

// Check reports every promise of rag.Text that text breaks.
func Check(t testing.TB, text rag.Text) {
	t.Helper()
	if fault := Fault(text); fault != "" {
		t.Errorf("%s", fault)
	}
}

// Fault returns the first promise of rag.Text that text breaks, "" if it keeps
// all: valid UTF-8 without invisible characters; blocks in order, in bounds, not
// empty, without overlap, on UTF-8 borders, of a known kind, with only white
// space between, before and after them; heading levels from 1 to 6, list levels
// from 1; pages that do not exceed Pages; a table's header within the table.
func Fault(text rag.Text) string {
	c := text.Content
	if !utf8.ValidString(c) {
		return "content is not valid UTF-8"
	}
	if i := strings.IndexFunc(c, func(r rune) bool { return r != '\n' && r != '\t' && clean.Invisible(r) }); i >= 0 {
		return "content holds an invisible character: " + quoteAt(c, i)
	}
	end := 0
	for i, b := range text.Blocks {
		s := b.Span
		switch {
		case s.Start < end:
			return "a block begins before the one in front of it ends"
		case s.End <= s.Start || s.End > len(c):
			return "a block is empty or out of bounds"
		case !border(c, s.Start) || !border(c, s.End):
			return "a block does not begin and end on UTF-8 borders"
		case strings.TrimSpace(c[end:s.Start]) != "":
			return "text between two blocks: " + quoteAt(c, end)
		case strings.TrimSpace(s.Of(c)) == "":
			return "a block of white space only"
		case i > 0 && s.Start == end && !unicode.IsSpace(rune(c[end-1])) && b.Kind != text.Blocks[i-1].Kind:
			return "two blocks of different kinds without a break"
		}
		if fault := kindFault(text, b); fault != "" {
			return fault
		}
		end = s.End
	}
	if strings.TrimSpace(c[end:]) != "" {
		return "text after the last block: " + quoteAt(c, end)
	}
	if err := text.Metadata.Validate(); err != nil {
		return err.Error()
	}
	for _, s := range append([]string{text.Title, text.Language, text.MediaType}, text.Warnings...) {
		if !utf8.ValidString(s) || strings.ContainsAny(s, "\n\x00") {
			return "title, language, media type or warning is not one clean line"
		}
	}
	return ""
}

func kindFault(text rag.Text, b rag.Block) string {
	switch b.Kind {
	case rag.Heading:
		if b.Level < 1 || b.Level > 6 {
			return "a heading's level is not within 1 to 6"
		}
		if strings.Contains(b.Span.Of(text.Content), "\n") {
			return "a heading of more than one line"
		}
	case rag.ListItem:
		if b.Level < 1 {
			return "a list item's level is below 1"
		}
	case rag.Table:
		if b.HeaderEnd <= b.Span.Start || b.HeaderEnd > b.Span.End {
			return "a table's header ends outside the table"
		}
	case rag.Paragraph, rag.Code, rag.Quote, rag.Caption, rag.Footnote, rag.Header, rag.Footer:
	default:
		return "unknown kind of block: " + string(b.Kind)
	}
	if b.Kind != rag.Table && b.HeaderEnd != 0 {
		return "only a table has a header"
	}
	if b.Page < 0 || b.Page > text.Pages {
		return "a block's page is not one of the document's"
	}
	switch x := b.Box; {
	case x == rag.Box{}:
	case b.Page == 0:
		return "a block has a box but no page"
	case !(x.X0 <= x.X1 && x.Y0 <= x.Y1 && x.X0 >= -maxPlace && x.Y0 >= -maxPlace && x.X1 <= maxPlace && x.Y1 <= maxPlace):
		return fmt.Sprintf("a block's box is no rectangle on a page: %v", x)
	}
	return ""
}

// maxPlace is beyond every page, in points.
const maxPlace = 1e8

func border(s string, i int) bool { return i == len(s) || utf8.RuneStart(s[i]) }

func quoteAt(s string, i int) string {
	return strings.ToValidUTF8(clean.Cut(s[i:], 40), "?")
}
