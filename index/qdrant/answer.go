package qdrant

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/smartretriever/smartretriever/index/external/rpc"
	"github.com/smartretriever/smartretriever/rag"
)

// each calls read with every field of a message.
func each(message []byte, read func(rpc.Field) error) error {
	for f, err := range rpc.Fields(message) {
		if err != nil {
			return rag.Wrap(rag.KindInternal, err, "qdrant: read the answer")
		}
		if err := read(f); err != nil {
			return err
		}
	}
	return nil
}

// within returns the message in a message that the path of field numbers leads to: of each number the last, nil where there is none.
func within(message []byte, path ...protowire.Number) ([]byte, error) {
	for _, number := range path {
		var found []byte
		err := each(message, func(f rpc.Field) error {
			if f.Is(number, protowire.BytesType) {
				found = f.Data
			}
			return nil
		})
		if err != nil || found == nil {
			return nil, err
		}
		message = found
	}
	return message, nil
}

// The values of UpdateStatus that matter.
const completed = 2

// applied reads a PointsOperationResponse. One that has only been received, as when the server's own time to wait is over, is not done: searches would not
// see it.
func applied(answer []byte) error {
	result, err := within(answer, 1)
	if err != nil {
		return err
	}
	status := uint64(0)
	err = each(result, func(f rpc.Field) error {
		if f.Is(2, protowire.VarintType) {
			status = f.Value
		}
		return nil
	})
	if err == nil && status != completed {
		err = rag.Errorf(rag.KindUnavailable, "qdrant: the change has been received and is not applied yet (status %d)", status)
	}
	return err
}

// readVersion reads a HealthCheckReply.
func readVersion(answer []byte) (version string, err error) {
	err = each(answer, func(f rpc.Field) error {
		if f.Is(2, protowire.BytesType) {
			version = string(f.Data)
		}
		return nil
	})
	return version, err
}

// readCollections reads a ListCollectionsResponse.
func readCollections(answer []byte) (names []string, err error) {
	err = each(answer, func(f rpc.Field) error {
		if !f.Is(1, protowire.BytesType) {
			return nil
		}
		name, err := within(f.Data, 1)
		names = append(names, string(name))
		return err
	})
	return names, err
}

// collection is what is to be known of one.
type collection struct {
	dimensions int
	distance   int
	indexed    bool // the tags are
	replicated bool
}

// readCollection reads a GetCollectionInfoResponse. One with several vectors a point has no dimensions here.
func readCollection(answer []byte) (c collection, err error) {
	info, err := within(answer, 1)
	if err != nil {
		return c, err
	}
	params, err := within(info, 7, 1) // config, params
	if err != nil {
		return c, err
	}
	err = each(params, func(f rpc.Field) error {
		if f.Is(6, protowire.VarintType) { // replication_factor
			c.replicated = f.Value > 1
		}
		return nil
	})
	if err != nil {
		return c, err
	}
	vectors, err := within(params, 5, 1) // vectors_config, params
	if err != nil {
		return c, err
	}
	err = each(vectors, func(f rpc.Field) error {
		switch {
		case f.Is(1, protowire.VarintType):
			c.dimensions = int(min(f.Value, math.MaxInt32))
		case f.Is(2, protowire.VarintType):
			c.distance = int(min(f.Value, math.MaxInt32))
		}
		return nil
	})
	if err != nil {
		return c, err
	}
	return c, each(info, func(f rpc.Field) error {
		if !f.Is(8, protowire.BytesType) { // payload_schema
			return nil
		}
		key, err := within(f.Data, 1)
		if string(key) == tagsKey {
			c.indexed = true
		}
		return err
	})
}

// readID reads a PointId. ok is false for one that no chunk has: of a point that somebody else put there.
func readID(message []byte) (id rag.ChunkID, ok bool, err error) {
	err = each(message, func(f rpc.Field) error {
		if f.Is(1, protowire.VarintType) && f.Value > 0 && f.Value <= math.MaxInt64 {
			id, ok = rag.ChunkID(f.Value), true
		}
		return nil
	})
	return id, ok, err
}

// readIDs reads a ScrollResponse. Points of others come behind those of chunks, as their ids are larger, or UUIDs.
func readIDs(answer []byte) (ids []rag.ChunkID, err error) {
	err = each(answer, func(f rpc.Field) error {
		if !f.Is(2, protowire.BytesType) {
			return nil
		}
		message, err := within(f.Data, 1)
		if err != nil {
			return err
		}
		id, ok, err := readID(message)
		if ok {
			ids = append(ids, id)
		}
		return err
	})
	return ids, err
}

// readResults reads a QueryResponse.
func readResults(answer []byte) (found []rag.Scored, err error) {
	err = each(answer, func(f rpc.Field) error {
		if !f.Is(1, protowire.BytesType) {
			return nil
		}
		s, ok, err := readPoint(f.Data)
		if ok {
			found = append(found, s)
		}
		return err
	})
	return found, err
}

// readPoint reads a ScoredPoint.
func readPoint(message []byte) (s rag.Scored, ok bool, err error) {
	err = each(message, func(f rpc.Field) error {
		var err error
		switch {
		case f.Is(1, protowire.BytesType):
			s.ChunkID, ok, err = readID(f.Data)
		case f.Is(2, protowire.BytesType): // the payload has the document only
			var document []byte
			document, err = within(f.Data, 2, 4)
			s.DocumentID = rag.DocumentID(document)
		case f.Is(3, protowire.Fixed32Type):
			s.Score = max(-1, min(1, f.Float())) // rounding leads a little beyond
			if math.IsNaN(float64(s.Score)) {
				err = rag.Errorf(rag.KindInternal, "qdrant: a score is not a number")
			}
		}
		return err
	})
	return s, ok, err
}

// readCount reads a CountResponse.
func readCount(answer []byte) (n int64, err error) {
	result, err := within(answer, 1)
	if err != nil {
		return 0, err
	}
	err = each(result, func(f rpc.Field) error {
		if f.Is(1, protowire.VarintType) {
			n = int64(f.Value)
		}
		return nil
	})
	return n, err
}
