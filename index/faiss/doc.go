// Package faiss is an index whose vectors are searched by FAISS: every one compared (flat), by an inverted file (ivf) or by a graph
// (hnsw). It is a choice for whoever wants FAISS's algorithms; the program's own engine (package engine) needs no cgo, and
// takes no pause for rebuilding. The package is there in programs built with the tag faiss and cgo:
//
//	apt-get install g++ libfaiss-dev
//	CGO_ENABLED=1 go build -tags faiss ./...
//
// Words, filters and access lists are the engine's: an Index is an engine.Index of records without vectors, and FAISS beside it.
//
// # How the parts meet
//
//	shim.h, shim.cc  what is called of FAISS, with C's types; no exception leaves it
//	native.go        the same for Go; every id and size is checked here
//	vectors.go       positions in FAISS, and which chunk is at which
//	search.go        the best of the positions that a query may see
//	rebuild.go       all of FAISS's index anew, without what is dead or from the store
//	describe.go      measuring and looking
//	file.go          the file of it
//	index.go         both sides under one lock
//
// Package follow drives an Index as it does an engine.Index. For gives the settings that take the place of an engine's.
//
// DESIGN.md says how each way in which FAISS indexes go wrong beside a changing store is kept from happening, and the file's format.
//
// # Limits
//
//   - It is written for FAISS 1.7.3, Debian 12's. That is built for any amd64 processor, without AVX2, and there is no other build
//     of it in Debian. It links libblas3 by default, a reference implementation; libopenblas0-pthread, if installed, takes its place in training.
//   - A call of FAISS cannot be cancelled. A search that has begun ends before its context's error is returned.
//   - FAISS's memory is not Go's: the runtime neither counts nor limits it. Vectors are held in 32-bit floats. What FAISS finds
//     impossible it reports by exceptions, which become errors, or by ending the process, which the checks in native.go
//     are there to prevent; running out of memory in one of its threads ends the process as well.
//   - OpenMP's number of threads is set for a thread of the operating system or for the process, depending on the runtime; each call sets it
//     before it begins (1 for searches, Config.Threads for training and adding), so that whatever else the program does with OpenMP
//     must set its own before each use.
//   - Apply holds the lock that searches share while FAISS adds vectors and the engine its words: with hnsw
//     that is the time of walking the graph for each vector, and searches wait for it.
//   - Commit writes all vectors, however few have changed, and Open reads them all.
//   - A filter that lets many chunks through costs a look-up for each of them.
package faiss
