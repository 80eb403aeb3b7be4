// Package follow keeps the indexes of many collections in step with a
// store's change feed. An Index is one of package engine, or of another Backend.
//
// A view is the index of one generation of a collection. It is opened when it is first needed:
// from its folder, where that is of use, and brought up to date from the feed, or, where
// there is nothing usable or the feed does not reach back that far, built from
// the store, with the embeddings that the store keeps. From then on it follows
// the feed:
//
//   - Notify, called by a writer in this process, makes it catch up at once;
//   - polling the store's data version, every Config.Poll, finds what other
//     processes have written;
//   - Wait, and a search that asks for a sequence number, catch up themselves
//     before they go on, so that a write can be read back as soon as it returned.
//
// A batch of changes never ends in the middle of a document (unless one document
// has more than 65,536 changes), so a search sees a replaced document in its old
// or its new form.
//
// # Generations
//
// A collection that moves to another generation gets another view. The follower
// learns of it from the collection that the next search brings, or from the store
// when it looks for changes, and then opens the new view at once. Searches that began
// before go on in the old one, which is no longer kept up to date and is closed when
// nobody has used it for a minute.
//
// A generation that is still being built can be searched as well, in a shadow view
// (OpenShadow, ShadowSearcher): it catches up only when it is asked to, since chunks
// may come whose embeddings are not there yet. Its files are what makes the
// switch quick, in every process.
//
// # When the store fails
//
// A view that is open goes on answering from what it has. It is tried again with
// a growing pause, and Health says how long it has been behind and why. Only
// opening a view, and a search that asks for a sequence number the view has not
// reached, need the store.
//
// # Files
//
// A view that changed is made durable Config.SaveAfter later, when it is evicted and at
// Close. The files are a throwaway copy, with one duty: a deleted chunk must
// not live on in them. So a view is only written after it has caught up, and always without what is deleted; Purge does
// it at once, and removes the folder of a collection that is not open; deletions by other processes are written within seconds. A folder belongs to one process: another one that has the
// collection open reads what is there, and keeps what is newer in memory.
//
// An index that finds a damaged file is built again from the store before the search that found it goes on.
//
// # Nights
//
// An index that cannot let go of what is deleted at once, though no search finds it and no file has it, is made anew once a day, at
// Config.CompactAt, in a goroutine of its own: the follower goes on meanwhile.
//
// # Locks
//
// Follower.mu guards the map of views and is held for moments only. Each view has
// a lock of its own, held while it catches up, is saved or closed, that a caller
// stops waiting for when its context ends. The order is view lock, then
// Follower.mu, then the view's state.
package follow
