package data

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/text/sentence"
)

// document is a title, which may be empty, and paragraphs.
type document struct {
	title      string
	paragraphs []string
}

// beir are the sets with a corpus.jsonl. Both models know English only, so of
// XQuAD's six languages only English is taken.
var beir = []string{"scifact", "cranfield", "cacm", "adi", "hotpotqa-100", "quotesum-dev", "xquad/en"}

// readDocuments returns all English texts of the retrieval sets, in a fixed order.
func readDocuments(root string) ([]document, error) {
	var all []document
	for _, set := range beir {
		err := eachLine(filepath.Join(root, set, "corpus.jsonl"), func(line []byte) error {
			var d struct{ Title, Text string }
			if err := json.Unmarshal(line, &d); err != nil {
				return err
			}
			all = append(all, document{title: d.Title, paragraphs: paragraphs(d.Text)})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	books, err := filepath.Glob(filepath.Join(root, "chunking-evaluation", "corpora", "*.md"))
	if err != nil {
		return nil, err
	}
	for _, book := range books {
		text, err := os.ReadFile(book)
		if err != nil {
			return nil, err
		}
		all = append(all, document{paragraphs: paragraphs(string(text))})
	}
	err = eachLine(filepath.Join(root, "rgb", "en_fact.json"), func(line []byte) error {
		var d map[string]json.RawMessage
		if err := json.Unmarshal(line, &d); err != nil {
			return err
		}
		var doc document
		for _, field := range []string{"positive", "positive_wrong", "negative"} {
			doc.paragraphs = append(doc.paragraphs, texts(d[field])...)
		}
		all = append(all, doc)
		return nil
	})
	if err != nil {
		return nil, err
	}
	injected, err := filepath.Glob(filepath.Join(root, "bipia-injection", "benchmark", "*", "*.jsonl"))
	if err != nil {
		return nil, err
	}
	for _, file := range injected {
		err := eachLine(file, func(line []byte) error {
			var d struct{ Context json.RawMessage }
			if err := json.Unmarshal(line, &d); err != nil {
				return err
			}
			all = append(all, document{paragraphs: paragraphs(strings.Join(texts(d.Context), "\n"))})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// readQuestions returns the real questions of the English sets, without repeats.
func readQuestions(root string) ([]string, error) {
	var all []string
	files := make([]string, 0, len(beir)+1)
	for _, set := range beir {
		files = append(files, filepath.Join(root, set, "queries.jsonl"))
	}
	files = append(files, filepath.Join(root, "chunking-evaluation", "questions.jsonl"))
	for _, file := range files {
		err := eachLine(file, func(line []byte) error {
			var q struct{ Text string }
			err := json.Unmarshal(line, &q)
			all = append(all, squeeze(q.Text))
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return distinct(all), nil
}

// passages cuts documents into the rows of the vector sets, at three grains: every
// title and sentence, the sentences of a paragraph two by two, and every whole
// paragraph. Texts of fewer than twenty characters and repeats are left out. The
// order is that of the documents.
func passages(docs []document) []string {
	var all []string
	for _, d := range docs {
		all = append(all, squeeze(d.title))
		for _, p := range d.paragraphs {
			s := sentences(p)
			all = append(all, s...)
			for i := 1; i < len(s); i += 2 {
				all = append(all, s[i-1]+" "+s[i])
			}
			all = append(all, squeeze(p))
		}
	}
	return distinct(long(all))
}

// sentencesOf returns the titles and sentences alone, without short ones and repeats.
func sentencesOf(docs []document) []string {
	var all []string
	for _, d := range docs {
		all = append(all, squeeze(d.title))
		for _, p := range d.paragraphs {
			all = append(all, sentences(p)...)
		}
	}
	return distinct(long(all))
}

// windows cuts every document, its title in front, into overlapping windows of words: of
// each size, one begins at every stride's word. Repeats are left out.
func windows(docs []document, sizes, strides []int) []string {
	var all []string
	for _, d := range docs {
		words := strings.Fields(d.title + " " + strings.Join(d.paragraphs, " "))
		for i, size := range sizes {
			for from := 0; from < len(words); from += strides[i] {
				to := min(from+size, len(words))
				if to-from < size/2 && from > 0 {
					break
				}
				all = append(all, strings.Join(words[from:to], " "))
			}
		}
	}
	return distinct(long(all))
}

// paragraphs divides text at empty lines, and lines of tables from each other.
func paragraphs(text string) []string {
	var all []string
	for block := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") {
		if strings.Contains(block, "\n|") {
			all = append(all, strings.Split(block, "\n")...)
		} else {
			all = append(all, block)
		}
	}
	return all
}

func sentences(paragraph string) []string {
	var all []string
	for _, span := range sentence.Split(paragraph) {
		if s := squeeze(paragraph[span.Start:span.End]); s != "" {
			all = append(all, s)
		}
	}
	return all
}

// texts reads a JSON text, or a list of texts and lists.
func texts(data json.RawMessage) []string {
	var one string
	if json.Unmarshal(data, &one) == nil {
		return []string{one}
	}
	var many []json.RawMessage
	if json.Unmarshal(data, &many) != nil {
		return nil
	}
	var all []string
	for _, m := range many {
		all = append(all, texts(m)...)
	}
	return all
}

// squeeze makes one space of every run of white space.
func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

// long keeps the texts of twenty characters and more that hold a letter.
func long(all []string) []string {
	kept := all[:0]
	for _, s := range all {
		if utf8.RuneCountInString(s) >= 20 && strings.ContainsFunc(s, unicode.IsLetter) {
			kept = append(kept, s)
		}
	}
	return kept
}

// distinct keeps the first of equal texts.
func distinct(all []string) []string {
	seen := make(map[string]bool, len(all))
	kept := all[:0]
	for _, s := range all {
		if !seen[s] {
			seen[s] = true
			kept = append(kept, s)
		}
	}
	return kept
}

// eachLine calls f with every line of a file that is not empty.
func eachLine(path string, f func(line []byte) error) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for line := range bytes.Lines(data) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if err := f(line); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}
