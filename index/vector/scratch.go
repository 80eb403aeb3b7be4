package vector

// Scratch is the memory of a search, kept for the next one. The zero Scratch is ready;
// it is for one search at a time.
type Scratch struct {
	finder finder
	coarse coarseQuery
	row    []float32
	slots  [gatherRows]uint32
	dots   [scanRows]int32
	above  [scanRows]uint32
	scores [batchRows]float32
}
