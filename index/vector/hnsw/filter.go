package hnsw

import "github.com/smartretriever/smartretriever/index"

// gate says which slots a search may find.
type gate struct {
	rows  index.Bitmap
	rowOf []uint32 // the row of a slot
	live  bits     // nil: all
}

// open returns 1 for a slot that may be found, else 0.
func (g *gate) open(slot uint32) uint64 {
	row := g.rowOf[slot]
	if int(row>>6) >= len(g.rows) || g.live != nil && !g.live.has(slot) {
		return 0
	}
	return g.rows[row>>6] >> (row & 63) & 1
}

// The numbers of the filtered walk, chosen on real vectors; see walkGate.
const (
	seeds   = 8    // open nodes to begin with
	tries   = 1024 // slots looked at to find them
	enough  = 16   // new open nodes that an expansion has to find
	farther = 16   // closed nodes that it goes through for them, at most
)

// walkGate is walk on level 0 for nodes that a gate lets through: the open ones.
// s.best holds nothing else. Open nodes alone would be a sparse graph that falls apart,
// so the walk also goes through closed ones, as ACORN does (Patel et al. 2024): where an
// open node has too few open neighbours that are new, those of its closed neighbours
// count as its own. Unlike there, closed neighbours are ranked, wait in
// s.aside, and the nearest of all that wait are gone through first.
//
// It begins where the descent ends, and at some random open nodes, from which it finds
// into a topic far away from the question. As long as the pool is not full, it
// goes on through closed nodes of closed nodes. It ends early, and returns false, when
// it has ranked budget nodes.
func (s *Scratch) walkGate(src *source, q Probe, g *gate, start uint32, n, ef, budget int) bool {
	s.walking = true
	done := s.spreadGate(src, q, g, start, n, ef, budget)
	s.unmark()
	s.walking = false
	return done
}

// spreadGate is walkGate without the marks' beginning and end.
func (s *Scratch) spreadGate(src *source, q Probe, g *gate, start uint32, n, ef, budget int) bool {
	s.best.reset(ef)
	s.aside = s.aside[:0]
	s.visit(start)
	s.ids[0] = start
	s.sift(src, q, g, 1)
	s.seed(src, q, g, start, n)
	for s.distances < budget {
		id, ok := s.best.take()
		if ok {
			s.expanded++
			found := s.sift(src, q, g, s.unseen(src.list(s, id, 0)))
			// What lies beyond several closed nodes is ranked together: the
			// processor then waits for many rows at once.
			beyond := 0
			for i := 0; found+beyond < enough && i < farther; i++ {
				closed, ok := s.nextClosed()
				if !ok {
					break
				}
				beyond = s.through(src, g, closed, beyond)
			}
			if beyond > 0 {
				s.offer(src.plane, q, s.ids[:beyond])
			}
			continue
		}
		if s.best.full() || len(s.aside) == 0 {
			return true
		}
		s.expanded++
		s.sift(src, q, g, s.unseen(src.list(s, keyID(s.aside.pop()), 0)))
	}
	return false
}

// nextClosed takes the nearest closed node that is nearer than the worst of the pool.
func (s *Scratch) nextClosed() (uint32, bool) {
	if len(s.aside) == 0 || keyRank(s.aside[0]) <= s.best.floor() {
		return 0, false
	}
	return keyID(s.aside.pop()), true
}

// sift ranks the first n of the batch and offers the open ones to the pool, the closed
// ones to the pool beside it. It returns how many are open.
func (s *Scratch) sift(src *source, q Probe, g *gate, n int) (open int) {
	if n == 0 {
		return 0
	}
	ids := s.ids[:n]
	floor := s.best.floor()
	for i, r := range s.rank(src.plane, q, ids) {
		id := ids[i]
		if g.open(id) != 0 {
			open++
			if r > floor {
				s.best.offer(newKey(r, id))
				floor = s.best.floor()
			}
		} else if r > floor {
			s.aside.push(newKey(r, id))
		}
	}
	return open
}

// through adds the open neighbours of a closed node that are new to the n of the batch,
// and returns how many it has then. Closed ones are not marked as visited: they may be
// neighbours of an open node too.
func (s *Scratch) through(src *source, g *gate, closed uint32, n int) int {
	s.expanded++
	visited, ids, from := s.visited, s.ids, n
	for _, id := range src.list(s, closed, 0) {
		w, bit := id>>6, id&63
		seen := visited[w]
		found := g.open(id) &^ (seen >> bit)
		ids[n] = id
		n += int(found)
		visited[w] = seen | found<<bit
	}
	s.touched = append(s.touched, ids[from:n]...)
	return n
}

// seed offers some open nodes from all over the slots.
func (s *Scratch) seed(src *source, q Probe, g *gate, start uint32, n int) {
	found := 0
	x := uint64(start) + 1
	for range tries {
		x = x*6364136223846793005 + 1442695040888963407
		id := uint32(x >> 32 * uint64(n) >> 32)
		if g.open(id) != 0 && s.visit(id) {
			s.ids[found] = id
			if found++; found == seeds {
				break
			}
		}
	}
	s.sift(src, q, g, found)
}
