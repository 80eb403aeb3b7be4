package ivf

import (
	"context"
	"math/rand/v2"

	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/rag"
)

// Build sorts the vectors of src into lists. src is to stay as it is until the plan is
// written.
//
// The result depends on src and p alone, not on the number of threads. Beside src it
// takes the memory of 64 vectors a list, as bytes, and about 20 bytes a vector. Its
// errors are that of ctx, and KindInvalid for a metric that is none. A panic of src is
// passed on.
func Build(ctx context.Context, src vector.Source, m vector.Metric, p Params) (*Plan, error) {
	if m != vector.Cosine && m != vector.InnerProduct && m != vector.L2 {
		return nil, rag.Errorf(rag.KindInvalid, "inverted file: metric %d", m)
	}
	n, dims := src.Len(), src.Dims()
	p = p.withDefaults(n)
	plan := &Plan{header: header{metric: m, dims: dims, n: n, lists: p.Lists, scale: 1}, threads: p.Threads}
	if p.Rotate {
		plan.seed = p.Seed | 1
	}
	var first, second []uint32
	c := newCentroids(nil, dims)
	if n > 0 {
		rng := rand.New(rand.NewPCG(p.Seed, 1))
		scale := vector.ChooseScale(src)
		s, err := draw(ctx, src, min(n, p.Lists*sampleOfList), scale, rng, p.Threads)
		if err != nil {
			return nil, err
		}
		if c, err = s.learn(ctx, p, rng); err != nil {
			return nil, err
		}
		if first, second, err = assign(ctx, src, c, scale, p); err != nil {
			return nil, err
		}
	}
	plan.place(first, second)
	plan.scale, plan.centroids, plan.biases = c.scale, c.codes, c.biases
	plan.filler = func() func(int, []byte) { return plan.fillFrom(src, c) }
	return plan, nil
}

// fillFrom returns a function that encodes vectors of src.
func (p *Plan) fillFrom(src vector.Source, c *centroids) func(list int, blocks []byte) {
	turn := newRotation(p.dims, p.seed)
	enc := newEncoder(p.dims, turn)
	room, centre := make([]float32, p.dims), make([]float32, p.dims)
	size := blockSize(p.dims)
	return func(list int, blocks []byte) {
		c.vector(list, centre)
		turn.apply(centre)
		entry := 0
		add := func(slot uint32) {
			x := src.Vector(int(p.order[slot]), room)
			var bias float32
			if p.metric == vector.L2 {
				bias = -halfSquare(x)
			}
			block, at := blockOf(blocks, size, entry)
			put(block, at, enc.encode(x, centre, bias), enc.signs)
			entry++
		}
		for slot := p.first[list]; slot < p.first[list+1]; slot++ {
			add(slot)
		}
		for _, slot := range p.slots[p.second[list]:p.second[list+1]] {
			add(slot)
		}
	}
}

func halfSquare(x []float32) float32 {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return float32(sum / 2)
}
