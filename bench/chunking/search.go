package main

import (
	"context"
	"strconv"

	"github.com/smartretriever/smartretriever/answer/fuse"
	"github.com/smartretriever/smartretriever/bench/embedcache"
	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/analyze"
)

// indexed is a set of chunks that can be searched.
type indexed struct {
	ix     *engine.Index
	chunks []rag.Chunk // chunk id less 1
	embed  *embedcache.Cache
}

// build indexes the chunks; document[i] is the number of chunks[i]'s document.
func build(ctx context.Context, embed *embedcache.Cache, chunks []rag.Chunk, document []int, title func(document int) string) (*indexed, error) {
	ix, err := engine.Create(engine.Config{Dimensions: embed.Model().Dimensions, Analyzer: analyze.For("auto")})
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(chunks))
	for i := range chunks {
		texts[i] = chunks[i].EmbedText(title(document[i]))
	}
	vectors, err := embed.Embed(ctx, rag.PassageText, texts)
	if err != nil {
		return nil, err
	}
	puts := make([]rag.Record, len(chunks))
	for i := range chunks {
		puts[i] = rag.Record{
			ChunkID: rag.ChunkID(i + 1), Document: &rag.Document{ID: rag.DocumentID(strconv.Itoa(document[i]))},
			Text: texts[i], Vector: vectors[i],
		}
	}
	return &indexed{ix: ix, chunks: chunks, embed: embed}, ix.Apply(puts, nil, 1)
}

// search returns the fused candidates for a question, best first.
func (x *indexed) search(ctx context.Context, question string) ([]fuse.Fused, error) {
	v, err := x.embed.Embed(ctx, rag.QuestionText, []string{question})
	if err != nil {
		return nil, err
	}
	res, err := x.ix.Search(ctx, rag.IndexQuery{Text: question, Vector: v[0], K: fuse.Candidates})
	if err != nil {
		return nil, err
	}
	return fuse.ZScore(res.Vector, res.Keyword, .5), nil
}
