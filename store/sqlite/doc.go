// Package sqlite is the embedded document store: one SQLite file in WAL mode,
// driven in pure Go.
//
// How its parts meet:
//
//	open.go        Open, Close, the connections and their settings
//	migrate.go     the schema, from migrations/
//	conn.go        connections, prepared statements, view and update transactions
//	errors.go      the driver's errors as kinds
//	collection.go  collections and their generations
//	put.go         PutDocuments: one transaction for everything that belongs together
//	text.go        texts in pieces, so that a span is read without the rest
//	document.go    reading, listing and changing documents
//	delete.go      soft delete and restore
//	purge.go       what makes deleted content leave the file
//	feed.go        the change feed
//	record.go      chunks as index records: snapshots, and by id
//	chunk.go       chunks and quotes for answering
//	source.go      sources and the leases of their readings
//	sourceitem.go  items of sources, and the documents that go with them
//	space.go       how far external vector databases follow the change feed
//	querylog.go    the query log
//	stats.go       counts, ping, noticing other processes' commits
//	verify.go      the invariants, checked
//
// Writing goes through one connection, one transaction at a time: in this process
// callers queue for it, and other processes are waited for up to
// Config.BusyTimeout. Reading goes through a few connections that cannot write;
// in WAL mode neither waits for the other. What a call reads, it reads from one
// snapshot. DESIGN.md says why it is built so.
package sqlite
