package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/smartretriever/smartretriever/index/column"
	"github.com/smartretriever/smartretriever/index/postings"
	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/index/vector/hnsw"
	"github.com/smartretriever/smartretriever/index/vector/ivf"
	"github.com/smartretriever/smartretriever/rag"
)

// The sections of a segment.
const (
	idSection       = "ids"       // chunk ids by row, ascending, 8 bytes each
	vectorSection   = "vectors"   // package vector; absent without vectors
	listSection     = "lists"     // package ivf; absent in small segments
	graphSection    = "graph"     // package hnsw; only where a graph is asked for
	wordSection     = "words"     // package postings
	documentSection = "documents" // package column
)

// segment is an opened segment, held by the states and calls that use it.
type segment struct {
	refs      atomic.Int64
	file      *section.File
	name      string // of its file; "" in memory
	shard     string // that all its rows were of when it was written; "" for those of several
	placed    bool   // no shard of its own is due to any of its rows
	ids       []int64
	vectors   *vector.Set   // nil if no row has one
	lists     *ivf.Index    // nil in small segments
	graph     *hnsw.Section // nil where none is asked for
	words     *postings.Segment
	documents *column.Table
	chosen    selections
	names     atomic.Pointer[[]atomic.Pointer[documentName]]
}

// documentName is the id of a document, kept.
type documentName struct {
	ordinal uint32
	id      rag.DocumentID
}

// maxNames is how many ids of documents a segment keeps: those of hits, which come again.
const maxNames = 1024

// documentID returns the id of a row's document.
func (s *segment) documentID(row uint32) rag.DocumentID {
	ordinal := s.documents.DocOf(row)
	names := s.names.Load()
	if names == nil {
		made := make([]atomic.Pointer[documentName], min(maxNames, s.documents.Len()))
		s.names.CompareAndSwap(nil, &made)
		names = s.names.Load()
	}
	place := &(*names)[int(ordinal)%len(*names)]
	if n := place.Load(); n != nil && n.ordinal == ordinal {
		return n.id
	}
	n := &documentName{ordinal, s.documents.ID(ordinal)}
	place.Store(n)
	return n.id
}

func (s *segment) rows() int { return len(s.ids) }

func (s *segment) vectorCount() int {
	if s.vectors == nil {
		return 0
	}
	return s.vectors.Len()
}

// release lets go of the segment. The last one to do so closes its file.
func (s *segment) release() {
	if s.refs.Add(-1) == 0 {
		_ = s.file.Close() // ending a mapping that nobody uses any more
	}
}

// parse opens the sections of a container, and checks that they fit each other.
func (ix *Index) parse(f *section.File, name string) (*segment, error) {
	s := &segment{file: f, name: name, placed: true}
	damaged := func(what string, err error) error {
		return rag.Wrap(rag.KindInvalid, err, "index: "+f.Name()+" is damaged: "+what)
	}
	ids, ok := f.Section(idSection)
	if !ok || len(ids)%8 != 0 {
		return nil, damaged("its ids", errNotThere)
	}
	s.ids = section.View[int64](ids)
	if data, ok := f.Section(vectorSection); ok {
		set, err := vector.Open(data)
		if err == nil && (set.Rows() != s.rows() || set.Dims() != ix.cfg.Dimensions) {
			err = errUnfit
		}
		if err != nil {
			return nil, damaged("its vectors", err)
		}
		s.vectors = set
	}
	if data, ok := f.Section(listSection); ok && s.vectors != nil {
		lists, err := ivf.Open(data, s.vectors)
		if err != nil {
			return nil, damaged("its lists", err)
		}
		s.lists = lists
	}
	if data, ok := f.Section(graphSection); ok && s.vectors != nil {
		graph, err := hnsw.Open(data, s.vectors.Len())
		if err != nil {
			return nil, damaged("its graph", err)
		}
		s.graph = graph
	}
	data, _ := f.Section(wordSection)
	words, err := postings.Open(data)
	if err == nil && words.Rows() != s.rows() {
		err = errUnfit
	}
	if err != nil {
		return nil, damaged("its words", err)
	}
	s.words = words
	data, _ = f.Section(documentSection)
	documents, err := column.Open(data)
	if err == nil && documents.Rows() != s.rows() {
		err = errUnfit
	}
	if err != nil {
		return nil, damaged("its documents", err)
	}
	s.documents = documents
	return s, nil
}

var (
	errNotThere = errors.New("they are not there")
	errUnfit    = errors.New("they are of another segment")
)

// build makes a segment in memory of records in ascending order of chunk id, with the states of their documents.
func (ix *Index) build(records []rag.Record, documents map[rag.DocumentID]*rag.Document) (*segment, error) {
	seg, err := ix.makeSegment(nil, func(w *section.Writer) error { return ix.writeRecords(w, records, documents) })
	if err != nil {
		return nil, fmt.Errorf("index: build a segment: %w", err)
	}
	return seg, nil
}

// writeRecords writes the sections of a segment of records.
func (ix *Index) writeRecords(w *section.Writer, records []rag.Record, documents map[rag.DocumentID]*rag.Document) error {
	ids := make([]int64, len(records))
	for i := range records {
		ids[i] = int64(records[i].ChunkID)
	}
	if _, err := w.Begin(idSection).Write(section.Bytes(ids)); err != nil {
		return err
	}
	if err := ix.writeVectors(w, ix.recordVectors(records)); err != nil {
		return err
	}
	if err := ix.writeWords(w.Begin(wordSection), records); err != nil {
		return err
	}
	return writeDocuments(w.Begin(documentSection), records, documents)
}

var documentBuilders = sync.Pool{New: func() any { return &column.Builder{} }}

func writeDocuments(w io.Writer, records []rag.Record, documents map[rag.DocumentID]*rag.Document) error {
	b := documentBuilders.Get().(*column.Builder)
	defer documentBuilders.Put(b)
	b.Reset()
	ordinals := make(map[rag.DocumentID]uint32, len(documents))
	rows := make([]uint32, len(records))
	for i := range records {
		id := records[i].Document.ID
		o, ok := ordinals[id]
		if !ok {
			var err error
			if o, err = b.Add(documents[id]); err != nil {
				return fmt.Errorf("document %s: %w", id, err)
			}
			ordinals[id] = o
		}
		rows[i] = o
	}
	b.SetRows(rows)
	_, err := b.WriteTo(w)
	return err
}

// writeSections writes the sections of a merged segment.
func (ix *Index) writeSections(ctx context.Context, w *section.Writer, p *plan) error {
	ids := make([]int64, len(p.from))
	for to, o := range p.from {
		ids[to] = p.views[o.view].seg.ids[o.row]
	}
	if _, err := w.Begin(idSection).Write(section.Bytes(ids)); err != nil {
		return err
	}
	if err := ix.mergeVectors(ctx, w, p); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := mergeWords(ctx, w.Begin(wordSection), p); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return mergeDocuments(w.Begin(documentSection), p)
}
