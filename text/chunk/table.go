package chunk

import (
	"iter"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

// tableParts makes each table a section by itself, whose chunks are filled with
// whole rows and repeat the header. A heading right above a table stays with it;
// what else a text holds is cut as structure does. A text of comma- or
// tab-separated values is one table, whose first line is the header.
func tableParts(t rag.Text) []part {
	if separated := t.MediaType == "text/csv" || t.MediaType == "text/tab-separated-values"; separated && !hasTable(t) {
		whole := trim(t.Content, rag.Span{End: len(t.Content)})
		if whole.Len() == 0 {
			return nil
		}
		b := rag.Block{Kind: rag.Table, Span: whole}
		for first := range rows(t.Content, whole) {
			b.HeaderEnd = first.End
			break
		}
		t.Blocks = []rag.Block{b}
	}
	parts := structureParts(t)
	for i := range parts {
		parts[i].alone = parts[i].Kind == rag.Table
	}
	return parts
}

func hasTable(t rag.Text) bool {
	for _, b := range t.Blocks {
		if b.Kind == rag.Table {
			return true
		}
	}
	return false
}

// rows yields the rows of a table in the span s of text: its lines, where a line
// that ends within double quotes goes on in the next, as in comma-separated values.
// A quote that never ends would swallow the table, so it does not count in a row of
// more than 32 lines.
func rows(text string, s rag.Span) iter.Seq[rag.Span] {
	const most = 32
	return func(yield func(rag.Span) bool) {
		var held []rag.Span
		odd := false
		flush := func(whole bool) bool {
			if whole && len(held) > 0 {
				held = append(held[:0], rag.Span{Start: held[0].Start, End: held[len(held)-1].End})
			}
			for _, h := range held {
				if !yield(h) {
					return false
				}
			}
			held, odd = held[:0], false
			return true
		}
		quoted := !strings.HasPrefix(s.Of(text), "|") // pipe tables know no quotes
		for line := range lines(text, s) {
			held = append(held, line)
			if quoted && strings.Count(line.Of(text), `"`)%2 == 1 {
				odd = !odd
			}
			if (!odd || len(held) >= most) && !flush(!odd) {
				return
			}
		}
		flush(false)
	}
}
