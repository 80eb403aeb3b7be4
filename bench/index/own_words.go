package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/postings"
	"github.com/smartretriever/smartretriever/index/section"
)

// ownWords are our entrants for words.
func (b *bench) ownWords() []*entrant {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	return []*entrant{{family: ours, name: "ours postings", argv: []string{self, "serve", "words", "postings"}}}
}

func openKeywordEngine(name string) (keywordEngine, error) {
	if name != "postings" {
		return nil, fmt.Errorf("no engine is called %q", name)
	}
	return &postingsEngine{}, nil
}

// postingsEngine is one segment of index/postings, which always keeps the places of words.
type postingsEngine struct {
	file    *section.File
	segment *postings.Segment
}

func (e *postingsEngine) Build(_ context.Context, docs string, _ bool, _ int, folder string) (int, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return 0, err
	}
	f, err := os.Open(docs)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	b := postings.NewBuilder()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	fields := make([]postings.Field, 1)
	for lines.Scan() {
		terms := fields[0].Terms[:0]
		for t := range strings.SplitSeq(lines.Text(), " ") {
			terms = append(terms, t)
		}
		fields[0].Terms = terms
		b.Add(fields)
	}
	if err := lines.Err(); err != nil {
		return 0, err
	}
	_, err = section.WriteFile(section.Disk{}, filepath.Join(folder, "words"), func(w *section.Writer) error {
		return b.Write(w.Begin("words"), postings.Config{})
	})
	return b.Rows(), err
}

func (e *postingsEngine) Open(folder string) (err error) {
	if e.file, err = section.Open(section.Disk{}, filepath.Join(folder, "words")); err != nil {
		return err
	}
	data, _ := e.file.Section("words")
	e.segment, err = postings.Open(data)
	return err
}

func (e *postingsEngine) Searcher() func(ctx context.Context, terms []string, k int, dst []index.Hit) ([]index.Hit, error) {
	views, scratch, lists := []postings.View{{Segment: e.segment}}, new(postings.Scratch), make([][]index.Hit, 1)
	return func(ctx context.Context, terms []string, k int, dst []index.Hit) ([]index.Hit, error) {
		lists[0] = dst
		found, err := postings.Search(ctx, postings.Config{}, views, terms, k, nil, scratch, lists)
		if err != nil {
			return dst, err
		}
		return found[0], nil
	}
}
