// Package source says what a place is that documents come from: a folder, a
// site, a feed, a Git repository, a bucket, an API.
//
// A source is read again and again at the price of what changed. It is handed
// what the last reading left behind (State) and tells, item by item, what is
// there now; whoever reads it (the syncer of the root package) stores what is
// new, and deletes what is gone.
//
// Each kind of source is a package below this one that knows nothing of its
// siblings, except for the packages that say in their comment that they are there
// for the others.
package source

import (
	"context"

	"github.com/smartretriever/smartretriever/rag"
)

// Source is a place that documents come from. Implementations are
// goroutine-safe; one is read by one Sync at a time.
type Source interface {
	// Sync tells of every item that is new, changed or gone since the state, and
	// of those that are as they were where the source cannot know without looking.
	//
	// tell may be called from several goroutines, and takes as long as whoever reads
	// is busy. It returns an error when the reading is to end (ctx is done, the store
	// is down); Sync then returns that error. An item that cannot be read is told as
	// Broken and the reading goes on. An error of Sync itself is one of the whole:
	// what was told before it stands, nothing is taken to be gone, and the cursor
	// stays where it was.
	Sync(ctx context.Context, have State, tell func(Event) error) (Result, error)
}

// State is what the last reading left behind. It is goroutine-safe and shows what
// was there when Sync began.
type State interface {
	// Cursor is Result.Cursor of the last reading that succeeded, nil before.
	Cursor() []byte
	// Item returns what is kept of an item, ok false if it is not known.
	Item(ctx context.Context, id string) (item Item, ok bool, err error)
}

// Item is what is kept of an item between readings.
type Item struct {
	// Fingerprint is what Event.Fingerprint was the last time, of Put or Same: an
	// ETag, the hash of a blob, size and time of a file. Its form is the source's own,
	// which may compare it, or take it apart to ask for the item as it was then. One
	// in a form of another version of the program counts as not known.
	Fingerprint string
	// Failed says that the item could not be stored the last time, for a reason that
	// may pass; a source tells of it again as Put even if its fingerprint is the same.
	Failed bool
}

// Change is what became of an item.
type Change uint8

const (
	Put     Change = iota + 1 // it is new or may have changed; Input holds it
	Same                      // it is there and has not changed
	Gone                      // it is not there any more
	Broken                    // it is there but could not be read; Err says why. What is stored of it stays
	Skipped                   // it is there and is no document: Err says why, for people. What is stored of it goes as if it were not told of
)

// Event tells of one item.
type Event struct {
	Change Change
	// ID names the item within its source and does not change as long as the item
	// is the same one: a path in a folder, a URL. At most 1,024 bytes.
	ID string
	// Fingerprint changes when the content does; "" where the source has none. That of
	// Same takes the place of the one before, unless it is "".
	Fingerprint string
	// Input is the document, for Put. Its Content is opened when it is first read, by
	// another goroutine and maybe after Sync has returned, but before the context of
	// Sync ends. ExternalID is left empty.
	Input rag.Input
	Err   error // of Broken and Skipped
}

// Result is what a reading that succeeded leaves for the next.
type Result struct {
	Cursor []byte // handed back by State.Cursor; at most 1 MiB
	// Complete says that every item that is there was told of as Put, Same or
	// Broken, so that all others are gone.
	Complete bool
	// Unseen are beginnings of ids that a complete reading could not look at, such as
	// those below a folder that may not be read: what is known of them stays.
	Unseen []string
}

// Watcher is a Source that finds out by itself when something in it changes.
type Watcher interface {
	Source
	// Watch calls sync with what is to be read: at first the whole, then, whenever
	// something has changed, the part in which it has, or the whole again. Calls do
	// not overlap. It returns when ctx is done, with its error, when sync returns
	// an error, or when it can watch no longer.
	Watch(ctx context.Context, sync func(part Source) error) error
}
