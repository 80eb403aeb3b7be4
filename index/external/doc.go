// Package external says what a vector database that others run has to do to keep the vectors of collections (Database, Table), and in which form filters
// are asked of it (Condition). An adapter is a package of its own beside this one (chroma, milvus, qdrant, ...) and passes indextest.Database; package
// outbox keeps it in step with the store.
//
//	rest  calls of JSON APIs, for adapters
//	rpc   calls of gRPC services, for adapters
//	call  what both have in common
package external
