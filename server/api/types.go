package api

import (
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// Collection is a named set of documents that is searched together.
type Collection struct {
	Name        string       `json:"name" doc:"Unique within the tenant"`
	Description string       `json:"description" doc:"For people"`
	Metadata    rag.Metadata `json:"metadata" doc:"Free values"`
	Generation  int          `json:"generation" doc:"Counts from 1; fixes chunker and model"`
	Chunker     Chunker      `json:"chunker"`
	Model       string       `json:"model" doc:"Embedding model"`
	Dimensions  int          `json:"dimensions" doc:"Of its vectors"`
	Documents   int          `json:"documents" doc:"How many it holds"`
	Chunks      int          `json:"chunks" doc:"How many it holds"`
	Bytes       int64        `json:"bytes" doc:"Of original files"`
	Seq         int64        `json:"seq" doc:"Number of its last change"`
	CreatedAt   time.Time    `json:"created_at"`
}

// Chunker says how text is cut. Zero fields take the defaults.
type Chunker struct {
	Name    string `json:"name,omitempty" enum:"structure,sentence,paragraph,semantic,recursive,fixed,code,legal,medical,table,conversation,auto" doc:"Kind of chunker"`
	Unit    string `json:"unit,omitempty" enum:"tokens,characters" doc:"What size and overlap count; characters for recursive and fixed only. Absent is tokens"`
	Size    int    `json:"size,omitempty" minimum:"0" doc:"Most tokens of a chunk, or characters"`
	Overlap int    `json:"overlap,omitempty" minimum:"-1" doc:"Shared with the chunk before, in the same unit; -1 for none"`
	Parent  int    `json:"parent,omitempty" minimum:"0" maximum:"100000" doc:"Most tokens of the wider text that is read with a chunk when an answer is written; 0 or absent is none"`

	Min        int     `json:"min,omitempty" minimum:"0" doc:"semantic: least tokens of a chunk; 0 or absent is a quarter of the size"`
	Break      string  `json:"break,omitempty" enum:"percentile,gradient" doc:"semantic: how a turn of the subject is told; absent is percentile"`
	Percentile float64 `json:"percentile,omitempty" minimum:"0" maximum:"100" doc:"semantic: percentile of the distances between neighbours from which on one is a turn; 0 or absent is 90"`
	Window     int     `json:"window,omitempty" minimum:"0" maximum:"20" doc:"semantic: sentences on each side that are compared; 0 or absent is 3"`
}

func chunkerOf(o rag.ChunkerOptions) Chunker {
	return Chunker{Name: o.Name, Unit: o.Unit, Size: o.Size, Overlap: o.Overlap, Parent: o.Parent, Min: o.Min, Break: o.Break, Percentile: o.Percentile, Window: o.Window}
}

func (c Chunker) options() rag.ChunkerOptions {
	o := rag.ChunkerOptions{Name: c.Name, Unit: c.Unit, Size: c.Size, Overlap: c.Overlap, Parent: c.Parent, Min: c.Min, Break: c.Break, Percentile: c.Percentile, Window: c.Window}
	if o.Unit == "tokens" {
		o.Unit = "" // the default, and not stored
	}
	return o
}

func collectionOf(c rag.Collection) Collection {
	g := c.Generation
	return Collection{
		Name: c.Name, Description: c.Description, Metadata: metadata(c.Metadata),
		Generation: g.Number, Chunker: chunkerOf(g.Chunker),
		Model: g.Model, Dimensions: g.Dimensions,
		Documents: c.Documents, Chunks: c.Chunks, Bytes: c.Bytes, Seq: c.Seq, CreatedAt: c.CreatedAt.UTC(),
	}
}

// Document is a stored document without its text.
type Document struct {
	ID         rag.DocumentID    `json:"id" doc:"UUID"`
	ExternalID string            `json:"external_id" doc:"The caller's own id, unique in the collection"`
	Title      string            `json:"title"`
	Source     string            `json:"source" doc:"Where it came from: a path, URL or file name"`
	MediaType  string            `json:"media_type" doc:"As recognised from the content"`
	Metadata   rag.Metadata      `json:"metadata" doc:"What filters are about"`
	ACL        []string          `json:"acl" nullable:"false" doc:"Principals that may see it; empty: the whole tenant"`
	Version    int               `json:"version" doc:"From 1, up by one with each change of content"`
	SHA256     string            `json:"sha256" doc:"Of the original bytes"`
	Bytes      int64             `json:"bytes" doc:"Of the original"`
	Pages      int               `json:"pages" doc:"0 where there are none"`
	Chunks     int               `json:"chunks"`
	Language   string            `json:"language" doc:"ISO 639-1, empty when unknown"`
	State      rag.DocumentState `json:"state" enum:"ready,failed"`
	Error      string            `json:"error,omitempty"`
	CreatedAt  time.Time         `json:"created_at"`
	UpdatedAt  time.Time         `json:"updated_at"`
}

func documentOf(d rag.Document) Document {
	return Document{
		ID: d.ID, ExternalID: d.ExternalID, Title: d.Title, Source: d.Source, MediaType: d.MediaType,
		Metadata: metadata(d.Metadata), ACL: list(d.ACL), Version: d.Version, SHA256: d.SHA256, Bytes: d.Bytes,
		Pages: d.Pages, Chunks: d.Chunks, Language: d.Language, State: d.State, Error: d.Error,
		CreatedAt: d.CreatedAt.UTC(), UpdatedAt: d.UpdatedAt.UTC(),
	}
}

// Source is the document that a hit or a citation belongs to.
type Source struct {
	ID         rag.DocumentID `json:"id" doc:"UUID"`
	ExternalID string         `json:"external_id" doc:"The caller's own id"`
	Title      string         `json:"title"`
	Source     string         `json:"source" doc:"Where it came from: a path, URL or file name"`
	MediaType  string         `json:"media_type"`
	Metadata   rag.Metadata   `json:"metadata"`
}

func sourceOf(d rag.Document) Source {
	return Source{ID: d.ID, ExternalID: d.ExternalID, Title: d.Title, Source: d.Source, MediaType: d.MediaType, Metadata: metadata(d.Metadata)}
}

// Span is a range of bytes in the extracted text of one version of a document.
type Span struct {
	Start int `json:"start" doc:"First byte"`
	End   int `json:"end" doc:"One past the last byte"`
}

// Hit is a chunk that was found.
type Hit struct {
	ChunkID      rag.ChunkID `json:"chunk_id"`
	Score        float64     `json:"score" doc:"Comparable within one result only"`
	Text         string      `json:"text"`
	Span         Span        `json:"span"`
	Page         *int        `json:"page" doc:"From 1; null where there are no pages"`
	Heading      []string    `json:"heading" nullable:"false" doc:"Headings above it, outermost first"`
	Version      int         `json:"version" doc:"Of the document that the span is in"`
	Tokens       int         `json:"tokens"`
	VectorScore  *float64    `json:"vector_score" doc:"Cosine; null where the vector search did not find it"`
	KeywordScore *float64    `json:"keyword_score" doc:"BM25; null where the keyword search did not find it"`
	RerankScore  *float64    `json:"rerank_score" doc:"Of the reranker, on a scale of its own; null where it did not read the chunk"`
	Highlights   []Span      `json:"highlights,omitempty" doc:"Words of the text that the query matches by, where the request asks for them; in bytes of the text"`
	Parent       *Span       `json:"parent,omitempty" doc:"Of the wider text that the chunk is read with, in the same version; absent where there is none"`
	Context      string      `json:"context,omitempty" doc:"That text, where the request asks for it"`
	Duplicates   []Duplicate `json:"duplicates,omitempty" doc:"Chunks that were found too and say the same in the same words, or nearly"`
	Document     Source      `json:"document"`
}

// Duplicate is a chunk that says the same as a hit.
type Duplicate struct {
	ChunkID    rag.ChunkID `json:"chunk_id"`
	Span       Span        `json:"span"`
	Page       *int        `json:"page" doc:"From 1; null where there are no pages"`
	Version    int         `json:"version" doc:"Of the document that the span is in"`
	Similarity float64     `json:"similarity" minimum:"0" maximum:"1" doc:"Share of runs of five words that both have; 1 for the same words"`
	Document   Source      `json:"document"`
}

func duplicatesOf(ds []rag.Duplicate) []Duplicate {
	var out []Duplicate
	for _, d := range ds {
		out = append(out, Duplicate{ChunkID: d.ChunkID, Span: Span(d.Span), Page: page(d.Page), Version: d.Version, Similarity: d.Similarity, Document: sourceOf(d.Document)})
	}
	return out
}

// spanOf is null for none.
func spanOf(s rag.Span) *Span {
	if s.Len() <= 0 {
		return nil
	}
	out := Span(s)
	return &out
}

func hitsOf(hs []rag.Hit) []Hit {
	out := make([]Hit, len(hs))
	for i, h := range hs {
		out[i] = Hit{
			ChunkID: h.ChunkID, Score: h.Score, Text: h.Text, Span: Span(h.Span), Page: page(h.Page), Heading: list(h.Heading),
			Version: h.Version, Tokens: h.Tokens, Document: sourceOf(h.Document),
			VectorScore: ranked(h.Vector, h.VectorRank), KeywordScore: ranked(h.Keyword, h.KeywordRank),
			RerankScore: known(h.Rerank), Highlights: spansOf(h.Highlights),
			Parent: spanOf(h.Parent), Context: h.Context, Duplicates: duplicatesOf(h.Duplicates),
		}
	}
	return out
}

func spansOf(spans []rag.Span) []Span {
	var out []Span
	for _, s := range spans {
		out = append(out, Span(s))
	}
	return out
}

// known is a score that is there unless it is 0.
func known(score float64) *float64 {
	if score == 0 {
		return nil
	}
	return &score
}

// Citation points to the words that an answer rests on.
type Citation struct {
	Number   int         `json:"number" doc:"As in the answer's text, from 1"`
	Document Source      `json:"document"`
	ChunkID  rag.ChunkID `json:"chunk_id"`
	Version  int         `json:"version" doc:"Of the document that the span is in"`
	Page     *int        `json:"page" doc:"From 1; null where there are no pages"`
	Heading  []string    `json:"heading" nullable:"false" doc:"Headings above it, outermost first"`
	Span     Span        `json:"span" doc:"Of the quote in the document's extracted text"`
	Quote    string      `json:"quote" doc:"Exactly the bytes of the span"`
	SHA256   string      `json:"sha256" doc:"Of the quote's bytes"`
}

func citationsOf(cs []rag.Citation) []Citation {
	out := make([]Citation, len(cs))
	for i, c := range cs {
		out[i] = Citation{
			Number: c.Number, Document: sourceOf(c.Document), ChunkID: c.ChunkID, Version: c.Version, Page: page(c.Page),
			Heading: list(c.Heading), Span: Span(c.Span), Quote: c.Quote, SHA256: c.SHA256,
		}
	}
	return out
}

// Trace says what was done, with times and counts.
type Trace struct {
	ID     string  `json:"id"`
	MS     float64 `json:"ms" doc:"Milliseconds in all"`
	Stages []Stage `json:"stages" nullable:"false" doc:"In the order in which they began"`
}

// Stage is one step of a pipeline.
type Stage struct {
	Name   string  `json:"name"`
	MS     float64 `json:"ms" doc:"Milliseconds"`
	In     int     `json:"in" doc:"Candidates that came in"`
	Out    int     `json:"out" doc:"Candidates that went out"`
	Cached bool    `json:"cached"`
	Note   string  `json:"note,omitempty"`
}

func traceOf(t rag.Trace) Trace {
	out := Trace{ID: t.ID, MS: milliseconds(t.Took), Stages: make([]Stage, len(t.Stages))}
	for i, s := range t.Stages {
		out.Stages[i] = Stage{Name: s.Name, MS: milliseconds(s.Took), In: s.In, Out: s.Out, Cached: s.Cached, Note: s.Note}
	}
	return out
}

// Usage counts what an answer used and cost.
type Usage struct {
	EmbeddingTokens  int     `json:"embedding_tokens"`
	PromptTokens     int     `json:"prompt_tokens"`
	CompletionTokens int     `json:"completion_tokens"`
	TotalTokens      int     `json:"total_tokens"`
	Cost             float64 `json:"cost" doc:"In the currency of the configured prices"`
	Currency         string  `json:"currency,omitempty"`
	Model            string  `json:"model,omitempty"`
}

// Answer is what a question returns.
type Answer struct {
	ID               string     `json:"id"`
	Answer           string     `json:"answer" doc:"Markers like [1] name citations by number"`
	Citations        []Citation `json:"citations" nullable:"false"`
	Hits             []Hit      `json:"hits" nullable:"false" doc:"The chunks that the answer was made from"`
	Confidence       float64    `json:"confidence" minimum:"0" maximum:"1"`
	Usage            Usage      `json:"usage"`
	Trace            Trace      `json:"trace"`
	Cached           bool       `json:"cached"`
	Degraded         []string   `json:"degraded" nullable:"false" doc:"Parts that were down and done without"`
	Warnings         []string   `json:"warnings,omitempty" doc:"About budgets that are nearly used up"`
	Refused          bool       `json:"refused" doc:"The documents do not hold the answer"`
	DroppedCitations int        `json:"dropped_citations" doc:"Did not match their source and were left out"`
	Seq              int64      `json:"seq" doc:"The change up to which the index was read"`
}

func answerOf(a rag.Answer) Answer {
	return Answer{
		ID: a.ID, Answer: a.Text, Citations: citationsOf(a.Citations), Hits: hitsOf(a.Hits), Confidence: a.Confidence,
		Usage: Usage(a.Usage), Trace: traceOf(a.Trace), Cached: a.Cached, Degraded: list(a.Degraded), Warnings: a.Warnings, Refused: a.Refused,
		DroppedCitations: a.DroppedCitations, Seq: a.Seq,
	}
}

// page is null where there are no pages.
func page(n int) *int {
	if n <= 0 {
		return nil
	}
	return &n
}

// ranked is null where that search did not find the chunk.
func ranked(score float64, rank int) *float64 {
	if rank == 0 {
		return nil
	}
	return &score
}

// list is never null in JSON.
func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func metadata(m rag.Metadata) rag.Metadata {
	if m == nil {
		return rag.Metadata{}
	}
	return m
}

// milliseconds keeps microseconds as the fraction.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
