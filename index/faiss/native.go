//go:build faiss

package faiss

// #cgo CXXFLAGS: -std=c++17 -O2 -fopenmp
// #cgo LDFLAGS: -fopenmp -lfaiss -lblas -llapack
// #include "shim.h"
import "C"

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/rag"
)

// kind is which index of FAISS it is. The numbers are those of shim.h and part of the file format.
type kind uint8

const (
	flat kind = C.SR_FLAT
	ivf  kind = C.SR_IVF
	hnsw kind = C.SR_HNSW
)

// maxPositions is how many vectors an index holds: FAISS counts in 32 bits with a sign.
const maxPositions = math.MaxInt32 - 1

// native is an index of FAISS. Vectors are added at the next position and stay there. Searches may run at once, and
// beside nothing else. Wrong sizes and positions panic here, before FAISS would read at random.
type native struct {
	x     *C.sr_index
	kind  kind
	dims  int
	lists int // of ivf
}

func newNative(k kind, dims, lists int, cfg *Config) (*native, error) {
	n := &native{kind: k, dims: dims, lists: lists}
	must(dims > 0 && (k != ivf || lists > 0))
	err := failed(C.sr_new(C.int(k), C.int(dims), C.int64_t(lists), C.int(cfg.M), C.int(cfg.EfConstruction), &n.x))
	return n, err
}

// free gives the memory back. It may be called again.
func (n *native) free() {
	if n.x != nil {
		C.sr_delete(n.x)
		n.x = nil
	}
}

// total returns the number of positions.
func (n *native) total() int { return int(C.sr_total(n.x)) }

// links returns how many links a graph has room for.
func (n *native) links() int64 {
	if n.kind != hnsw {
		return 0
	}
	return int64(C.sr_links(n.x))
}

// train finds the lists of an inverted file.
func (n *native) train(vectors []float32, threads int) error {
	must(n.kind == ivf && n.count(vectors) >= n.lists)
	return failed(C.sr_train(n.x, C.int64_t(n.count(vectors)), floats(vectors), C.int(threads)))
}

// add appends vectors.
func (n *native) add(vectors []float32, threads int) error {
	count := n.count(vectors)
	if count == 0 {
		return nil
	}
	if n.total()+count > maxPositions {
		return rag.Errorf(rag.KindInvalid, "faiss: an index holds at most %d vectors", maxPositions)
	}
	return failed(C.sr_add(n.x, C.int64_t(count), floats(vectors), C.int(threads)))
}

// search returns the best k of the allowed positions, or of all if allowed is nil, best first, in no order among equals.
func (n *native) search(q []float32, k, effort int, exact bool, allowed index.Bitmap) ([]index.Hit, error) {
	total := n.total()
	must(len(q) == n.dims && k > 0 && k <= total && effort > 0 && (allowed == nil || len(allowed) == (total+63)/64))
	scores, positions := make([]float32, k), make([]int64, k)
	var bits *C.uint8_t
	if allowed != nil {
		bits = (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(allowed)))
	}
	thorough := C.int(0)
	if exact {
		thorough = 1
	}
	err := failed(C.sr_search(n.x, floats(q), C.int64_t(k), C.int64_t(effort), thorough, bits, C.size_t(8*len(allowed)), floats(scores), numbers(positions)))
	if err != nil {
		return nil, err
	}
	hits := make([]index.Hit, 0, k)
	for i, p := range positions {
		if p < 0 {
			continue
		}
		if p >= int64(total) || allowed != nil && !allowed.Has(uint32(p)) {
			return nil, rag.Errorf(rag.KindInternal, "faiss: a search found position %d, which it may not see", p)
		}
		hits = append(hits, index.Hit{Row: uint32(p), Score: scores[i]})
	}
	return hits, nil
}

// score writes the scores of positions.
func (n *native) score(q []float32, positions []int64, scores []float32) error {
	n.mustHold(positions)
	must(len(q) == n.dims && len(scores) == len(positions))
	return failed(C.sr_score(n.x, floats(q), C.int64_t(len(positions)), numbers(positions), floats(scores)))
}

// vectors writes the vectors of positions.
func (n *native) vectors(positions []int64, dst []float32) error {
	n.mustHold(positions)
	must(len(dst) == len(positions)*n.dims)
	return failed(C.sr_vectors(n.x, C.int64_t(len(positions)), numbers(positions), floats(dst)))
}

// inverted returns the centers of the lists of an inverted file and the list of each position.
func (n *native) inverted() (centers []float32, lists []int32, err error) {
	must(n.kind == ivf)
	centers, lists = make([]float32, n.lists*n.dims), make([]int32, n.total())
	return centers, lists, failed(C.sr_lists(n.x, floats(centers), ints(lists)))
}

// setInverted fills an empty inverted file.
func (n *native) setInverted(centers, vectors []float32, lists []int32) error {
	must(n.kind == ivf && n.total() == 0 && len(centers) == n.lists*n.dims && len(lists) == n.count(vectors))
	return failed(C.sr_set_lists(n.x, floats(centers), C.int64_t(len(lists)), floats(vectors), ints(lists)))
}

// graph returns the level of each position, all links, and where searches begin.
func (n *native) graph() (levels, links []int32, entry int32, err error) {
	must(n.kind == hnsw)
	levels, links = make([]int32, n.total()), make([]int32, C.sr_links(n.x))
	var e C.int32_t
	err = failed(C.sr_graph(n.x, ints(levels), ints(links), &e))
	return levels, links, int32(e), err
}

// setGraph fills an empty graph. Links that lead nowhere are an error.
func (n *native) setGraph(vectors []float32, levels, links []int32, entry int32) error {
	must(n.kind == hnsw && n.total() == 0 && len(levels) == n.count(vectors) && len(levels) > 0)
	return failed(C.sr_set_graph(n.x, C.int64_t(len(levels)), floats(vectors), ints(levels), C.int64_t(len(links)), ints(links), C.int32_t(entry)))
}

// count returns how many vectors there are in a slice of them.
func (n *native) count(vectors []float32) int {
	must(len(vectors)%n.dims == 0)
	return len(vectors) / n.dims
}

func (n *native) mustHold(positions []int64) {
	total := int64(n.total())
	for _, p := range positions {
		must(p >= 0 && p < total)
	}
}

func must(ok bool) {
	if !ok {
		panic("faiss: a size or position is wrong")
	}
}

// failed turns a message of the shim into an error.
func failed(message *C.char) error {
	if message == nil {
		return nil
	}
	defer C.sr_free(message)
	return rag.Wrap(rag.KindInternal, fmt.Errorf("%s", C.GoString(message)), "faiss")
}

func floats(v []float32) *C.float  { return (*C.float)(unsafe.Pointer(unsafe.SliceData(v))) }
func ints(v []int32) *C.int32_t    { return (*C.int32_t)(unsafe.Pointer(unsafe.SliceData(v))) }
func numbers(v []int64) *C.int64_t { return (*C.int64_t)(unsafe.Pointer(unsafe.SliceData(v))) }
