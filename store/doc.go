// Package store holds what every document store does alike, whatever database is
// below it: which names, documents and charges are acceptable, what becomes of jobs,
// generations, sources and budgets, what a page of a listing holds, and how vectors,
// text structure and what has no columns of its own are written. A store's file or
// dump made by one backend can so be read by another. What is SQL is the backend's.
//
// The backends are its subfolders:
//
//	sqlite     the embedded store: one file, pure Go
//	blob       original files by content, in a folder
//	transfer   copies a store into another of any kind
//	storetest  the suite that every document store passes
//
// A document store is the only truth of a deployment. Documents, texts, chunks,
// embeddings and the rows of the change feed are committed together; indexes and
// caches are views that follow the feed and can be rebuilt from the store.
package store
