package hnsw

import "github.com/smartretriever/smartretriever/rag"

// verify reads all lists and refuses, as KindInvalid, what is none of slots.
func (s *Section) verify() error {
	if err := s.verifyLists(0, s.ground, s.n); err != nil {
		return err
	}
	seen := newBits(s.n)
	for _, slot := range s.slots {
		if int(slot) >= s.n || !seen.set(slot) {
			return rag.Errorf(rag.KindInvalid, "graph section: slot %d of %d has upper levels, or has them twice", slot, s.n)
		}
	}
	for i, lists := range s.levels {
		if err := s.verifyLists(i+1, lists, s.nodes[i]); err != nil {
			return err
		}
	}
	return nil
}

// verifyLists reads the lists of a level with so many nodes.
func (s *Section) verifyLists(level int, lists []uint32, nodes int) error {
	for stride := s.stride(level); len(lists) > 0; lists = lists[stride:] {
		n := lists[0]
		if int(n) >= stride {
			return rag.Errorf(rag.KindInvalid, "graph section: a list of %d nodes on level %d", n, level)
		}
		for _, x := range lists[1 : 1+n] {
			if int(x) >= nodes {
				return rag.Errorf(rag.KindInvalid, "graph section: node %d of %d on level %d", x, nodes, level)
			}
		}
	}
	return nil
}
