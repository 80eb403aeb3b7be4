// Package store holds what every document store does alike, whatever database is
// below it: which names and documents are acceptable, what a listing's cursor
// looks like, and how vectors and text structure are written as bytes. A store's
// file or dump made by one backend can so be read by another.
//
// The backends are its subfolders:
//
//	sqlite     the embedded store: one file, pure Go
//	blob       original files by content, in a folder
//	storetest  the suite that every document store passes
//
// A document store is the only truth of a deployment. Documents, texts, chunks,
// embeddings and the rows of the change feed are committed together; indexes and
// caches are views that follow the feed and can be rebuilt from the store.
package store
