package data

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/kernel"
	"github.com/smartretriever/smartretriever/rag"
)

// truthBlock is how many rows are compared with all queries before the next ones:
// few enough to stay in the processor's own cache.
const truthBlock = 1024

// truths finds the exact answers to the queries of v, unless they are there.
func (c *Cache) truths(v *Vectors) error {
	for _, kind := range Kinds {
		if _, err := os.Stat(v.truth(kind, "")); err == nil {
			continue
		}
		base, err := Map[float32](v.Base())
		if err != nil {
			return err
		}
		queries, err := Map[float32](v.Queries(kind))
		if err != nil {
			return err
		}
		c.Log("%s: exact answers to the %s", v.Name, kind)
		if err := write(v.truth(kind, ""), exact(base, queries, v.Dims, Depth, nil)); err != nil {
			return err
		}
	}
	return nil
}

// truth is the file with the exact answers to the queries of a kind under a filter.
func (v *Vectors) truth(kind, filter string) string {
	return filepath.Join(v.dir, "truth-"+kind+filter+".f32")
}

// exact returns for every query its depth highest dot products with the rows of allowed,
// nil for all, in descending order; minus 2 where there are fewer rows. Answers are
// judged by their scores, not by their rows: equal vectors are equally right.
func exact(base, queries []float32, dims, depth int, allowed index.Bitmap) []float32 {
	tops := make([]index.Top, len(queries)/dims)
	for i := range tops {
		tops[i].Reset(depth)
	}
	rows := len(base) / dims
	scores := make([]float32, truthBlock)
	for from := 0; from < rows; from += truthBlock {
		block := base[from*dims : min(from+truthBlock, rows)*dims]
		got := scores[:len(block)/dims]
		for i := range tops {
			kernel.DotRows(got, queries[i*dims:][:dims], block)
			floor := tops[i].Floor()
			for r, s := range got {
				if row := uint32(from + r); s >= floor && (allowed == nil || allowed.Has(row)) {
					tops[i].Offer(index.Hit{ID: rag.ChunkID(row), Row: row, Score: s})
					floor = tops[i].Floor()
				}
			}
		}
	}
	all := make([]float32, 0, len(tops)*depth)
	var hits []index.Hit
	for i := range tops {
		hits = tops[i].AppendTo(hits[:0])
		for _, h := range hits {
			all = append(all, h.Score)
		}
		for range depth - len(hits) {
			all = append(all, -2)
		}
	}
	return all
}

// Judge holds what is needed to judge answers.
type Judge struct {
	dims          int
	base, queries []float32
	truth         []float32
	depth         int
}

// Judge opens the exact answers to queries of a kind. filter is the name of a filter or empty.
func (v *Vectors) Judge(kind, filter string) (*Judge, error) {
	j := &Judge{dims: v.Dims, depth: Depth}
	if filter != "" {
		filter, j.depth = "-"+filter, FilterDepth
	}
	var errs [3]error
	j.base, errs[0] = Map[float32](v.Base())
	j.queries, errs[1] = Map[float32](v.Queries(kind))
	j.truth, errs[2] = Map[float32](v.truth(kind, filter))
	return j, cmp.Or(errs[0], errs[1], errs[2])
}

// tie is how much lower than the exact score another order of adding may make one.
const tie = 2e-6

// Recall returns the share of the best k that answers hold on average. answers are k
// rows for each query from the first on; a row beyond the set means that there is
// none. A row counts once, if its exact score is no lower than the k-th best.
func (j *Judge) Recall(answers []uint32, k int) float64 {
	right, want := 0, 0
	for i := range len(answers) / k {
		got := slices.Clone(answers[i*k:][:k])
		slices.Sort(got)
		best := j.truth[i*j.depth:][:k]
		here := 0
		for ; here < k && best[here] > -2; here++ {
		}
		if here == 0 {
			continue
		}
		want += here
		found := 0
		for _, row := range slices.Compact(got) {
			if int(row) < len(j.base)/j.dims && kernel.Dot(j.queries[i*j.dims:][:j.dims], j.base[int(row)*j.dims:][:j.dims]) >= best[here-1]-tie {
				found++
			}
		}
		right += min(found, here)
	}
	return float64(right) / float64(max(want, 1))
}
