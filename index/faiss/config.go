//go:build faiss

package faiss

import (
	"math"
	"runtime"

	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/rag"
)

// Defaults of Config.
const (
	DefaultM              = 16
	DefaultEfConstruction = 200
	DefaultEfSearch       = 128
	DefaultExactBelow     = 2000
	DefaultDeadShare      = 0.2
	DefaultDeadLeast      = 1000
)

// Config describes an index. Vectors are compared by the cosine of their angle.
type Config struct {
	// Engine is of the side with words, filters and access lists; its Dimensions, Dir, FS, Identity and Logger hold for both sides, its Type and what
	// else it says of vectors for none. Dir belongs to the index alone.
	Engine engine.Config

	Type string // engine.TypeFlat, engine.TypeIVF or engine.TypeHNSW; "" is TypeFlat

	NList          int // lists of ivf; 0 is four times the square root of the number of vectors, when it is trained
	NProbe         int // lists that a search looks into; 0 is engine.DefaultEffort times the square root of their number
	M              int // links of a vector in a graph, 2 to 256; 0 is DefaultM
	EfConstruction int // candidates for them, up to 10,000; 0 is DefaultEfConstruction
	EfSearch       int // candidates of a search; 0 is DefaultEfSearch

	// ExactBelow is the number of vectors, of an index or of what a query may see of it, below which every one is compared
	// in any type. 0 is DefaultExactBelow.
	ExactBelow int
	// DeadShare is the share of dead vectors, and DeadLeast their number, from both of which on the index is rebuilt in the background;
	// 0 is DefaultDeadShare and DefaultDeadLeast. A DeadShare of 1 leaves that to calls of Rebuild.
	DeadShare float64
	DeadLeast int
	// Threads of training and adding. 0 is one for each processor.
	Threads int

	// alwaysApproximate has tests use lists and graphs where comparing everything is cheaper.
	alwaysApproximate bool
	// afterCopy is called by tests' rebuilding once everything is copied, and before the new index takes the old one's place.
	afterCopy func()
}

// For returns the settings of an index that is to take the place of one with these. TypeAuto is an inverted file where that has one. FAISS keeps 32-bit floats, whatever e.Storage says.
func For(e engine.Config) Config {
	e = e.WithDefaults()
	c := Config{Engine: e, Type: e.Type, M: e.GraphM, EfConstruction: e.GraphEfConstruction}
	if e.Type == engine.TypeAuto {
		c.Type, c.ExactBelow = engine.TypeIVF, e.ExactBelow
	}
	return c
}

// WithDefaults fills in the zero fields.
func (c Config) WithDefaults() Config {
	c.Engine = c.Engine.WithDefaults()
	if c.Type == "" {
		c.Type = engine.TypeFlat
	}
	for field, value := range map[*int]int{
		&c.M: DefaultM, &c.EfConstruction: DefaultEfConstruction, &c.EfSearch: DefaultEfSearch,
		&c.ExactBelow: DefaultExactBelow, &c.DeadLeast: DefaultDeadLeast, &c.Threads: runtime.GOMAXPROCS(0),
	} {
		if *field == 0 {
			*field = value
		}
	}
	if c.DeadShare == 0 {
		c.DeadShare = DefaultDeadShare
	}
	if c.Engine.FS == nil {
		c.Engine.FS = section.Disk{}
	}
	return c
}

// Validate reports what is missing or out of range, as KindInvalid.
func (c Config) Validate() error {
	if _, known := kinds[c.Type]; !known {
		return rag.Errorf(rag.KindInvalid, "faiss: type %q is unknown; known are flat, ivf and hnsw", c.Type)
	}
	for _, f := range []struct {
		name             string
		value, low, high int
	}{
		{"nlist", c.NList, 0, 1 << 24},
		{"nprobe", c.NProbe, 0, 1 << 24},
		{"m", c.M, 2, 256},
		{"efconstruction", c.EfConstruction, 1, 10_000},
		{"efsearch", c.EfSearch, 1, 1 << 24},
		{"exact below", c.ExactBelow, 1, math.MaxInt32},
		{"least number of dead vectors", c.DeadLeast, 1, math.MaxInt32},
		{"threads", c.Threads, 1, 1024},
	} {
		if f.value < f.low || f.value > f.high {
			return rag.Errorf(rag.KindInvalid, "faiss: %s is %d; it must be %d to %d", f.name, f.value, f.low, f.high)
		}
	}
	if c.Engine.Metric != 0 && c.Engine.Metric != vector.Cosine {
		return rag.Errorf(rag.KindInvalid, "faiss: vectors are compared by the cosine, not by %v", c.Engine.Metric)
	}
	if !(c.DeadShare > 0 && c.DeadShare <= 1) {
		return rag.Errorf(rag.KindInvalid, "faiss: the share of dead vectors is %v; it must be above 0, at most 1", c.DeadShare)
	}
	return c.Engine.Validate()
}

// kinds are FAISS's indexes by type.
var kinds = map[string]kind{engine.TypeFlat: flat, engine.TypeIVF: ivf, engine.TypeHNSW: hnsw}
