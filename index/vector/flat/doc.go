// Package flat is exact vector search: a query is compared with every row it may
// see.
//
// Rows are kept in blocks of 64 vectors, each one flat piece of float32 memory,
// so that a block belongs to one word of a row bitmap: a block without an
// allowed row is skipped, one with many is scanned by a single kernel call, and
// in between the rows are compared one by one. Blocks never move; a block whose
// last row is cleared is given back, so memory follows what is stored. Rows
// are numbered by the caller, who may give a cleared row to another chunk.
//
// Vectors are unit vectors, hence the dot product is the cosine.
package flat
