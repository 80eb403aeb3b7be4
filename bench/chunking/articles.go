package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/smartretriever/smartretriever/eval/loader"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/sentence"
)

// loadArticles reads XQuAD in English as articles: the paragraphs of one title,
// five as a rule, make a text. What a question marks is the sentence that its
// answer stands in.
func loadArticles(dir string) (*spans, error) {
	s := &spans{set: articles}
	type place struct{ article, paragraph int }
	where := map[string]place{}
	at := map[string]int{} // title to article
	var paragraphs [][]string
	for d, err := range loader.Corpus(filepath.Join(dir, "corpus.jsonl")) {
		if err != nil {
			return nil, err
		}
		if _, there := at[d.Title]; !there {
			at[d.Title] = len(paragraphs)
			paragraphs = append(paragraphs, nil)
			s.names = append(s.names, d.Title)
		}
		n := at[d.Title]
		where[d.ID] = place{n, len(paragraphs[n])}
		paragraphs[n] = append(paragraphs[n], d.Text)
	}
	const between = "\n\n"
	titles := s.names
	s.names = nil
	for i, p := range paragraphs {
		s.add(titles[i], titles[i], strings.Join(p, between))
	}
	texts := map[string]string{}
	for q, err := range loader.Queries(filepath.Join(dir, "queries.jsonl")) {
		if err != nil {
			return nil, err
		}
		texts[q.ID] = q.Text
	}
	path := filepath.Join(dir, "answers.jsonl")
	for line, err := range loader.Lines(path) {
		if err != nil {
			return nil, err
		}
		var rec struct {
			Query    string `json:"query-id"`
			Document string `json:"corpus-id"`
			Answer   string
			Start    int // in code points
		}
		if err := json.Unmarshal([]byte(line.Text), &rec); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, line.Number, err)
		}
		in, there := where[rec.Document]
		if !there {
			return nil, fmt.Errorf("%s:%d: there is no paragraph %q", path, line.Number, rec.Document)
		}
		paragraph := paragraphs[in.article][in.paragraph]
		before := len(strings.Join(paragraphs[in.article][:in.paragraph], between))
		if in.paragraph > 0 {
			before += len(between)
		}
		runes := []rune(paragraph)
		if rec.Start > len(runes) || !strings.HasPrefix(string(runes[rec.Start:]), rec.Answer) {
			return nil, fmt.Errorf("%s:%d: the answer %q does not stand at %d", path, line.Number, rec.Answer, rec.Start)
		}
		start := len(string(runes[:rec.Start]))
		answer := rag.Span{Start: start, End: start + len(rec.Answer)}
		q := question{text: texts[rec.Query], in: in.article}
		for _, st := range sentence.Split(paragraph) {
			if st.Overlaps(answer) {
				q.gold = append(q.gold, rag.Span{Start: before + st.Start, End: before + st.End})
			}
		}
		if len(q.gold) == 0 {
			return nil, fmt.Errorf("%s:%d: no sentence holds the answer %q", path, line.Number, rec.Answer)
		}
		q.gold = union(q.gold)
		s.questions = append(s.questions, q)
	}
	return s, nil
}
