package rag

import "time"

// ChangeOp is what a row of the change feed says.
type ChangeOp uint8

const (
	ChangePut ChangeOp = iota + 1
	ChangeDelete
)

// Change is one row of the change feed: a chunk came or went. Seq is strictly
// ascending in the order of commit within a collection.
type Change struct {
	Seq          int64
	CollectionID int64
	Op           ChangeOp
	ChunkID      ChunkID
	DocumentID   DocumentID
}

// Record is what an index keeps of a chunk. A put of a known ChunkID replaces it.
type Record struct {
	ChunkID  ChunkID
	Document *Document // shared between the records of one document; read only
	Text     string    // Chunk.EmbedText: what the keyword side indexes
	Heading  []string  // Chunk.Heading; it stands in Text as well, like the document's title
	Vector   []float32 // unit length, Generation.Dimensions long; nil when the chunk has none
}

// IndexQuery asks an index for candidates. Empty Text skips the keyword side, an
// empty Vector the vector side.
type IndexQuery struct {
	Text   string
	Vector []float32
	K      int // candidates per side
	Filter Filter
	Scope  Scope // principals and admin; an index holds one collection of one tenant
	Terms  bool  // whether IndexResult.Terms is wanted
	// Operators is a query with operators (see Query.Operators), "" for none: on both sides only rows are found that it does not rule
	// out, and the keyword side ranks by its terms instead of Text's.
	Operators string
}

// Scored is a candidate.
type Scored struct {
	ChunkID    ChunkID
	DocumentID DocumentID
	Score      float32 // cosine, or BM25
}

// IndexResult holds both candidate lists, read from one snapshot, each in
// descending order of score, ties by ascending chunk id.
type IndexResult struct {
	Vector  []Scored
	Keyword []Scored
	Terms   []Term // words of the text by weight; an index without them leaves it empty
	Seq     int64  // of the snapshot
	// Degraded says why Vector is missing or may lack something, "" where it is whole.
	Degraded string
	// Stages say what the index did, with times; an index without them leaves it empty.
	Stages []Stage
}

// AddState says what came of handing in a document.
type AddState string

const (
	Added     AddState = "added"
	Updated   AddState = "updated"
	Unchanged AddState = "unchanged"
	Failed    AddState = "failed"
	Skipped   AddState = "skipped" // empty, or of a kind that was not asked for
	Removed   AddState = "removed" // deleted, since it is gone from the archive or the source that it came from
)

// AddResult is the verdict on one document. Failed and Skipped carry Err. An input
// that is an archive has several; only the last of an input has More false.
type AddResult struct {
	ID             DocumentID
	ExternalID     string
	Source         string
	Title          string
	State          AddState
	Version        int
	Pages          int   // of the document
	Chunks         int   // of the document
	Embedded       int   // chunks whose embedding was computed, not reused
	EmbeddedTokens int   // tokens of these
	Bytes          int64 // read
	Seq            int64 // of the last change; pass it as MinSeq to read it back
	Warnings       []string
	Took           time.Duration
	More           bool // further results of the same input follow
	Err            error
}

// QueryRecord is a row of the query log.
type QueryRecord struct {
	ID         string
	Scope      Scope
	Kind       string // "search" or "query"
	Text       string
	Answer     string
	Hits       []ChunkID
	Citations  []Citation
	Confidence float64
	Refused    bool
	Cached     bool
	Usage      Usage
	Took       time.Duration
	At         time.Time
	Err        string
}

// Stats counts what a tenant has.
type Stats struct {
	Collections int   `json:"collections"`
	Documents   int   `json:"documents"`
	Chunks      int   `json:"chunks"`
	Embeddings  int   `json:"embeddings"`
	Bytes       int64 `json:"bytes"`       // of original files
	StoreBytes  int64 `json:"store_bytes"` // of the database
	Queries     int64 `json:"queries"`     // logged
	Seq         int64 `json:"seq"`
}

// Health is the state of one dependency.
type Health struct {
	Name   string        `json:"name"`
	OK     bool          `json:"ok"`
	Needed bool          `json:"needed"` // without it the service is not ready
	Detail string        `json:"detail,omitempty"`
	Took   time.Duration `json:"took_ns"`
}

// ReplicaState says how a copy of the store that is read does.
type ReplicaState struct {
	Name string // host and port
	// Bytes is how much of the primary's log it has not replayed, -1 where that is
	// not known. Delay is how old the last transaction is that it has replayed, 0
	// where it has replayed all.
	Bytes int64
	Delay time.Duration
	// Aside says that it has failed and is not read at the moment.
	Aside bool
	// Err is why it could not be asked, nil if it could.
	Err error
}

// Put is one document as the ingestion pipeline hands it to a store: what is
// committed in one transaction, with the rows of the change feed.
type Put struct {
	CollectionID int64
	Generation   int      // for which Vectors were made; another one that is live is KindConflict. 0 does not ask
	Document     Document // ID "" and Version 0: the store gives both
	Text         Text
	Chunks       []Chunk            // ID 0, DocumentID "": the store gives both
	Vectors      map[Hash][]float32 // embeddings that the store did not have, by Chunk.Hash
}

// PutResult says what the store made of a Put.
type PutResult struct {
	Document Document
	State    AddState // Added, Updated, or Failed with Err
	Seq      int64
	Err      error
}

// Page is one page of a listing. Next is the cursor of the page after it, ""
// on the last.
type Page[T any] struct {
	Items []T
	Next  string
}

// ListOptions choose a page of a listing.
type ListOptions struct {
	Cursor     string // "" begins at the start
	Limit      int    // 0 is 100, at most 1,000
	Filter     Filter
	Descending bool // newest first
}

// CollectionChange changes the fields that are not nil.
type CollectionChange struct {
	Name        *string
	Description *string
	Metadata    *Metadata
}

// DocumentChange changes the fields that are not nil.
type DocumentChange struct {
	Title    *string
	Metadata *Metadata
	ACL      *[]string
}
