// Package pgvector keeps vectors in PostgreSQL with the extension pgvector (0.7 or newer; iterative scans need 0.8): a table a space, in a schema of its own.
//
//	config.go    settings
//	database.go  connections, spaces, errors
//	table.go     items, and how they are searched
//	where.go     conditions as SQL
//	build.go     the approximate index, once it pays
//
// A table has the columns id, document, tags (with a GIN index), embedding and, where words are searched, words. Below Config.IndexFrom rows every vector is compared; from there on there is
// an HNSW or IVFFlat index, which is built beside reading and writing (CREATE INDEX CONCURRENTLY), after a table was filled or when it has grown. Under a condition the index is
// scanned on until enough rows were found (pgvector's iterative scan, in strict order); where that gives too few, the rows are compared without the index: a
// condition never costs a result. The planner may take the tags' index instead, and then the result is exact as well.
//
// Words are searched with PostgreSQL's full text search (ts_rank, which is not BM25), in the same statement as the vectors.
//
// The role needs to be able to make tables in the schema. Config.SetupURL names one that may make the schema and the extension; without it they have to be there, or
// the role must be able to make them itself:
//
//	CREATE EXTENSION vector;
//	CREATE SCHEMA smartretriever_vectors AUTHORIZATION app;
//
// It runs through PgBouncer in transaction mode as well (Config.PgBouncer).
package pgvector
