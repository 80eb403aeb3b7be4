package rag

// Space is what is kept of a place in an external vector database that holds the vectors of one generation of a collection: how far it follows
// the collection's change feed, and who is writing to it.
type Space struct {
	Name       string // unique in the store
	Collection int64  // the store's own number of the collection
	Generation int
	// Seq is the number of the last change that the space holds, -1 before it was filled for the first time.
	Seq int64
	// Epoch counts how often the space was filled anew.
	Epoch int64
	// Turn counts the leases: who writes names the one that it was given, and is refused once somebody else has another.
	Turn int64
	// Gone says that the generation, or its collection, is no more: the space is to be dropped.
	Gone bool
}
