package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/eval/loader"
)

// passage is a document of a corpus.
type passage struct{ id, title, text string }

// item is a question with the answers that count as right and the ids of the
// passages that hold them.
type item struct {
	id, text string
	answers  []string // none: the question has no short answer in the text
	gold     map[string]bool
	only     []string // ids of the passages it is asked of; nil for the whole corpus
}

// set is a question set with its corpus.
type set struct {
	name   string
	corpus []passage
	items  []item
}

func loadBEIR(dir, name string, answers func(line string, of map[string][]string) error) (*set, error) {
	s := &set{name: name}
	for d, err := range loader.Corpus(filepath.Join(dir, "corpus.jsonl")) {
		if err != nil {
			return nil, err
		}
		s.corpus = append(s.corpus, passage{d.ID, d.Title, d.Text})
	}
	gold := map[string]map[string]bool{}
	for j, err := range loader.Judgements(filepath.Join(dir, "qrels", "test.tsv")) {
		if err != nil {
			return nil, err
		}
		if gold[j.QueryID] == nil {
			gold[j.QueryID] = map[string]bool{}
		}
		gold[j.QueryID][j.DocumentID] = j.Relevance > 0
	}
	of := map[string][]string{}
	path := filepath.Join(dir, "answers.jsonl")
	for line, err := range loader.Lines(path) {
		if err == nil {
			err = answers(line.Text, of)
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, line.Number, err)
		}
	}
	for q, err := range loader.Queries(filepath.Join(dir, "queries.jsonl")) {
		if err != nil {
			return nil, err
		}
		if len(gold[q.ID]) > 0 {
			s.items = append(s.items, item{id: q.ID, text: q.Text, answers: of[q.ID], gold: gold[q.ID]})
		}
	}
	return s, nil
}

// oneAnswer reads the answers of XQuAD and HotpotQA. Yes and no stand in no text.
func oneAnswer(line string, of map[string][]string) error {
	var rec struct {
		Query  string `json:"query-id"`
		Answer string
	}
	err := json.Unmarshal([]byte(line), &rec)
	if rec.Answer != "yes" && rec.Answer != "no" {
		of[rec.Query] = append(of[rec.Query], rec.Answer)
	}
	return err
}

// shortAnswers reads those of QuoteSum, which has a line for each human answer and a
// short answer for each source.
func shortAnswers(line string, of map[string][]string) error {
	var rec struct {
		Query string   `json:"query-id"`
		Short []string `json:"short_answers"`
	}
	err := json.Unmarshal([]byte(line), &rec)
	for _, a := range rec.Short {
		if a != "" && !slices.Contains(of[rec.Query], a) {
			of[rec.Query] = append(of[rec.Query], a)
		}
	}
	return err
}

// loadRGB reads a file of RGB. Each question is asked of its own passages, the true
// ones and the noise.
func loadRGB(path, name string) (*set, error) {
	s := &set{name: name}
	for line, err := range loader.Lines(path) {
		if err != nil {
			return nil, err
		}
		var rec struct {
			ID       int
			Query    string
			Answer   any
			Positive []string
			Negative []string
		}
		if err := json.Unmarshal([]byte(line.Text), &rec); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, line.Number, err)
		}
		it := item{id: fmt.Sprint(rec.ID), text: rec.Query, answers: flatten(rec.Answer), gold: map[string]bool{}}
		for i, text := range append(slices.Clone(rec.Positive), rec.Negative...) {
			id := fmt.Sprintf("%d-%d", rec.ID, i)
			it.gold[id] = i < len(rec.Positive)
			it.only = append(it.only, id)
			s.corpus = append(s.corpus, passage{id: id, text: text})
		}
		s.items = append(s.items, it)
	}
	return s, nil
}

func flatten(v any) []string {
	switch x := v.(type) {
	case string:
		return []string{x}
	case []any:
		var out []string
		for _, e := range x {
			out = append(out, flatten(e)...)
		}
		return out
	}
	return nil
}

// holds reports whether text holds one of the answers, whatever the case and white space.
func holds(text string, answers []string) bool {
	text = plain(text)
	return slices.ContainsFunc(answers, func(a string) bool { return strings.Contains(text, plain(a)) })
}

func plain(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }
