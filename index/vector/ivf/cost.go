package ivf

// Costs in nanoseconds, measured as those of vector.Set.ExactCost: of a search, of
// a centroid and of a byte of it, of a list, of each of the first lists, which
// let more through, and of a byte of an entry's code.
const (
	searchCost    = 8000
	centroidCost  = 1.5
	centroidByte  = 0.008
	listCost      = 300
	earlyList     = 500
	earlyLists    = 64
	entryCodeByte = 0.028
)

// Cost estimates the nanoseconds of a search with a filter that allows so many rows; as
// many as there are if there is no filter. Comparing it with vector.Set.ExactCost tells
// which search is faster.
func (ix *Index) Cost(k int, p SearchParams, allowed int) float64 {
	if ix.n == 0 {
		return 0
	}
	p = p.withDefaults(min(max(k, 1), ix.n), ix.lists, ix.n)
	lists := float64(p.Probes)
	if allowed < ix.n {
		share := float64(max(allowed, 1)) / float64(ix.n)
		lists = enough(ix, p.Probes, k, share) / (share * float64(ix.n) / float64(ix.lists))
		lists = min(max(lists, float64(p.Probes)), float64(ix.lists))
	}
	entries := float64(ix.n+ix.seconds) / float64(ix.lists)
	return searchCost +
		float64(ix.lists)*(centroidCost+centroidByte*float64(stride(ix.dims))) +
		lists*(listCost+entries*entryCodeByte*float64(blockSize(ix.dims))/32) +
		min(lists, earlyLists)*earlyList
}
