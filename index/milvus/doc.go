// Package milvus keeps the vectors of a collection in Milvus 2.5 or newer (2.3 without texts), or in Zilliz Cloud.
//
// A space is a collection of Milvus with a fixed schema: the chunk's id is the primary key, its tags are an array of 64-bit integers, and where there are
// texts, Milvus makes sparse vectors of their words itself and ranks by BM25. Every call asks for the consistency level "Strong", so a change that
// has been acknowledged is seen by all.
//
// Milvus is called over gRPC with messages written by hand (index/external/rpc): its own client would add many megabytes to the program, its
// generated code with grpc-go 3.3 (docs/dependencies.md).
//
//	config.go   where the server is and how vectors are indexed
//	milvus.go   spaces: collections, indexes, loading
//	table.go    items: changes, searches, lists
//	where.go    conditions in Milvus' filter language
//	message.go  the messages of the calls
//	status.go   errors
//
// # What to know
//
// A collection can be searched once it is loaded into the memory of query nodes. Opening a space loads it, and so does a call to a space that somebody
// has released.
//
// The kind of index and its parameters are of the time when a space is made; ef and nprobe are of each search.
//
// A text is kept up to 65,535 bytes and an item up to 4,096 tags, which are Milvus' bounds: a longer text is cut at a letter, so words
// behind that are not found, and an item with more tags is refused.
package milvus
