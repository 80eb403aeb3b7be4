package hnsw

import (
	"math"
	"sync"
	"sync/atomic"

	"github.com/smartretriever/smartretriever/rag"
)

// none is no slot.
const none = math.MaxUint32

// Graph is a graph that can be changed. Searches and Inserts run at the same time,
// from any number of goroutines, each with no regard for the others; Delete and Sweep
// wait for the Inserts that run and hold up new ones, but no searches.
//
// Locks are taken in this order: change, raise, then one of nodes; nobody holds two of
// nodes. Readers take none: see links.
type Graph struct {
	cfg   Config
	plane Plane
	src   source

	change sync.RWMutex // held for reading by Insert, for writing by what deletes
	raise  sync.Mutex   // held by an Insert that may become the entry
	nodes  [1 << 12]sync.Mutex

	links
	entry   atomic.Uint64 // level<<32 + slot; the slot is none in an empty graph
	claimed bits          // inserted, or about to be
	live    bits          // inserted and not deleted
	// parent is the tree that keeps every live node reachable (tree.go): none for the
	// root and for slots that are not live.
	parent []uint32
	root   uint32
	count  atomic.Int64
	stale  int // deleted nodes that others may still point to

	builders sync.Pool
}

// New returns an empty graph over the slots of p. An invalid Config or plane is
// KindInvalid.
func New(p Plane, cfg Config) (*Graph, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	level := make([]uint8, p.Len())
	cfg = cfg.WithDefaults()
	for i := range level {
		level[i] = cfg.levelOf(uint32(i))
	}
	return newGraph(p, cfg, level)
}

func newGraph(p Plane, cfg Config, level []uint8) (*Graph, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	n := p.Len()
	if len(level) != n {
		return nil, rag.Errorf(rag.KindInternal, "hnsw: levels of %d nodes for %d slots", len(level), n)
	}
	g := &Graph{cfg: cfg, plane: p, links: newLinks(cfg.M, level), claimed: newBits(n), live: newBits(n), parent: make([]uint32, n)}
	g.src = source{plane: &g.plane, links: &g.links, shared: true}
	for i := range g.parent {
		g.parent[i] = none
	}
	g.setEntry(none, 0)
	g.builders.New = func() any { return newBuilder(g) }
	return g, nil
}

// levelOf is the highest level of a slot: l or higher with a probability of M^-l. It
// depends on nothing else, so it is the same in whatever order nodes are inserted.
func (c Config) levelOf(slot uint32) uint8 {
	x := c.Seed + (uint64(slot)+1)*0x9e3779b97f4a7c15 // splitmix64
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	u := (float64(x>>11) + .5) / (1 << 53)
	return uint8(min(-math.Log(u)/math.Log(float64(c.M)), maxLevel))
}

// Slots returns the number of slots that there is room for: those of the plane.
func (g *Graph) Slots() int { return len(g.level) }

// Len returns the number of live nodes.
func (g *Graph) Len() int { return int(g.count.Load()) }

// Has reports whether slot is live.
func (g *Graph) Has(slot uint32) bool { return int(slot) < len(g.level) && g.live.has(slot) }

func (g *Graph) top() (slot uint32, level int) {
	e := g.entry.Load()
	return uint32(e), int(e >> 32)
}

func (g *Graph) setEntry(slot uint32, level int) {
	g.entry.Store(uint64(level)<<32 | uint64(slot))
}

// lock holds the list of a node for whoever changes it. Several nodes share a lock.
func (g *Graph) lock(id uint32) *sync.Mutex {
	l := &g.nodes[id%uint32(len(g.nodes))]
	l.Lock()
	return l
}

// ready empties a scratch and makes it large enough for g.
func (g *Graph) ready(s *Scratch) { s.reset(len(g.level), g.stride(0)) }
