package data

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/kernel"
)

// Filter is a set of rows that a search may return.
type Filter struct {
	Name  string
	Share float64 // of the rows
	Topic bool    // the rows lie together, around one that was drawn; else they are drawn
}

// Filters lists the filters that are measured.
var Filters = []Filter{
	{"random 50 %", .5, false}, {"random 10 %", .1, false}, {"random 1 %", .01, false}, {"random 0.1 %", .001, false}, {"random 0.01 %", .0001, false},
	{"topic 10 %", .1, true}, {"topic 1 %", .01, true},
}

// FilterDepth is how many exact answers are known under a filter.
const FilterDepth = 10

// FilterQueries is how many of the held-out passages are put under a filter.
const FilterQueries = 500

// Filter is the file with the rows of a filter: row r is bit r%64 of number r/64.
func (v *Vectors) Filter(name string) string { return filepath.Join(v.dir, name+".bits") }

// MakeFilters makes the filters of v and the exact answers under them.
func (c *Cache) MakeFilters(v *Vectors) error {
	base, err := Map[float32](v.Base())
	if err != nil {
		return err
	}
	queries, err := Map[float32](v.Queries(HeldOut))
	if err != nil {
		return err
	}
	for n, f := range Filters {
		truth := v.truth(HeldOut, "-"+f.Name)
		if _, err := os.Stat(truth); err == nil {
			continue
		}
		c.Log("%s: exact answers under %s", v.Name, f.Name)
		random := rand.New(rand.NewPCG(7, uint64(n)))
		order := random.Perm(v.Rows)
		if f.Topic {
			scores := make([]float32, v.Rows)
			kernel.DotRows(scores, base[order[0]*v.Dims:][:v.Dims], base)
			slices.SortFunc(order, func(a, b int) int {
				if scores[a] != scores[b] {
					if scores[a] > scores[b] {
						return -1
					}
					return 1
				}
				return a - b
			})
		}
		bits := index.Bitmap(nil).Reset(v.Rows)
		for _, row := range order[:max(int(f.Share*float64(v.Rows)), 1)] {
			bits.Set(uint32(row))
		}
		if err := write(v.Filter(f.Name), bits); err != nil {
			return err
		}
		if err := write(truth, exact(base, queries[:FilterQueries*v.Dims], v.Dims, FilterDepth, bits)); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
}
