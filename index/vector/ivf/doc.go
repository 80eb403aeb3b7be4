// Package ivf is the inverted file over a vector section: approximate nearest
// neighbours, by far faster than comparing with everything.
//
// Vectors are in lists, each around a centroid, and each vector in two of them. A
// search finds the centroids that are nearest to the query, estimates the ranks of
// the vectors in their lists from one bit a dimension, compares those that may be
// good by their bytes, and rescores the best of these in the finest form.
//
// Build sorts a vector.Source into lists and so decides the order of slots: vectors of
// a list are neighbours in the vector section. Its Plan is written beside that:
//
//	plan, err := ivf.Build(ctx, src, vector.Cosine, ivf.Params{})
//	err = vector.Write(w, src, plan.Order(), params)
//	err = plan.Write(ctx, w)
//
// Open makes an Index of the section's bytes and the opened vector section. To merge
// segments, Build over a vector.Merge of them; to drop rows of one, Compact.
//
// A filter is tested on what the codes let through, which suits filters that let a
// good part of the rows pass. For narrow ones vector.Set.Exact is faster and
// exact: Index.Cost and vector.Set.ExactCost say which it is.
//
// DESIGN.md has the format, the formulas with their sources, and measurements.
package ivf
