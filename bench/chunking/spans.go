package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/answer/fuse"
	"github.com/smartretriever/smartretriever/bench/embedcache"
	"github.com/smartretriever/smartretriever/eval/loader"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/chunk"
)

// spans is the data of chunking-evaluation: long texts, and questions with the
// spans that answer them.
type spans struct {
	names     []string
	texts     []rag.Text
	runes     [][]int // byte offset of each code point of a text, and of its end
	questions []question
}

type question struct {
	text string
	in   int        // number of its text
	gold []rag.Span // bytes, in order, disjoint
}

func loadSpans(dir string) (*spans, error) {
	files, err := filepath.Glob(filepath.Join(dir, "corpora", "*.md"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("%s: no corpora (%w)", dir, err)
	}
	s := &spans{runes: make([][]int, len(files))}
	for i, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		s.names = append(s.names, strings.TrimSuffix(filepath.Base(f), ".md"))
		s.texts = append(s.texts, rag.Text{Content: string(content)})
		for at := range s.texts[i].Content {
			s.runes[i] = append(s.runes[i], at)
		}
		s.runes[i] = append(s.runes[i], len(content))
	}
	path := filepath.Join(dir, "questions.jsonl")
	for line, err := range loader.Lines(path) {
		if err != nil {
			return nil, err
		}
		var rec struct {
			Corpus, Text string
			References   []struct {
				Content string
				Start   int `json:"start_index"`
				End     int `json:"end_index"`
			}
		}
		if err := json.Unmarshal([]byte(line.Text), &rec); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, line.Number, err)
		}
		q := question{text: rec.Text, in: slices.Index(s.names, rec.Corpus)}
		for _, ref := range rec.References {
			if q.in < 0 || ref.Start < 0 || ref.End >= len(s.runes[q.in]) {
				return nil, fmt.Errorf("%s:%d: the span %d to %d is not in corpus %q", path, line.Number, ref.Start, ref.End, rec.Corpus)
			}
			span := rag.Span{Start: s.runes[q.in][ref.Start], End: s.runes[q.in][ref.End]}
			if span.Of(s.texts[q.in].Content) != ref.Content {
				return nil, fmt.Errorf("%s:%d: the span %d to %d does not hold the reference", path, line.Number, ref.Start, ref.End)
			}
			q.gold = append(q.gold, span)
		}
		q.gold = union(q.gold)
		s.questions = append(s.questions, q)
	}
	return s, nil
}

// row is the outcome of a chunker, means over the questions.
type row struct {
	chunks int
	tokens float64 // of a chunk
	// Of the best five chunks: marked bytes that they cover / marked bytes; marked
	// bytes that they cover / their bytes; and intersection / union. Bytes that two
	// chunks share count twice in what they bring.
	recall, precision, iou float64
	budget                 float64 // recall of the best chunks of together 1,500 tokens
}

const (
	best   = 5
	budget = 1500
)

// cut cuts every text.
func (s *spans) cut(ctx context.Context, c chunk.Chunker) ([][]rag.Chunk, error) {
	out := make([][]rag.Chunk, len(s.texts))
	for i, t := range s.texts {
		var err error
		if out[i], err = c.Chunk(ctx, t); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// measure searches the texts as they are cut.
func (s *spans) measure(ctx context.Context, cut [][]rag.Chunk, embed *embedcache.Cache) (row, error) {
	var r row
	var chunks []rag.Chunk
	var in []int
	for i := range s.texts {
		for _, ch := range cut[i] {
			chunks = append(chunks, ch)
			in = append(in, i)
			r.tokens += float64(ch.Tokens)
		}
	}
	r.chunks = len(chunks)
	r.tokens /= float64(r.chunks)
	x, err := build(ctx, embed, chunks, in, func(int) string { return "" })
	if err != nil {
		return r, err
	}
	for _, q := range s.questions {
		found, err := x.search(ctx, q.text)
		if err != nil {
			return r, err
		}
		gold, hit, brought := length(q.gold), 0, 0
		var got []rag.Span
		for _, f := range found[:min(best, len(found))] {
			n := f.ChunkID - 1
			brought += chunks[n].Span.Len()
			if in[n] == q.in {
				got = append(got, chunks[n].Span)
			}
		}
		hit = shared(union(got), q.gold)
		n := float64(len(s.questions))
		r.recall += float64(hit) / float64(gold) / n
		r.precision += float64(hit) / float64(max(1, brought)) / n
		r.iou += float64(hit) / float64(gold+brought-hit) / n
		r.budget += float64(shared(within(found, chunks, in, q.in), q.gold)) / float64(gold) / n
	}
	return r, nil
}

// within returns what the best chunks cover of a text, as many as fit the budget.
func within(found []fuse.Fused, chunks []rag.Chunk, in []int, text int) []rag.Span {
	var got []rag.Span
	left := budget
	for _, f := range found {
		n := f.ChunkID - 1
		if left -= chunks[n].Tokens; left < 0 {
			break
		}
		if in[n] == text {
			got = append(got, chunks[n].Span)
		}
	}
	return union(got)
}

// union sorts spans and joins those that touch.
func union(spans []rag.Span) []rag.Span {
	slices.SortFunc(spans, func(a, b rag.Span) int { return a.Start - b.Start })
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && s.Start <= out[n-1].End {
			out[n-1].End = max(out[n-1].End, s.End)
			continue
		}
		out = append(out, s)
	}
	return out
}

func length(spans []rag.Span) int {
	n := 0
	for _, s := range spans {
		n += s.Len()
	}
	return n
}

// shared returns the bytes that lie in both.
func shared(a, b []rag.Span) int {
	n := 0
	for _, s := range a {
		for _, t := range b {
			n += max(0, min(s.End, t.End)-max(s.Start, t.Start))
		}
	}
	return n
}
