package hnsw

import "github.com/smartretriever/smartretriever/index/kernel"

// source is what a walk reads: the lists of one level and the rows.
type source struct {
	plane *Plane
	links *links
	// shared says that lists may change meanwhile: they are copied before they are used.
	shared bool
}

// list returns the neighbours of id, valid until the next call.
func (src *source) list(s *Scratch, id uint32, level int) []uint32 {
	if src.shared {
		return src.links.load(id, level, s.list)
	}
	w := src.links.words(id, level)
	return w[1 : 1+int(w[0])]
}

// rank ranks ids, no more than a batch.
func (s *Scratch) rank(p *Plane, q Probe, ids []uint32) []int32 {
	ranks := s.ranks[:len(ids)]
	p.ranks(ranks, q, ids)
	s.distances += len(ids)
	return ranks
}

// rankOne ranks one slot.
func (s *Scratch) rankOne(p *Plane, q Probe, id uint32) int32 {
	s.ids[0] = id
	return s.rank(p, q, s.ids[:1])[0]
}

// descend goes from node at to nearer and nearer neighbours on the levels from from
// down to to, until a level has none, and returns the last node. Every step is to
// a node with a higher rank, so that it ends on any lists.
func (s *Scratch) descend(src *source, q Probe, at uint32, from, to int) uint32 {
	best := s.rankOne(src.plane, q, at)
	for level := from; level >= to; level-- {
		for {
			ids := src.list(s, at, level)
			last := at
			for i, r := range s.rank(src.plane, q, ids) {
				if r > best {
					best, at = r, ids[i]
				}
			}
			if at == last {
				break
			}
		}
	}
	return at
}

// walk fills s.best with the ef nearest nodes that it finds from start on, over
// the lists of one level: the nearest known node whose neighbours are not known yet is
// expanded, until all of the pool are, or budget nodes were ranked: then it returns
// false.
func (s *Scratch) walk(src *source, q Probe, start uint32, level, ef, budget int) bool {
	s.walking = true
	done := s.spread(src, q, start, level, ef, budget)
	s.unmark()
	s.walking = false
	return done
}

// spread is walk without the marks' beginning and end.
//
// Memory is what it waits for. So the neighbours of a node are ranked one turn later than they
// are met: their rows are on the way while the next node's list is read, and the
// sketches of its neighbours while the rows are compared. The next node is so chosen
// before the last one's neighbours are known, which takes a few more steps.
func (s *Scratch) spread(src *source, q Probe, start uint32, level, ef, budget int) bool {
	s.best.reset(ef)
	s.visit(start)
	s.best.offer(newKey(s.rankOne(src.plane, q, start), start))
	waiting := 0 // in s.waiting, to be ranked
	for s.distances < budget {
		id, ok := s.best.take()
		if !ok && waiting == 0 {
			return true
		}
		found := 0
		if ok {
			s.expanded++
			found = s.unseen(src.list(s, id, level))
			s.ahead(src.plane, found)
		}
		s.offer(src.plane, q, s.waiting[:waiting])
		waiting = s.await(src.plane, found)
		if k, ok := s.best.peek(); ok && !src.shared {
			s.ids[0] = keyID(k)
			kernel.Prefetch(src.links.ground, src.links.stride(0), s.ids[:1])
		}
	}
	return false
}

// ahead asks for what is read next of the first n of the batch.
func (s *Scratch) ahead(p *Plane, n int) {
	if s.sieve.sketches != nil {
		s.sieve.ahead(s.ids[:n])
	} else {
		kernel.Prefetch(p.Codes, p.Dims, s.ids[:n])
	}
}

// await lets those of the first n of the batch wait, with their rows on the way, that are not
// too far by their sketches, and returns their number.
func (s *Scratch) await(p *Plane, n int) int {
	s.ids, s.waiting = s.waiting, s.ids
	if n == 0 || s.sieve.sketches == nil {
		return n
	}
	if s.best.full() {
		n = s.sieved(s.waiting[:n], s.best.floor())
	}
	kernel.Prefetch(p.Codes, p.Dims, s.waiting[:n])
	return n
}

// sieved keeps those of ids whose sketches say that they may surpass floor.
func (s *Scratch) sieved(ids []uint32, floor int32) int {
	n := s.sieve.sift(ids, floor)
	s.distances += len(ids) - n
	s.passed += len(ids) - n
	return n
}

// unseen puts those of list that were not visited into the batch, marks them and
// returns their number. It does not branch on what it finds, as there is no telling.
func (s *Scratch) unseen(list []uint32) int {
	visited, ids := s.visited, s.ids[:len(list)+1]
	n := 0
	for _, id := range list {
		w, bit := id>>6, id&63
		seen := visited[w]
		ids[n] = id
		n += int(^seen >> bit & 1)
		visited[w] = seen | 1<<bit
	}
	s.touched = append(s.touched, ids[:n]...)
	return n
}

// offer ranks ids and offers them to the pool.
func (s *Scratch) offer(p *Plane, q Probe, ids []uint32) {
	floor := s.best.floor()
	for i, r := range s.rank(p, q, ids) {
		if r > floor {
			s.best.offer(newKey(r, ids[i]))
			floor = s.best.floor()
		}
	}
}
