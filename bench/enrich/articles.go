package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/eval"
	"github.com/smartretriever/smartretriever/eval/loader"
	"github.com/smartretriever/smartretriever/rag"
)

// article is one of XQuAD: five paragraphs of an encyclopaedia.
type article struct {
	title      string
	paragraphs []paragraph
}

type paragraph struct {
	text      string
	questions []question
}

// question is answered by a span of its paragraph.
type question struct {
	id, text string
	answer   rag.Span
}

// articles reads the first most articles of XQuAD in English.
func articles(data string, most int) ([]article, error) {
	dir := filepath.Join(data, "xquad", "en")
	texts := map[string]string{}
	for q, err := range loader.Queries(filepath.Join(dir, "queries.jsonl")) {
		if err != nil {
			return nil, err
		}
		texts[q.ID] = q.Text
	}
	asked, err := answers(filepath.Join(dir, "answers.jsonl"), texts)
	if err != nil {
		return nil, err
	}
	var list []article
	for d, err := range loader.Corpus(filepath.Join(dir, "corpus.jsonl")) {
		if err != nil {
			return nil, err
		}
		if len(list) == 0 || list[len(list)-1].title != d.Title {
			if len(list) == most {
				break
			}
			list = append(list, article{title: d.Title})
		}
		p := paragraph{text: d.Text}
		for _, a := range asked[d.ID] {
			runes := []rune(d.Text)
			start := len(string(runes[:a.Start]))
			p.questions = append(p.questions, question{a.Query, texts[a.Query], rag.Span{Start: start, End: start + len(a.Answer)}})
		}
		at := &list[len(list)-1]
		at.paragraphs = append(at.paragraphs, p)
	}
	return list, nil
}

type answer struct {
	Query  string `json:"query-id"`
	Corpus string `json:"corpus-id"`
	Answer string `json:"answer"`
	Start  int    `json:"start"` // in code points
}

// answers reads which words answer each of the questions, by paragraph.
func answers(path string, questions map[string]string) (map[string][]answer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	by := map[string][]answer{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var a answer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if questions[a.Query] == "" {
			return nil, fmt.Errorf("%s: question %s is not known", path, a.Query)
		}
		by[a.Corpus] = append(by[a.Corpus], a)
	}
	return by, lines.Err()
}

// measures of passages: whether the first holds the answer, and how high the first
// stands that does.
var passageMeasures = []eval.Measure{{Name: "recall", K: 1}, {Name: "recall", K: 5}, {Name: "ndcg", K: 10}}

// found puts the questions of all articles in a mode. A passage is right that holds the
// words of the answer, or some of them, where they stand.
func found(ctx context.Context, r *root.Retriever, list []article, mode rag.Mode) (eval.Report, error) {
	contents, err := contents(ctx, r)
	if err != nil {
		return eval.Report{}, err
	}
	qrels, ranking := eval.Qrels{}, eval.Ranking{}
	for _, a := range list {
		for _, p := range a.paragraphs {
			document, start := "", -1
			for id, content := range contents {
				if i := strings.Index(content, p.text); i >= 0 {
					document, start = id, i
				}
			}
			if start < 0 {
				return eval.Report{}, fmt.Errorf("a paragraph of %s is not stored as it was added", a.title)
			}
			for _, q := range p.questions {
				qrels[q.id] = map[string]int{"answer": 1}
				res, err := r.Search(ctx, rag.Scope{}, rag.Query{Text: q.text, K: 20, Mode: mode, KeepDuplicates: true})
				if err != nil {
					return eval.Report{}, err
				}
				span := rag.Span{Start: start + q.answer.Start, End: start + q.answer.End}
				for _, h := range res.Hits {
					id := strconv.FormatInt(int64(h.ChunkID), 10)
					if string(h.Document.ID) == document && h.Span.Start < span.End && span.Start < h.Span.End {
						id = "answer"
					}
					ranking[q.id] = append(ranking[q.id], eval.Ranked{DocumentID: id, Score: h.Score})
				}
			}
		}
	}
	return eval.Score(qrels, ranking, eval.Options{Measures: passageMeasures})
}

// contents returns the texts of all documents by their ids.
func contents(ctx context.Context, r *root.Retriever) (map[string]string, error) {
	page, err := r.Documents(ctx, rag.Scope{}, rag.ListOptions{Limit: 100})
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, d := range page.Items {
		text, err := r.Text(ctx, rag.Scope{}, d.ID, 0)
		if err != nil {
			return nil, err
		}
		out[string(d.ID)] = text.Content
	}
	return out, nil
}

// collapse makes one space of several, as reading HTML does.
func collapse(paragraphs []paragraph) {
	for i := range paragraphs {
		p := &paragraphs[i]
		cut := len(p.text) - len(strings.TrimLeft(p.text, " \n\t"))
		for j, q := range p.questions {
			start := len(spaces.ReplaceAllString(p.text[cut:q.answer.Start], " "))
			p.questions[j].answer = rag.Span{Start: start, End: start + q.answer.Len()}
		}
		p.text = strings.TrimSpace(spaces.ReplaceAllString(p.text, " "))
	}
}

var spaces = regexp.MustCompile(`[\s\p{Z}]+`)

// headings measures what headings are worth that stand before each passage: all
// articles are sections of one document without a title. Against them stand the same
// sections, and so the same passages, under headings that only count.
func headings(ctx context.Context, s options) ([]row, error) {
	list, err := articles(s.data, 48)
	if err != nil {
		return nil, err
	}
	for _, a := range list {
		collapse(a.paragraphs)
	}
	var reports [2][]eval.Report
	for i, name := range []string{"headings-plain", "headings-named"} {
		var b strings.Builder
		for n, a := range list {
			heading := a.title
			if i == 0 {
				heading = fmt.Sprintf("Section %d", n+1)
			}
			fmt.Fprintf(&b, "<h1>%s</h1>\n", html.EscapeString(heading))
			for _, p := range a.paragraphs {
				fmt.Fprintf(&b, "<p>%s</p>\n", html.EscapeString(p.text))
			}
		}
		r, err := root.Open(ctx, bare(filepath.Join(s.keep, name)))
		if err != nil {
			return nil, err
		}
		err = fill(ctx, r, func(yield func(rag.Input) bool) {
			yield(rag.Input{ExternalID: "handbook", Title: untitled, Text: b.String(), MediaType: "text/html"})
		})
		for _, mode := range modes {
			if err != nil {
				break
			}
			var report eval.Report
			report, err = found(ctx, r, list, mode)
			reports[i] = append(reports[i], report)
		}
		if closed := r.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return nil, err
		}
	}
	var rows []row
	for i, mode := range modes {
		got, err := compare("sections of one document, "+string(mode), reports[0][i], reports[1][i], passageMeasures...)
		if err != nil {
			return nil, err
		}
		rows = append(rows, got...)
	}
	return rows, nil
}
