package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/rag"
)

// rebuildFlushes bounds what Rebuild collects before it writes a segment, in flush sizes.
const rebuildFlushes = 8

// Rebuild puts an index made of records in the place of what is there: read hands records to add, in any order and each chunk
// once, and returns the sequence number that they are of. Until it has returned without an error, searches see what was there before, and
// on an error they go on to do so. A damaged index is whole again afterwards. add returns the first error of building.
func (ix *Index) Rebuild(ctx context.Context, read func(add func(rag.Record) error) (seq int64, err error)) error {
	ix.applying.Lock()
	defer ix.applying.Unlock()
	b := &rebuilder{ix: ix, ctx: ctx, documents: map[rag.DocumentID]*rag.Document{}}
	seq, err := read(b.add)
	if err == nil {
		err = b.write()
	}
	ix.writing.Lock()
	defer ix.writing.Unlock()
	if err == nil && ix.closed {
		err = ErrClosed
	}
	for _, v := range b.views {
		delete(ix.writes, v.seg.name)
		if err != nil {
			_ = v.seg.file.Close() // nobody has seen it; the file goes with the next sweep
		}
	}
	if err != nil {
		return err
	}
	ix.install(newState(b.views, seq))
	ix.damage.Store(nil)
	ix.failed = nil
	ix.startMerge()
	return nil
}

// rebuilder collects records and writes segments of them.
type rebuilder struct {
	ix        *Index
	ctx       context.Context
	records   []rag.Record
	documents map[rag.DocumentID]*rag.Document // of records
	bytes     int64
	views     []*view
}

func (b *rebuilder) add(r rag.Record) error {
	if err := b.ix.Check(&r); err != nil {
		return err
	}
	b.records = append(b.records, r)
	b.documents[r.Document.ID] = r.Document
	b.bytes += int64(len(r.Text) + 4*len(r.Vector))
	cfg := &b.ix.cfg
	if len(b.records) < rebuildFlushes*cfg.FlushRows && b.bytes < rebuildFlushes*cfg.FlushBytes {
		return nil
	}
	return b.write()
}

// write makes a segment of what was collected.
func (b *rebuilder) write() error {
	if len(b.records) == 0 {
		return nil
	}
	if err := b.ctx.Err(); err != nil {
		return err
	}
	slices.SortFunc(b.records, func(x, y rag.Record) int { return cmp.Compare(x.ChunkID, y.ChunkID) })
	for i := 1; i < len(b.records); i++ {
		if b.records[i].ChunkID == b.records[i-1].ChunkID {
			return rag.Errorf(rag.KindInvalid, "index: chunk %d comes twice", b.records[i].ChunkID)
		}
	}
	seg, err := b.segment()
	if err != nil {
		return fmt.Errorf("index: build a segment of %d chunks: %w", len(b.records), err)
	}
	seg.placed = b.ix.placed(seg.rows())
	b.views = append(b.views, &view{seg: seg})
	clear(b.records)
	clear(b.documents)
	b.records, b.bytes = b.records[:0], 0
	return nil
}

func (b *rebuilder) segment() (*segment, error) {
	to := b.ix.files()
	if len(b.records) < b.ix.cfg.FlushRows {
		to = nil
	}
	return b.ix.makeSegment(to, func(w *section.Writer) error { return b.ix.writeRecords(w, b.records, b.documents) })
}
