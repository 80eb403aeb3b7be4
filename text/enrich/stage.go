package enrich

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

// Cost is what a stage takes beside time.
type Cost string

const (
	Rules     Cost = "rules"     // processor time only
	Embedding Cost = "embedding" // calls of the embedding model, which for a model behind an API is money
	Chat      Cost = "chat"      // calls of a language model
)

// Stage adds metadata to a document.
type Stage interface {
	// Name is that of the setting which turns the stage on.
	Name() string
	Cost() Cost
	// Settings is a text that differs whenever the stage would find something else in
	// the same document: its version and its settings. It holds no secret.
	Settings() string
	// Enrich returns what it found; nothing found is an empty Result and no error. A
	// Result beside an error counts. The order of lists is defined, so that equal
	// documents give equal results. Goroutine-safe for different documents.
	Enrich(ctx context.Context, d *Document) (Result, error)
}

// ChunkStage writes text that is embedded and indexed before the text of a chunk.
type ChunkStage interface {
	Name() string
	Cost() Cost
	Settings() string // as of Stage
	// Annotate returns a text for each of chunks, "" for none. What it returns beside
	// an error counts. Goroutine-safe for different documents.
	Annotate(ctx context.Context, d *Document, chunks []rag.Chunk) ([]string, error)
}

// Result is what a stage found.
type Result struct {
	Metadata rag.Metadata
}

// Embed turns texts into unit-length vectors, one each, in order.
type Embed func(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error)

// Document is what stages look at. It is not goroutine-safe: it keeps what stages
// share, such as its words.
type Document struct {
	Text  rag.Text
	Title string
	// Embed and Model are the embedding model of the collection and its id; stages of
	// class Embedding need them.
	Embed Embed
	Model string

	prose     *string
	sentences []rag.Span // of prose
	words     []word     // of prose
	split     bool
}

// Set is the stages that are on, in the order in which they run. The nil Set is none.
// Goroutine-safe.
type Set struct {
	stages []Stage
	chunks []ChunkStage
}

// NewSet returns a set that runs the stages in the order given. Two stages should not
// write one key; if they do, the later one wins.
func NewSet(stages []Stage, chunks []ChunkStage) *Set { return &Set{stages, chunks} }

// Names lists the stages with what they cost.
func (s *Set) Names() (names []string, costs []Cost) {
	if s == nil {
		return nil, nil
	}
	for _, st := range s.stages {
		names, costs = append(names, st.Name()), append(costs, st.Cost())
	}
	for _, st := range s.chunks {
		names, costs = append(names, st.Name()), append(costs, st.Cost())
	}
	return names, costs
}

// Settings identifies what the set would find: equal texts mean equal results. It is
// "" for a set without stages.
func (s *Set) Settings() string {
	if s == nil || len(s.stages)+len(s.chunks) == 0 {
		return ""
	}
	sum := sha256.New()
	for _, st := range s.stages {
		fmt.Fprintf(sum, "%q %q\n", st.Name(), st.Settings())
	}
	for _, st := range s.chunks {
		fmt.Fprintf(sum, "%q %q\n", st.Name(), st.Settings())
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// Rules returns the set without the stages that call a model.
func (s *Set) Rules() *Set {
	if s == nil {
		return nil
	}
	out := &Set{}
	for _, st := range s.stages {
		if st.Cost() == Rules {
			out.stages = append(out.stages, st)
		}
	}
	for _, st := range s.chunks {
		if st.Cost() == Rules {
			out.chunks = append(out.chunks, st)
		}
	}
	return out
}

// Report is what came of running a set over a document.
type Report struct {
	Metadata rag.Metadata
	Warnings []string // of stages that failed, for people
	// Again says that a stage failed for a reason that may pass: a model that is down,
	// a budget that is used up. The document is worth another look then.
	Again bool
}

// Run runs the stages over a document. Only the end of ctx ends it: then what was
// found so far is not to be used.
func (s *Set) Run(ctx context.Context, d *Document) (Report, error) {
	var r Report
	if s == nil {
		return r, nil
	}
	r.Metadata = rag.Metadata{}
	for _, st := range s.stages {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		res, err := guard(st.Name(), func() (Result, error) { return st.Enrich(ctx, d) })
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		r.failed(st.Name(), err)
		if err := res.Metadata.Validate(); err != nil { // a fault of the stage, and its own loss
			r.failed(st.Name(), err)
			continue
		}
		for k, v := range res.Metadata {
			r.Metadata[k] = v
		}
	}
	return r, nil
}

// Annotate runs the chunk stages and puts what they wrote in front of the chunks'
// Prefix. As with Run, only the end of ctx is an error.
func (s *Set) Annotate(ctx context.Context, d *Document, chunks []rag.Chunk) (Report, error) {
	var r Report
	if s == nil || len(chunks) == 0 {
		return r, nil
	}
	prefixes := make([][]string, len(chunks))
	for _, st := range s.chunks {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		texts, err := guard(st.Name(), func() ([]string, error) { return st.Annotate(ctx, d, chunks) })
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		r.failed(st.Name(), err)
		for i := range min(len(texts), len(chunks)) {
			if texts[i] != "" {
				prefixes[i] = append(prefixes[i], texts[i])
			}
		}
	}
	for i, p := range prefixes {
		if len(p) == 0 {
			continue
		}
		if chunks[i].Prefix != "" { // the header of a table stands next to its rows
			p = append(p, chunks[i].Prefix)
		}
		chunks[i].Prefix = strings.Join(p, "\n")
	}
	return r, nil
}

func (r *Report) failed(name string, err error) {
	if err == nil {
		return
	}
	r.Warnings = append(r.Warnings, fmt.Sprintf("enrichment %s: %v", name, err))
	switch rag.KindOf(err) {
	case rag.KindUnavailable, rag.KindExhausted:
		r.Again = true
	}
}

// guard turns a panic of a stage into its error: the document is worth more than what
// is said about it.
func guard[T any](name string, run func() (T, error)) (out T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = rag.Errorf(rag.KindInternal, "failed unexpectedly in %s: %v", name, p)
		}
	}()
	return run()
}
