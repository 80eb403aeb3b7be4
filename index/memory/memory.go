package memory

import (
	"sync"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/keyword"
	"github.com/smartretriever/smartretriever/index/vector/flat"
	"github.com/smartretriever/smartretriever/rag"
)

// MaxDimensions bounds Config.Dimensions.
const MaxDimensions = 4096

// Config describes an index.
type Config struct {
	Dimensions int              // of every vector, 1 to MaxDimensions; needed
	Analyzer   keyword.Analyzer // of chunks and queries; needed
	K1         float64          // of BM25; 0 is keyword.DefaultK1
	B          float64          // of BM25; 0 is keyword.DefaultB, negative is none
}

// Validate reports what is missing or out of range.
func (c Config) Validate() error {
	if c.Dimensions < 1 || c.Dimensions > MaxDimensions {
		return rag.Errorf(rag.KindInvalid, "index: %d dimensions; there must be 1 to %d", c.Dimensions, MaxDimensions)
	}
	return c.ranking().WithDefaults().Validate()
}

func (c Config) ranking() keyword.Config {
	return keyword.Config{Analyzer: c.Analyzer, K1: c.K1, B: c.B}
}

// Index is the index of one collection. Goroutine-safe.
type Index struct {
	cfg     Config
	writing sync.Mutex

	mu         sync.RWMutex // a writer holds writing as well, so it may read without mu
	vectors    *flat.Index
	words      *keyword.Index
	rows       map[rag.ChunkID]uint32
	owner      []place // by row
	documents  map[rag.DocumentID]*document
	restricted int          // documents with an access list
	live       index.Bitmap // rows that searches see
	free       []uint32     // rows below len(owner) that hold nothing
	seq        int64
	version    int64 // goes up with every batch
	verdicts   verdicts
}

// document is a document with at least one live chunk.
type document struct {
	*rag.Document
	rows []uint32 // live, in no order
}

// place says where a live row stands in its document.
type place struct {
	document *document
	at       int // in document.rows
}

// New returns an empty index at sequence number 0, or what is wrong with cfg.
func New(cfg Config) (*Index, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	words, err := keyword.New(cfg.ranking())
	if err != nil {
		return nil, err
	}
	return &Index{
		cfg:       cfg,
		vectors:   flat.New(cfg.Dimensions),
		words:     words,
		rows:      map[rag.ChunkID]uint32{},
		documents: map[rag.DocumentID]*document{},
	}, nil
}

// Seq returns the number of the last change that searches see.
func (ix *Index) Seq() int64 {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return ix.seq
}

// Stats counts what an index holds.
type Stats struct {
	Chunks    int   `json:"chunks"`
	Vectors   int   `json:"vectors"` // chunks that have one
	Documents int   `json:"documents"`
	Terms     int   `json:"terms"`    // distinct
	Postings  int64 `json:"postings"` // pairs of a term and a chunk
	Bytes     int64 `json:"bytes"`    // of memory, estimated
	Seq       int64 `json:"seq"`
}

// Stats counts. It takes no longer for a large index than for a small one.
func (ix *Index) Stats() Stats {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	const rowBytes, documentBytes = 64, 600 // bookkeeping; a document with some metadata
	return Stats{
		Chunks:    len(ix.rows),
		Vectors:   ix.vectors.Len(),
		Documents: len(ix.documents),
		Terms:     ix.words.Terms(),
		Postings:  ix.words.Postings(),
		Bytes: ix.vectors.Bytes() + ix.words.Bytes() +
			int64(cap(ix.owner))*rowBytes + int64(len(ix.documents))*documentBytes,
		Seq: ix.seq,
	}
}
