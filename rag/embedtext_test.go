package rag

import (
	"strings"
	"testing"
)

func TestEmbedText(t *testing.T) {
	for _, tt := range []struct {
		name  string
		chunk Chunk
		title string
		want  string
	}{
		{"plain", Chunk{Text: " body "}, "", "body"},
		{"title", Chunk{Text: "body"}, "Title", "Title\nbody"},
		{"text begins with title", Chunk{Text: "Title\nbody"}, "Title", "Title\nbody"},
		{"path", Chunk{Text: "body", Heading: []string{"A", "B"}}, "Title", "Title\nA > B\nbody"},
		{"heading is title", Chunk{Text: "body", Heading: []string{"Title", "B"}}, "Title", "Title\nB\nbody"},
		{"text begins with heading", Chunk{Text: "B\n\nbody", Heading: []string{"A", "B"}}, "", "A\nB\n\nbody"},
		{"text begins with Markdown headings", Chunk{Text: "# A\n\n## B\nbody", Heading: []string{"A", "B"}}, "", "# A\n\n## B\nbody"},
		{"text begins with the same word", Chunk{Text: "Body text", Heading: []string{"Body"}}, "", "Body\nBody text"},
		{"table", Chunk{Text: "| 1 |", Prefix: "| a |\n|---|"}, "", "| a |\n|---|\n| 1 |"},
	} {
		if got := tt.chunk.EmbedText(tt.title); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestEmbeddedTitleIsBounded(t *testing.T) {
	for _, tt := range []struct{ title, want string }{
		{" A title ", "A title"},
		{strings.Repeat("a", 400), strings.Repeat("a", 400)},
		{strings.Repeat("word ", 100), strings.TrimSpace(strings.Repeat("word ", 80))},
		{strings.Repeat("字", 200), strings.Repeat("字", 133)},
	} {
		if got := EmbeddedTitle(tt.title); got != tt.want {
			t.Errorf("%q became %q, want %q", tt.title, got, tt.want)
		}
	}
	c := Chunk{Text: "body"}
	if got := c.EmbedText(strings.Repeat("x ", 1<<20)); len(got) > 410 {
		t.Errorf("%d bytes are embedded", len(got))
	}
}
