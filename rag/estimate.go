package rag

import "time"

// DocumentEstimate is what adding one document would come to.
type DocumentEstimate struct {
	ExternalID string
	Source     string
	Title      string
	State      AddState // that it would have: Added, Updated, Unchanged, Failed or Skipped
	Bytes      int64
	Chunks     int   // of the document
	NewChunks  int   // that would be embedded: neither in the store nor in an input before
	Tokens     int64 // of these
	Cost       Money // of these
	Err        error // of Failed and Skipped
	More       bool  // further estimates of the same input, an archive, follow
}

// Estimate is what adding inputs would come to.
type Estimate struct {
	Documents int // that would be added or updated
	Unchanged int
	Failed    int // would not be added
	Bytes     int64
	Chunks    int
	NewChunks int
	Tokens    int64 // that would be embedded
	Cost      Money
	Currency  string // "" where nothing is paid
	Priced    bool   // the model's price is known; otherwise Cost is not
	Model     string
	Provider  string
	AsOf      string // the day as of which the price is known

	Read time.Duration // that reading and cutting took, once, for this estimate
	// Embed is how long embedding would take: as measured with some of the texts on
	// a model that costs nothing, or by the known rate limit of one that is paid. It
	// is negative where neither is known.
	Embed           time.Duration
	TokensPerSecond float64 // that Embed rests on
}
