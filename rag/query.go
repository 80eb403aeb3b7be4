package rag

import "time"

// Mode chooses which searches are run.
type Mode string

const (
	ModeHybrid  Mode = "hybrid" // both, fused; the default
	ModeVector  Mode = "vector"
	ModeKeyword Mode = "keyword"
)

// Query asks for chunks.
type Query struct {
	Text    string        `json:"query"`
	K       int           `json:"k,omitempty"`        // how many hits; 0 is 10, at most MaxK
	Mode    Mode          `json:"mode,omitempty"`     // "" is hybrid
	Filter  Filter        `json:"filter,omitzero"`    // on documents
	GroupBy string        `json:"group_by,omitempty"` // "document": each document once, by its best chunk
	Fusion  Fusion        `json:"fusion,omitzero"`
	MinSeq  int64         `json:"min_seq,omitempty"` // wait until at least this change is visible (read your own writes)
	Timeout time.Duration `json:"-"`                 // 0 is the configured default
	NoCache bool          `json:"-"`
	// NoRerank leaves the order of the search as it is where a reranker is configured.
	NoRerank bool `json:"no_rerank,omitempty"`
	// Operators reads the text as a query with operators: +word and "two words" must be there, -word must not,
	// word* stands for all that begins so, word~ for what differs in a letter.
	Operators bool `json:"operators,omitempty"`
	// Highlight asks for Hit.Highlights.
	Highlight bool `json:"highlight,omitempty"`
	// KeepDuplicates lists chunks that say the same in the same words one by one,
	// where otherwise the best of them is a hit and names the others.
	KeepDuplicates bool `json:"keep_duplicates,omitempty"`
	// Context asks for Hit.Context.
	Context bool `json:"context,omitempty"`
}

// MaxK bounds Query.K.
const MaxK = 1000

// Fusion chooses how the two lists become one.
type Fusion struct {
	Method string  `json:"method,omitempty"` // "zscore" (default) or "rrf"
	Alpha  float64 `json:"alpha,omitempty"`  // weight of the vector side, (0,1]; 0 is .5
	RRFK   int     `json:"rrf_k,omitempty"`  // the constant of reciprocal rank fusion; 0 is 60
}

// Hit is a chunk that was found.
type Hit struct {
	ChunkID  ChunkID  `json:"chunk_id"`
	Score    float64  `json:"score"` // comparable within one result only
	Text     string   `json:"text"`
	Prefix   string   `json:"prefix,omitempty"` // header rows of the table that Text is a later part of
	Span     Span     `json:"span"`
	Page     int      `json:"page,omitempty"`
	Heading  []string `json:"heading,omitempty"`
	Version  int      `json:"version"`
	Tokens   int      `json:"tokens"`
	Document Document `json:"document"`
	// Vector and Keyword are the scores of the two searches (cosine, BM25);
	// VectorRank and KeywordRank count from 1 and are 0 where that search did
	// not find the chunk.
	Vector      float64 `json:"vector_score,omitempty"`
	Keyword     float64 `json:"keyword_score,omitempty"`
	VectorRank  int     `json:"vector_rank,omitempty"`
	KeywordRank int     `json:"keyword_rank,omitempty"`
	// Rerank is the reranker's score, on a scale of its own; 0 where it did not
	// read the chunk.
	Rerank float64 `json:"rerank_score,omitempty"`
	// Highlights are the words of Text that the query matches by, in order; only where Query.Highlight asks for them.
	Highlights []Span `json:"highlights,omitempty"`
	// Parent is the span of the wider text that the chunk belongs to, zero for none
	// (ChunkerOptions.Parent), and Context its bytes, where Query.Context asks for them.
	Parent  Span   `json:"parent,omitzero"`
	Context string `json:"context,omitempty"`
	// Duplicates are chunks that were found too and say the same in the same words, in
	// the order in which they were found. Whoever asks may see them all.
	Duplicates []Duplicate `json:"duplicates,omitempty"`
}

// Duplicate is a chunk whose text is that of another, or nearly.
type Duplicate struct {
	ChunkID  ChunkID  `json:"chunk_id"`
	Document Document `json:"document"`
	Version  int      `json:"version"`
	Span     Span     `json:"span"`
	Page     int      `json:"page,omitempty"`
	// Similarity is the share of runs of words that both have, 1 for the same words.
	Similarity float64 `json:"similarity"`
}

// DuplicateGroup is a set of chunks of one collection that say the same in the same
// words: the first, which came first, and how near the others are to it.
type DuplicateGroup struct {
	First  Duplicate   `json:"first"` // Similarity 1
	Others []Duplicate `json:"others"`
	More   int         `json:"more,omitempty"` // further ones that are not in Others
	Text   string      `json:"text"`           // of the first
}

