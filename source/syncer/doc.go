// Package syncer brings a collection in step with a source: what is new or has
// changed is stored, what is gone is deleted, and what became of every item is kept,
// so that the next reading costs what has changed meanwhile.
//
//	lease -> read (tell -> ingest -> keep) -> delete what is gone -> give back
//
// The source tells of its items in one goroutine, and ingestion draws those that are
// to be read, so that a source waits while ingestion is busy. An item is kept when
// its documents are committed: a reading that is killed costs the next one no more
// than reading some items again. Nothing is taken to be gone unless the whole reading
// succeeded.
//
// A reading has a number, which the store gives with its lease, and everything a
// reading writes is refused once another has begun. So one that slept beyond its
// lease (a suspended machine) can do no harm when it wakes up.
//
// A document has one external id, whatever source it comes from (ExternalID), and
// is deleted when no item of any source has it any more. Documents within another,
// the members of an archive, are called EXTERNAL_ID!/NAME and go with it.
//
//	syncer.go   one sync from its beginning to its end; lease.go, holder.go: whose turn it is
//	reading.go  one reading: the source on one side, ingestion on the other
//	state.go    what the source is shown of what is kept
//	tell.go     what the source tells; removed.go: of a document that was deleted by hand
//	result.go   what ingestion says, and what follows for the item
//	keep.go     what is kept of items, in batches
//	stale.go    deleting what the source has no more
//	preview.go  what a sync would do
package syncer
