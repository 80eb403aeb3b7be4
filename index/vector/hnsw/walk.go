package hnsw

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

// rank ranks the first n ids of the batch.
func (s *Scratch) rank(p *Plane, q Probe, n int) (ids []uint32, ranks []int32) {
	ids, ranks = s.ids[:n], s.ranks[:n]
	p.ranks(ranks, q, ids)
	s.distances += n
	return ids, ranks
}

// rankOne ranks one slot.
func (s *Scratch) rankOne(p *Plane, q Probe, id uint32) int32 {
	s.ids[0] = id
	_, r := s.rank(p, q, 1)
	return r[0]
}

// descend goes from node at to nearer and nearer neighbours on the levels from from
// down to to, until a level has none, and returns the last node. Every step is to
// a node with a higher rank, so that it ends on any lists.
func (s *Scratch) descend(src *source, q Probe, at uint32, from, to int) uint32 {
	best := s.rankOne(src.plane, q, at)
	for level := from; level >= to; level-- {
		for {
			n := copy(s.ids, src.list(s, at, level))
			ids, ranks := s.rank(src.plane, q, n)
			last := at
			for i, r := range ranks {
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
func (s *Scratch) spread(src *source, q Probe, start uint32, level, ef, budget int) bool {
	s.best.reset(ef)
	s.visit(start)
	s.best.offer(newKey(s.rankOne(src.plane, q, start), start))
	for s.distances < budget {
		id, ok := s.best.take()
		if !ok {
			return true
		}
		s.expanded++
		if n := s.unseen(src.list(s, id, level)); n > 0 {
			s.offer(src.plane, q, n)
		}
	}
	return false
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

// offer ranks the first n of the batch and offers them to the pool.
func (s *Scratch) offer(p *Plane, q Probe, n int) {
	ids, ranks := s.rank(p, q, n)
	floor := s.best.floor()
	for i, r := range ranks {
		if r > floor {
			s.best.offer(newKey(r, ids[i]))
			floor = s.best.floor()
		}
	}
}
