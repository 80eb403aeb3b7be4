package store

import (
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// NoDocument says, as KindNotFound, that there is no such document, or none that may be
// seen: who may not read it shall not learn that it exists.
func NoDocument(id rag.DocumentID) error {
	return rag.Errorf(rag.KindNotFound, "there is no document %.64q", string(id))
}

// NoExternalID is NoDocument by external id.
func NoExternalID(externalID string) error {
	return rag.Errorf(rag.KindNotFound, "there is no document with the external id %.80q", externalID)
}

// ExternalIDTaken says, as KindConflict, that a deleted document cannot be restored.
func ExternalIDTaken(id rag.DocumentID, externalID string) error {
	return rag.Errorf(rag.KindConflict, "document %s cannot be restored: its external id %.80q belongs to a newer document", id, externalID)
}

// NoVersion says, as KindNotFound, that a version of a document is not kept.
func NoVersion(id rag.DocumentID, version int) error {
	return rag.Errorf(rag.KindNotFound, "version %d of document %s is not kept", version, id)
}

// NoQuote says, as KindNotFound, that a document, its version or the span is not there.
func NoQuote(id rag.DocumentID, version int, span rag.Span) error {
	return rag.Errorf(rag.KindNotFound, "bytes %d to %d of version %d of document %s are not in the store", span.Start, span.End, version, id)
}

// NoChunkAt says, as KindNotFound, that no chunk holds a byte.
func NoChunkAt(id rag.DocumentID, version, offset int) error {
	return rag.Errorf(rag.KindNotFound, "no chunk of version %d of document %s holds byte %d", version, id, offset)
}

// DocumentKey is a document's id as 16 bytes. Text that is no UUID names no document,
// so it is KindNotFound.
func DocumentKey(id rag.DocumentID) ([]byte, error) {
	if key := parseKey(string(id)); key != nil {
		return key, nil
	}
	return nil, NoDocument(id)
}

// ParseDocument reads into d what is kept as JSON in its row. A fault is KindInternal.
func ParseDocument(d *rag.Document, metadata, acl string) (err error) {
	if d.Metadata, err = ParseMetadata(metadata); err != nil {
		return rag.Errorf(rag.KindInternal, "document %s: %v", d.ID, err)
	}
	if d.ACL, err = ParseStrings(acl); err != nil {
		return rag.Errorf(rag.KindInternal, "document %s: %v", d.ID, err)
	}
	return nil
}

// ParseChunk reads into c its hash and its heading path as they are stored. A fault is
// KindInternal.
func ParseChunk(c *rag.Chunk, hash []byte, heading string) (err error) {
	if copy(c.Hash[:], hash) != len(c.Hash) || len(hash) != len(c.Hash) {
		return rag.Errorf(rag.KindInternal, "chunk %d: its hash is damaged", c.ID)
	}
	if c.Heading, err = ParseStrings(heading); err != nil {
		return rag.Errorf(rag.KindInternal, "chunk %d: %v", c.ID, err)
	}
	return nil
}

// NewDocument is the document of a put as it is stored at a moment, but for what it has
// from one that it replaces.
func NewDocument(p *rag.Put, now time.Time) rag.Document {
	d := p.Document
	d.Chunks, d.UpdatedAt = len(p.Chunks), now
	if d.State == "" {
		d.State = rag.StateReady
	}
	if d.Metadata == nil {
		d.Metadata = rag.Metadata{}
	}
	return d
}

// Failed is the result of a put that was not stored.
func Failed(d rag.Document, err error) rag.PutResult {
	return rag.PutResult{Document: d, State: rag.Failed, Err: err}
}

// CheckLive reports, as KindConflict, that a put was made for another generation than
// the live one, which has the given number and model.
func CheckLive(p *rag.Put, number int, model string) error {
	if p.Generation != 0 && p.Generation != number {
		return rag.Errorf(rag.KindConflict, "the document was embedded for generation %d, and %d is live now (model %s); add the document again", p.Generation, number, model)
	}
	return nil
}

// CheckNew reports whether a vector, given for a chunk that has none in the store, can
// be stored: KindConflict says that there is none, since one that was in the store when
// it was asked for has been purged meanwhile, KindInvalid that it is not one of a model
// with dims dimensions.
func CheckNew(vector []float32, dims int) error {
	if vector == nil {
		return rag.Errorf(rag.KindConflict, "the embedding of a chunk is neither given nor in the store any more; add the document again")
	}
	return CheckVector(vector, dims)
}

// ChangeDocument makes a change of d that has been checked.
func ChangeDocument(d *rag.Document, change rag.DocumentChange) {
	if change.Title != nil {
		d.Title = *change.Title
	}
	if change.Metadata != nil {
		d.Metadata = *change.Metadata
	}
	if change.ACL != nil {
		d.ACL = *change.ACL
	}
}

// Containers are an external id and those of the documents around it, from within to
// without.
func Containers(externalID string) []string {
	all := []string{externalID}
	for {
		end := strings.LastIndex(externalID, rag.MemberMark)
		if end < 0 {
			return all
		}
		externalID = externalID[:end]
		all = append(all, externalID)
	}
}
