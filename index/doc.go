// Package index holds what the parts of a search index share: the numbering of
// rows, sets of rows, and bounded lists of the best ones.
//
// An index of one collection is put together from small packages that know the
// nouns and this package, and nothing of each other:
//
//	kernel        dot products: assembly where the processor has it, a plain loop elsewhere
//	vector/flat   exact vector search by comparing with every row
//	keyword       an inverted index with BM25
//	memory        both over the same rows, with documents, filters and a snapshot file
//	follow        keeps one memory index per collection in step with the store's change feed
//	indextest     the conformance suite for anything that is an index of a collection
//
// A row is the place of a chunk in one index. Rows are small integers, given
// again after a chunk is gone, so they mean nothing outside of the index; results
// carry chunk ids. A query becomes a Bitmap of the rows it may see (those that
// live, pass the filter and are open to who asks), and each side looks for its
// best k among exactly those rows: a filter never costs a result.
//
// Every list of results is in descending order of score, and rows of equal
// score in ascending order of chunk id, so that a result does not depend on how
// an index happens to be laid out.
package index
