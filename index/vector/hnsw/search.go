package hnsw

import (
	"math"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/rag"
)

// Params say how a search goes about it.
type Params struct {
	// K is how many hits are wanted.
	K int
	// Ef is how many nearest nodes a walk keeps: more find more of the true best, for
	// more time. At least K is used. Default 64.
	Ef int
	// Allowed are the rows that may be found; nil allows all.
	Allowed index.Bitmap
	// Budget bounds how many slots are ranked or passed over; 0 is no bound.
	Budget int
}

// Stats is what a search did.
type Stats struct {
	Distances int // slots ranked, or passed over
	Passed    int // slots that were not ranked, since their sketches were too far
	Expanded  int // nodes whose neighbours were looked at
	// Incomplete says that the search stopped at the budget, or found fewer than K
	// where there may be more: an exact search is the better choice.
	Incomplete bool
}

// PlaneOf returns the byte plane of a set.
func PlaneOf(set *vector.Set) Plane {
	return Plane{Dims: set.Stride(), Codes: set.Codes(), Bias: set.Biases(), RowUnit: 1 / (set.Scale() * set.Scale())}
}

// ProbeOf returns a query in the terms of a set's plane.
func ProbeOf(set *vector.Set, q *vector.Query) Probe {
	unit := float32(1) // for a query of zeros all products are 0: biases alone count
	if f := set.Factor(q); f > 0 {
		unit = 1 / f
	}
	return Probe{Codes: q.Code(), Unit: unit, Offset: q.Offset()}
}

// Search appends the best rows for q that a walk over the graph finds, at most K, to
// dst: descending by score, equal scores by ascending row. Scores are those of the
// set's finest form; the IDs of hits are left zero. set is what the graph was built
// over. A set or query that does not fit is KindInvalid. It allocates nothing once sc
// and dst have grown.
func (s *Section) Search(set *vector.Set, q *vector.Query, p Params, sc *Scratch, dst []index.Hit) ([]index.Hit, Stats, error) {
	a, err := ask(set, q, p, s.n)
	if err != nil || p.K <= 0 || s.n == 0 {
		return dst, Stats{}, err
	}
	src := source{plane: &a.plane, links: &s.links}
	if a.plane.Dims != s.dims {
		return dst, Stats{}, rag.Errorf(rag.KindInvalid, "a graph over rows of %d bytes, a set with %d", s.dims, a.plane.Dims)
	}
	sc.reset(s.n, s.stride(0))
	sc.sieve.begin(&s.sketches, &a.plane, a.probe)
	defer sc.sieve.end()
	start := s.landing(sc, &a.plane, a.probe)
	dst, st := sc.search(&src, &a, start, dst)
	return dst, st, nil
}

// Search is that of Section, over a graph that may be changing. Slots inserted or
// deleted meanwhile may be found or not.
func (g *Graph) Search(set *vector.Set, q *vector.Query, p Params, sc *Scratch, dst []index.Hit) ([]index.Hit, Stats, error) {
	a, err := ask(set, q, p, len(g.level))
	entry, top := g.top()
	if err != nil || p.K <= 0 || entry == none {
		return dst, Stats{}, err
	}
	a.live = g.live
	g.ready(sc)
	start := sc.descend(&g.src, a.probe, entry, top, 1)
	dst, st := sc.search(&g.src, &a, start, dst)
	return dst, st, nil
}

// asking is a search that is under way.
type asking struct {
	set   *vector.Set
	plane Plane
	q     *vector.Query
	probe Probe
	p     Params
	live  bits // nil: all
}

// ask prepares the search of a graph of n slots.
func ask(set *vector.Set, q *vector.Query, p Params, n int) (asking, error) {
	if set.Len() != n || q.Metric() != set.Metric() || q.Dims() != set.Dims() {
		return asking{}, rag.Errorf(rag.KindInvalid, "a graph of %d slots, %d vectors of %d dimensions and %v, a query of %d and %v",
			n, set.Len(), set.Dims(), set.Metric(), q.Dims(), q.Metric())
	}
	if p.Ef == 0 {
		p.Ef = 64
	}
	p.K = min(p.K, n)
	p.Ef = min(max(p.Ef, p.K), n)
	if p.Budget <= 0 {
		p.Budget = math.MaxInt
	}
	return asking{set: set, plane: PlaneOf(set), q: q, probe: ProbeOf(set, q), p: p}, nil
}

// search walks on level 0 from start, and rescores what is best.
func (sc *Scratch) search(src *source, a *asking, start uint32, dst []index.Hit) ([]index.Hit, Stats) {
	var complete bool
	if a.p.Allowed == nil {
		complete = sc.walk(src, a.probe, start, 0, a.p.Ef, a.p.Budget)
	} else {
		g := gate{rows: a.p.Allowed, rowOf: a.set.SlotRows(), live: a.live}
		complete = sc.walkGate(src, a.probe, &g, start, a.set.Len(), a.p.Ef, a.p.Budget)
		complete = complete && len(sc.best.keys) >= min(a.p.K, a.p.Ef)
	}
	st := Stats{Distances: sc.distances, Passed: sc.passed, Expanded: sc.expanded, Incomplete: !complete}
	return sc.rescore(a, dst), st
}

// rescored is how many of the best by their bytes get true scores, to find the best k
// among them.
func rescored(k int) int { return 2*k + 10 }

// rescore appends the best k of the pool by their true scores to dst.
func (sc *Scratch) rescore(a *asking, dst []index.Hit) []index.Hit {
	k, most := a.p.K, rescored(a.p.K)
	found := sc.found[:0]
	for _, key := range sc.best.keys {
		if id := keyID(key); a.live == nil || a.live.has(id) {
			if found = append(found, id); len(found) == most {
				break
			}
		}
	}
	sc.found = found
	if len(sc.scores) < len(found) {
		sc.scores = make([]float32, most)
	}
	a.set.Rescore(a.q, found, sc.scores, &sc.fine)
	sc.top.Reset(k)
	for i, id := range found {
		row := a.set.SlotRow(id)
		sc.top.Offer(index.Hit{ID: rag.ChunkID(row), Row: row, Score: sc.scores[i]})
	}
	from := len(dst)
	dst = sc.top.AppendTo(dst)
	for i := range dst[from:] {
		dst[from+i].ID = 0 // held the row, for the order of equals
	}
	return dst
}
