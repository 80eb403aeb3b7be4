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

// spans is a set of texts, and questions with the spans that answer them.
type spans struct {
	set       string
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

// add appends a text and returns its number.
func (s *spans) add(name, title, content string) int {
	var runes []int
	for at := range content {
		runes = append(runes, at)
	}
	s.names, s.texts = append(s.names, name), append(s.texts, rag.Text{Content: content, Title: title})
	s.runes = append(s.runes, append(runes, len(content)))
	return len(s.texts) - 1
}

// loadSpans reads chunking-evaluation: five long texts.
func loadSpans(dir string) (*spans, error) {
	files, err := filepath.Glob(filepath.Join(dir, "corpora", "*.md"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("%s: no corpora (%w)", dir, err)
	}
	s := &spans{set: tuning}
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		s.add(strings.TrimSuffix(filepath.Base(f), ".md"), "", string(content))
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

// Measures of a question, means over the questions in a row.
const (
	// Of the best five chunks: marked bytes that they cover / marked bytes; marked
	// bytes that they cover / their bytes; and intersection / union. Bytes that two
	// chunks share count twice in what they bring.
	recall5 = iota
	precision5
	iou5
	// Recall of the best chunks of together 1,500 tokens.
	recallBudget
	// Of what is put before a language model: recall, and the share of its bytes
	// that stand there twice.
	recallSources
	repeated
	// The share of the marked bytes that the answerer without a language model quotes.
	quoted
	measures
)

var measureNames = [measures]string{"recall@5", "precision@5", "IoU@5", "recall in 1,500 tokens", "recall of sources", "repeated in sources", "recall of quotes"}

const (
	best   = 5
	budget = 1500

	sources       = 8    // the default of rag.Question.K
	sourcesBudget = 3000 // the default of answer.context_tokens
)

// row is the outcome of a chunker.
type row struct {
	chunks   int
	tokens   int // of all chunks
	embedded int // of what is embedded with them too
	values   [][]float64
}

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

// measure searches the texts as they are cut. With ask, each question is also
// answered.
func (s *spans) measure(ctx context.Context, cut [][]rag.Chunk, embed *embedcache.Cache, count func(string) int, ask *asker) (row, error) {
	var r row
	var chunks []rag.Chunk
	var in []int
	for i := range s.texts {
		for _, ch := range cut[i] {
			chunks = append(chunks, ch)
			in = append(in, i)
			r.tokens += ch.Tokens
			r.embedded += count(ch.EmbedText(s.texts[i].Title))
		}
	}
	r.chunks = len(chunks)
	x, err := build(ctx, embed, chunks, in, func(i int) string { return s.texts[i].Title })
	if err != nil {
		return r, err
	}
	for _, q := range s.questions {
		found, err := x.search(ctx, q.text)
		if err != nil {
			return r, err
		}
		gold := float64(length(q.gold))
		covered := func(found []fuse.Fused) (hit, brought float64, distinct int) {
			var got, all []rag.Span
			for _, f := range found {
				n := f.ChunkID - 1
				brought += float64(chunks[n].Span.Len())
				all = append(all, inRow(chunks[n].Span, in[n]))
				if in[n] == q.in {
					got = append(got, chunks[n].Span)
				}
			}
			return float64(shared(union(got), q.gold)), brought, length(union(all))
		}
		v := make([]float64, measures)
		hit, brought, _ := covered(found[:min(best, len(found))])
		v[recall5], v[precision5], v[iou5] = hit/gold, hit/max(1, brought), hit/(gold+brought-hit)
		hit, _, _ = covered(fitting(found, chunks, len(found), budget, false))
		v[recallBudget] = hit / gold
		read := fitting(found, chunks, sources, sourcesBudget, true)
		hit, brought, distinct := covered(read)
		v[recallSources], v[repeated] = hit/gold, 1-float64(distinct)/max(1, brought)
		if ask != nil {
			quotes, err := ask.quotes(ctx, q.text, read, x, in, s)
			if err != nil {
				return r, err
			}
			v[quoted] = float64(shared(union(quotes[q.in]), q.gold)) / gold
		}
		r.values = append(r.values, v)
	}
	return r, nil
}

// fitting returns the best chunks, at most k, that fit into a budget of tokens. It
// ends with the first that does not, or leaves that out and goes on.
func fitting(found []fuse.Fused, chunks []rag.Chunk, k, budget int, on bool) []fuse.Fused {
	var out []fuse.Fused
	for _, f := range found {
		t := chunks[f.ChunkID-1].Tokens
		if len(out) == k || t > budget && !on {
			break
		}
		if t <= budget {
			out = append(out, f)
			budget -= t
		}
	}
	return out
}

// inRow places a span of a text as though all texts stood one behind the other, far
// apart.
func inRow(s rag.Span, text int) rag.Span {
	return rag.Span{Start: s.Start + text<<32, End: s.End + text<<32}
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
