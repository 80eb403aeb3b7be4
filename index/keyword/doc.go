// Package keyword is keyword search: an inverted index in memory, ranked by BM25
// as Lucene computes it.
//
// The score of a chunk d for a query is the sum over the query's distinct terms
// t, with n(t) the number of times t stands in the query, of
//
//	n(t) * idf(t) * tf / (tf + k1*(1 - b + b*len(d)/avglen))
//	idf(t) = ln(1 + (N - df(t) + 0.5) / (df(t) + 0.5))
//
// where tf is the number of times t stands in d, df(t) the number of chunks with
// t, N the number of chunks with at least one term, len(d) the number of terms
// in d (exact, not rounded to a byte as Lucene stores it) and avglen the mean of
// these lengths. This is Robertson's BM25 without the constant factor k1+1,
// which orders nothing (Lucene left it out in version 8). Sums are kept in
// float64, so their order does not show in a float32.
//
// A chunk lives through four steps, so that an owner can prepare a batch bit by
// bit and let it appear, or go, at once: Analyze (no change; safe beside
// searches), Add (postings, not yet counted in N, df and avglen), Show (counted),
// and later Hide (no longer counted) and Remove (postings gone). Between Add and
// Show and between Hide and Remove the owner keeps the row out of the bitmaps
// that it passes to Search. After Remove nothing in memory speaks of the chunk,
// and a term without chunks is gone from the dictionary.
//
// Postings of a term are rows in ascending order with their term frequencies.
// A query adds up the scores of all its postings in one array over the rows, and
// one pass over the allowed rows finds the best k.
package keyword
