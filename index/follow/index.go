package follow

import (
	"context"

	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/rag"
)

// Index is what a follower keeps in step with a collection. What the methods promise is said at those of engine.Index. Goroutine-safe.
type Index interface {
	Search(ctx context.Context, q rag.IndexQuery) (rag.IndexResult, error)
	Explain(ctx context.Context, q rag.IndexQuery, id rag.ChunkID) (rag.Explanation, error)

	// Seq, Check, Apply and Rebuild follow the store.
	Seq() int64
	Check(r *rag.Record) error
	Apply(puts []rag.Record, deletes []rag.ChunkID, seq int64) error
	Rebuild(ctx context.Context, read func(add func(rag.Record) error) (seq int64, err error)) error

	// Purge makes the index durable, and leaves nothing in its files that was deleted before the call.
	Purge(ctx context.Context) error
	Unfiled() bool
	Owner() bool
	Orphaned() bool
	Damaged() error
	Verify(ctx context.Context) error

	// IDs returns the chunks that there are, in ascending order.
	IDs() ([]rag.ChunkID, error)

	Optimize(ctx context.Context) error
	Stats() engine.Stats
	Describe() engine.Description
	Close() error
}

// A tuner is an index that can be told how thoroughly to search.
type tuner interface {
	Sample(n int) [][]float32
	Tune(ctx context.Context, queries [][]float32, k int, target float64) (engine.Tuning, error)
	SetEffort(effort float64) error
}

// A compacter is an index that keeps in memory what is deleted, unseen, until it is made anew, which takes long and is for a quiet time. Compact does so, beside searches and
// changes; it does nothing where nothing is to be gained.
type compacter interface {
	Compact(ctx context.Context) error
}

// A partial is an index that answers from what it has of later changes than Seq while a part of it lags behind. Serves is the number of the last of them;
// where that is above Seq, the index is to be told of the changes after Seq as soon as that may succeed. Until then Ahead tells the part that answers of those after
// Serves, which Apply cannot reach while earlier ones fail.
type partial interface {
	Serves() int64
	Ahead(puts []rag.Record, deletes []rag.ChunkID, seq int64) error
}

// ahead is the part of a partial index that answers, as an index to be told of changes.
type ahead struct {
	Index
	partial
}

func (a ahead) Seq() int64 { return a.Serves() }

func (a ahead) Apply(puts []rag.Record, deletes []rag.ChunkID, seq int64) error {
	return a.Ahead(puts, deletes, seq)
}

// serves returns the number of the last change that a search in ix takes account of.
func serves(ix Index) int64 {
	if p, ok := ix.(partial); ok {
		return p.Serves()
	}
	return ix.Seq()
}

var (
	_ Index = (*engine.Index)(nil)
	_ tuner = (*engine.Index)(nil)
)

// Backend opens and makes indexes. Create and Open are as those of package engine, and take the files of another backend for those of another index.
type Backend struct {
	Create, Open func(engine.Config) (Index, error)
}

// Builtin is the backend that needs nothing but this program.
func Builtin() Backend { return NewBackend(engine.Create, engine.Open) }

// NewBackend returns the backend of a kind of index.
func NewBackend[T Index](create, open func(engine.Config) (T, error)) Backend {
	as := func(make func(engine.Config) (T, error)) func(engine.Config) (Index, error) {
		return func(cfg engine.Config) (Index, error) {
			ix, err := make(cfg)
			if err != nil {
				return nil, err // not an Index that holds a nil pointer
			}
			return ix, nil
		}
	}
	return Backend{as(create), as(open)}
}
