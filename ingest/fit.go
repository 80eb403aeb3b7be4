package ingest

import (
	"cmp"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
)

// What a model reads of a chunk is title, headings, what enrichment wrote, the header
// of its table, and its text, in this order; of what is longer than its input it does
// not see the end, which would be the text. So the chunker leaves room for what
// enrichment writes, and what is longer than the room is shortened: the text is what
// is cited.

const (
	// leftToStage is the room, in tokens, that each stage has at least: two short
	// sentences, or three short questions. What title and headings do not need is theirs as
	// well, for the default size most often 100 tokens and more.
	leftToStage = 64
	// defaultMaxTokens is the input of a model that does not say how much it takes.
	defaultMaxTokens = 512
	// special is how many tokens a model puts around a text itself.
	special = 2
)

// leave returns the tokens that chunkers leave to the stages that write before chunks.
func (p *Pipeline) leave() int { return leftToStage * p.cfg.Enrich.Annotators() }

// fit shortens what was written before a chunk, whose prefix was header until then, so
// that the model sees the whole chunk under the title: by whole lines from the last on,
// and where the first alone is too long, by words.
func fit(c *rag.Chunk, header, title string, model Embedder) {
	if c.Prefix == header {
		return
	}
	most := cmp.Or(model.Model().MaxTokens, defaultMaxTokens) - special
	fits := func(written string) bool {
		c.Prefix = joined(written, header)
		return model.CountTokens(c.EmbedText(title)) <= most
	}
	written := strings.TrimSuffix(strings.TrimSuffix(c.Prefix, header), "\n")
	for !fits(written) && written != "" {
		i := strings.LastIndexByte(written, '\n')
		if i < 0 {
			i = strings.LastIndexByte(written, ' ')
		}
		if i < 0 { // a script without spaces, or one long word
			written = clean.Cut(written, len(written)*3/4)
			continue
		}
		written = written[:i]
	}
}

// joined puts what was written above the header of a table.
func joined(written, header string) string {
	if written == "" || header == "" {
		return written + header
	}
	return written + "\n" + header
}
