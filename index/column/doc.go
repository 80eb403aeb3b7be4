// Package column is the column section of a segment: the documents of the
// segment, with everything that filters and access checks look at, laid out so
// that a filter becomes a set of rows without reading the documents.
//
// A segment has documents, numbered by ordinals from 0, and rows (chunks), each
// of which belongs to one document. Builder makes a section from documents,
// Merge makes one from several, Open reads one from mapped memory as a Table.
//
// Every key of a filter is a field: the system keys, the metadata keys, and one
// for the access lists. A field knows which documents hold it at all and has up
// to three columns: of its strings, its numbers and its booleans. A column is a
// sorted list of distinct values (the dictionary), each with the set of the
// documents that hold it (its posting). A value's number in the dictionary is
// its rank. Equality is one rank, prefixes and comparisons are a range of ranks,
// and documents are stored as records of ranks, so each string is there once.
//
// Table.Select turns a filter and a scope into a bitmap of rows. What a filter
// means is said by rag.Filter.Match and rag.Scope.May alone; this package gives
// the same verdict for every document and is tested for it. DESIGN.md has the
// format byte by byte and the reasons.
package column
