package extracttest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

// Outline writes the blocks of a text, a line each: "paragraph: text", with the level
// behind the kind where there is one ("heading 2: text") and then the page ("p3"). Line
// breaks within a block are " / ".
func Outline(text rag.Text) string {
	lines := make([]string, len(text.Blocks))
	for i, block := range text.Blocks {
		head := string(block.Kind)
		if block.Level > 0 {
			head += fmt.Sprintf(" %d", block.Level)
		}
		if block.Page > 0 {
			head += fmt.Sprintf(" p%d", block.Page)
		}
		lines[i] = head + ": " + strings.ReplaceAll(block.Span.Of(text.Content), "\n", " / ")
	}
	return strings.Join(lines, "\n")
}

// Checked returns a text that was extracted without an error, having checked it.
func Checked(t testing.TB, text rag.Text, err error) rag.Text {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	Check(t, text)
	return text
}

// Survived checks what became of hostile content: a text that keeps its promises, or an
// error of one of these kinds; without any, of KindInvalid or KindExhausted.
func Survived(t testing.TB, text rag.Text, err error, kinds ...rag.Kind) {
	t.Helper()
	if err == nil {
		Check(t, text)
		return
	}
	if len(kinds) == 0 {
		kinds = []rag.Kind{rag.KindInvalid, rag.KindExhausted}
	}
	if kind := rag.KindOf(err); !slices.Contains(kinds, kind) {
		t.Errorf("%v (%s)", err, kind)
	}
}
