package engine

import (
	"context"
	"math"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/index/vector/hnsw"
)

// wantsGraph reports whether a segment of n vectors is to have a graph.
func (ix *Index) wantsGraph(n int) bool { return ix.cfg.Type == TypeHNSW && n >= fewVectors }

// mergeGraph writes the vectors of a merged segment and a graph over them: that of the largest segment with one, without what is dropped and
// with the others' vectors inserted, or else a new one.
func (ix *Index) mergeGraph(ctx context.Context, w *section.Writer, p *plan, src *vector.Merged) error {
	// The graph is built over the vectors as they will be read, so these are written first, aside.
	aside, release, err := ix.aside(p.to, func(w *section.Writer) error {
		return vector.Write(w.Begin(vectorSection), src, nil, ix.vectorParams(p.rows()))
	})
	if err != nil {
		return err
	}
	defer release()
	data, _ := aside.Section(vectorSection)
	set, err := vector.Open(data)
	if err != nil {
		return err
	}
	graph, err := ix.graph(ctx, p, set)
	if err != nil {
		return err
	}
	if _, err := w.Begin(vectorSection).Write(data); err != nil {
		return err
	}
	return graph.Write(w.Begin(graphSection))
}

// graph makes the graph of a merged segment's vectors.
func (ix *Index) graph(ctx context.Context, p *plan, set *vector.Set) (*hnsw.Graph, error) {
	cfg := hnsw.Config{M: ix.cfg.GraphM, EfConstruction: ix.cfg.GraphEfConstruction, Seed: 1}
	largest := -1
	for i, v := range p.views {
		if v.seg.graph != nil && (largest < 0 || v.seg.vectorCount() > p.views[largest].seg.vectorCount()) {
			largest = i
		}
	}
	if largest < 0 || p.views[largest].seg.graph.M() != cfg.WithDefaults().M {
		return hnsw.Build(ctx, hnsw.PlaneOf(set), cfg)
	}
	from := p.views[largest].seg
	to := make([]uint32, from.vectorCount())
	in := make(index.Bitmap, (set.Len()+63)/64)
	for slot := range to {
		to[slot] = hnsw.NoSlot
		row := p.maps[largest][from.vectors.SlotRow(uint32(slot))]
		if row == dropped {
			continue
		}
		if n, ok := set.Slot(row); ok {
			to[slot] = n
			in.Set(n)
		}
	}
	graph, err := from.graph.Thaw(hnsw.PlaneOf(set), to, cfg)
	if err != nil {
		return nil, err
	}
	var rest []uint32
	for slot := range uint32(set.Len()) {
		if !in.Has(slot) {
			rest = append(rest, slot)
		}
	}
	return graph, graph.InsertAll(ctx, rest)
}

// aside writes a container that is only needed for a while: to a file by way of to, or in memory if that is nil. release removes it.
func (ix *Index) aside(to section.FS, fill func(*section.Writer) error) (f *section.File, release func(), err error) {
	if to == nil {
		f, err = section.Build(fill)
		return f, func() {}, err
	}
	name := ix.newName()
	if _, err = section.WriteFile(to, ix.path(name), fill); err == nil {
		f, err = section.Open(ix.cfg.FS, ix.path(name))
	}
	release = func() {
		if f != nil {
			_ = f.Close()
		}
		_ = ix.cfg.FS.Remove(ix.path(name)) // what stays is swept away later
		ix.forgetName(name)
	}
	if err != nil {
		release()
		return nil, nil, err
	}
	return f, release, nil
}

// walk searches a segment's graph, if that is cheaper than comparing every vector that the query may see.
func (s *seeker) walk(ctx context.Context, r *run, seg *segment, c choice, k int, effort float64, floor float32, dst []index.Hit) ([]index.Hit, error) {
	params := hnsw.Params{K: k, Ef: max(k, int(math.Ceil(effort*efPerEffort))), Allowed: c.rows}
	exact := seg.vectors.ExactCost(c.count)
	params.Budget = max(4*params.Ef, int(exact/distanceCost))
	if c.rows == nil || exact > float64(params.Ef)*walkCost {
		hits, stats, err := seg.graph.Search(seg.vectors, &r.query, params, &s.graph, dst)
		if err != nil || !stats.Incomplete {
			s.plans.graph++
			return hits, err
		}
		dst = hits[:len(dst)]
	}
	s.plans.exact++
	return seg.vectors.Exact(ctx, &r.query, k, c.rows, floor, &s.exact, dst)
}

// What a walk costs, measured (index/vector/hnsw): nanoseconds for each of the ef nearest nodes it keeps under a filter, and for a slot that is ranked; and
// what ef an effort of 1 stands for.
const (
	walkCost     = 2500
	distanceCost = 100
	efPerEffort  = 32
)
