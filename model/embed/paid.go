package embed

import (
	"crypto/sha256"
	"slices"
	"sync"
)

// maxPaidBytes bounds the vectors that are kept of calls that failed.
const maxPaidBytes = 32 << 20

// paid keeps vectors that came before the call they belong to failed, until the
// call is repeated. The oldest go first. It is goroutine-safe.
type paid struct {
	mu      sync.Mutex
	vectors map[[sha256.Size]byte][]float32
	order   [][sha256.Size]byte // as they came; may name some that have been taken
	bytes   int
}

func digest(text string) [sha256.Size]byte { return sha256.Sum256([]byte(text)) }

// take hands out the vectors that are there and returns the pieces without one.
func (p *paid) take(pieces []*piece) []*piece {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.vectors) == 0 {
		p.order = nil
		return pieces
	}
	var missing []*piece
	for _, piece := range pieces {
		key := digest(piece.text())
		v, ok := p.vectors[key]
		if !ok {
			missing = append(missing, piece)
			continue
		}
		piece.vector = v
		delete(p.vectors, key)
		p.bytes -= 4 * len(v)
	}
	return missing
}

// keep takes the vectors that pieces have.
func (p *paid) keep(pieces []*piece) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.vectors == nil {
		p.vectors = map[[sha256.Size]byte][]float32{}
	}
	for _, piece := range pieces {
		key := digest(piece.text())
		if _, there := p.vectors[key]; there || piece.vector == nil {
			continue
		}
		p.vectors[key] = piece.vector
		p.order = append(p.order, key)
		p.bytes += 4 * len(piece.vector)
	}
	if len(p.order) > 2*len(p.vectors) {
		p.order = slices.DeleteFunc(p.order, func(key [sha256.Size]byte) bool { return p.vectors[key] == nil })
	}
	for p.bytes > maxPaidBytes {
		p.bytes -= 4 * len(p.vectors[p.order[0]])
		delete(p.vectors, p.order[0])
		p.order = p.order[1:]
	}
}
