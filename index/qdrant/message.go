package qdrant

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/external/rpc"
	"github.com/smartretriever/smartretriever/rag"
)

// The keys of a point's payload.
const (
	documentKey = "document" // the id of the document
	tagsKey     = "tags"     // the list of tags, integers
)

// cosine is the Distance of collections. Qdrant brings vectors to unit length and takes their inner product.
const cosine = 1

// collection is a CreateCollection. Of the replicas of a shard most have to have a change before it is acknowledged.
func (c Config) collection(name string, dimensions int) []byte {
	var hnsw []byte
	if c.M > 0 {
		hnsw = rpc.AppendUint(hnsw, 1, uint64(c.M))
	}
	if c.EfConstruct > 0 {
		hnsw = rpc.AppendUint(hnsw, 2, uint64(c.EfConstruct))
	}
	params := rpc.AppendUint(nil, 1, uint64(dimensions))
	params = rpc.AppendUint(params, 2, cosine)
	if c.OnDisk {
		params = rpc.AppendBool(params, 5, true)
	}
	b := rpc.AppendString(nil, 1, name)
	if hnsw != nil {
		b = rpc.AppendMessage(b, 4, hnsw)
	}
	if c.Shards > 0 {
		b = rpc.AppendUint(b, 7, uint64(c.Shards))
	}
	b = rpc.AppendMessage(b, 10, rpc.AppendMessage(nil, 1, params))
	if c.Replicas > 1 {
		b = rpc.AppendUint(b, 11, uint64(c.Replicas))
		b = rpc.AppendUint(b, 12, uint64(c.Replicas/2+1))
	}
	switch c.Quantization {
	case Scalar: // to int8, in memory
		b = rpc.AppendMessage(b, 14, rpc.AppendMessage(nil, 1, rpc.AppendBool(rpc.AppendUint(nil, 1, 1), 3, true)))
	case Product: // x16, in memory
		b = rpc.AppendMessage(b, 14, rpc.AppendMessage(nil, 2, rpc.AppendBool(rpc.AppendUint(nil, 1, 2), 2, true)))
	case Binary: // in memory
		b = rpc.AppendMessage(b, 14, rpc.AppendMessage(nil, 3, rpc.AppendBool(nil, 1, true)))
	}
	return b
}

// tagIndex is a CreateFieldIndexCollection: integers that are looked up, and have no order.
func tagIndex(name string) []byte {
	b := rpc.AppendString(nil, 1, name)
	b = rpc.AppendBool(b, 2, true)
	b = rpc.AppendString(b, 3, tagsKey)
	b = rpc.AppendUint(b, 4, 1)
	b = rpc.AppendMessage(b, 5, rpc.AppendMessage(nil, 2, rpc.AppendBool(rpc.AppendBool(nil, 1, true), 2, false)))
	return appendStrong(b, 6)
}

// appendStrong appends a WriteOrdering: through one leader, in order.
func appendStrong(b []byte, n protowire.Number) []byte {
	return rpc.AppendMessage(b, n, rpc.AppendUint(nil, 1, 2))
}

// appendConsistency appends a ReadConsistency, by majority, where there are replicas.
func appendConsistency(b []byte, n protowire.Number, replicated bool) []byte {
	if !replicated {
		return b
	}
	return rpc.AppendMessage(b, n, rpc.AppendUint(nil, 1, 1))
}

// upsertPoints is an UpsertPoints that waits until the points are applied.
func upsertPoints(name string, items []external.Item) []byte {
	b := rpc.AppendString(nil, 1, name)
	b = rpc.AppendBool(b, 2, true)
	for _, it := range items {
		b = rpc.AppendMessage(b, 3, point(it))
	}
	return appendStrong(b, 4)
}

// point is a PointStruct.
func point(it external.Item) []byte {
	var tags []byte
	for _, t := range it.Tags {
		tags = rpc.AppendMessage(tags, 1, rpc.AppendUint(nil, 3, uint64(t)))
	}
	b := rpc.AppendMessage(nil, 1, pointID(it.ID))
	b = appendPayload(b, documentKey, rpc.AppendString(nil, 4, string(it.Document)))
	b = appendPayload(b, tagsKey, rpc.AppendMessage(nil, 7, tags))
	return rpc.AppendMessage(b, 4, rpc.AppendMessage(nil, 1, rpc.AppendMessage(nil, 101, rpc.AppendFloats(nil, 1, it.Vector))))
}

