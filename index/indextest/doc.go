// Package indextest holds the conformance suite for indexes: what anything that
// searches the chunks of one collection must do, checked against a model that
// looks at every chunk.
//
// The suite's texts are made of words like w17, which every analyzer takes as
// they are. Scores are compared with those of exact cosine and of BM25 by the
// formula of Lucene, with its default k1 and b and its lengths of four binary digits.
//
// A second suite, Database, is for adapters of vector databases: what external.Database promises, on a
// server. Its files begin with "database".
package indextest

import (
	"context"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

// Index is what is tested.
type Index interface {
	// Apply takes deletes out, then puts in, all at once; see engine.Index.Apply.
	Apply(puts []rag.Record, deletes []rag.ChunkID, seq int64) error
	Search(ctx context.Context, q rag.IndexQuery) (rag.IndexResult, error)
	Seq() int64
}

// Open returns an empty index for vectors of dims dimensions. What it needs to
// clean up it registers with t.
type Open func(t *testing.T, dims int) Index

type part struct {
	name string
	run  func(*testing.T, Open)
}

var parts = []part{
	{"Empty", testEmpty},
	{"PutReplaceDelete", testPutReplaceDelete},
	{"Batches", testBatches},
	{"Sides", testSides},
	{"Ties", testTies},
	{"Filters", testFilters},
	{"AccessLists", testAccessLists},
	{"DocumentChanges", testDocumentChanges},
	{"Refusals", testRefusals},
	{"Cancelled", testCancelled},
	{"RandomHistory", testRandomHistory},
	{"BatchesAreAtomic", testAtomic},
}

// Run runs the suite, each part on an index of its own. With names of parts
// it runs these only.
func Run(t *testing.T, open Open, only ...string) {
	for _, name := range only {
		if !slices.ContainsFunc(parts, func(p part) bool { return p.name == name }) {
			t.Fatalf("the suite has no part %q", name)
		}
	}
	for _, p := range parts {
		if len(only) == 0 || slices.Contains(only, p.name) {
			t.Run(p.name, func(t *testing.T) { p.run(t, open) })
		}
	}
}
