// Package query is the query language of keyword search, on top of the postings of segments.
//
//	flat earth           rows with any of the words; more and rarer words rank higher
//	+flat earth          rows that hold "flat"
//	flat -earth          rows that do not hold "earth"
//	"flat earth"         rows that hold the words next to each other, in this order
//	-"flat earth"        rows that do not
//	geo*                 words that begin so
//	erth~  erth~2        words that differ in one letter, or in two
//
// Parse reads a text, which cannot fail: what is no operator is a word. Compile makes terms of the words with the analyzer that the
// documents went through. Program.Expand looks up prefixes and similar words in the dictionaries of all segments, Program.Rows gives
// the rows of a segment that hold what must be there, and nothing that must not, and Program.Terms the bag of terms by which
// they are ranked.
package query
