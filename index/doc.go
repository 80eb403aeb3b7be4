// Package index holds what the parts of a search index share: the numbering of
// rows, sets of rows, and bounded lists of the best ones.
//
// An index of one collection is put together from small packages that know the
// nouns and this package, and little of each other:
//
//	kernel        arithmetic on vectors, bytes and bits in assembly, with plain twins
//	section       the container of a segment: aligned, checksummed sections, mapped
//	vector        the vectors of a segment, and exact search; vector/ivf, vector/hnsw: faster ways
//	postings      the words of a segment: block postings with positions, BM25
//	column        the documents of a segment: filters and access lists
//	query         the query language of keyword search
//	engine        segments, merging, files, one search over all of it
//	follow        keeps one engine per generation of a collection in step with the store's change feed
//	external     what a vector database has to do; its adapters are chroma, milvus, pgvector, qdrant, ...
//	outbox       keeps one in step with the store
//	indextest     the conformance suite for anything that is an index of a collection
//
// A row is the place of a chunk in one segment. A query becomes, for each segment, a Bitmap of the rows it may see (those that
// live, pass the filter and are open to who asks), and each side looks for its
// best k among exactly these rows: a filter never costs a result.
//
// Every list of results is in descending order of score, and rows of equal
// score in ascending order of chunk id, so that a result does not depend on how
// an index happens to be laid out. engine/DESIGN.md has the whole picture.
package index
