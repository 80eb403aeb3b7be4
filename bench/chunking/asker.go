package main

import (
	"context"

	"github.com/smartretriever/smartretriever/answer"
	"github.com/smartretriever/smartretriever/answer/extractive"
	"github.com/smartretriever/smartretriever/answer/fuse"
	"github.com/smartretriever/smartretriever/bench/embedcache"
	"github.com/smartretriever/smartretriever/rag"
)

// asker answers questions with quotes, as the product does without a language model.
type asker struct{ g *extractive.Generator }

func newAsker(embed *embedcache.Cache) (*asker, error) {
	g, err := extractive.New(extractive.Config{
		Embed: func(ctx context.Context, texts []string) ([][]float32, error) {
			return embed.Embed(ctx, rag.PassageText, texts)
		},
		EmbedQuestion: func(ctx context.Context, q string) ([]float32, error) {
			v, err := embed.Embed(ctx, rag.QuestionText, []string{q})
			if err != nil {
				return nil, err
			}
			return v[0], nil
		},
	})
	return &asker{g}, err
}

// quotes returns what the answer to a question quotes of each text. A question that
// is refused quotes nothing.
func (a *asker) quotes(ctx context.Context, question string, found []fuse.Fused, x *indexed, in []int, s *spans) (map[int][]rag.Span, error) {
	prompt := answer.Prompt{Question: question}
	for i, f := range found {
		c := x.chunks[f.ChunkID-1]
		prompt.Sources = append(prompt.Sources, answer.Source{
			Number: i + 1, Title: s.texts[in[f.ChunkID-1]].Title, Heading: c.Heading, Prefix: c.Prefix, Text: c.Text, Score: f.Score, Vector: f.Vector,
		})
	}
	draft, err := a.g.Generate(ctx, prompt, func(string) error { return nil })
	if err != nil {
		return nil, err
	}
	out := map[int][]rag.Span{}
	for _, q := range draft.Quotes {
		n := found[q.Source-1].ChunkID - 1
		start := x.chunks[n].Span.Start
		out[in[n]] = append(out[in[n]], rag.Span{Start: start + q.Span.Start, End: start + q.Span.End})
	}
	return out, nil
}
