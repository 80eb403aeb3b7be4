//go:build faiss

package faiss

import (
	"math"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/rag"
)

// vectors are the vectors of chunks, in FAISS, by position. A position is given out once, never removed, and holds the same vector
// for good: a chunk that is put again gets a new one, and the old one is dead. FAISS's ids are these positions;
// what its indexes do when something is removed from them does not matter, because nothing is.
//
// Whoever holds vectors sees to it that nothing runs beside a change.
type vectors struct {
	cfg    *Config
	native *native
	ids    []rag.ChunkID    // by position, of dead ones too
	docs   []uint32         // by position: place in names
	names  []rag.DocumentID // in the order in which they came
	byName map[rag.DocumentID]uint32
	live   index.Bitmap           // positions that searches may find; as long as it takes for all positions
	where  map[rag.ChunkID]uint32 // live positions

	trained int // live vectors when the index was made
}

// entry is a vector on its way in.
type entry struct {
	id     rag.ChunkID
	doc    rag.DocumentID
	vector []float32 // of unit length
}

// newVectors returns an empty index of the kind that suits so many vectors. An inverted file is not trained yet.
func newVectors(cfg *Config, count int) (*vectors, error) {
	k, lists := cfg.suits(count)
	n, err := newNative(k, cfg.Engine.Dimensions, lists, cfg)
	if err != nil {
		return nil, err
	}
	return &vectors{cfg: cfg, native: n, byName: map[rag.DocumentID]uint32{}, where: map[rag.ChunkID]uint32{}, trained: count}, nil
}

// suits returns which index is made for count vectors, with the number of lists of an inverted file: until there are enough of them, every one is compared.
func (c *Config) suits(count int) (k kind, lists int) {
	k = kinds[c.Type]
	if k == flat || count < c.ExactBelow {
		return flat, 0
	}
	if k == ivf {
		lists = c.NList
		if lists == 0 {
			lists = max(1, int(4*math.Sqrt(float64(count))))
		}
		if count < lists {
			return flat, 0
		}
	}
	return k, lists
}

// dead returns the number of positions whose vector is not the chunk's any more.
func (v *vectors) dead() int { return len(v.ids) - len(v.where) }

// due reports whether another index should be made in the place of this one.
func (v *vectors) due() bool {
	n := len(v.where)
	best, _ := v.cfg.suits(n)
	switch dead := v.dead(); {
	case v.cfg.DeadShare < 1 && dead >= v.cfg.DeadLeast && float64(dead) >= v.cfg.DeadShare*float64(len(v.ids)):
		return true
	case best != flat && v.native.kind == flat:
		return true
	default:
		return v.native.kind == ivf && n > 4*v.trained
	}
}

// memory estimates the bytes that v takes, in FAISS and beside it.
func (v *vectors) memory() int64 {
	const ofChunk, ofPosition = 40, 16 // a place in where; an id, a document, a bit, and what lists know of it
	return int64(len(v.ids))*(int64(4*v.native.dims)+ofPosition) + int64(len(v.where))*ofChunk + v.native.links()*4
}

// whole reports whether FAISS holds as many vectors as it should, which it may not after an error.
func (v *vectors) whole() bool { return v.native.total() == len(v.ids) }

// stage adds vectors at positions that no search finds yet, and returns the first of them.
func (v *vectors) stage(entries []entry) (first uint32, err error) {
	first = uint32(len(v.ids))
	all := make([]float32, 0, len(entries)*v.native.dims)
	for _, e := range entries {
		all = append(all, e.vector...)
	}
	if err := v.native.add(all, v.cfg.Threads); err != nil {
		return 0, err
	}
	for _, e := range entries {
		v.ids = append(v.ids, e.id)
		v.docs = append(v.docs, v.name(e.doc))
	}
	for len(v.live) < (len(v.ids)+63)/64 {
		v.live = append(v.live, 0)
	}
	return first, nil
}

// publish takes chunks out of what searches find, then lets them find the positions from first on. It cannot fail.
func (v *vectors) publish(gone []rag.ChunkID, first uint32) {
	for _, id := range gone {
		v.kill(id)
	}
	for p := first; int(p) < len(v.ids); p++ {
		id := v.ids[p]
		v.kill(id)
		v.where[id] = p
		v.live.Set(p)
	}
}

func (v *vectors) kill(id rag.ChunkID) {
	if p, ok := v.where[id]; ok {
		v.live.Clear(p)
		delete(v.where, id)
	}
}

// name returns the place of a document's id.
func (v *vectors) name(id rag.DocumentID) uint32 {
	n, ok := v.byName[id]
	if !ok {
		n = uint32(len(v.names))
		v.names = append(v.names, id)
		v.byName[id] = n
	}
	return n
}

// entries returns what is at positions.
func (v *vectors) entries(positions []int64) ([]entry, error) {
	dims := v.native.dims
	all := make([]float32, len(positions)*dims)
	if err := v.native.vectors(positions, all); err != nil {
		return nil, err
	}
	es := make([]entry, len(positions))
	for i, p := range positions {
		es[i] = entry{v.ids[p], v.names[v.docs[p]], all[i*dims : (i+1)*dims]}
	}
	return es, nil
}

// alive returns the live positions, ascending.
func (v *vectors) alive() []int64 {
	all := make([]int64, 0, len(v.where))
	for p := range v.ids {
		if v.live.Has(uint32(p)) {
			all = append(all, int64(p))
		}
	}
	return all
}

// unit returns a copy of unit length.
func unit(v []float32) []float32 {
	u := append([]float32(nil), v...)
	vector.Normalize(u)
	return u
}
