package engine

import (
	"cmp"
	"slices"

	"github.com/smartretriever/smartretriever/rag"
)

// Apply changes the index to the state at seq: deletes go, then puts come; a put
// of a known chunk replaces it, and of several puts of one chunk the last counts.
// Unknown deletes are no error. The document of a put becomes that of all chunks
// of the same document, so its metadata and access list hold for them at once.
//
// Searches see all of a batch or nothing. On an error nothing has changed:
// KindInvalid for a record that no index can hold (its message names the
// chunk), KindConflict for a seq below that of the index, ErrDamaged where a file is. Apply waits while far more is in
// memory than can be written to files, and reports why it cannot (KindUnavailable).
//
// Vectors and texts are copied; documents are kept and must not be changed.
func (ix *Index) Apply(puts []rag.Record, deletes []rag.ChunkID, seq int64) error {
	for i := range puts {
		if err := ix.Check(&puts[i]); err != nil {
			return err
		}
	}
	ix.applying.Lock()
	defer ix.applying.Unlock()
	if at := ix.Seq(); seq < at {
		return rag.Errorf(rag.KindConflict, "index: change %d comes after change %d", seq, at)
	}
	if err := ix.waitForRoom(); err != nil {
		return err
	}
	kept := lastOfEach(puts)
	documents := documentsOf(puts)
	var young *segment
	if len(kept) > 0 {
		var err error
		if young, err = ix.build(kept, documents); err != nil {
			return err
		}
	}
	err := ix.protect(func() error {
		ix.commitBatch(kept, deletes, documents, young, seq)
		return nil
	})
	if err != nil {
		return err
	}
	return ix.tidy()
}

// commitBatch makes a batch visible.
func (ix *Index) commitBatch(kept []rag.Record, deletes []rag.ChunkID, documents map[rag.DocumentID]*rag.Document, young *segment, seq int64) {
	ix.writing.Lock()
	defer ix.writing.Unlock()
	old := ix.current.Load()
	views := make([]*view, 0, len(old.views)+1)
	for _, v := range old.views {
		v = v.hide(goneFrom(v, kept, deletes))
		if v.rows() == 0 {
			continue
		}
		views = append(views, v.override(changedIn(v, documents)))
	}
	if young != nil {
		views = append(views, &view{seg: young})
	}
	ix.install(newState(views, seq))
}

// goneFrom returns the live rows of v that a batch replaces or deletes, each once.
func goneFrom(v *view, kept []rag.Record, deletes []rag.ChunkID) []uint32 {
	var rows []uint32
	for _, id := range deletes {
		if r, ok := v.find(id); ok {
			rows = append(rows, r)
		}
	}
	for i := range kept {
		if r, ok := v.find(kept[i].ChunkID); ok {
			rows = append(rows, r)
		}
	}
	slices.Sort(rows)
	return slices.Compact(rows)
}

// changedIn returns the documents that v holds in another state, by ordinal.
func changedIn(v *view, documents map[rag.DocumentID]*rag.Document) map[uint32]*rag.Document {
	var changed map[uint32]*rag.Document
	for id, now := range documents {
		o, ok := v.seg.documents.Find(id)
		if !ok || v.overrides[o] == now || sameForSearch(v.document(o), now) {
			continue
		}
		if changed == nil {
			changed = map[uint32]*rag.Document{}
		}
		changed[o] = now
	}
	return changed
}

// sameForSearch reports whether filters and access checks cannot tell two states of a document apart.
func sameForSearch(a, b *rag.Document) bool {
	if a == b {
		return true
	}
	if a.ExternalID != b.ExternalID || a.Title != b.Title || a.Source != b.Source || a.MediaType != b.MediaType ||
		!a.CreatedAt.Equal(b.CreatedAt) || !a.UpdatedAt.Equal(b.UpdatedAt) ||
		!slices.Equal(a.ACL, b.ACL) || len(a.Metadata) != len(b.Metadata) {
		return false
	}
	for k, v := range a.Metadata {
		if w, ok := b.Metadata[k]; !ok || !identical(v, w) {
			return false
		}
	}
	return true
}

// identical reports whether two values are the same, kind by kind.
func identical(a, b rag.Value) bool {
	if a.Kind() != b.Kind() {
		return false
	}
	switch a.Kind() {
	case rag.ListValue:
		return slices.EqualFunc(a.Items(), b.Items(), identical)
	case rag.NullValue:
		return true
	}
	return a.Equal(b)
}

// Check reports why the index could not hold r, as KindInvalid, or nil.
func (ix *Index) Check(r *rag.Record) error {
	if r.ChunkID <= 0 {
		return rag.Errorf(rag.KindInvalid, "index: chunk id %d is not positive", r.ChunkID)
	}
	if r.Document == nil || r.Document.ID == "" {
		return rag.Errorf(rag.KindInvalid, "index: chunk %d has no document", r.ChunkID)
	}
	if err := r.Document.Metadata.Validate(); err != nil {
		return rag.Errorf(rag.KindInvalid, "index: chunk %d, document %s: %w", r.ChunkID, r.Document.ID, err)
	}
	if len(r.Vector) == 0 {
		return nil
	}
	if err := ix.checkVector(r.Vector); err != nil {
		return rag.Errorf(rag.KindInvalid, "index: chunk %d: %w", r.ChunkID, err)
	}
	return nil
}

// lastOfEach returns puts in ascending order of chunk id, without those that a later one replaces.
func lastOfEach(puts []rag.Record) []rag.Record {
	kept := slices.Clone(puts)
	slices.SortStableFunc(kept, func(a, b rag.Record) int { return cmp.Compare(a.ChunkID, b.ChunkID) })
	n := 0
	for i := range kept {
		if i+1 < len(kept) && kept[i+1].ChunkID == kept[i].ChunkID {
			continue
		}
		kept[n] = kept[i]
		n++
	}
	return kept[:n]
}

// documentsOf returns the last state of each document of puts: a put that a later one replaces still says what its document is
// now.
func documentsOf(puts []rag.Record) map[rag.DocumentID]*rag.Document {
	last := make(map[rag.DocumentID]*rag.Document)
	for i := range puts {
		last[puts[i].Document.ID] = puts[i].Document
	}
	return last
}