// Stage is the record of one step of a pipeline.
type Stage struct {
	Name   string        `json:"name"`
	Took   time.Duration `json:"took_ns"`
	In     int           `json:"in"`
	Out    int           `json:"out"`
	Cached bool          `json:"cached,omitempty"`
	Note   string        `json:"note,omitempty"`
}

// Trace lists what happened, in order.
type Trace struct {
	ID     string        `json:"id"`
	Took   time.Duration `json:"took_ns"`
	Stages []Stage       `json:"stages"`
}

// SearchResult is what a Query returns. Hits are in descending order of score;
// equal scores are in ascending order of chunk id.
type SearchResult struct {
	Hits     []Hit    `json:"hits"`
	Seq      int64    `json:"seq"` // the change up to which the index was read
	Cached   bool     `json:"cached"`
	Degraded []string `json:"degraded,omitempty"` // parts that were down and done without
	Warnings []string `json:"warnings,omitempty"` // about budgets, for people
	Trace    Trace    `json:"trace"`
}

// Question asks for an answer.
type Question struct {
	Text    string        `json:"question"`
	K       int           `json:"k,omitempty"` // chunks that are put before the model; 0 is 8
	Mode    Mode          `json:"mode,omitempty"`
	Filter  Filter        `json:"filter,omitzero"`
	History []Message     `json:"history,omitempty"` // earlier turns, oldest first
	MinSeq  int64         `json:"min_seq,omitempty"`
	Timeout time.Duration `json:"-"`
	NoCache bool          `json:"-"`
	// NoRerank leaves the order of the search as it is where a reranker is configured.
	NoRerank bool `json:"no_rerank,omitempty"`
}

// Message is one turn of a conversation.
type Message struct {
	Role    string `json:"role"` // system, user or assistant
	Content string `json:"content"`
}

// Citation points to the words that an answer rests on. It has been read back
// from the store and compared before the answer left.
type Citation struct {
	Number   int      `json:"number"` // as in the answer's text, from 1
	Document Document `json:"document"`
	ChunkID  ChunkID  `json:"chunk_id"`
	Version  int      `json:"version"`
	Page     int      `json:"page,omitempty"`
	Heading  []string `json:"heading,omitempty"`
	Span     Span     `json:"span"`  // of the quote in the document's extracted text
	Quote    string   `json:"quote"` // exactly the bytes of the span
	SHA256   string   `json:"sha256"`
}

// Usage counts what an answer used and cost.
type Usage struct {
	EmbeddingTokens  int     `json:"embedding_tokens"`
	PromptTokens     int     `json:"prompt_tokens"`
	CompletionTokens int     `json:"completion_tokens"`
	TotalTokens      int     `json:"total_tokens"`
	Cost             float64 `json:"cost"` // in the currency of the configured prices
	Currency         string  `json:"currency,omitempty"`
	Model            string  `json:"model,omitempty"`
}

// Refusal is the sentence an answer consists of where the documents do not
// hold the answer.
const Refusal = "I cannot answer this question based on the provided information."

// Answer is what a Question returns. Markers like [1] in Text refer to Citations
// by Number.
type Answer struct {
	ID               string     `json:"id"`
	Text             string     `json:"answer"`
	Citations        []Citation `json:"citations"`
	Hits             []Hit      `json:"hits"`
	Confidence       float64    `json:"confidence"` // 0 to 1
	Usage            Usage      `json:"usage"`
	Trace            Trace      `json:"trace"`
	Cached           bool       `json:"cached"`
	Degraded         []string   `json:"degraded,omitempty"`
	Warnings         []string   `json:"warnings,omitempty"` // about budgets, for people
	Refused          bool       `json:"refused"`
	DroppedCitations int        `json:"dropped_citations"` // did not match their source and were left out
	Seq              int64      `json:"seq"`
}

// EventKind names the events of a streamed answer.
type EventKind string

const (
	EventHits   EventKind = "hits"   // the chunks that are put before the model
	EventDelta  EventKind = "delta"  // a piece of text
	EventAnswer EventKind = "answer" // the whole answer, verified: always last
)

// Event is a piece of a streamed answer. What EventAnswer holds is binding; text
// that was streamed may carry a marker whose citation was dropped in the end.
type Event struct {
	Kind   EventKind
	Delta  string
	Hits   []Hit
	Answer *Answer
}

// EmbedKind tells an embedder what a text is: some models want a prefix.
type EmbedKind uint8

const (
	PassageText EmbedKind = iota
	QuestionText
)

// Model describes an embedding model. ID is stored with every vector: two models
// whose vectors differ must have different ids.
type Model struct {
	ID         string `json:"id"`
	Dimensions int    `json:"dimensions"`
	MaxTokens  int    `json:"max_tokens"` // longer inputs are cut by the model
}
