package ingest

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/chunk"
	"github.com/smartretriever/smartretriever/text/enrich"
)

// narrow is a model that reads so many words, and knows nothing about vectors.
type narrow struct {
	*memory
	words int
}

func (n narrow) Model() rag.Model {
	return rag.Model{ID: "letters", Dimensions: 1, MaxTokens: n.words + special}
}
func (n narrow) CountTokens(s string) int { return len(strings.Fields(s)) }

// TestTheModelReadsChunksToTheirEnd has a lot written about chunks of the largest size,
// under long headings and titles.
func TestTheModelReadsChunksToTheirEnd(t *testing.T) {
	const words = 510
	long := strings.TrimSpace(strings.Repeat("written ", 100))
	set := enrich.NewSet(nil, []enrich.ChunkStage{notes{text: long + "\nSecond line.", cost: enrich.Chat}, notes{text: "One?\nTwo?\n" + long, cost: enrich.Chat}})
	for _, tt := range []struct {
		name    string
		options rag.ChunkerOptions
		title   int // words
		size    int // most words of a chunk
		written string
	}{
		{"the default leaves room", rag.ChunkerOptions{}, 5, chunk.DefaultTokens, "written written"},
		{"the largest size is made smaller", rag.ChunkerOptions{Size: 460}, 5, 460 - 2*leftToStage, "written written"},
		{"a title that fills the room", rag.ChunkerOptions{Size: 460}, 70, 460 - 2*leftToStage - 40, "written written"},
	} {
		m := newMemory()
		model := narrow{m, words}
		p := m.pipeline()
		p.cfg.MaxBytes = 1 << 20
		p.cfg.Enrich = set
		p.cfg.Embed = func(context.Context, rag.Collection) (Embedder, error) { return model, nil }
		p.cfg.Chunker = func(_ rag.ChunkerOptions, e Embedder, leave int) (Chunker, error) {
			return chunk.NewLeaving(tt.options, e, leave)
		}
		in := text("a", strings.TrimSpace(strings.Repeat("All of it is there to the last word. ", 400)))
		in.Title = strings.TrimSpace(strings.Repeat("word ", tt.title))
		if err := p.Run(t.Context(), collection, slices.Values([]rag.Input{in}), func(_ int, r rag.AddResult) {
			if r.Err != nil {
				t.Errorf("%s: %v", tt.name, r.Err)
			}
		}); err != nil {
			t.Fatal(err)
		}
		longest := 0
		for _, batch := range m.embedded {
			for _, s := range batch {
				if n := model.CountTokens(s); n > words {
					t.Errorf("%s: a text of %d words, of which the model reads %d", tt.name, n, words)
				}
				if !strings.Contains(s, tt.written) {
					t.Errorf("%s: nothing of what was written is embedded: %.80q", tt.name, s)
				}
				longest = max(longest, model.CountTokens(s[strings.Index(s, "All of it"):]))
			}
		}
		if longest > tt.size || longest < tt.size*3/4 {
			t.Errorf("%s: the longest chunk has %d words, want up to %d", tt.name, longest, tt.size)
		}
	}
}

func TestFitShortensWhatWasWritten(t *testing.T) {
	body := strings.TrimSpace(strings.Repeat("body ", 10))
	for _, tt := range []struct {
		name, written, header string
		words                 int
		want                  string
	}{
		{"all fits", "one two three\nfour five", "", 16, "one two three\nfour five"},
		{"the last line goes first", "one two three\nfour five", "", 15, "one two three"},
		{"then words", "one two three\nfour five", "", 13, "one two"},
		{"then all of it", "one two three\nfour five", "", 11, ""},
		{"the header of a table stays", "one two three", "| a |", 15, "one\n| a |"},
		{"even without room", "one two three", "| a |", 5, "| a |"},
		{"one long word", strings.Repeat("字", 100), "", 11, ""},
	} {
		c := rag.Chunk{Text: body, Prefix: joined(tt.written, tt.header)}
		fit(&c, tt.header, "title", narrow{nil, tt.words})
		if c.Prefix != tt.want {
			t.Errorf("%s: prefix %q, want %q", tt.name, c.Prefix, tt.want)
		}
	}
	c := rag.Chunk{Text: body, Prefix: "| a |"} // nothing was written
	if fit(&c, "| a |", "title", narrow{nil, 1}); c.Prefix != "| a |" {
		t.Errorf("prefix %q", c.Prefix)
	}
}
