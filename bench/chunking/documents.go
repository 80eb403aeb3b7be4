package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"

	"github.com/smartretriever/smartretriever/bench/embedcache"
	"github.com/smartretriever/smartretriever/eval"
	"github.com/smartretriever/smartretriever/eval/loader"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/chunk"
)

// documents is a set of short documents with queries, of which each counts by its
// best chunk.
type documents struct {
	set     string
	dataset *eval.Dataset
	corpus  []loader.Document
}

// loadDocuments reads the queries of a split, the documents that are judged for
// them, and the first of the others, up to most in all; 0 is all.
func loadDocuments(set, dir, split string, most int) (*documents, error) {
	d, err := eval.Load(dir, split)
	if err != nil {
		return nil, err
	}
	judged := map[string]bool{}
	for _, docs := range d.Qrels {
		for id := range docs {
			judged[id] = true
		}
	}
	f := &documents{set: set, dataset: d}
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

// write writes the documents into a file, as they stand in a corpus in BEIR layout.
func (f *documents) write(path string) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for _, d := range f.corpus {
		if err := enc.Encode(d); err != nil {
			return err
		}
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

// cut cuts every document.
func (f *documents) cut(ctx context.Context, c chunk.Chunker) ([][]rag.Chunk, error) {
	out := make([][]rag.Chunk, len(f.corpus))
	for i, d := range f.corpus {
		var err error
		if out[i], err = c.Chunk(ctx, rag.Text{Content: d.Text, Title: d.Title}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

var ndcg10 = eval.Measure{Name: "ndcg", K: 10}

// measure searches the documents as they are cut.
func (f *documents) measure(ctx context.Context, cut [][]rag.Chunk, embed *embedcache.Cache) (r eval.Report, chunks int, err error) {
	var all []rag.Chunk
	var of []int
	for i := range cut {
		for _, ch := range cut[i] {
			all = append(all, ch)
			of = append(of, i)
		}
	}
	x, err := build(ctx, embed, all, of, func(i int) string { return f.corpus[i].Title })
	if err != nil {
		return r, 0, err
	}
	r, err = eval.Run(ctx, f.dataset, func(ctx context.Context, q string, k int) ([]eval.Ranked, error) {
		found, err := x.search(ctx, q)
		if err != nil {
			return nil, err
		}
		ranked := make([]eval.Ranked, len(found))
		for i, h := range found {
			ranked[i] = eval.Ranked{DocumentID: f.corpus[of[h.ChunkID-1]].ID, Score: h.Score}
		}
		return ranked, nil
	}, eval.Options{Measures: []eval.Measure{ndcg10}})
	return r, len(all), err
}
