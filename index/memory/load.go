package memory

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"sync"

	"github.com/smartretriever/smartretriever/index/keyword"
	"github.com/smartretriever/smartretriever/index/vector/flat"
	"github.com/smartretriever/smartretriever/rag"
)

// Load opens a snapshot file. KindNotFound says that there is none; KindInvalid
// that it is of no use: cut off, damaged, of another version, or saved with
// another identity or configuration. It is never an error that keeps an index
// from being built from the store, and never a reason to believe the file.
func Load(path string, cfg Config, of Identity) (*Index, error) {
	ix, err := New(cfg)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, rag.Errorf(rag.KindNotFound, "index snapshot %s: there is none", path)
	}
	if err != nil {
		return nil, rag.Wrap(rag.KindUnavailable, err, "index snapshot "+path+": open")
	}
	defer f.Close()
	l := loader{path: path, file: f}
	if err := l.readTable(); err != nil {
		return nil, err
	}
	if err := l.load(ix, of); err != nil {
		return nil, err
	}
	return ix, nil
}

// loader reads one file.
type loader struct {
	path  string
	file  *os.File
	table [sections]struct {
		offset, length int64
		sum            uint32
	}
}

// readTable reads trailer and table, and checks that the sections fill the file
// exactly.
func (l *loader) readTable() error {
	info, err := l.file.Stat()
	if err != nil {
		return rag.Wrap(rag.KindUnavailable, err, "index snapshot "+l.path)
	}
	end := info.Size() - int64(tableSize+trailerSize)
	if !info.Mode().IsRegular() || end < int64(len(magic)) {
		return damaged(l.path, "it is too short")
	}
	var first [len(magic)]byte
	var last [tableSize + trailerSize]byte
	if _, err := l.file.ReadAt(first[:], 0); err != nil {
		return damaged(l.path, "%w", err)
	}
	if _, err := l.file.ReadAt(last[:], end); err != nil {
		return damaged(l.path, "%w", err)
	}
	le := binary.LittleEndian
	table, trailer := last[:tableSize], last[tableSize:]
	switch {
	case string(first[:]) != magic:
		return damaged(l.path, "it is no index snapshot of this version")
	case string(trailer[8:]) != magic || le.Uint64(trailer) != uint64(end):
		return damaged(l.path, "it was cut off")
	case le.Uint32(table[tableSize-4:]) != crc32.Checksum(table[:tableSize-4], castagnoli):
		return damaged(l.path, "its table is damaged")
	}
	at := int64(len(magic))
	for i := range l.table {
		e := table[i*entrySize:]
		t := &l.table[i]
		t.offset, t.length, t.sum = int64(le.Uint64(e)), int64(le.Uint64(e[8:])), le.Uint32(e[16:])
		if t.offset != at || t.length < 0 || t.length > end-at {
			return damaged(l.path, "section %d is out of place", i)
		}
		at += t.length
	}
	if at != end {
		return damaged(l.path, "%d bytes belong to no section", end-at)
	}
	return nil
}

// read returns a whole section, checked.
func (l *loader) read(section int) ([]byte, error) {
	t := l.table[section]
	data := make([]byte, t.length)
	if _, err := l.file.ReadAt(data, t.offset); err != nil {
		return nil, damaged(l.path, "section %d: %w", section, err)
	}
	if crc32.Checksum(data, castagnoli) != t.sum {
		return nil, damaged(l.path, "section %d is damaged", section)
	}
	return data, nil
}

// load fills an empty index.
func (l *loader) load(ix *Index, of Identity) error {
	if err := l.loadIdentity(ix, of); err != nil {
		return err
	}
	ids, numbers, err := l.loadRows()
	if err != nil {
		return err
	}
	var vectorsErr, wordsErr error
	var wg sync.WaitGroup
	wg.Go(func() { ix.vectors, vectorsErr = l.loadVectors(ix.cfg.Dimensions, ids) })
	wg.Go(func() { ix.words, wordsErr = l.loadWords(ix.cfg.ranking(), ids) })
	err = l.loadDocuments(ix, ids, numbers)
	wg.Wait()
	return errors.Join(err, vectorsErr, wordsErr)
}

