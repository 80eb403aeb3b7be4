package answer

import (
	"context"

	"github.com/smartretriever/smartretriever/rag"
)

// Searcher finds candidates in the index of one collection. Both lists come from
// one snapshot. Goroutine-safe.
type Searcher interface {
	Search(ctx context.Context, q rag.IndexQuery) (rag.IndexResult, error)
}

// Chunks reads back what was found.
type Chunks interface {
	// Chunks returns the live chunks with these ids and their documents' state at
	// one moment, in any order; ids that are gone are left out.
	Chunks(ctx context.Context, collectionID int64, ids []rag.ChunkID) ([]rag.Chunk, map[rag.DocumentID]rag.Document, error)
	// Quote returns the bytes of a span of the stored text of one version of a
	// document, ErrNotFound when that version or span is not there.
	Quote(ctx context.Context, collectionID int64, id rag.DocumentID, version int, span rag.Span) (string, error)
}

// Embedder embeds the question.
type Embedder interface {
	Model() rag.Model
	Embed(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error)
	CountTokens(text string) int
}

// Source is one numbered passage that a Generator may cite.
type Source struct {
	Number  int    // from 1
	Title   string // of the document
	Heading []string
	Text    string
	Score   float64
	Vector  float64 // cosine to the question, 0 if not known
}

// Prompt is what a Generator answers from.
type Prompt struct {
	Question string
	History  []rag.Message
	Sources  []Source
}

// Quote names the words of a source that a draft rests on.
type Quote struct {
	Source int      // Source.Number
	Span   rag.Span // in Source.Text; empty (0,0) when the generator names the source only
}

// Draft is a generated answer before its citations are verified. Text holds the
// markers [1], [2] ... of its sources.
type Draft struct {
	Text       string
	Quotes     []Quote // explicit quotes, as the extractive generator makes them
	Refused    bool    // the sources do not hold the answer
	Confidence float64 // 0 to 1; negative when the generator does not know
	Usage      rag.Usage
}

// Generator writes an answer from the prompt's sources and nothing else. It
// calls emit with pieces of text as they come; an error of emit ends the work.
// KindUnavailable or KindExhausted lets the pipeline fall back to extraction.
// Goroutine-safe.
type Generator interface {
	Generate(ctx context.Context, p Prompt, emit func(delta string) error) (Draft, error)
	// Budget returns the most tokens that sources may take together.
	Budget() int
}

// Recorder keeps the query log.
type Recorder interface {
	RecordQuery(ctx context.Context, r rag.QueryRecord) error
}
