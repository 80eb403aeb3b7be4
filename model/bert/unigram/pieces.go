package unigram

import "unicode/utf8"

// place is a byte of a word: the best way to get there.
type place struct {
	score float64
	from  int32 // where its last piece begins, or -1: there is no way
	id    int32
}

// flush cuts the gathered word into pieces and begins another.
//
// The best path is kept for the start of every character. A piece is better only if
// its sum is greater, so that of equal ones the first found stays, as it does in
// the libraries. Unknown characters in a row are one token.
func (t *Tokenizer) flush(s *scratch) {
	word := s.word
	s.word = s.word[:0]
	s.mark = false
	if len(word) == 0 {
		return
	}
	if cap(s.nodes) < len(word)+1 {
		s.nodes = make([]place, max(len(word)+1, 64))
	}
	nodes := s.nodes[:len(word)+1]
	for i := range nodes {
		nodes[i].from = -1
	}
	nodes[0].score = s.score
	for at := 0; at < len(word); {
		width := 1
		if word[at] >= utf8.RuneSelf {
			_, width = utf8.DecodeRune(word[at:])
		}
		t.extend(nodes, word, at, width)
		at += width
	}
	if t.cfg.Joined { // the sum goes on, and with it how it is rounded
		s.score = nodes[len(word)].score
	}
	t.follow(s, nodes)
}

// extend tries all pieces that begin at a character.
func (t *Tokenizer) extend(nodes []place, word []byte, at, width int) {
	till := nodes[at].score
	single := false
	node := uint32(0)
	for end := at; end < len(word); {
		next, ok := t.pieces.Next(node, word[end])
		if !ok {
			break
		}
		node = next
		end++
		if id := t.pieces.ID(node); id >= 0 {
			to := &nodes[end]
			if score := t.sum(till, float64(t.scores[id])); to.from < 0 || score > to.score {
				*to = place{score, int32(at), id}
			}
			single = single || end == at+width
		}
	}
	if single {
		return
	}
	to := &nodes[at+width]
	if score := t.sum(till, t.unknownScore); to.from < 0 || score > to.score {
		*to = place{score, int32(at), t.unknown}
	}
}

// sum adds up as the library does that is followed.
func (t *Tokenizer) sum(a, b float64) float64 {
	if t.cfg.Clusters {
		return a + b
	}
	return float64(float32(a + b))
}

// follow walks the best path back and emits its tokens in order.
func (t *Tokenizer) follow(s *scratch, nodes []place) {
	s.path = s.path[:0]
	for at := int32(len(nodes) - 1); at > 0; at = nodes[at].from {
		id := nodes[at].id
		if n := len(s.path); id == t.unknown && n > 0 && s.path[n-1] == id {
			continue
		}
		s.path = append(s.path, id)
	}
	for i := len(s.path) - 1; i >= 0 && !s.full(); i-- {
		s.emit(s.path[i])
	}
}
