// Package data makes what the benchmark of the index engine searches, out of the
// real texts of the retrieval sets, and keeps it in a cache.
//
// A part of the cache is a folder named for the part and a hash of everything
// that it is made of: the texts, the model, and the recipe, which is a string
// in the code that must change whenever the code would make something else. A part
// that is complete holds the file "done". Numbers are little-endian and lie row
// after row without a header: .f32 are vectors, .u32 row numbers, .bits sets of
// rows. Files of words have one text a line, its terms parted by single spaces.
package data
