package store

import "github.com/smartretriever/smartretriever/rag"

// Bounds of a page of the change feed.
const (
	defaultChanges = 1000
	maxChanges     = 100_000
)

// FeedLimit is how many changes are read for a limit of so many, 0 for the default.
func FeedLimit(limit int) int {
	if limit <= 0 {
		return defaultChanges
	}
	return min(limit, maxChanges)
}

// CheckFeed reports, as KindConflict, that the feed of a collection, which goes from start
// to last, cannot be continued from after.
func CheckFeed(collectionID, after, start, last int64) error {
	if after > 0 && after < start {
		return rag.Errorf(rag.KindConflict, "the change feed of collection %d begins at %d; what follows %d is no longer whole", collectionID, start, after)
	}
	if after > last {
		return rag.Errorf(rag.KindConflict, "the change feed of collection %d ends at %d, before %d: this is an older copy of the store", collectionID, last, after)
	}
	return nil
}
