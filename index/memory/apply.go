package memory

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smartretriever/smartretriever/index/keyword"
	"github.com/smartretriever/smartretriever/rag"
)

// step is how long a writer enters or takes out rows before it lets searches in
// again. Much less would make a writer wait for running searches more often than
// it works.
const step = time.Millisecond

// Apply changes the index to the state at seq: deletes go, then puts come; a put
// of a known chunk replaces it, and of several puts of one chunk the last counts.
// Unknown deletes are no error. The document of a put becomes that of all chunks
// of the same document, so its metadata and access list hold for them at once.
//
// Searches see all of a batch or nothing. On an error nothing has changed:
// KindInvalid for a record that no index can hold (its message names the
// chunk), KindConflict for a seq below that of the index.
//
// Vectors and texts are copied; documents are kept and must not be changed.
func (ix *Index) Apply(puts []rag.Record, deletes []rag.ChunkID, seq int64) error {
	for i := range puts {
		if err := ix.Check(&puts[i]); err != nil {
			return err
		}
	}
	ix.writing.Lock()
	defer ix.writing.Unlock()
	if seq < ix.seq {
		return rag.Errorf(rag.KindConflict, "index: change %d comes after change %d", seq, ix.seq)
	}
	kept := lastOfEach(puts)
	added := ix.stage(kept, ix.analyze(kept))
	gone := ix.commit(kept, added, deletes, documentsOf(puts, kept), seq)
	ix.purge(gone)
	return nil
}

// Check reports why the index could not hold r, as KindInvalid, or nil.
func (ix *Index) Check(r *rag.Record) error {
	if r.ChunkID <= 0 {
		return rag.Errorf(rag.KindInvalid, "index: chunk id %d is not positive", r.ChunkID)
	}
	if r.Document == nil || r.Document.ID == "" {
		return rag.Errorf(rag.KindInvalid, "index: chunk %d has no document", r.ChunkID)
	}
	if len(r.Vector) == 0 {
		return nil
	}
	if err := checkVector(r.Vector, ix.cfg.Dimensions); err != nil {
		return rag.Errorf(rag.KindInvalid, "index: chunk %d: %w", r.ChunkID, err)
	}
	return nil
}

// checkVector refuses what has no direction or the wrong length.
func checkVector(v []float32, dims int) error {
	if len(v) != dims {
		return rag.Errorf(rag.KindInvalid, "the vector has %d dimensions, the index %d", len(v), dims)
	}
	n := squared(v)
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return rag.Errorf(rag.KindInvalid, "the vector holds a value that is not finite")
	}
	if n < 1e-30 {
		return rag.Errorf(rag.KindInvalid, "the vector is zero")
	}
	return nil
}

func squared(v []float32) float64 {
	var n float64
	for _, x := range v {
		n += float64(x) * float64(x)
	}
	return n
}

// unit returns v, or a copy of length one where v is off by more than rounding
// explains.
func unit(v []float32) []float32 {
	n := squared(v)
	if math.Abs(n-1) <= 1e-4 {
		return v
	}
	scale := 1 / math.Sqrt(n)
	u := make([]float32, len(v))
	for i, x := range v {
		u[i] = float32(float64(x) * scale)
	}
	return u
}

// lastOfEach returns puts without those that a later one replaces.
func lastOfEach(puts []rag.Record) []rag.Record {
	last := make(map[rag.ChunkID]int, len(puts))
	for i := range puts {
		last[puts[i].ChunkID] = i
	}
	if len(last) == len(puts) {
		return puts
	}
	kept := make([]rag.Record, 0, len(last))
	for i := range puts {
		if last[puts[i].ChunkID] == i {
			kept = append(kept, puts[i])
		}
	}
	return kept
}

// documentsOf returns the last state of each document of puts where some of these
// were not kept: a put that a later one replaces still says what its document is
// now. It is nil where the kept ones say it all.
func documentsOf(puts, kept []rag.Record) map[rag.DocumentID]*rag.Document {
	if len(puts) == len(kept) {
		return nil
	}
	last := make(map[rag.DocumentID]*rag.Document)
	for i := range puts {
		last[puts[i].Document.ID] = puts[i].Document
	}
	return last
}

