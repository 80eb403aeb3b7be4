package qdranttest

import (
	"context"
	"maps"
	"math"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type points struct {
	qdrant.UnimplementedPointsServer
	s *Server
}

// done is the answer to a change: whoever does not wait is told that it has been received.
func (c *collection) done(ctx context.Context, wait bool) *qdrant.PointsOperationResponse {
	c.version++
	state := qdrant.UpdateStatus_Completed
	if !wait || faultOf(ctx) == Acknowledged {
		state = qdrant.UpdateStatus_Acknowledged
	}
	id := c.version
	return &qdrant.PointsOperationResponse{Result: &qdrant.UpdateResult{OperationId: &id, Status: state}}
}

// CreateFieldIndex indexes a key of the payload.
func (p points) CreateFieldIndex(ctx context.Context, req *qdrant.CreateFieldIndexCollection) (*qdrant.PointsOperationResponse, error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	c, err := p.s.collection(req.GetCollectionName())
	if err != nil {
		return nil, err
	}
	kinds := map[qdrant.FieldType]qdrant.PayloadSchemaType{
		qdrant.FieldType_FieldTypeKeyword: qdrant.PayloadSchemaType_Keyword, qdrant.FieldType_FieldTypeInteger: qdrant.PayloadSchemaType_Integer,
	}
	kind, known := kinds[req.GetFieldType()]
	params := req.GetFieldIndexParams()
	switch {
	case req.GetFieldName() == "":
		return nil, invalid("Validation error in request: [field_name: length is lower than 1]")
	case req.FieldType == nil || !known:
		return nil, status.Error(codes.Unimplemented, "this double knows indexes of keywords and integers only")
	case params.GetIntegerIndexParams() != nil && kind != qdrant.PayloadSchemaType_Integer, params.GetKeywordIndexParams() != nil && kind != qdrant.PayloadSchemaType_Keyword:
		return nil, invalid("field_type and field_index_params do not match")
	case params.GetIntegerIndexParams() != nil && !params.GetIntegerIndexParams().GetLookup() && !params.GetIntegerIndexParams().GetRange():
		return nil, invalid("Validation error in request: the 'lookup' and 'range' capabilities can't be both disabled")
	}
	c.indexes[req.GetFieldName()] = &qdrant.PayloadSchemaInfo{DataType: kind, Params: params}
	return c.done(ctx, req.GetWait()), nil
}

// Upsert puts points in, in place of those with their ids.
func (p points) Upsert(ctx context.Context, req *qdrant.UpsertPoints) (*qdrant.PointsOperationResponse, error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	c, err := p.s.collection(req.GetCollectionName())
	if err != nil {
		return nil, err
	}
	if len(req.GetPoints()) == 0 {
		return nil, invalid("Empty update request")
	}
	for _, q := range req.GetPoints() {
		if _, ok := q.GetId().GetPointIdOptions().(*qdrant.PointId_Num); !ok {
			return nil, invalid("Expected a point ID; this double knows numbers only")
		}
		v := q.GetVectors().GetVector().GetDense()
		if v == nil {
			return nil, invalid("Expected some vectors")
		}
		if err := c.fits(v.GetData()); err != nil {
			return nil, err
		}
	}
	list := req.GetPoints()
	half := faultOf(ctx) == Half
	if half {
		list = list[:len(list)/2]
	}
	for _, q := range list {
		c.version++
		c.points[q.GetId().GetNum()] = &point{vector: c.stored(q.GetVectors().GetVector().GetDense().GetData()), payload: maps.Clone(q.GetPayload()), version: c.version}
	}
	if half {
		return nil, status.Error(codes.Internal, "Service internal error: Failed to apply operation to at least one `Active` replica. Consistency of this update is not guaranteed. Please retry.")
	}
	return c.done(ctx, req.GetWait()), nil
}

func (c *collection) fits(v []float32) error {
	if uint64(len(v)) != c.params.GetSize() {
		return invalid("Wrong input: Vector dimension error: expected dim: %d, got %d", c.params.GetSize(), len(v))
	}
	return nil
}

// stored returns the vector as it is kept: of unit length where the distance is cosine.
func (c *collection) stored(v []float32) []float32 {
	out := append([]float32(nil), v...)
	if c.params.GetDistance() != qdrant.Distance_Cosine {
		return out
	}
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if length := math.Sqrt(sum); length > 0 {
		for i := range out {
			out[i] = float32(float64(out[i]) / length)
		}
	}
	return out
}

// Delete removes points by their ids or by a filter.
func (p points) Delete(ctx context.Context, req *qdrant.DeletePoints) (*qdrant.PointsOperationResponse, error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	c, err := p.s.collection(req.GetCollectionName())
	if err != nil {
		return nil, err
	}
	switch selector := req.GetPoints().GetPointsSelectorOneOf().(type) {
	case *qdrant.PointsSelector_Points:
		for _, id := range selector.Points.GetIds() {
			if _, ok := id.GetPointIdOptions().(*qdrant.PointId_Num); !ok {
				return nil, invalid("Malformed point ID; this double knows numbers only")
			}
		}
		for _, id := range selector.Points.GetIds() {
			delete(c.points, id.GetNum())
		}
	case *qdrant.PointsSelector_Filter:
		if err := c.check(selector.Filter); err != nil {
			return nil, err
		}
		maps.DeleteFunc(c.points, func(id uint64, q *point) bool { return meets(selector.Filter, id, q) })
	default:
		return nil, invalid("PointSelector is missing")
	}
	return c.done(ctx, req.GetWait()), nil
}
