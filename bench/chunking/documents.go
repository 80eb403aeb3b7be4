package main

import (
	"context"

	"github.com/smartretriever/smartretriever/bench/embedcache"
	"github.com/smartretriever/smartretriever/eval"
	"github.com/smartretriever/smartretriever/eval/loader"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/chunk"
)

// facts is SciFact with its training queries; the test queries are left alone.
type facts struct {
	dataset *eval.Dataset
	corpus  []loader.Document
}

func loadFacts(dir string, most int) (*facts, error) {
	d, err := eval.Load(dir, "train")
	if err != nil {
		return nil, err
	}
	judged := map[string]bool{}
	for _, docs := range d.Qrels {
		for id := range docs {
			judged[id] = true
		}
	}
	f := &facts{dataset: d}
	others := most - len(judged)
	for doc, err := range loader.Corpus(d.Corpus) {
		if err != nil {
			return nil, err
		}
		if !judged[doc.ID] {
			if others--; most > 0 && others < 0 {
				continue
			}
		}
		f.corpus = append(f.corpus, doc)
	}
	return f, nil
}

func (f *facts) measure(ctx context.Context, c chunk.Chunker, embed *embedcache.Cache) (eval.Mean, error) {
	var chunks []rag.Chunk
	var of []int
	for i, d := range f.corpus {
		cut, err := c.Chunk(ctx, rag.Text{Content: d.Text, Title: d.Title})
		if err != nil {
			return eval.Mean{}, err
		}
		for _, ch := range cut {
			chunks = append(chunks, ch)
			of = append(of, i)
		}
	}
	x, err := build(ctx, embed, chunks, of, func(i int) string { return f.corpus[i].Title })
	if err != nil {
		return eval.Mean{}, err
	}
	measure := eval.Measure{Name: "ndcg", K: 10}
	report, err := eval.Run(ctx, f.dataset, func(ctx context.Context, q string, k int) ([]eval.Ranked, error) {
		found, err := x.search(ctx, q)
		if err != nil {
			return nil, err
		}
		ranked := make([]eval.Ranked, len(found))
		for i, h := range found {
			ranked[i] = eval.Ranked{DocumentID: f.corpus[of[h.ChunkID-1]].ID, Score: h.Score}
		}
		return ranked, nil
	}, eval.Options{Measures: []eval.Measure{measure}})
	if err != nil {
		return eval.Mean{}, err
	}
	m, _ := report.Value(measure)
	return m, nil
}
