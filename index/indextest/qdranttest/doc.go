// Package qdranttest is a double of a Qdrant server, for tests: it answers over gRPC, by Google's library and the interfaces and messages that Qdrant's tools
// generate, so a client that writes its messages otherwise is found out.
//
// It keeps points in memory, compares vectors and tests filters for real, and refuses what Qdrant 1.17 refuses: collections that are there, are not there,
// or are named wrongly, vectors of other dimensions, points and conditions that lack a part, calls without the key, and, as in strict mode, filters by a key that has no index. What it
// holds stays over Stop and Start. Inject makes calls fail. It was written from the protocol's files and documentation, and never compared with the real
// server, which the machines of this project could not have.
//
//	server.go       the server, its key and its faults
//	collections.go  collections
//	points.go       changes
//	search.go       reading
//	filter.go       filters
package qdranttest
