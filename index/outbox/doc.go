// Package outbox keeps the vectors of collections in a vector database (package external) in step with the store, beside words, filters and access lists in
// the program's own engine. Package follow drives an Index as it does an engine.Index.
//
//	connection.go  one database: settings, tries, circuit, and what is dropped
//	index.go       the index of one collection: both sides
//	outbox.go      how changes reach the database, one writer at a time
//	fill.go        all of it anew
//	search.go      a search on both sides, exact under filters
//	tags.go        filters and access lists in the form that every database understands
//	check.go       comparing and describing
//
// # The outbox
//
// The change feed of the store is the outbox. How far a space of the database follows it stands in the store too (Spaces), so that any number of
// processes share one database: the first that has read a change takes the lease of the space, applies the batch and writes down how far it came; the others see
// that and leave the batch alone, or apply it whole if it goes further. A process that dies between the two has its batch applied again by another. What is applied
// twice changes nothing, as items go by their ids. A batch never begins after what the space holds, so there are no gaps; and since a chunk's id is never used again and
// each batch ends after all that was applied before it, what is deleted does not come back.
//
// A request of a writer whose lease ran out while it was on its way can still arrive; what it leaves behind is found by Verify, and no answer shows
// it, as candidates are read back from the store.
//
// # When the database is away
//
// Words go on and follow the store (Index.Ahead), and searches that have some say that vectors are missing (rag.IndexResult.Degraded). For the database changes wait in
// the feed, however many they are.
//
// # Filters
//
// Every chunk carries tags for what can be asked of its document. A filter is sent as lists of tags; where tags cannot say it (order, prefixes), or
// few chunks match, the engine's own exact answer takes over: the ids of the chunks are sent, or more results are asked for until enough of
// them match. A filter never costs a result.
package outbox
