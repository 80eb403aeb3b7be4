package main

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/answer"
	"github.com/smartretriever/smartretriever/answer/extractive"
	"github.com/smartretriever/smartretriever/answer/fuse"
	"github.com/smartretriever/smartretriever/bench/embedcache"
	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/analyze"
	"github.com/smartretriever/smartretriever/text/chunk"
)

const sourcesPerAnswer = 8 // the default of rag.Question.K

// library is a corpus that can be asked.
type library struct {
	ix     *engine.Index
	chunks []rag.Chunk // chunk id less 1
	in     []int       // number of the passage
	corpus []passage
	embed  *embedcache.Cache
}

func open(ctx context.Context, corpus []passage, c chunk.Chunker, embed *embedcache.Cache) (*library, error) {
	l := &library{corpus: corpus, embed: embed}
	var texts []string
	for i, p := range corpus {
		chunks, err := c.Chunk(ctx, rag.Text{Content: p.text, Title: p.title})
		if err != nil {
			return nil, err
		}
		for _, ch := range chunks {
			l.chunks = append(l.chunks, ch)
			l.in = append(l.in, i)
			texts = append(texts, ch.EmbedText(p.title))
		}
	}
	vectors, err := embed.Embed(ctx, rag.PassageText, texts)
	if err != nil {
		return nil, err
	}
	l.ix, err = engine.Create(engine.Config{Dimensions: embed.Model().Dimensions, Analyzer: analyze.For("auto")})
	if err != nil {
		return nil, err
	}
	puts := make([]rag.Record, len(texts))
	for i := range texts {
		puts[i] = rag.Record{ChunkID: rag.ChunkID(i + 1), Document: &rag.Document{ID: rag.DocumentID(strconv.Itoa(l.in[i]))}, Text: texts[i], Vector: vectors[i]}
	}
	return l, l.ix.Apply(puts, nil, 1)
}

// sources returns what the pipeline would put before a generator, of the passages
// that keep allows.
func (l *library) sources(ctx context.Context, question string, keep func(passage) bool) ([]answer.Source, error) {
	v, err := l.embed.Embed(ctx, rag.QuestionText, []string{question})
	if err != nil {
		return nil, err
	}
	res, err := l.ix.Search(ctx, rag.IndexQuery{Text: question, Vector: v[0], K: len(l.chunks)})
	if err != nil {
		return nil, err
	}
	drop := func(s rag.Scored) bool { return !keep(l.corpus[l.in[s.ChunkID-1]]) }
	cut := func(list []rag.Scored) []rag.Scored {
		list = slices.DeleteFunc(list, drop)
		return list[:min(len(list), fuse.Candidates)]
	}
	var out []answer.Source
	for _, f := range fuse.ZScore(cut(res.Vector), cut(res.Keyword), .5) {
		n := f.ChunkID - 1
		out = append(out, answer.Source{
			Number: len(out) + 1, Title: l.corpus[l.in[n]].title, Heading: l.chunks[n].Heading,
			Text: l.chunks[n].Text, Score: f.Score, Vector: f.Vector,
		})
		if len(out) == sourcesPerAnswer {
			break
		}
	}
	return out, nil
}

// outcome is what became of a question.
type outcome struct {
	Set, Condition, ID string
	Answerable         bool // the passages with the answer were there
	Short              bool // it has an answer that can be looked for
	Found              bool // the answer's text holds it
	InSources          bool // the sources hold it
	Refused            bool
	Confidence         float64
	Sentences          int
	Evidence           extractive.Evidence
	Text               string
	Question           string
}

func ask(ctx context.Context, g *extractive.Generator, it item, sources []answer.Source) (outcome, error) {
	draft, evidence, err := g.Explain(ctx, answer.Prompt{Question: it.text, Sources: sources})
	if err != nil {
		return outcome{}, err
	}
	o := outcome{ID: it.id, Question: it.text, Short: len(it.answers) > 0, Refused: draft.Refused, Confidence: draft.Confidence, Evidence: evidence, Sentences: len(draft.Quotes)}
	var text, all strings.Builder
	for _, q := range draft.Quotes {
		text.WriteString(q.Span.Of(sources[q.Source-1].Text) + " ")
	}
	for _, s := range sources {
		all.WriteString(s.Text + " ")
	}
	o.Text = text.String()
	o.Found, o.InSources = holds(o.Text, it.answers), holds(all.String(), it.answers)
	return o, nil
}
