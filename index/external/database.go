package external

import (
	"context"

	"github.com/smartretriever/smartretriever/rag"
)

// Database is a vector database. An adapter implements it, with the driver or protocol of one product, and passes indextest.Database.
// Goroutine-safe.
//
// Errors are of rag's kinds. KindUnavailable (it cannot be reached, is starting, or its answer was cut off) and KindExhausted (it is out of
// room, or asks to be called less often) are tried again by package outbox, in good time and a few times; an adapter itself makes one try,
// which it bounds in time. An error that knows how long the server asks to wait says so by a method RetryAfter() time.Duration in its chain. All else is final: a
// wrong key is KindUnauthorized, a vector that is nil or of other dimensions KindInvalid, with nothing stored. The error of a call whose context has ended is also that of
// the context. No error and no log line holds a password or key, or the vectors or texts that were sent.
type Database interface {
	// Open gets a space ready, and makes it if it is not there. KindConflict says that one of this name is there with other dimensions.
	// Several processes may open one space at the same time.
	Open(ctx context.Context, s Space) (Table, error)
	// Spaces lists the names of the spaces that are there, empty ones too, and that adapters of this program made, in any order.
	Spaces(ctx context.Context) ([]string, error)
	// Drop removes a space with all that is in it. None there is no error.
	Drop(ctx context.Context, name string) error
	// Describe asks the database whether it is there, and which version of what it is.
	Describe(ctx context.Context) (Server, error)
	// Limits are those of the product or its protocol.
	Limits() Limits
	// Close ends the connections. Later calls are KindUnavailable.
	Close() error
}

// Server is what a database says of itself.
type Server struct {
	Product string // as "Qdrant"
	Version string // "" if it does not tell
}

// Space is what one generation of a collection is kept in: a collection, class, index, table or namespace of the database.
type Space struct {
	Name       string // lower-case letters, digits and underscores, beginning with a letter, at most 60 bytes; unique in the database
	Dimensions int
	// Text is whether the texts of items are to be found by their words as well (Table.Search with a Text). It needs Limits.Words.
	Text bool
}

// Limits bound what is asked of a Database.
type Limits struct {
	TopK  int  // most results of a search
	Items int  // most items of one Upsert or ids of one Delete
	IDs   int  // most ids in a Condition
	Bytes int  // most bytes of vectors (4 a number) and texts in one Upsert; 0 is no bound. Tags an adapter bounds itself, by several requests
	Words bool // whether texts can be searched by their words
}

// Table is an open space. Goroutine-safe; it ends with its Database.
//
// A change that has been acknowledged is seen by every search that begins after it, from whichever process, unless the adapter's documentation
// says that the database cannot promise that. Calls on a space that was dropped are KindNotFound, and do not bring it back.
type Table interface {
	// Upsert puts items in, each in place of the one with its id, if there is one. All have vectors of the space's dimensions; no two have the
	// same id; no items are no error. When it fails some of the items may be there.
	Upsert(ctx context.Context, items []Item) error
	// Delete takes items out; ids that are not there are no error.
	Delete(ctx context.Context, ids []rag.ChunkID) error
	// DeleteWhere takes out every item that meets a condition.
	DeleteWhere(ctx context.Context, where Condition) error
	// Search finds the best q.K items on each side that is asked for, in descending order of score, ties in any order.
	Search(ctx context.Context, q Query) (Result, error)
	// IDs lists, in ascending order, the ids above after: limit of them, and fewer only at the end.
	IDs(ctx context.Context, after rag.ChunkID, limit int) ([]rag.ChunkID, error)
	// Count returns the number of items.
	Count(ctx context.Context) (int64, error)
}

// Optimizer is a Table that has something to do when much has changed, such as building its index. It is asked to after it was filled; searches and changes go on
// meanwhile. It tidies up by itself as well.
type Optimizer interface {
	Optimize(ctx context.Context) error
}

// Item is a chunk as a database keeps it.
type Item struct {
	ID       rag.ChunkID    // above 0
	Document rag.DocumentID // comes back with a result
	Vector   []float32      // unit length
	Tags     []Tag          // ascending, each once: what conditions ask for
	Text     string         // "" unless Space.Text
}

// Query asks for items near a vector, for items with words of a text, or for both.
type Query struct {
	Vector []float32 // unit length; nil for no such list
	Text   string    // "" for no such list; plain words, without operators
	K      int       // 1 to Limits.TopK
	Where  Condition
}

// Result holds the two lists of a Search. Scores of Vector are cosines, -1 to 1; those of Keyword are above 0, and higher is better.
type Result struct {
	Vector  []rag.Scored
	Keyword []rag.Scored
}
