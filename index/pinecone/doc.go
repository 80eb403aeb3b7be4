// Package pinecone keeps vectors in Pinecone (https://www.pinecone.io), by version 2025-10 of its HTTP API: the control plane makes and finds serverless
// indexes, the data plane of an index keeps records. It is an adapter: see package external. It has been run against a double of the API
// (indextest/pineconetest) and not against the real server.
//
// A space is a namespace of the index that has its dimensions. A record's id is the chunk's number in a form whose order as text is that of numbers; its
// metadata has the id once more, for conditions, the document, and the tags as a list of strings that is never empty: Pinecone's $nin passes over
// records that lack a field. What $nin means for a list is not documented, so results are checked again here, and records that a negation
// selects are looked at before they are deleted. Pinecone ranks no texts by their words without models of its own: Limits.Words is false.
//
// Pinecone is consistent in the end only. A write gets a sequence number in its namespace, and a query tells which number it has seen. Reads wait, for a bounded
// time, until the writes of this process are seen (fresh.go); those of other processes may be seen later. Count is the number that Pinecone tells of a
// namespace, which may lag. A write to a namespace that another process has dropped makes it again.
//
//	config.go    which index, and the key
//	indexes.go   the control plane
//	database.go  namespaces
//	table.go     records
//	ids.go       ids of records and their list
//	filter.go    conditions
//	fresh.go     waiting for writes to be seen
package pinecone
