// Package engine is the index of one collection: vectors, words and filters over the same chunks, in immutable segments.
//
// Create and Open make an Index, Apply takes a batch of changes from the store's change feed, Search answers from one state of the
// index, Commit makes it durable, Purge takes what is deleted out of the files. The index is a view: whatever happens to it or
// its files, Rebuild makes it again from the store, without embedding anything.
//
// # How the parts meet
//
//	segment.go, vectors.go, words.go   one segment and its sections
//	state.go                           what searches see: segments with their live rows
//	apply.go                           a batch of changes makes a new state
//	merge.go                           segments are merged, by Apply while they are tiny, in the background later
//	manifest.go, purge.go              what the folder holds
//	rebuild.go                         all of it anew
//	search.go, chosen.go, lookup.go    one query over all segments
//	tune.go, describe.go               measuring and looking
//
// # Readers and writers
//
// A reader takes hold of the current state, which never changes, and lets go of it in the end. A writer makes another state and
// puts it in place. Neither waits for the other. A segment's mapping ends when no state and no reader holds it any more.
//
// The order of locks is applying, filing, writing; the last is held for moments only, and never while a file is read or written.
//
// DESIGN.md has the words, the format and the reasons.
package engine