func (l *loader) loadIdentity(ix *Index, of Identity) error {
	data, err := l.read(identitySection)
	if err != nil {
		return err
	}
	want := of.append(nil, ix.cfg, 0)
	at := len(want) - 8 // of the seq, the last field
	if len(data) != len(want) || !bytes.Equal(data[:at], want[:at]) {
		return damaged(l.path, "it is of another store, collection, generation, model or analyzer")
	}
	ix.seq = int64(binary.LittleEndian.Uint64(data[at:]))
	return nil
}

func (l *loader) loadRows() (ids []rag.ChunkID, numbers []uint32, err error) {
	data, err := l.read(rowsSection)
	if err != nil {
		return nil, nil, err
	}
	le := binary.LittleEndian
	if len(data) < 8 || uint64(len(data)-8)/12 != le.Uint64(data) || (len(data)-8)%12 != 0 {
		return nil, nil, damaged(l.path, "the list of rows has the wrong length")
	}
	data = data[8:]
	ids = make([]rag.ChunkID, len(data)/12)
	numbers = make([]uint32, len(ids))
	for i := range ids {
		ids[i] = rag.ChunkID(le.Uint64(data[i*12:]))
		numbers[i] = le.Uint32(data[i*12+8:])
	}
	return ids, numbers, nil
}

// loadDocuments makes the documents and hands the rows out to them.
func (l *loader) loadDocuments(ix *Index, ids []rag.ChunkID, numbers []uint32) error {
	data, err := l.read(documentsSection)
	if err != nil {
		return err
	}
	d := decoder{data: string(data)}
	documents := make([]*document, d.count())
	ix.documents = make(map[rag.DocumentID]*document, len(documents))
	for i := range documents {
		documents[i] = &document{Document: d.document()}
		ix.documents[documents[i].ID] = documents[i]
		ix.restrict(documents[i], 1)
	}
	if d.err != nil || d.data != "" || len(ix.documents) != len(documents) {
		return damaged(l.path, "documents cannot be read")
	}
	ix.owner = make([]place, len(ids))
	ix.rows = make(map[rag.ChunkID]uint32, len(ids))
	ix.live = ix.live.Reset(len(ids))
	for i, id := range ids {
		if int(numbers[i]) >= len(documents) || id <= 0 {
			return damaged(l.path, "row %d belongs to no document", i)
		}
		doc := documents[numbers[i]]
		ix.owner[i] = place{document: doc, at: len(doc.rows)}
		doc.rows = append(doc.rows, uint32(i))
		ix.rows[id] = uint32(i)
		ix.live.Set(uint32(i))
	}
	if len(ix.rows) != len(ids) {
		return damaged(l.path, "a chunk has two rows")
	}
	for i := range documents {
		if len(documents[i].rows) == 0 {
			return damaged(l.path, "document %s has no rows", documents[i].ID)
		}
	}
	return nil
}

// loadVectors reads piece by piece: the section is most of the file.
func (l *loader) loadVectors(dims int, ids []rag.ChunkID) (*flat.Index, error) {
	t := l.table[vectorsSection]
	sum := crc32.New(castagnoli)
	in := io.TeeReader(io.NewSectionReader(l.file, t.offset, t.length), sum)
	vectors, err := flat.Load(in, dims, ids)
	if err != nil {
		return nil, damaged(l.path, "%w", err)
	}
	if n, err := io.Copy(io.Discard, in); n != 0 || err != nil || sum.Sum32() != t.sum {
		return nil, damaged(l.path, "vectors are damaged")
	}
	return vectors, nil
}

func (l *loader) loadWords(cfg keyword.Config, ids []rag.ChunkID) (*keyword.Index, error) {
	data, err := l.read(wordsSection)
	if err != nil {
		return nil, err
	}
	words, err := keyword.Load(data, cfg, ids)
	if err != nil {
		return nil, damaged(l.path, "%w", err)
	}
	return words, nil
}
