package eval

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/smartretriever/smartretriever/rag"
)

// bootstrap returns the mean of each column of rows, and the bounds of its 95 %
// confidence interval: the 2.5th and 97.5th percentile of the means of samples as
// large as rows, drawn from them with replacement (Efron's percentile interval).
// All columns share the samples.
func bootstrap(rows [][]float64, columns, resamples int, seed uint64) (means, low, high []float64) {
	means, low, high = make([]float64, columns), make([]float64, columns), make([]float64, columns)
	if len(rows) == 0 {
		return means, low, high
	}
	for _, row := range rows {
		for j, v := range row {
			means[j] += v / float64(len(rows))
		}
	}
	sampled := make([][]float64, columns)
	for j := range sampled {
		sampled[j] = make([]float64, resamples)
	}
	rng := rand.New(rand.NewPCG(seed, uint64(len(rows))))
	sums := make([]float64, columns)
	for i := range resamples {
		clear(sums)
		for range rows {
			for j, v := range rows[rng.IntN(len(rows))] {
				sums[j] += v
			}
		}
		for j, s := range sums {
			sampled[j][i] = s / float64(len(rows))
		}
	}
	for j, s := range sampled {
		slices.Sort(s)
		low[j], high[j] = s[quantile(.025, len(s))], s[quantile(.975, len(s))]
	}
	return means, low, high
}

// quantile returns the index of a quantile in n sorted values, by nearest rank.
func quantile(p float64, n int) int { return min(n-1, max(0, int(math.Ceil(p*float64(n)))-1)) }

// Comparison is the difference between two reports on the same queries.
type Comparison struct {
	Measure Measure
	A, B    float64 // the means
	Diff    float64 // B - A
	Low     float64 // 95 % interval of Diff
	High    float64
	Better  int // queries on which B is better
	Worse   int
}

// Certain reports whether the interval excludes zero.
func (c Comparison) Certain() bool { return c.Low > 0 || c.High < 0 }

// Compare tells by how much b is better than a, with the confidence interval of a
// paired bootstrap: the difference is taken query by query, so what makes queries
// easy or hard cancels out. The reports must hold the same queries, in any order,
// and the measure; otherwise the error is KindInvalid.
func Compare(a, b Report, m Measure, opt Options) (Comparison, error) {
	opt = opt.WithDefaults()
	if err := opt.Validate(); err != nil {
		return Comparison{}, err
	}
	for _, r := range []*Report{&a, &b} {
		if _, ok := r.Value(m); !ok {
			return Comparison{}, rag.Errorf(rag.KindInvalid, "compare: a report has no measure %s", m)
		}
	}
	if len(a.Queries) != len(b.Queries) {
		return Comparison{}, rag.Errorf(rag.KindInvalid, "compare: the reports have %d and %d queries", len(a.Queries), len(b.Queries))
	}
	other := make(map[string]float64, len(b.Queries))
	for _, q := range b.Queries {
		other[q.ID] = b.Of(q, m)
	}
	c := Comparison{Measure: m}
	rows := make([][]float64, len(a.Queries))
	for i, q := range a.Queries {
		vb, ok := other[q.ID]
		if !ok {
			return Comparison{}, rag.Errorf(rag.KindInvalid, "compare: query %q is in one report only", q.ID)
		}
		va := a.Of(q, m)
		rows[i] = []float64{va, vb, vb - va}
		switch {
		case vb > va:
			c.Better++
		case vb < va:
			c.Worse++
		}
	}
	means, low, high := bootstrap(rows, 3, opt.Resamples, opt.Seed)
	c.A, c.B, c.Diff, c.Low, c.High = means[0], means[1], means[2], low[2], high[2]
	return c, nil
}
