// Package pineconetest is a double of Pinecone's HTTP API, version 2025-10: as much of it as index/pinecone needs, written from the published descriptions of the API
// (github.com/pinecone-io/pinecone-api) and the documentation of its limits. It refuses what these say is refused, and every member of a request that
// they do not name. Writes are seen by queries only after a while, filtered matches come in no order, and $nin passes over records without the field, as people
// who run against the real server report.
//
//	server.go     keys, versions, errors
//	indexes.go    the control plane
//	namespace.go  what a namespace holds and how writes become seen
//	records.go    the data plane
//	filter.go     metadata filters
package pineconetest
