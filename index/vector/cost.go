package vector

// Costs in nanoseconds, measured on an AMD Zen 4 with rows out of the caches: of a
// search, of a slot, and of a byte of its row. What counts is their ratio, to each
// other and to those of other indexes over the set.
const (
	searchCost = 5000
	scanSlot   = 0.5
	scanByte   = 0.028
	gatherSlot = 5
	gatherByte = 0.035
	// Of so many slots one is not ruled out by the coarse plane, on embeddings of text.
	siftedShare = 50
)

// ExactCost estimates the nanoseconds that Exact takes if so many rows are allowed;
// more than there are if there is no filter.
func (s *Set) ExactCost(allowed int) float64 {
	return searchCost + min(s.scanCost(), s.gatherCost(allowed))
}

func (s *Set) scanCost() float64 {
	if s.coarse != nil && coarsePays() {
		return float64(s.n)*(scanSlot+scanByte*float64(coarseStride(s.dims)/2)) + s.gatherCost(s.n/siftedShare)
	}
	return float64(s.n) * (scanSlot + scanByte*float64(s.stride))
}

func (s *Set) gatherCost(allowed int) float64 {
	return float64(allowed) * (gatherSlot + gatherByte*float64(s.stride))
}

func (s *Set) gatherIsCheaper(allowed int) bool {
	return s.gatherCost(allowed) < s.scanCost()
}
