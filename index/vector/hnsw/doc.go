// Package hnsw is a graph over a vector section: approximate nearest neighbours after
// Malkov and Yashunin (2016).
//
// Every slot of a vector.Set is a node with some near nodes as its neighbours; a search
// walks from node to node towards the question. A few nodes are on upper levels too, where
// neighbours are further apart, so that the walk begins with large steps. It ranks nodes
// by the set's byte plane; what is best in the end gets its true score from the
// set's finest plane.
//
// A Graph can be changed: Build, Insert, Delete, Sweep; searches go on meanwhile and take
// no locks. Graph.Write makes a section of it. Open makes a Section of a section's
// bytes, which is searched where it lies and never changes. Section.Thaw makes a Graph
// of it again, in slots of another numbering: to merge segments, thaw the graph of the
// largest over the merged vectors, without its dead slots, and insert the others.
//
// Search can be told which rows are allowed. It then walks over the allowed nodes and,
// where these are too few, through others between them. Below some share of allowed
// rows (measured: about a tenth) an exact scan is cheaper; what a search cost, and
// that it ran over its budget, is in its Stats.
//
// No live node of a Graph is ever out of reach, after any history: DESIGN.md says how,
// and has the format and the order of locks.
package hnsw
