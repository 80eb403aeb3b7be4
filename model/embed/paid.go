package embed

import (
	"crypto/sha256"
	"slices"
	"sync"

	"github.com/smartretriever/smartretriever/model/batch"
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

// take hands out the vectors that are there and returns the items without one.
func (p *paid) take(items []*batch.Item[[]float32]) []*batch.Item[[]float32] {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.vectors) == 0 {
		p.order = nil
		return items
	}
	var missing []*batch.Item[[]float32]
	for _, it := range items {
		key := digest(it.Text)
		v, ok := p.vectors[key]
		if !ok {
			missing = append(missing, it)
			continue
		}
		it.Result, it.Done = v, true
		delete(p.vectors, key)
		p.bytes -= 4 * len(v)
	}
	return missing
}

// keep takes the vectors that items have.
func (p *paid) keep(items []*batch.Item[[]float32]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.vectors == nil {
		p.vectors = map[[sha256.Size]byte][]float32{}
	}
	for _, it := range items {
		key := digest(it.Text)
		if _, there := p.vectors[key]; there || !it.Done {
			continue
		}
		p.vectors[key] = it.Result
		p.order = append(p.order, key)
		p.bytes += 4 * len(it.Result)
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
