package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/backends"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/eval"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/enrich/kept"
)

// variants of what a language model writes; the first writes nothing.
var variants = [][]string{nil, {"questions"}, {"context"}, {"context", "questions"}}

// patience is the most time of one call: the server may be small.
const patience = 10 * time.Minute

// written measures context and questions on articles of XQuAD, each a document with its
// title, cut as usual.
func written(ctx context.Context, s options) ([]row, error) {
	if s.llm == "" {
		return nil, errors.New("needs a language model (-llm)")
	}
	list, err := articles(s.data, s.articles)
	if err != nil {
		return nil, err
	}
	var rows []row
	var plain []eval.Report
	for i, stages := range variants {
		name := strings.Join(stages, "+")
		if name == "" {
			name = "nothing"
		}
		reports, costs, err := writtenBy(ctx, s, list, name, stages)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		rows = append(rows, costs...)
		if i == 0 {
			plain = reports
			continue
		}
		for j, mode := range modes {
			got, err := compare(name+" by "+s.model+", "+string(mode), plain[j], reports[j], passageMeasures...)
			if err != nil {
				return nil, err
			}
			rows = append(rows, got...)
		}
	}
	return rows, nil
}

// writtenBy adds the articles with the stages on, and puts the questions in each mode.
func writtenBy(ctx context.Context, s options, list []article, name string, stages []string) ([]eval.Report, []row, error) {
	cfg := config.Default()
	cfg.Data = filepath.Join(s.keep, fmt.Sprintf("written-%d-%s", s.articles, name))
	cfg.Enrich.Stages = stages
	cfg.Limits.Workers = 1 // one document after the other, so that the server has the beginning of each prompt already
	cfg.QueryLog.Enabled = false
	cfg.Cache.Name = "none"
	cfg.LLM.Name, cfg.LLM.BaseURL, cfg.LLM.Model, cfg.LLM.APIKey = "openai", s.llm, s.model, config.NewSecret(s.key)
	cfg.LLM.Timeout, cfg.LLM.FirstTokenTimeout, cfg.LLM.ContextWindow, cfg.LLM.Concurrency = patience, patience, 4096, 1
	c, err := backends.Open(cfg, backends.Deps{})
	if err != nil {
		return nil, nil, err
	}
	c.Enrich.Writer.Keep = kept.In(filepath.Join(s.keep, "written"), time.Now) // one for all, so that both together cost nothing further
	r, err := root.Open(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	begun := time.Now()
	err = r.AddDocuments(ctx, rag.Scope{}, func(yield func(rag.Input) bool) {
		for _, a := range list {
			var texts []string
			for _, p := range a.paragraphs {
				texts = append(texts, p.text)
			}
			if !yield(rag.Input{ExternalID: a.title, Title: a.title, Text: strings.Join(texts, "\n\n")}) {
				return
			}
		}
	}, func(_ int, res rag.AddResult) {
		for _, w := range res.Warnings {
			fmt.Printf("%s: %s\n", res.ExternalID, w)
		}
		fmt.Printf("%-44s %s, %d passages, %s\n", name, res.ExternalID, res.Chunks, time.Since(begun).Round(time.Second))
	})
	if err != nil {
		return nil, nil, err
	}
	rows, err := costs(ctx, r, name+" by "+s.model)
	if err != nil {
		return nil, nil, err
	}
	var reports []eval.Report
	for _, mode := range modes {
		report, err := found(ctx, r, list, mode)
		if err != nil {
			return nil, nil, err
		}
		reports = append(reports, report)
	}
	return reports, rows, nil
}

// costs are what the ledger says of enrichment.
func costs(ctx context.Context, r *root.Retriever, of string) ([]row, error) {
	spending, err := r.Usage(ctx, rag.Scope{}, rag.UsageQuery{GroupBy: []string{"operation"}})
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, u := range spending.Rows {
		if u.Operation != rag.OpEnrich {
			continue
		}
		for _, v := range []struct {
			name string
			n    int64
		}{{"calls", u.Spent.Calls}, {"failed calls", u.Spent.Failed}, {"tokens read", u.Spent.Input}, {"tokens written", u.Spent.Output}} {
			rows = append(rows, row{Case: of, Metric: v.name, With: float64(v.n)})
			fmt.Printf("%-44s %-14s %d\n", of, v.name, v.n)
		}
	}
	return rows, nil
}
