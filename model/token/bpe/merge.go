package bpe

// none is the rank of two parts that are not a token together.
const none = ^uint32(0)

// shortPiece is up to how many bytes all pairs are looked through for the least:
// for a word that is faster than any order kept among them.
const shortPiece = 64

// merge encodes a piece that is not a token by itself: beginning with single
// bytes, the two neighbours that make the token of the least rank, the leftmost
// of equals, become one, until no two make a token. It returns the number of
// tokens, and appends them to out unless that is nil.
func (t *table) merge(piece string, out *[]uint32) int {
	if len(piece) <= shortPiece {
		return t.mergeShort(piece, out)
	}
	return t.mergeLong(piece, out)
}

// mergeShort looks for the least pair anew after each merge.
func (t *table) mergeShort(piece string, out *[]uint32) int {
	var begins [shortPiece + 1]uint8 // of the parts, and the end
	var ranks [shortPiece + 1]uint32 // of each part with the one after it
	n := len(piece)                  // parts
	for i := range n + 1 {
		begins[i] = uint8(i)
	}
	pair := func(i int) uint32 {
		if i < 0 || i+2 > n {
			return none
		}
		if rank, ok := t.rank(piece[begins[i]:begins[i+2]]); ok {
			return rank
		}
		return none
	}
	for i := range n {
		ranks[i] = pair(i)
	}
	for n > 1 {
		least, at := none, 0
		for i, rank := range ranks[:n-1] {
			if rank < least {
				least, at = rank, i
			}
		}
		if least == none {
			break
		}
		copy(begins[at+1:], begins[at+2:n+1])
		copy(ranks[at+1:], ranks[at+2:n])
		n--
		ranks[at] = pair(at)
		if at > 0 {
			ranks[at-1] = pair(at - 1)
		}
	}
	if out != nil {
		for i := range n {
			rank, _ := t.rank(piece[begins[i]:begins[i+1]]) // a part is a token
			*out = append(*out, rank)
		}
	}
	return n
}

// mergeLong keeps the pairs in a heap. A pair whose parts have changed since is
// still in it, and is known by its rank, which is then another.
func (t *table) mergeLong(piece string, out *[]uint32) int {
	n := len(piece)
	next := make([]int32, n) // begin of the part after this one, n behind the last
	back := make([]int32, n) // begin of the part before, -1 before the first
	ranks := make([]uint32, n)
	end := func(i int32) int32 {
		if int(i) == n {
			return int32(n)
		}
		return next[i]
	}
	pair := func(i int32) uint32 {
		if int(next[i]) == n {
			return none
		}
		if rank, ok := t.rank(piece[i:end(next[i])]); ok {
			return rank
		}
		return none
	}
	for i := range n {
		next[i], back[i] = int32(i+1), int32(i-1)
	}
	var queue pairs
	for i := range n {
		if ranks[i] = pair(int32(i)); ranks[i] != none {
			queue = append(queue, uint64(ranks[i])<<32|uint64(i))
		}
	}
	queue.order()
	update := func(i int32) {
		if ranks[i] = pair(i); ranks[i] != none {
			queue.push(uint64(ranks[i])<<32 | uint64(i))
		}
	}
	parts := n
	for len(queue) > 0 {
		least := queue.pop()
		i := int32(uint32(least))
		if ranks[i] != uint32(least>>32) {
			continue
		}
		gone := next[i]
		next[i] = end(gone)
		ranks[gone] = none
		if int(next[i]) < n {
			back[next[i]] = i
		}
		parts--
		update(i)
		if back[i] >= 0 {
			update(back[i])
		}
	}
	if out != nil {
		for i := int32(0); int(i) < n; i = next[i] {
			rank, _ := t.rank(piece[i:next[i]])
			*out = append(*out, rank)
		}
	}
	return parts
}

// pairs is a binary heap of rank<<32 | place, the least at the top. Package
// container/heap would allocate for each number that goes in or comes out.
type pairs []uint64

// order makes a heap of what was appended.
func (p pairs) order() {
	for i := len(p)/2 - 1; i >= 0; i-- {
		p.down(i)
	}
}

func (p *pairs) push(x uint64) {
	h := append(*p, x)
	i := len(h) - 1
	for i > 0 && x < h[(i-1)/2] {
		h[i] = h[(i-1)/2]
		i = (i - 1) / 2
	}
	h[i] = x
	*p = h
}

func (p *pairs) pop() uint64 {
	h := *p
	least, last := h[0], len(h)-1
	h[0] = h[last]
	*p = h[:last]
	p.down(0)
	return least
}

// down moves the number at place i to below those that are less.
func (p pairs) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(p) {
			return
		}
		if child+1 < len(p) && p[child+1] < p[child] {
			child++
		}
		if p[i] <= p[child] {
			return
		}
		p[i], p[child] = p[child], p[i]
		i = child
	}
}
