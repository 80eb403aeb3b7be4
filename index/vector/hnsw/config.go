package hnsw

import (
	"runtime"

	"github.com/smartretriever/smartretriever/rag"
)

// Limits of a Config and of a section.
const (
	minM, maxM = 4, 128
	maxEf      = 1 << 14
	maxLevel   = 15
	// MaxSlots is the most slots that a graph can have: one bit of a slot's 32 is
	// needed for a mark.
	MaxSlots = 1 << 31
)

// Config holds the choices of a graph that is built. The zero Config is a good one.
type Config struct {
	// M is how many neighbours a node chooses for itself, and the most it can have on
	// an upper level; on level 0 it can have twice as many. More costs memory (8 bytes
	// a node for each) and building time, and makes searches at high recall cheaper.
	// 4 to 128, default 16.
	M int
	// EfConstruction is how many nearest nodes are looked for when a node is inserted,
	// from which its neighbours are chosen. At most 16,384, default 200.
	EfConstruction int
	// Seed decides which slots get upper levels. The same rows inserted in the same
	// order by one goroutine with the same seed make the same graph, bit by bit.
	Seed uint64
	// Threads is how many goroutines Build and the repair of many nodes use. Default
	// GOMAXPROCS. Building is deterministic with 1 only; repair always is.
	Threads int
}

// WithDefaults returns c with its zero fields set.
func (c Config) WithDefaults() Config {
	if c.M == 0 {
		c.M = 16
	}
	if c.EfConstruction == 0 {
		c.EfConstruction = 200
	}
	if c.Threads == 0 {
		c.Threads = runtime.GOMAXPROCS(0)
	}
	return c
}

// Validate reports what is wrong with c, after WithDefaults, as KindInvalid.
func (c Config) Validate() error {
	c = c.WithDefaults()
	if c.M < minM || c.M > maxM || c.EfConstruction < 1 || c.EfConstruction > maxEf || c.Threads < 0 || c.Threads > 1024 {
		return rag.Errorf(rag.KindInvalid, "hnsw: M %d (%d to %d), efConstruction %d (1 to %d), threads %d (0 to 1024)",
			c.M, minM, maxM, c.EfConstruction, maxEf, c.Threads)
	}
	return nil
}