// analyze turns the texts into terms, on all cores when there are many.
func (ix *Index) analyze(puts []rag.Record) []keyword.Analyzed {
	const enough = 32 // texts that are worth a goroutine
	out := make([]keyword.Analyzed, len(puts))
	workers := min(runtime.GOMAXPROCS(0), len(puts)/enough)
	if workers < 2 {
		for i := range puts {
			out[i] = ix.words.Analyze(puts[i].Text)
		}
		return out
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(puts); i = int(next.Add(1)) - 1 {
				out[i] = ix.words.Analyze(puts[i].Text)
			}
		})
	}
	wg.Wait()
	return out
}

// stage enters vectors and postings of puts into free rows, which no search
// sees yet, and returns the rows.
func (ix *Index) stage(puts []rag.Record, texts []keyword.Analyzed) []uint32 {
	rows := make([]uint32, len(puts))
	ix.inSteps(len(puts), func(i int) {
		row := ix.takeRow()
		rows[i] = row
		if len(puts[i].Vector) > 0 {
			ix.vectors.Set(row, puts[i].ChunkID, unit(puts[i].Vector))
		}
		ix.words.Add(row, puts[i].ChunkID, texts[i])
	})
	return rows
}

// inSteps calls fn with 0 to n-1 under the lock, and gives the lock back for a
// moment after every step.
func (ix *Index) inSteps(n int, fn func(i int)) {
	for i := 0; i < n; {
		ix.mu.Lock()
		for start := time.Now(); i < n && time.Since(start) < step; i++ {
			fn(i)
		}
		ix.mu.Unlock()
	}
}

func (ix *Index) takeRow() uint32 {
	if last := len(ix.free) - 1; last >= 0 {
		row := ix.free[last]
		ix.free = ix.free[:last]
		return row
	}
	ix.owner = append(ix.owner, place{})
	return uint32(len(ix.owner) - 1)
}

// commit makes the staged rows visible and those they replace, and the deleted
// ones, invisible, and returns the latter. Documents that are named get their new
// state.
func (ix *Index) commit(puts []rag.Record, added []uint32, deletes []rag.ChunkID, documents map[rag.DocumentID]*rag.Document, seq int64) (gone []uint32) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	for _, id := range deletes {
		if row, ok := ix.rows[id]; ok {
			ix.hide(id, row)
			gone = append(gone, row)
		}
	}
	for i := range puts {
		if row, ok := ix.rows[puts[i].ChunkID]; ok {
			ix.hide(puts[i].ChunkID, row)
			gone = append(gone, row)
		}
		ix.show(&puts[i], added[i])
	}
	for id, now := range documents {
		if d := ix.documents[id]; d != nil {
			ix.describe(d, now)
		}
	}
	ix.seq = seq
	ix.version++
	return gone
}

func (ix *Index) show(r *rag.Record, row uint32) {
	d := ix.documents[r.Document.ID]
	if d == nil {
		d = &document{Document: r.Document}
		ix.documents[r.Document.ID] = d
		ix.restrict(d, 1)
	} else {
		ix.describe(d, r.Document)
	}
	ix.owner[row] = place{document: d, at: len(d.rows)}
	d.rows = append(d.rows, row)
	ix.rows[r.ChunkID] = row
	ix.live.Set(row)
	ix.words.Show(row)
}

// describe gives all chunks of a document its new state.
func (ix *Index) describe(d *document, now *rag.Document) {
	if d.Document != now {
		ix.restrict(d, -1)
		d.Document = now
		ix.restrict(d, 1)
	}
}

func (ix *Index) hide(id rag.ChunkID, row uint32) {
	ix.words.Hide(row)
	ix.live.Clear(row)
	delete(ix.rows, id)
	p := ix.owner[row]
	ix.owner[row] = place{}
	d, last := p.document, len(p.document.rows)-1
	moved := d.rows[last]
	d.rows = d.rows[:last]
	if moved != row {
		d.rows[p.at] = moved
		ix.owner[moved].at = p.at
	}
	if last == 0 {
		delete(ix.documents, d.ID)
		ix.restrict(d, -1)
	}
}

// restrict counts documents with an access list.
func (ix *Index) restrict(d *document, by int) {
	if len(d.ACL) > 0 {
		ix.restricted += by
	}
}

// purge takes what invisible rows hold out of the index and frees the rows.
func (ix *Index) purge(rows []uint32) {
	ix.inSteps(len(rows), func(i int) {
		ix.words.Remove(rows[i])
		ix.vectors.Clear(rows[i])
		ix.free = append(ix.free, rows[i])
	})
}
