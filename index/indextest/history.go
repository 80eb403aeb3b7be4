package indextest

import (
	"maps"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

// History is a random sequence of changes, with what an index must answer after each of them. It keeps the
// changes, as a store's feed does, so that an index that fell back to an older state can be brought up again.
type History struct {
	seed    uint64
	model   *model
	maker   maker
	next    rag.ChunkID
	batches []batch
}

// Dims is the number of dimensions of a history's vectors.
const Dims = dims

type batch struct {
	puts    []rag.Record
	deletes []rag.ChunkID
	seq     int64
}

// historyDocuments is the number of different documents of a history.
const historyDocuments = 40

// NewHistory returns the history of a seed: the same seed makes the same changes and queries, as long as the same methods are
// called in the same order.
func NewHistory(seed uint64) *History {
	return &History{seed: seed, model: newModel(), maker: newMaker(seed, dims), next: 1}
}

// Step makes a batch of changes and applies it, unless ix is nil.
func (h *History) Step(t testing.TB, ix Index) {
	t.Helper()
	mk := h.maker
	b := batch{seq: int64(len(h.batches) + 1)}
	for range mk.IntN(4) { // a document comes, or all of it is replaced by new chunks
		d := mk.document(documentID(mk.IntN(historyDocuments)))
		for _, id := range slices.Sorted(maps.Keys(h.model.chunks)) { // in order, so that a seed repeats
			if h.model.chunks[id].Document.ID == d.ID && mk.IntN(8) > 0 {
				b.deletes = append(b.deletes, id)
			}
		}
		for range 1 + mk.IntN(6) {
			b.puts = append(b.puts, mk.record(h.next, d))
			h.next++
		}
	}
	for range mk.IntN(3) { // known chunks are put again, deleted ones come back
		b.puts = append(b.puts, mk.record(1+rag.ChunkID(mk.Int64N(int64(h.next))), mk.document(documentID(mk.IntN(historyDocuments)))))
	}
	for range mk.IntN(3) {
		b.deletes = append(b.deletes, 1+rag.ChunkID(mk.Int64N(int64(h.next))))
	}
	h.batches = append(h.batches, b)
	h.model.apply(b.puts, b.deletes)
	if ix != nil {
		h.apply(t, ix, b)
	}
}

func (h *History) apply(t testing.TB, ix Index, b batch) {
	t.Helper()
	if err := ix.Apply(b.puts, b.deletes, b.seq); err != nil {
		t.Fatalf("seed %d: apply change %d: %v", h.seed, b.seq, err)
	}
}

// CatchUp applies what ix lacks, beginning with the change after the one that it holds.
func (h *History) CatchUp(t testing.TB, ix Index) {
	t.Helper()
	for _, b := range h.batches[ix.Seq():] {
		h.apply(t, ix, b)
	}
}

// Seq returns the number of the last change.
func (h *History) Seq() int64 { return int64(len(h.batches)) }

// Records calls fn with every chunk that is there now.
func (h *History) Records(fn func(rag.Record) error) error {
	for _, id := range slices.Sorted(maps.Keys(h.model.chunks)) {
		r := h.model.chunks[id]
		r.Document = h.model.documents[r.Document.ID]
		if err := fn(r); err != nil {
			return err
		}
	}
	return nil
}

// Check compares the answers of ix to a random query with those of the formulas.
func (h *History) Check(t testing.TB, ix Index) {
	t.Helper()
	h.model.check(t, ix, h.maker.query())
	if t.Failed() {
		t.Fatalf("after change %d of seed %d", h.Seq(), h.seed)
	}
}

// Query draws a query.
func (h *History) Query() rag.IndexQuery { return h.maker.query() }
