package memory

import (
	"encoding/binary"
	"hash"
	"hash/crc32"
	"io"

	"github.com/smartretriever/smartretriever/rag"
)

// A snapshot file is sections, a table of them, and a trailer:
//
//	8 bytes         magic and format version
//	sections        identity, rows, documents, vectors, words: one after the other
//	table           per section: uint64 offset, uint64 length, uint32 CRC-32C; then the
//	                CRC-32C of the table itself
//	trailer         uint64 offset of the table, the magic again
//
// All numbers are little-endian; strings are a uvarint length and bytes. A file
// that was cut off has no trailer; damage shows in a checksum; a file of another
// store, collection, generation, model or analyzer differs in its identity
// section. In each of these cases the file is as good as absent.
//
// It holds no text of documents beyond the terms, their counts and what filters
// look at: ids, titles, sources, metadata, access lists and times.
const magic = "SRINDEX\x01"

const (
	identitySection = iota
	rowsSection
	documentsSection
	vectorsSection
	wordsSection
	sections
)

const (
	entrySize   = 8 + 8 + 4
	tableSize   = sections*entrySize + 4
	trailerSize = 8 + len(magic)
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Identity says of what an index is a view. A snapshot file is only loaded for
// the identity that it was saved with.
type Identity struct {
	Store      string // the store's own id
	Collection int64
	Generation int
	Model      string // of the embeddings
}

func (id Identity) append(b []byte, cfg Config, seq int64) []byte {
	b = appendString(b, id.Store)
	b = binary.LittleEndian.AppendUint64(b, uint64(id.Collection))
	b = binary.LittleEndian.AppendUint64(b, uint64(id.Generation))
	b = appendString(b, id.Model)
	b = appendString(b, cfg.Analyzer.Name())
	b = binary.LittleEndian.AppendUint32(b, uint32(cfg.Dimensions))
	return binary.LittleEndian.AppendUint64(b, uint64(seq))
}

// damaged is the error for a file that cannot be used.
func damaged(path, format string, args ...any) error {
	return rag.Errorf(rag.KindInvalid, "index snapshot %s: %w", path, rag.Errorf(rag.KindInvalid, format, args...))
}

// counted passes on what is written and keeps length and checksum.
type counted struct {
	w   io.Writer
	sum hash.Hash32
	n   int64
}

func newCounted(w io.Writer) *counted {
	return &counted{w: w, sum: crc32.New(castagnoli)}
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.sum.Write(p[:n])
	c.n += int64(n)
	return n, err
}

// next ends a section and returns its entry of the table.
func (c *counted) next(offset int64) (entry []byte, end int64) {
	entry = binary.LittleEndian.AppendUint64(nil, uint64(offset))
	entry = binary.LittleEndian.AppendUint64(entry, uint64(c.n))
	entry = binary.LittleEndian.AppendUint32(entry, c.sum.Sum32())
	end = offset + c.n
	c.sum.Reset()
	c.n = 0
	return entry, end
}
