package ingest

import (
	"context"

	"github.com/smartretriever/smartretriever/rag"
)

// saver is an embedder that wants to know what it was spared.
type saver interface {
	Saved(ctx context.Context, kind rag.EmbedKind, tokens int)
}

// spared tells the embedder of the texts whose vectors the store has already.
func spared(ctx context.Context, embed Embedder, texts, need []string) {
	s, ok := embed.(saver)
	if !ok || len(need) == len(texts) {
		return
	}
	embedded := make(map[string]bool, len(need))
	for _, t := range need {
		embedded[t] = true
	}
	tokens := 0
	for _, t := range texts {
		if !embedded[t] {
			tokens += embed.CountTokens(t)
		}
	}
	s.Saved(ctx, rag.PassageText, tokens)
}
