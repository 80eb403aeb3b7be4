package ivf

import (
	"math"
	"runtime"
)

// Params say how an index is built. The zero Params are a good choice.
type Params struct {
	// Lists is the number of lists. 0 means four times the square root of the number
	// of vectors. There are never more lists than vectors.
	Lists int
	// Single puts a vector into one list, not into two. That spares 12 + dims/8 bytes a
	// vector and half of the building after k-means, for longer searches at high recall.
	Single bool
	// Rotate turns vectors by a random rotation before their signs are taken: for those
	// with a few dimensions much larger than the others. See DESIGN.md.
	Rotate bool
	// Iterations of k-means; 0 means 8.
	Iterations int
	// Seed of all choices by chance. Equal seeds give equal sections.
	Seed uint64
	// Threads that work at a time; 0 means one for each processor. It has no influence
	// on the result.
	Threads int
}

const (
	sampleOfList = 64 // vectors a list from which its centroid is learned
	maxLists     = 1 << 20
)

func (p Params) withDefaults(n int) Params {
	if p.Lists <= 0 {
		p.Lists = int(4 * math.Sqrt(float64(n)))
	}
	p.Lists = min(p.Lists, n, maxLists)
	if p.Iterations <= 0 {
		p.Iterations = 8
	}
	if p.Threads <= 0 {
		p.Threads = runtime.GOMAXPROCS(0)
	}
	return p
}

// SearchParams say how thorough a search is. The zero SearchParams are a good choice.
type SearchParams struct {
	// Probes is the number of lists that are searched. 0 means the square root of their
	// number, and as many as hold 50*k vectors. With a filter, and when fewer than k
	// were found, there are more.
	Probes int
	// Eps is how far from its estimate a product with a sign code may be, in units of
	// the distance between query and centroid. 0 means 1.
	Eps float32
	// Pool is the number of vectors that are rescored in the finest form; at least k.
	// 0 means twice k, and at least 20.
	Pool int
}

// seenForOne is the number of vectors that are looked at for each that is wanted, at
// least.
const seenForOne = 50

func (p SearchParams) withDefaults(k, lists, n int) SearchParams {
	if p.Probes <= 0 {
		ofList := float64(n) / float64(lists)
		p.Probes = int(math.Ceil(max(math.Sqrt(float64(lists)), seenForOne*float64(k)/ofList)))
	}
	p.Probes = min(p.Probes, lists)
	if p.Eps <= 0 {
		p.Eps = 1
	}
	if p.Pool <= 0 {
		p.Pool = max(2*k, 20)
	}
	p.Pool = max(p.Pool, k)
	return p
}
