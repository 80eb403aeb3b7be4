package chunk

import (
	"fmt"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

// TestTheModelSeesEveryChunkWhole embeds the chunks of a document with long headings
// and a table, under titles of all lengths, with as much written before them as is
// left: never is it more than the model takes.
func TestTheModelSeesEveryChunkWhole(t *testing.T) {
	text := headed()
	for _, most := range []int{256, DefaultMaxTokens} {
		for _, leave := range []int{0, 128} {
			left := min(leave, (most-special-titleRoom-minPathRoom)/3)
			for _, words := range []int{5, 80, 500} {
				text.Title = strings.TrimSpace(strings.Repeat("title ", words))
				for _, name := range Names {
					opt := rag.ChunkerOptions{Name: name, Size: most - special - titleRoom - minPathRoom}
					c, err := NewLeaving(opt, fake{count: count, max: most}, leave)
					if err != nil {
						t.Fatal(err)
					}
					chunks, err := c.Chunk(t.Context(), text)
					if err != nil {
						t.Fatal(err)
					}
					for _, ch := range chunks {
						if got := count(ch.EmbedText(text.Title)) + special + left; got > most {
							t.Fatalf("%+v under a title of %d words: %d tokens with the %d that are left, of %d:\n%s", opt, words, got, left, most, ch.EmbedText(text.Title))
						}
					}
				}
			}
		}
	}
}

// headed is a text whose headings are long and deep, with a table and long paragraphs.
func headed() rag.Text {
	var text rag.Text
	var b strings.Builder
	add := func(kind rag.BlockKind, level int, s string) {
		if b.Len() > 0 {
			b.WriteString("\n\n")
		}
		text.Blocks = append(text.Blocks, rag.Block{Kind: kind, Level: level, Span: rag.Span{Start: b.Len(), End: b.Len() + len(s)}})
		b.WriteString(s)
	}
	for i := range 4 {
		for level := 1; level <= 4; level++ {
			add(rag.Heading, level, fmt.Sprintf("%s %d %d", strings.Repeat("heading ", 15), i, level))
			add(rag.Paragraph, 0, strings.Repeat(fmt.Sprintf("Sentence %d of the paragraph says a thing or two. ", level), 12*level)+"End.")
		}
	}
	rows := "| name | value |\n|---|---|\n"
	header := b.Len() + 2 + len(rows)
	for i := range 200 {
		rows += fmt.Sprintf("| row %d | %d |\n", i, i*i)
	}
	add(rag.Table, 0, strings.TrimSpace(rows))
	text.Blocks[len(text.Blocks)-1].HeaderEnd = header
	text.Content = b.String()
	return text
}

func TestUsualTitlesAndRoomLeaveTheSize(t *testing.T) {
	longest := func(leave int, opt rag.ChunkerOptions, title string) int {
		t.Helper()
		c, err := NewLeaving(opt, fake{count: count}, leave)
		if err != nil {
			t.Fatal(err)
		}
		_, m := c.(cutter).under(title)
		return m.size
	}
	short := strings.TrimSpace(strings.Repeat("word ", titleRoom))
	for _, tt := range []struct {
		leave, size int
		title       string
		want        int
	}{
		{0, 0, "", DefaultTokens},
		{0, 0, short, DefaultTokens},
		{128, 0, short, DefaultTokens}, // context and questions
		{0, 460, short, 460},
		{64, 460, short, 396},
		{128, 460, short, 332},
		{4000, 460, short, 307},     // a third is left at most
		{0, 460, short + " x", 459}, // a token of the title, one of the text
	} {
		if got := longest(tt.leave, rag.ChunkerOptions{Size: tt.size}, tt.title); got != tt.want {
			t.Errorf("size %d, %d left, title of %d tokens: chunks of %d tokens, want %d", tt.size, tt.leave, count(tt.title), got, tt.want)
		}
	}
}
