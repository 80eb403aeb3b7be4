// Package memory is the index of one collection, held in memory: flat vectors
// and BM25 postings over the same rows, with the documents they belong to.
//
// Apply takes a batch of changes from the store's change feed, Search answers
// from one state of the index, Save and Load keep a snapshot file that spares a
// start the work of rebuilding. The index is a view: whatever happens to it or
// its file, it is rebuilt from the store, without embedding anything again.
//
// # Readers and writers
//
// There is one writer at a time (writing), and a read-write lock (mu) that
// searches hold for reading. A writer takes mu only for short pieces of work: it
// analyses text without the lock, enters vectors and postings of new chunks a
// millisecond at a time, where no search can see them yet, makes the whole batch
// visible and the chunks it replaces or deletes invisible in one step, and takes
// those out a millisecond at a time. So a batch is seen whole or not at all, and a
// search waits for one such piece at most. Saving needs no lock against searches, for only
// writers change what it reads.
//
// The order of locks is writing, then mu, then that of verdicts.
//
// # Filters
//
// Metadata and access lists belong to documents. A search asks once for each
// document whether it matches and may be seen, marks the rows of those that are
// in a bitmap, and searches among exactly these rows. The bitmap is kept for the next
// query of the same kind until the index changes.
package memory
