// Package chroma keeps vectors in Chroma (https://www.trychroma.com), by version 2 of its HTTP API. It is an adapter: see package external.
//
// A space is a collection of a tenant's database, with the cosine as its distance and an HNSW index. A record has the chunk's number as its id and, for
// ranges and lists of ids inside conditions, as an integer of its metadata; the tags are a list of integers, which Chroma searches with $contains and
// $not_contains, exactly and to 64 bits ($in does not look into lists); the document is the record's URI, so that a search need not bring all of the
// metadata back. Chroma ranks no texts by their words: Limits.Words is false.
//
// Conditions and deletes by condition are native. A condition of hundreds of tags is hundreds of $contains, some 2 ms each on 20,000 records.
//
//	config.go    where the server is, how its graphs are built
//	database.go  collections
//	table.go     records
//	where.go     conditions
package chroma
