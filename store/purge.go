package store

// PurgeReport counts what a Purge removed.
type PurgeReport struct {
	Documents  int
	Chunks     int
	Embeddings int // that no chunk had any more
	Queries    int // rows of the query log whose answers were made from the documents
	Changes    int // rows of the change feed
	// Erased says that no deleted byte is left in the store's files, logs
	// included. It is false where something was reading from a log all the time;
	// the next purge tries again. A store on a server cannot tell, and leaves it
	// false.
	Erased bool
}
