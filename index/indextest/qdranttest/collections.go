package qdranttest

import (
	"context"
	"slices"
	"strings"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// collection is one of points with one vector each.
type collection struct {
	created *qdrant.CreateCollection
	params  *qdrant.VectorParams
	indexes map[string]*qdrant.PayloadSchemaInfo
	points  map[uint64]*point
	version uint64
}

type point struct {
	vector  []float32 // of unit length where the distance is cosine
	payload map[string]*qdrant.Value
	version uint64
}

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

// collection returns one that is there. s.mu is held.
func (s *Server) collection(name string) (*collection, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	c := s.collections[name]
	if c == nil {
		return nil, status.Errorf(codes.NotFound, "Not found: Collection `%s` doesn't exist!", name)
	}
	return c, nil
}

func checkName(name string) error {
	if name == "" || len(name) > 255 || strings.ContainsAny(name, "<>:\"/\\|?*\x00\x1f") {
		return invalid("Validation error in request: [collection_name: value is invalid]")
	}
	return nil
}

type collections struct {
	qdrant.UnimplementedCollectionsServer
	s *Server
}

// Create makes a collection.
func (c collections) Create(_ context.Context, req *qdrant.CreateCollection) (*qdrant.CollectionOperationResponse, error) {
	params := req.GetVectorsConfig().GetParams()
	hnsw := req.GetHnswConfig()
	switch err := checkName(req.GetCollectionName()); {
	case err != nil:
		return nil, err
	case params == nil:
		return nil, status.Error(codes.Unimplemented, "this double knows collections of one vector only")
	case params.GetSize() < 1 || params.GetSize() > 65536:
		return nil, invalid("Validation error in request: [vectors_config.size: value %d invalid, must be from 1 to 65536]", params.GetSize())
	case params.GetDistance() != qdrant.Distance_Cosine && params.GetDistance() != qdrant.Distance_Dot:
		return nil, invalid("Bad value of distance field!")
	case hnsw != nil && hnsw.EfConstruct != nil && hnsw.GetEfConstruct() < 4:
		return nil, invalid("Validation error in request: [hnsw_config.ef_construct: value %d invalid, must be 4 or larger]", hnsw.GetEfConstruct())
	case hnsw != nil && hnsw.M != nil && hnsw.GetM() > 10_000:
		return nil, invalid("Validation error in request: [hnsw_config.m: value %d invalid]", hnsw.GetM())
	case req.ShardNumber != nil && req.GetShardNumber() == 0, req.ReplicationFactor != nil && req.GetReplicationFactor() == 0:
		return nil, invalid("Validation error in request: [value 0 invalid, must be 1 or larger]")
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	name := req.GetCollectionName()
	if c.s.collections[name] != nil {
		return nil, status.Errorf(codes.AlreadyExists, "Wrong input: Collection `%s` already exists!", name)
	}
	c.s.collections[name] = &collection{created: req, params: params, indexes: map[string]*qdrant.PayloadSchemaInfo{}, points: map[uint64]*point{}}
	c.s.created = append(c.s.created, req)
	return &qdrant.CollectionOperationResponse{Result: true}, nil
}

// Get describes a collection.
func (c collections) Get(_ context.Context, req *qdrant.GetCollectionInfoRequest) (*qdrant.GetCollectionInfoResponse, error) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	found, err := c.s.collection(req.GetCollectionName())
	if err != nil {
		return nil, err
	}
	n := uint64(len(found.points))
	schema := map[string]*qdrant.PayloadSchemaInfo{}
	for key, info := range found.indexes {
		schema[key] = info
	}
	return &qdrant.GetCollectionInfoResponse{Result: &qdrant.CollectionInfo{
		Status: qdrant.CollectionStatus_Green, OptimizerStatus: &qdrant.OptimizerStatus{Ok: true}, SegmentsCount: 2, PointsCount: &n,
		Config: &qdrant.CollectionConfig{
			Params:     &qdrant.CollectionParams{ShardNumber: max(1, found.created.GetShardNumber()), VectorsConfig: found.created.GetVectorsConfig(), ReplicationFactor: found.created.ReplicationFactor},
			HnswConfig: found.created.GetHnswConfig(), OptimizerConfig: &qdrant.OptimizersConfigDiff{}, WalConfig: &qdrant.WalConfigDiff{}, QuantizationConfig: found.created.GetQuantizationConfig(),
		},
		PayloadSchema: schema,
	}}, nil
}

// List names the collections.
func (c collections) List(context.Context, *qdrant.ListCollectionsRequest) (*qdrant.ListCollectionsResponse, error) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	out := &qdrant.ListCollectionsResponse{}
	for name := range c.s.collections {
		out.Collections = append(out.Collections, &qdrant.CollectionDescription{Name: name})
	}
	slices.SortFunc(out.Collections, func(a, b *qdrant.CollectionDescription) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Delete removes a collection. None there is no error, and no change.
func (c collections) Delete(_ context.Context, req *qdrant.DeleteCollection) (*qdrant.CollectionOperationResponse, error) {
	if err := checkName(req.GetCollectionName()); err != nil {
		return nil, err
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	_, there := c.s.collections[req.GetCollectionName()]
	delete(c.s.collections, req.GetCollectionName())
	return &qdrant.CollectionOperationResponse{Result: there}, nil
}
