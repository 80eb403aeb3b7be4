package main

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/eval"
	"github.com/smartretriever/smartretriever/eval/loader"
	"github.com/smartretriever/smartretriever/rag"
)

var modes = []rag.Mode{rag.ModeHybrid, rag.ModeVector, rag.ModeKeyword}

// untitled is a title without a word: a document that has none would be called by its
// name.
const untitled = "."

// titles measures what the title before each passage is worth: in the embedding, and as
// a field of its own in keyword search.
func titles(ctx context.Context, s options) ([]row, error) {
	var rows []row
	for _, set := range strings.Split(s.sets, ",") {
		dataset, err := eval.Load(filepath.Join(s.data, set), "test")
		if err != nil {
			return nil, err
		}
		var reports [2][]eval.Report
		for i, name := range []string{"plain", "title"} {
			if reports[i], err = ranked(ctx, dataset, filepath.Join(s.keep, set+"-"+name), name == "title"); err != nil {
				return nil, err
			}
		}
		for i, mode := range modes {
			got, err := compare(set+", "+string(mode), reports[0][i], reports[1][i], eval.Measure{Name: "ndcg", K: 10}, eval.Measure{Name: "recall", K: 10})
			if err != nil {
				return nil, err
			}
			rows = append(rows, got...)
		}
	}
	return rows, nil
}

// ranked adds the corpus, and puts the queries in each mode.
func ranked(ctx context.Context, dataset *eval.Dataset, dir string, titled bool) ([]eval.Report, error) {
	r, err := root.Open(ctx, bare(dir))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var broken error
	err = fill(ctx, r, func(yield func(rag.Input) bool) {
		for d, err := range loader.Corpus(dataset.Corpus) {
			if err != nil {
				broken = err
				return
			}
			if !titled {
				d.Title = untitled
			}
			if strings.TrimSpace(d.Text) != "" && !yield(rag.Input{ExternalID: d.ID, Title: d.Title, Text: d.Text}) {
				return
			}
		}
	})
	if err == nil {
		err = broken
	}
	if err != nil {
		return nil, err
	}
	var reports []eval.Report
	for _, mode := range modes {
		report, err := eval.Run(ctx, dataset, func(ctx context.Context, query string, k int) ([]eval.Ranked, error) {
			res, err := r.Search(ctx, rag.Scope{}, rag.Query{Text: query, K: k, Mode: mode, GroupBy: "document"})
			ranked := make([]eval.Ranked, len(res.Hits))
			for i, h := range res.Hits {
				ranked[i] = eval.Ranked{DocumentID: h.Document.ExternalID, Score: h.Score}
			}
			return ranked, err
		}, eval.Options{})
		if err != nil {
			return nil, err
		}
		reports = append(reports, report)
	}
	return reports, nil
}

// bare is the configuration of all measurements. Time is not measured: other work may go on beside.
func bare(dir string) root.Config {
	return root.Config{Dir: dir, CacheBytes: -1, NoQueryLog: true, SearchTimeout: time.Hour}
}

// fill adds documents; those that are there already cost a look.
func fill(ctx context.Context, r *root.Retriever, inputs func(yield func(rag.Input) bool)) error {
	var failed error
	err := r.AddDocuments(ctx, rag.Scope{}, inputs, func(_ int, res rag.AddResult) {
		if failed == nil {
			failed = res.Err
		}
	})
	if err == nil {
		err = failed
	}
	return err
}
