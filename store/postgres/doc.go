// Package postgres is the document store on PostgreSQL 15 or later: for several
// processes that serve the same collections, and for tenants that are to be kept
// apart by more than the program. It behaves as package sqlite does.
//
// How its parts meet:
//
//	open.go        Open, Close, how connections are made
//	config.go      what can be set
//	migrate.go     the schema, from migrations/, and the rights of the store's role
//	conn.go        view and update: transactions in a tenant's scope, begun again where that is safe
//	txn.go         a transaction that begins with its first statement
//	errors.go      SQLSTATEs and lost connections as kinds
//	collection.go  collections
//	put.go         PutDocuments: one transaction for everything that belongs together
//	putrows.go     its rows, as arrays
//	embedding.go   which embeddings a tenant has
//	text.go        texts
//	versions.go    versions of documents
//	document.go    reading, listing and changing documents
//	delete.go      soft delete and restore
//	purge.go       what removes for good
//	loose.go       original files that nothing refers to
//	feed.go        the change feed
//	record.go      chunks as index records: snapshots, and by id
//	chunk.go       chunks and quotes for answering
//	generation.go  generations and their embeddings
//	notify.go      who changed what: LISTEN, NOTIFY, DataVersion
//	replica.go     reading from replicas that have come far enough
//	jobs.go        jobs; jobchange.go: cancelling, trying again; jobwork.go: working on them
//	ledger.go      charges, holds and budgets; usage.go: reports
//	source.go      sources and the leases of their readings
//	sourceitem.go  items of sources, and the documents that go with them
//	querylog.go    the query log
//	stats.go       counts, ping
//	verify.go      the invariants, checked
//
// A writer locks the row of the collection that it changes, and draws numbers of
// changes, chunks and versions under that lock: writers of one collection take
// turns, and a follower that reads up to a number has missed nothing before it.
// Readers wait for nobody; what a call reads is of one moment.
//
// Every transaction names the tenant that it is about, and row-level security holds
// it to that, also where a statement forgets to ask. Nothing depends on the state of
// a session, so that PgBouncer may stand in between. DESIGN.md says why it is built
// so.
package postgres
