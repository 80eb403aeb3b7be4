package answer

import (
	"context"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// Searcher finds candidates in the index of a collection. Both lists come from
// one snapshot that holds at least the change minSeq. Goroutine-safe.
type Searcher interface {
	Search(ctx context.Context, col rag.Collection, q rag.IndexQuery, minSeq int64) (rag.IndexResult, error)
}

// follower is what a Searcher may be besides: able to say, at no cost, the number of the newest
// change of a collection that it knows of; known is false for one that it does not know, as it may
// be gone. Goroutine-safe.
type follower interface {
	Seq(collectionID int64) (seq int64, known bool)
}

// Cache keeps results for a while. A fault of it costs time, never an answer.
// Goroutine-safe.
type Cache interface {
	Get(ctx context.Context, key string) (value []byte, found bool, err error)
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error
}

// Claims keep processes that share a Cache from making the same answer at once. A fault of
// them costs time, never an answer. Goroutine-safe.
type Claims interface {
	// Claim begins the work that key names, if nobody else is at it: then release is not nil,
	// returns soon, and is called when the work is done. Otherwise it waits until who is at it
	// has ended or died, or until ctx is done, whose error it returns; release is nil.
	Claim(ctx context.Context, key string) (release func(), err error)
}

// Chunks reads back what was found.
type Chunks interface {
	// Chunks returns the live chunks with these ids and their documents' state at
	// one moment, in any order; ids that are gone are left out.
	Chunks(ctx context.Context, collectionID int64, ids []rag.ChunkID) ([]rag.Chunk, map[rag.DocumentID]rag.Document, error)
	// Quote returns the bytes of a span of the stored text of one version of a
	// document, ErrNotFound when that version or span is not there.
	Quote(ctx context.Context, collectionID int64, id rag.DocumentID, version int, span rag.Span) (string, error)
	// Blocks returns the blocks of the stored text of one version of a document, in order,
	// ErrNotFound when that version is not there.
	Blocks(ctx context.Context, collectionID int64, id rag.DocumentID, version int) ([]rag.Block, error)
	// ChunkAt returns the live chunk of a version of a document that holds the byte at
	// offset, ErrNotFound when none does.
	ChunkAt(ctx context.Context, collectionID int64, id rag.DocumentID, version, offset int) (rag.Chunk, error)
}

// Embedder embeds the question.
type Embedder interface {
	Model() rag.Model
	Embed(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error)
	CountTokens(text string) int
}

// Reranker looks at question and passage together, which a search cannot, and so
// puts a few candidates in a better order.
type Reranker interface {
	// Rerank scores q's passages, from the first on. When the deadline of ctx comes
	// before the last, the scores there are by then are a result, not an error. No
	// passages are no error. KindUnavailable or KindExhausted lets the pipeline go on
	// with the order there was. Goroutine-safe.
	Rerank(ctx context.Context, q rag.RerankQuery) (rag.RerankResult, error)
	// Name tells rerankers apart whose scores differ: it is part of cache keys.
	Name() string
}

// Source is one numbered passage that a Generator may cite.
type Source struct {
	Number  int    // from 1
	Title   string // of the document
	Heading []string
	Prefix  string // header rows that belong above Text, where it is the later part of a table
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
	Span   rag.Span // in Source.Text
}

// Draft is a generated answer before its citations are verified. A generator
// that writes marks its statements in Text with [1], [2] ... for the sources they
// rest on, and the pipeline finds the words behind each marker. A generator that
// quotes emits nothing and returns Quotes; the pipeline writes Text from them.
type Draft struct {
	Text       string
	Quotes     []Quote // of a generator that quotes, in the order of the answer
	Refused    bool    // the sources do not hold the answer
	Confidence float64 // 0 to 1; negative when the generator does not know
	Usage      rag.Usage
	Degraded   []string // parts that were down and done without: "llm:gpt-4o"
	Route      string   // which of several models wrote it and why, for the trace; "" where there is one
}

// Generator makes an answer from the prompt's sources and nothing else. One that
// writes calls emit with pieces of text as they come; an error of emit ends the work.
// KindUnavailable or KindExhausted lets the pipeline fall back to extraction.
// Goroutine-safe.
type Generator interface {
	Generate(ctx context.Context, p Prompt, emit func(delta string) error) (Draft, error)
	// Budget returns the most tokens that sources may take together.
	Budget() int
}

// Fitter is a Generator whose model reads so many tokens at once and no more.
type Fitter interface {
	// Fit returns what of p the model can read, and what was left out of it, in words,
	// "" for nothing. Sources are left out from the last, and keep their order and
	// numbers; of one source a part may be left out. KindInvalid: the question alone is
	// too long.
	Fit(p Prompt) (fitted Prompt, leftOut string, err error)
}

// Recorder keeps the query log.
type Recorder interface {
	RecordQuery(ctx context.Context, r rag.QueryRecord) error
}
