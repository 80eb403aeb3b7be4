package engine

import (
	"log/slog"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/index/postings"
	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/index/vector/hnsw"
	"github.com/smartretriever/smartretriever/rag"
)

// Defaults of Config.
const (
	DefaultFlushRows  = 8192
	DefaultFlushBytes = 64 << 20
	DefaultExactBelow = 20_000
	DefaultMergeBytes = 16 << 30
	// DefaultTitleWeight was chosen on SciFact's training questions (nDCG@10 of keyword search .7002 with 1, .7030 with 2, .7026 with 3); on the sets that had no say in it: Cranfield
	// .5232 to .5260, CACM .4936 to .5130, HotpotQA .7984 to .8190.
	DefaultTitleWeight = 2
)

// MaxDimensions bounds Config.Dimensions.
const MaxDimensions = 4096

// Config describes an index.
type Config struct {
	Dimensions int      // of every vector, 1 to MaxDimensions; needed
	Analyzer   Analyzer // of chunks and queries; needed
	K1         float64  // of BM25; 0 is postings.DefaultK1
	B          float64  // of BM25; 0 is postings.DefaultB, negative is none

	// TitleWeight and HeadingWeight say how often the words of a document's title, and of the headings above a chunk, count in keyword search: as if they
	// stood in the text so many times, 1 to postings.MaxWeight. Record.Text has them once. 0 is
	// DefaultTitleWeight, and 1 for headings.
	TitleWeight, HeadingWeight int
	// Metric is how vectors are compared; 0 is vector.Cosine, for which they are brought to unit length. For vectors that have it anyway, as
	// those of the embedders here, the others give the same order and other scores.
	Metric vector.Metric
	// Type is how vectors are searched: "auto" or "" (by an inverted file in large segments), "flat" (every one is compared), "ivf" (by an
	// inverted file in every segment that has more than a few) or "hnsw" (by a graph in every such segment).
	Type string
	// GraphM and GraphEfConstruction are M and efConstruction of graphs; 0 is hnsw's default.
	GraphM, GraphEfConstruction int
	// Storage is the form in which vectors are kept and from which scores are computed, beside a byte for each dimension; 0 is vector.Float32.
	Storage vector.Storage

	// ShardBy is a metadata key whose values name the shards of the index; "" for none. Documents with one value of it, once they have FlushRows rows or more
	// together, have segments of their own, which are searched in parallel and merged by themselves. A filter that
	// names a value does not touch the other shards. Any filter and any search finds what it would find without shards.
	ShardBy string

	// Dir is the folder of the segment files, which belongs to the index alone; "" keeps everything in memory.
	Dir      string
	FS       section.FS // of Dir; nil is the disk
	Identity Identity   // what the files are of: those of anything else are not opened
	// VectorsIn names what keeps the vectors beside this index, where records come without them, as with package faiss; "" is nothing. Files that were made
	// with another are not opened: their vectors would be missing, or stand there twice.
	VectorsIn string

	FlushRows  int   // rows in memory from which on they are written to a file; 0 is DefaultFlushRows
	FlushBytes int64 // bytes in memory from which on they are; 0 is DefaultFlushBytes
	// MergeBytesPerSecond bounds how fast files are merged in the background; 0 is no bound. What somebody waits for, as a commit, a purge or Optimize, is not slowed down.
	MergeBytesPerSecond int64
	// MergeBytes bounds the segments that are merged with each other in the background, all together: a merge needs memory and disk for what it reads, and what is
	// as large already gains little. 0 is DefaultMergeBytes.
	MergeBytes int64
	// ExactBelow is the number of vectors of a segment from which on it gets an inverted file; below it, every vector is compared.
	// 0 is DefaultExactBelow, negative never builds one.
	ExactBelow int
	Logger     *slog.Logger // nil logs nothing
}

// The types of Config.
const (
	TypeAuto = "auto"
	TypeFlat = "flat"
	TypeIVF  = "ivf"
	TypeHNSW = "hnsw"
)

// Types lists the types.
var Types = []string{TypeAuto, TypeFlat, TypeIVF, TypeHNSW}

// Identity names what an index is of.
type Identity struct {
	Store      string `json:"store"` // id of the store
	Collection int64  `json:"collection"`
	Generation int    `json:"generation"`
	Model      string `json:"model"` // of the vectors
}

// WithDefaults fills in the zero fields.
func (c Config) WithDefaults() Config {
	if c.FS == nil {
		c.FS = section.Disk{}
	}
	if c.TitleWeight == 0 {
		c.TitleWeight = DefaultTitleWeight
	}
	c.HeadingWeight = max(c.HeadingWeight, 1)
	if c.Type == "" {
		c.Type = TypeAuto
	}
	if c.Metric == 0 {
		c.Metric = vector.Cosine
	}
	if c.Storage == 0 {
		c.Storage = vector.Float32
	}
	if c.FlushRows == 0 {
		c.FlushRows = DefaultFlushRows
	}
	if c.FlushBytes == 0 {
		c.FlushBytes = DefaultFlushBytes
	}
	if c.MergeBytes == 0 {
		c.MergeBytes = DefaultMergeBytes
	}
	if c.ExactBelow == 0 {
		c.ExactBelow = DefaultExactBelow
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Validate reports what is missing or out of range.
func (c Config) Validate() error {
	switch {
	case c.Dimensions < 1 || c.Dimensions > MaxDimensions:
		return rag.Errorf(rag.KindInvalid, "index: %d dimensions; there must be 1 to %d", c.Dimensions, MaxDimensions)
	case !slices.Contains(Types, c.Type) && c.Type != "":
		return rag.Errorf(rag.KindInvalid, "index: type %q is unknown; known are %s", c.Type, strings.Join(Types, ", "))
	case c.TitleWeight < 0 || c.TitleWeight > postings.MaxWeight || c.HeadingWeight < 0 || c.HeadingWeight > postings.MaxWeight:
		return rag.Errorf(rag.KindInvalid, "index: the weights of titles and headings must lie between 1 and %d", postings.MaxWeight)
	case c.Metric > vector.L2:
		return rag.Errorf(rag.KindInvalid, "index: metric %d is unknown", c.Metric)
	case c.Storage > vector.Int8:
		return rag.Errorf(rag.KindInvalid, "index: storage %d is unknown", c.Storage)
	case c.FlushRows < 0 || c.FlushBytes < 0 || c.MergeBytes < 0 || c.MergeBytesPerSecond < 0:
		return rag.Errorf(rag.KindInvalid, "index: the bounds of what is kept in memory and merged must not be negative")
	}
	if c.Analyzer == nil {
		return rag.Errorf(rag.KindInvalid, "index: an analyzer is needed")
	}
	if err := (hnsw.Config{M: c.GraphM, EfConstruction: c.GraphEfConstruction}).WithDefaults().Validate(); err != nil {
		return err
	}
	return c.ranking().Validate()
}

// ranking is how the keyword side ranks.
func (c Config) ranking() postings.Config { return postings.Config{K1: c.K1, B: c.B} }

// Analyzer turns text into terms. Documents and queries go through the same one.
// Goroutine-safe.
type Analyzer interface {
	// Name identifies what the analyzer does: two that make different terms of
	// some text have different names. Files are only read back by an
	// index whose analyzer has the same name.
	Name() string
	// Append appends the terms of text to dst, in reading order. A term may share
	// memory with text.
	Append(dst []string, text string) []string
}
