package late

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/model/bert/kernel"
	"github.com/smartretriever/smartretriever/rag"
)

// passage holds the unit vectors of a passage's tokens, 8 bits a number. It does
// not change once made.
type passage struct {
	cols  int
	q     []uint8
	scale []float32
	zero  []int32
}

// newPassage takes the encoder's rows of a text. It overwrites them.
func newPassage(set *kernel.Set, n int, rows []float32) *passage {
	cols := len(rows) / n
	p := &passage{cols: cols, q: make([]uint8, len(rows)), scale: make([]float32, n), zero: make([]int32, n)}
	x := kernel.Rows{Cols: cols, Q: p.q, Scale: p.scale, Zero: p.zero}
	for i := range n {
		row := rows[i*cols : (i+1)*cols]
		unit(row)
		set.Quantize(&x, i, row)
	}
	return p
}

// bytes is what the passage takes in memory, its place on the shelf included.
func (p *passage) bytes() int64 { return int64(len(p.q)+8*len(p.scale)) + 256 }

// unit brings v to length 1; a vector without direction becomes zeros.
func unit(v []float32) {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	scale := 0.0
	if sum > 0 {
		scale = 1 / math.Sqrt(sum)
	}
	for i, x := range v {
		v[i] = float32(float64(x) * scale)
	}
}

// question is a question's tokens as a linear layer: its outputs are the cosines
// to them.
type question struct {
	layer   kernel.Linear
	weights []float64 // of the tokens, summing to 1
}

// question encodes q's text, nil if ctx ends before.
func (r *Reranker) question(ctx context.Context, q rag.RerankQuery) *question {
	var out *question
	prefix := r.encoder.Model().QueryPrefix
	r.encoder.Tokens(ctx, prefix, []string{q.Text}, func(_ int, ids []int32, rows []float32) {
		out = newQuestion(r.tokenWeights(q, prefix, len(ids)), rows)
	})
	return out
}

// tokenWeights returns the weights of the n tokens of a question: the inverse
// document frequency of the word that each is of, where it is known. The prefix
// and the special tokens say nothing of what is asked and weigh nothing, unless
// there is nothing else.
func (r *Reranker) tokenWeights(q rag.RerankQuery, prefix string, n int) []float64 {
	count := r.encoder.Model().Tokenizer().Count
	w := make([]float64, n)
	first, end := 1, n-1
	if prefix != "" {
		first += count(strings.TrimSuffix(prefix, " ")) // as the encoder takes it
	}
	for i := first; i < end; i++ {
		w[i] = 1
	}
	if len(q.Terms) > 0 {
		clear(w)
		for _, t := range q.Terms {
			if t.Span.Start < 0 || t.Span.End > len(q.Text) || t.Span.Start >= t.Span.End {
				continue
			}
			// Words are what the tokenizer parts first, so a prefix of the text that ends
			// with a word has exactly the tokens that it has in the whole.
			at := first + count(q.Text[:t.Span.Start])
			for i := at; i < min(at+count(q.Text[t.Span.Start:t.Span.End]), end); i++ {
				w[i] = t.IDF
			}
		}
	}
	var sum float64
	for _, v := range w {
		sum += v
	}
	if !(sum > 0) || math.IsInf(sum, 0) {
		for i := range w {
			w[i] = 1
		}
		sum = float64(n)
	}
	for i := range w {
		w[i] /= sum
	}
	return w
}

// newQuestion packs the tokens that weigh something.
func newQuestion(weights []float64, rows []float32) *question {
	cols := len(rows) / len(weights)
	var kept []float32
	q := &question{}
	for i, w := range weights {
		if w != 0 {
			row := rows[i*cols : (i+1)*cols]
			unit(row)
			kept = append(kept, row...)
			q.weights = append(q.weights, w)
		}
	}
	n := len(q.weights)
	out := (n + kernel.Panel - 1) / kernel.Panel * kernel.Panel
	q.layer = kernel.Linear{In: cols, Out: out, Scale: make([]float32, out), Sum: make([]int32, out), Bias: make([]float32, out)}
	for i := range n {
		q.layer.Scale[i] = largest(kept[i*cols:(i+1)*cols]) / 127
	}
	q.layer.Weights = kernel.Pack(cols, out, func(k, i int) int8 {
		if i >= n || q.layer.Scale[i] == 0 {
			return 0
		}
		v := int8(math.RoundToEven(float64(kept[i*cols+k]) / float64(q.layer.Scale[i])))
		q.layer.Sum[i] += int32(v)
		return v
	})
	return q
}

func largest(row []float32) float32 {
	var most float32
	for _, v := range row {
		most = max(most, v, -v)
	}
	return most
}

// scores returns the passages' scores.
func (q *question) scores(set *kernel.Set, passages []*passage) []float64 {
	out := make([]float64, len(passages))
	if len(passages) == 0 {
		return out
	}
	longest := slices.MaxFunc(passages, func(a, b *passage) int { return len(a.scale) - len(b.scale) })
	rows := kernel.NewRows(len(longest.scale), q.layer.In)
	products := make([]float32, len(longest.scale)*q.layer.Out)
	best := make([]float32, len(q.weights))
	for i, p := range passages {
		rows.Reset(len(p.scale), p.cols)
		copy(rows.Q, p.q)
		copy(rows.Scale, p.scale)
		copy(rows.Zero, p.zero)
		set.Linear(products, q.layer.Out, rows, &q.layer)
		copy(best, products)
		for r := range len(p.scale) {
			for t, v := range products[r*q.layer.Out:][:len(best)] {
				best[t] = max(best[t], v)
			}
		}
		for t, v := range best {
			out[i] += q.weights[t] * float64(v)
		}
	}
	return out
}
