package qdranttest

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Query finds the points nearest to a vector.
func (p points) Query(_ context.Context, req *qdrant.QueryPoints) (*qdrant.QueryResponse, error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.s.queries = append(p.s.queries, req)
	c, err := p.s.collection(req.GetCollectionName())
	if err != nil {
		return nil, err
	}
	nearest := req.GetQuery().GetNearest().GetDense()
	limit := uint64(10)
	if req.Limit != nil {
		limit = req.GetLimit()
	}
	quantization := req.GetParams().GetQuantization()
	switch {
	case nearest == nil || len(req.GetPrefetch()) > 0 || req.Using != nil || req.ScoreThreshold != nil || req.GetOffset() > 0:
		return nil, status.Error(codes.Unimplemented, "this double knows queries by one vector only")
	case limit < 1:
		return nil, invalid("Validation error in request: [limit: value 0 invalid, must be 1 or larger]")
	case quantization != nil && quantization.Oversampling != nil && quantization.GetOversampling() < 1:
		return nil, invalid("Validation error in request: [params.quantization.oversampling: must be 1.0 or larger]")
	}
	if err := c.fits(nearest.GetData()); err != nil {
		return nil, err
	}
	if err := c.check(req.GetFilter()); err != nil {
		return nil, err
	}
	var found []*qdrant.ScoredPoint
	v := c.stored(nearest.GetData())
	for id, q := range c.points {
		if meets(req.GetFilter(), id, q) {
			found = append(found, &qdrant.ScoredPoint{Id: qdrant.NewIDNum(id), Score: inner(v, q.vector), Version: q.version, Payload: chosen(req.GetWithPayload(), q.payload)})
		}
	}
	slices.SortFunc(found, func(a, b *qdrant.ScoredPoint) int {
		return cmp.Or(cmp.Compare(b.GetScore(), a.GetScore()), cmp.Compare(a.GetId().GetNum(), b.GetId().GetNum()))
	})
	return &qdrant.QueryResponse{Result: found[:min(limit, uint64(len(found)))]}, nil
}

func inner(a, b []float32) (sum float32) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// chosen returns what a query wants of a payload: nothing, unless it says so.
func chosen(with *qdrant.WithPayloadSelector, payload map[string]*qdrant.Value) map[string]*qdrant.Value {
	switch s := with.GetSelectorOptions().(type) {
	case *qdrant.WithPayloadSelector_Enable:
		if s.Enable {
			return payload
		}
	case *qdrant.WithPayloadSelector_Include:
		out := map[string]*qdrant.Value{}
		for _, key := range s.Include.GetFields() {
			if v, ok := payload[key]; ok {
				out[key] = v
			}
		}
		return out
	}
	return nil
}

// Scroll lists points by ascending id, from one on.
func (p points) Scroll(_ context.Context, req *qdrant.ScrollPoints) (*qdrant.ScrollResponse, error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	c, err := p.s.collection(req.GetCollectionName())
	if err != nil {
		return nil, err
	}
	limit := 10
	if req.Limit != nil {
		limit = int(req.GetLimit())
	}
	if limit < 1 {
		return nil, invalid("Validation error in request: [limit: value 0 invalid, must be 1 or larger]")
	}
	if req.OrderBy != nil {
		return nil, status.Error(codes.Unimplemented, "this double scrolls by id only")
	}
	if err := c.check(req.GetFilter()); err != nil {
		return nil, err
	}
	from := req.GetOffset().GetNum()
	out := &qdrant.ScrollResponse{}
	for _, id := range slices.Sorted(maps.Keys(c.points)) {
		if id < from || !meets(req.GetFilter(), id, c.points[id]) {
			continue
		}
		if len(out.Result) == limit {
			out.NextPageOffset = qdrant.NewIDNum(id)
			break
		}
		with := req.GetWithPayload()
		if with == nil {
			with = &qdrant.WithPayloadSelector{SelectorOptions: &qdrant.WithPayloadSelector_Enable{Enable: true}}
		}
		out.Result = append(out.Result, &qdrant.RetrievedPoint{Id: qdrant.NewIDNum(id), Payload: chosen(with, c.points[id].payload)})
	}
	return out, nil
}

// Count counts points.
func (p points) Count(_ context.Context, req *qdrant.CountPoints) (*qdrant.CountResponse, error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	c, err := p.s.collection(req.GetCollectionName())
	if err != nil {
		return nil, err
	}
	if err := c.check(req.GetFilter()); err != nil {
		return nil, err
	}
	n := uint64(0)
	for id, q := range c.points {
		if meets(req.GetFilter(), id, q) {
			n++
		}
	}
	if req.Exact != nil && !req.GetExact() {
		n += n / 10 // an estimate is not the number
	}
	return &qdrant.CountResponse{Result: &qdrant.CountResult{Count: n}}, nil
}
