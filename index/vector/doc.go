// Package vector is the vector section of one segment: the vectors of its rows, once
// in the finest form that is kept and once as bytes for scanning, and exact search
// over them.
//
// Write takes vectors from a Source in an order of the caller's choice, the slots,
// and writes the section. Open makes a Set of a section's bytes. A Query is a query
// vector prepared once for all sets of the same metric and dimensions. Set.Exact
// finds the best k rows: a pass over the bytes, or over 4 bits a dimension first where
// sections are made for it, leaves out what a proven bound shows to be worse, Set.Rescore gives the true scores of the rest. The packages ivf and
// hnsw find slots in other ways over the same Set, and rescore them too.
//
// A Set and a Merged set are Sources themselves: merging segments is writing them
// again. Vectors kept as float32 or float16 keep every bit through any number of
// merges.
//
// Inside, larger is better for every metric: the rank of a vector x for a query q is
// <q,x> + bias(x), with the bias 0 for the cosine and the inner product, and -|x|²/2
// for the Euclidean distance. DESIGN.md has the format, the bound and its proof.
package vector
