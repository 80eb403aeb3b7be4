// Package postings is the keyword section of a segment: a dictionary, block postings with positions, and BM25 search that finds exactly
// the best rows.
//
// A Builder takes rows, each a list of fields with their terms, and writes a section; Merge makes one section of several, without the rows that are gone.
// Open makes a Segment of the bytes of a section: immutable, goroutine-safe, and read where it lies.
//
// Search ranks the rows of several Views, each a segment with the rows of it that are deleted, as if they were one index. The score of row d
// is the sum over the query's distinct terms t, which stands there q(t) times, of
//
//	q(t) * idf(t) * tf / (tf + k1*(1 - b + b*len(d)/avglen))
//	idf(t) = ln(1 + (N - df(t) + 0.5) / (df(t) + 0.5))
//
// with tf the number of times t stands in d, len(d) the number of terms in d, rounded down as Lucene does to what fits in a byte, avglen the
// exact mean length, N the number of rows and df(t) of rows with t. N, avglen and df count the rows of all views that are not deleted and have a
// term. This is Lucene's formula since version 8. A field of weight w counts as if it stood in its row w times.
//
// Sums are whole numbers (factors.go), so that they do not depend on the order of terms, on how rows are spread over segments or on the processor, and
// Search returns what scoring every row would. How it avoids scoring every row is told in DESIGN.md.
//
// For queries with structure there are the same parts by themselves: Terms walks the dictionary in order and seeks, for prefixes and for
// automata; a Cursor walks and seeks the postings of a term and gives term frequencies and positions; IDF, Segment.Length and Deletes are what scores are made of.
//
//	Builder, Merge -> writer.go (parts in order) -> list.go, block.go, small.go (postings), places.go (positions), dictionary.go
//	Search -> search.go (statistics, weights) -> window.go (large segments), small_search.go (small ones)
//	kernel unpacks blocks and adds up scores, in assembly where it can
package postings
