package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/bench/index/data"
	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/index/vector/hnsw"
	"github.com/smartretriever/smartretriever/index/vector/ivf"
)

// ownVectors are our entrants for a set of vectors. A name's words are the kind of
// index, for the graph its M, for lists whether a vector is in one or two, and the finest
// form that is kept of vectors.
func (b *bench) ownVectors(v *data.Vectors) []*entrant {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	own := func(name string, grid []map[string]int) *entrant {
		return &entrant{family: ours, name: "ours " + name, argv: []string{self, "serve", "vectors", name}, grid: grid}
	}
	// The pool is what is rescored in the finest form; where that is the bytes, it is idle.
	probe := append(grid("nprobe", probes, nil), grid("nprobe", probes, map[string]int{"pool": 40})...)
	exact := own("exact float32", []map[string]int{{}})
	exact.exact = true
	if v.Name == data.Large384 {
		return []*entrant{exact, own("IVF two lists int8", probe), own("IVF one list int8", probe), own("HNSW M16 int8", grid("ef", efs, nil))}
	}
	entrants := []*entrant{
		exact,
		own("IVF two lists float16", probe), own("IVF one list float16", probe), own("IVF one list int8", probe),
		own("HNSW M16 float16", grid("ef", efs, nil)), own("HNSW M24 float16", grid("ef", efs, nil)), own("HNSW M16 int8", grid("ef", efs, nil)),
	}
	if v.Name == data.Small384 { // where graphs lead: one with as many neighbours as FAISS's
		entrants = append(entrants, own("HNSW M32 float16", grid("ef", efs, nil)))
	}
	return entrants
}

func openVectorEngine(name string) (vectorEngine, error) {
	words := strings.Fields(name)
	storage, err := vector.ParseStorage(words[len(words)-1])
	if err != nil {
		return nil, err
	}
	s := vectorFile{storage: storage}
	switch words[0] {
	case "exact":
		return &exactEngine{s}, nil
	case "IVF":
		return &listEngine{vectorFile: s, single: words[1] == "one"}, nil
	case "HNSW":
		m, err := strconv.Atoi(strings.TrimPrefix(words[1], "M"))
		return &graphEngine{vectorFile: s, m: m}, err
	}
	return nil, fmt.Errorf("no engine is called %q", name)
}

// vectorFile is a container file with a section of vectors, and what the engines share.
type vectorFile struct {
	storage vector.Storage
	file    *section.File
	set     *vector.Set
}

// write writes the file; more writes a further section.
func (f *vectorFile) write(path string, src vector.Slice, order []uint32, name string, more func(io.Writer) error) error {
	_, err := section.WriteFile(section.Disk{}, path, func(w *section.Writer) error {
		p := f.params(src)
		p.Scan = more == nil
		if err := vector.Write(w.Begin("vectors"), src, order, p); err != nil {
			return err
		}
		if more == nil {
			return nil
		}
		return more(w.Begin(name))
	})
	return err
}

func (f *vectorFile) params(src vector.Slice) vector.Params {
	return vector.Params{Metric: vector.Cosine, Storage: f.storage, Rows: src.Len()}
}

func (f *vectorFile) open(path string) (err error) {
	if f.file, err = section.Open(section.Disk{}, path); err != nil {
		return err
	}
	f.set, err = vector.Open(f.part("vectors"))
	return err
}

func (f *vectorFile) part(name string) []byte {
	data, _ := f.file.Section(name)
	return data
}

// vectorSearcher is what vectorEngine.Searcher returns.
type vectorSearcher = func(ctx context.Context, q []float32, k int, allowed index.Bitmap, dst []index.Hit) ([]index.Hit, error)

// lowest is a floor that leaves nothing out.
var lowest = float32(math.Inf(-1))

type exactEngine struct{ vectorFile }

func (e *exactEngine) Build(_ context.Context, base []float32, dims, _ int, path string) error {
	return e.write(path, vector.Slice{Dimensions: dims, Values: base}, nil, "", nil)
}

func (e *exactEngine) Open(path string) error { return e.open(path) }

func (e *exactEngine) Searcher(map[string]int) vectorSearcher {
	q, sc := new(vector.Query), new(vector.Scratch)
	return func(ctx context.Context, v []float32, k int, allowed index.Bitmap, dst []index.Hit) ([]index.Hit, error) {
		if err := q.Set(v, vector.Cosine); err != nil {
			return dst, err
		}
		return e.set.Exact(ctx, q, k, allowed, lowest, sc, dst)
	}
}

type listEngine struct {
	vectorFile
	single bool
	lists  *ivf.Index
}

func (e *listEngine) Build(ctx context.Context, base []float32, dims, threads int, path string) error {
	src := vector.Slice{Dimensions: dims, Values: base}
	plan, err := ivf.Build(ctx, src, vector.Cosine, ivf.Params{Single: e.single, Threads: threads})
	if err != nil {
		return err
	}
	return e.write(path, src, plan.Order(), "lists", func(w io.Writer) error { return plan.Write(ctx, w) })
}

func (e *listEngine) Open(path string) error {
	err := e.open(path)
	if err == nil {
		e.lists, err = ivf.Open(e.part("lists"), e.set)
	}
	return err
}

func (e *listEngine) Searcher(param map[string]int) vectorSearcher {
	q, sc := new(vector.Query), new(ivf.Scratch)
	p := ivf.SearchParams{Probes: param["nprobe"], Pool: param["pool"]}
	return func(ctx context.Context, v []float32, k int, allowed index.Bitmap, dst []index.Hit) ([]index.Hit, error) {
		if err := q.Set(v, vector.Cosine); err != nil {
			return dst, err
		}
		return e.lists.Search(ctx, q, k, p, allowed, lowest, sc, dst)
	}
}

type graphEngine struct {
	vectorFile
	m     int
	graph *hnsw.Section
}

func (e *graphEngine) Build(ctx context.Context, base []float32, dims, threads int, path string) error {
	src := vector.Slice{Dimensions: dims, Values: base}
	// A graph is built over an opened set; the file gets the same bytes again.
	made, err := section.Build(func(w *section.Writer) error {
		return vector.Write(w.Begin("vectors"), src, nil, e.params(src))
	})
	if err != nil {
		return err
	}
	data, _ := made.Section("vectors")
	set, err := vector.Open(data)
	if err != nil {
		return err
	}
	graph, err := hnsw.Build(ctx, hnsw.PlaneOf(set), hnsw.Config{M: e.m, Threads: threads})
	if err != nil {
		return err
	}
	_, err = section.WriteFile(section.Disk{}, path, func(w *section.Writer) error {
		if _, err := w.Begin("vectors").Write(data); err != nil {
			return err
		}
		return graph.Write(w.Begin("graph"))
	})
	return err
}

func (e *graphEngine) Open(path string) error {
	err := e.open(path)
	if err == nil {
		e.graph, err = hnsw.Open(e.part("graph"), e.set.Len())
	}
	return err
}

func (e *graphEngine) Searcher(param map[string]int) vectorSearcher {
	q, sc := new(vector.Query), new(hnsw.Scratch)
	return func(_ context.Context, v []float32, k int, allowed index.Bitmap, dst []index.Hit) ([]index.Hit, error) {
		if err := q.Set(v, vector.Cosine); err != nil {
			return dst, err
		}
		dst, _, err := e.graph.Search(e.set, q, hnsw.Params{K: k, Ef: param["ef"], Allowed: allowed}, sc, dst)
		return dst, err
	}
}
