package smartretriever

import (
	"context"

	"github.com/smartretriever/smartretriever/answer/extractive"
	"github.com/smartretriever/smartretriever/rag"
)

// quoting is the generator that needs no language model.
func (r *Retriever) quoting(questions Embedder) (*extractive.Generator, error) {
	return extractive.New(extractive.Config{
		MinEvidence: r.cfg.MinEvidence,
		Embed: func(ctx context.Context, texts []string) ([][]float32, error) {
			return r.embed.Embed(ctx, rag.PassageText, texts)
		},
		EmbedQuestion: func(ctx context.Context, text string) ([]float32, error) {
			v, err := questions.Embed(ctx, rag.QuestionText, []string{text})
			if err != nil {
				return nil, err
			}
			return v[0], nil
		},
	})
}
