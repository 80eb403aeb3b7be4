// Package ingest turns what a user hands in into what a store keeps.
//
//	read -> take archives apart -> known already? -> extract -> enrich -> chunk -> annotate -> embed what is new -> store
//
// Reading, extracting and chunking run on several workers, a document each.
// One committer gathers their results into batches, has the embedder compute the
// vectors that the store does not have yet, and commits a batch in one
// transaction. So a batch is either in the store with everything that belongs to
// it or not at all, memory is bounded by the batch and not by the number of
// inputs, and a run that is cut off goes on where it stopped: what is stored is
// recognised by the hash of its bytes and of what came with them.
//
// Enriching and annotating (package text/enrich) add metadata to the document and text
// to its chunks where that is turned on. What fails of it is a warning of the document.
//
// The package declares the few interfaces it calls in ports.go; it knows no
// backend.
package ingest