// appendPayload appends an entry of a point's payload.
func appendPayload(b []byte, key string, value []byte) []byte {
	return rpc.AppendMessage(b, 3, rpc.AppendMessage(rpc.AppendString(nil, 1, key), 2, value))
}

// pointID is a PointId.
func pointID(id rag.ChunkID) []byte { return rpc.AppendUint(nil, 1, uint64(id)) }

// pointIDs is a PointsIdsList or a HasIdCondition, which are alike.
func pointIDs(ids []rag.ChunkID) []byte {
	var b []byte
	for _, id := range ids {
		b = rpc.AppendMessage(b, 1, pointID(id))
	}
	return b
}

// deletePoints is a DeletePoints of what a PointsSelector selects.
func deletePoints(name string, selector []byte) []byte {
	b := rpc.AppendString(nil, 1, name)
	b = rpc.AppendBool(b, 2, true)
	b = rpc.AppendMessage(b, 3, selector)
	return appendStrong(b, 4)
}

// The lists of a Filter.
const (
	should  = 1
	must    = 2
	mustNot = 3
)

// filter is a Filter. An empty one is met by all.
func filter(c external.Condition) []byte {
	switch {
	case len(c.All) > 0:
		return filterList(must, c.All)
	case len(c.Any) > 0:
		return filterList(should, c.Any)
	case c.IsZero():
		return nil
	}
	if c.Not != nil {
		return rpc.AppendMessage(nil, mustNot, condition(*c.Not))
	}
	return rpc.AppendMessage(nil, must, condition(c))
}

func filterList(list protowire.Number, subs []external.Condition) []byte {
	var b []byte
	for _, sub := range subs {
		b = rpc.AppendMessage(b, list, condition(sub))
	}
	return b
}

// condition is a Condition: of a field, of ids, or a filter.
func condition(c external.Condition) []byte {
	switch {
	case len(c.IDs) > 0:
		return rpc.AppendMessage(nil, 3, pointIDs(c.IDs))
	case len(c.Has) > 0:
		match := rpc.AppendMessage(nil, 6, rpc.AppendInts(nil, 1, c.Has)) // any of these integers
		return rpc.AppendMessage(nil, 1, rpc.AppendMessage(rpc.AppendString(nil, 1, tagsKey), 2, match))
	}
	return rpc.AppendMessage(nil, 4, filter(c))
}

// query is a QueryPoints.
func (t *table) query(q external.Query) []byte {
	b := rpc.AppendString(nil, 1, t.name)
	nearest := rpc.AppendMessage(nil, 2, rpc.AppendFloats(nil, 1, q.Vector))
	b = rpc.AppendMessage(b, 3, rpc.AppendMessage(nil, 1, nearest))
	if !q.Where.IsZero() {
		b = rpc.AppendMessage(b, 5, filter(q.Where))
	}
	b = rpc.AppendMessage(b, 6, t.db.cfg.params())
	b = rpc.AppendUint(b, 8, uint64(q.K))
	b = rpc.AppendMessage(b, 11, rpc.AppendMessage(nil, 2, rpc.AppendString(nil, 1, documentKey)))
	return appendConsistency(b, 12, t.replicated)
}

// params is a SearchParams.
func (c Config) params() []byte {
	var b []byte
	if c.Ef > 0 {
		b = rpc.AppendUint(b, 1, uint64(c.Ef))
	}
	if c.Exact {
		b = rpc.AppendBool(b, 2, true)
	}
	if c.Quantization != "" {
		b = rpc.AppendMessage(b, 3, rpc.AppendDouble(rpc.AppendBool(nil, 2, true), 3, c.Oversampling))
	}
	return b
}

// scroll is a ScrollPoints that wants ids only, from one on.
func (t *table) scroll(from uint64, limit int) []byte {
	b := rpc.AppendString(nil, 1, t.name)
	b = rpc.AppendMessage(b, 3, rpc.AppendUint(nil, 1, from))
	b = rpc.AppendUint(b, 4, uint64(limit))
	b = rpc.AppendMessage(b, 6, rpc.AppendBool(nil, 1, false))
	b = rpc.AppendMessage(b, 7, rpc.AppendBool(nil, 1, false))
	return appendConsistency(b, 8, t.replicated)
}

// count is a CountPoints that wants the exact number.
func (t *table) count() []byte {
	b := rpc.AppendString(nil, 1, t.name)
	b = rpc.AppendBool(b, 3, true)
	return appendConsistency(b, 4, t.replicated)
}
