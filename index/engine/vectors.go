package engine

import (
	"context"

	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/index/vector/ivf"
	"github.com/smartretriever/smartretriever/rag"
)

// checkVector refuses what has no direction or the wrong length.
func (ix *Index) checkVector(v []float32) error {
	return vector.Check(v, ix.cfg.Dimensions, ix.cfg.Metric)
}

// recordSource is the vectors of records.
type recordSource struct {
	records []rag.Record
	rows    []uint32 // of records that have a vector
	dims    int
	metric  vector.Metric
}

func (ix *Index) recordVectors(records []rag.Record) recordSource {
	s := recordSource{records: records, dims: ix.cfg.Dimensions, metric: ix.cfg.Metric}
	for i := range records {
		if len(records[i].Vector) > 0 {
			s.rows = append(s.rows, uint32(i))
		}
	}
	return s
}

func (s recordSource) Len() int         { return len(s.rows) }
func (s recordSource) Dims() int        { return s.dims }
func (s recordSource) Row(i int) uint32 { return s.rows[i] }

// Vector returns a record's vector as the metric wants it, in dst, as long as one, or as it is.
func (s recordSource) Vector(i int, dst []float32) []float32 {
	v := s.records[s.rows[i]].Vector
	if s.metric != vector.Cosine {
		return v
	}
	var n float64
	for _, x := range v {
		n += float64(x) * float64(x)
	}
	if n > 1-1e-6 && n < 1+1e-6 {
		return v // what the store keeps is not changed by another rounding
	}
	dst = dst[:copy(dst, v)]
	vector.Normalize(dst)
	return dst
}

// writeVectors writes the vectors of a young segment, if there are any.
func (ix *Index) writeVectors(w *section.Writer, src recordSource) error {
	if src.Len() == 0 {
		return nil
	}
	return vector.Write(w.Begin(vectorSection), src, nil, ix.scannedParams(len(src.records)))
}

// planLists makes the inverted file of a merged segment. Where a segment is only freed of dead rows, and enough is left for its lists, these stay: taking a few
// rows out of a million must not cost what clustering a million does.
func (ix *Index) planLists(ctx context.Context, p *plan, src *vector.Merged) (*ivf.Plan, error) {
	if len(p.views) == 1 {
		// Of n vectors 4*sqrt(n) lists are made: these are enough for half of those they were made for.
		if lists := p.views[0].seg.lists; lists != nil && 2*16*src.Len() >= lists.Lists()*lists.Lists() {
			return lists.Compact(src)
		}
	}
	return ivf.Build(ctx, src, ix.cfg.Metric, ivf.Params{Seed: 1})
}

// wantsLists reports whether a segment of n vectors is to have an inverted file.
func (ix *Index) wantsLists(n int) bool {
	switch ix.cfg.Type {
	case TypeFlat, TypeHNSW:
		return false
	case TypeIVF:
		return n >= fewVectors
	}
	return ix.cfg.ExactBelow > 0 && n >= ix.cfg.ExactBelow
}

// fewVectors are too few for an inverted file or a graph to be one. Tests make more of small segments.
var fewVectors = 256

func (ix *Index) vectorParams(rows int) vector.Params {
	return vector.Params{Metric: ix.cfg.Metric, Storage: ix.cfg.Storage, Rows: rows}
}

// scannedParams is vectorParams for segments without lists and without a graph.
func (ix *Index) scannedParams(rows int) vector.Params {
	p := ix.vectorParams(rows)
	p.Scan = true
	return p
}

// mergeVectors writes the vectors of a merged segment, with an inverted file if there are enough of them.
func (ix *Index) mergeVectors(ctx context.Context, w *section.Writer, p *plan) error {
	var parts []vector.Part
	for i, v := range p.views {
		if v.seg.vectors != nil {
			parts = append(parts, vector.Part{Set: v.seg.vectors, NewRow: p.maps[i]})
		}
	}
	if len(parts) == 0 {
		return nil
	}
	src, err := vector.Merge(parts, p.rows())
	if err != nil || src.Len() == 0 {
		return err
	}
	if ix.wantsGraph(src.Len()) {
		return ix.mergeGraph(ctx, w, p, src)
	}
	if !ix.wantsLists(src.Len()) {
		return vector.Write(w.Begin(vectorSection), src, nil, ix.scannedParams(p.rows()))
	}
	built, err := ix.planLists(ctx, p, src)
	if err != nil {
		return err
	}
	if err := vector.Write(w.Begin(vectorSection), src, built.Order(), ix.vectorParams(p.rows())); err != nil {
		return err
	}
	return built.Write(ctx, w.Begin(listSection))
}
