// Command index measures the index engine beside FAISS, hnswlib and usearch for
// vectors, and tantivy, bm25s and bleve for words, on the same real data, in the same
// run, with all of them taking turns, and writes bench/results/index.json.
//
//	bench.sh                     sets the rivals up and runs all parts
//	bench.sh -only vectors-128   one part; parts are parted by commas
//	bench.sh -quick              small sets alone, two rounds
//	bench.sh -entrants REGEXP    only those entrants
//	bench.sh -rebuild            builds the rivals' indexes anew, to time that, too
//
// Every entrant is a program of its own, our engines too (serve.go): it builds its index
// in one process and serves it in another, whose growth of memory is measured.
// The benchmark asks one after the other in turns and takes medians of the rounds
// (contest.go). README.md says what data is searched and how figures are to be read.
package main
