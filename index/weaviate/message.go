package weaviate

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/external/rpc"
	"github.com/smartretriever/smartretriever/rag"
)

// Messages are written and read by the numbers that the files of grpc/proto/v1 of Weaviate give to their fields.

// consistencyAll is the level at which every replica has a change before it is acknowledged.
const consistencyAll = 3

func floatBytes(v []float32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, f := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return b
}

// object returns an item as a BatchObject.
func object(class string, text bool, i external.Item) []byte {
	values := appendText(nil, "document", string(i.Document))
	if text {
		values = appendText(values, "text", i.Text)
	}
	tags := rpc.AppendString(nil, 1, everyObject)
	for _, t := range i.Tags {
		tags = rpc.AppendString(tags, 1, t.String())
	}
	properties := rpc.AppendMessage(nil, 1, values)
	properties = rpc.AppendMessage(properties, 6, rpc.AppendString(tags, 2, "tags"))
	b := rpc.AppendString(nil, 1, uuidOf(i.ID).String())
	b = rpc.AppendMessage(b, 3, properties)
	b = rpc.AppendString(b, 4, class)
	return rpc.AppendMessage(b, 6, floatBytes(i.Vector))
}

// appendText appends a text to a google.protobuf.Struct.
func appendText(b []byte, name, value string) []byte {
	entry := rpc.AppendString(nil, 1, name)
	return rpc.AppendMessage(b, 1, rpc.AppendMessage(entry, 2, rpc.AppendString(nil, 3, value)))
}

// failure is what a BatchObjectsReply says of one of the objects.
type failure struct {
	index int
	text  string
}

func readFailures(message []byte) (list []failure, err error) {
	for f, err := range rpc.Fields(message) {
		if err != nil {
			return nil, err
		}
		if !f.Is(2, protowire.BytesType) {
			continue
		}
		var one failure
		for f, err := range rpc.Fields(f.Data) {
			switch {
			case err != nil:
				return nil, err
			case f.Is(1, protowire.VarintType):
				one.index = int(int32(f.Value))
			case f.Is(2, protowire.BytesType):
				one.text = string(f.Data)
			}
		}
		list = append(list, one)
	}
	return list, nil
}

// searchRequest begins a SearchRequest.
func searchRequest(class string, limit int) []byte {
	b := rpc.AppendString(nil, 1, class)
	b = rpc.AppendUint(b, 30, uint64(limit))
	for _, api := range []protowire.Number{100, 101, 102} { // the forms of answers since 1.23, 1.25 and 1.27
		b = rpc.AppendBool(b, api, true)
	}
	return b
}

// result is one of a SearchReply.
type result struct {
	id              rag.ChunkID
	document        rag.DocumentID
	distance, score float32
}

func readResults(message []byte) (list []result, err error) {
	for f, err := range rpc.Fields(message) {
		if err != nil {
			return nil, err
		}
		if f.Is(2, protowire.BytesType) {
			r, err := readResult(f.Data)
			if err != nil {
				return nil, err
			}
			list = append(list, r)
		}
	}
	return list, nil
}

func readResult(message []byte) (r result, err error) {
	for f, err := range rpc.Fields(message) {
		switch {
		case err != nil:
			return r, err
		case f.Is(1, protowire.BytesType):
			if r.document, err = readDocument(f.Data); err != nil {
				return r, err
			}
		case f.Is(2, protowire.BytesType):
			if err := r.readMetadata(f.Data); err != nil {
				return r, err
			}
		}
	}
	if r.id == 0 {
		return r, fmt.Errorf("a result has no id")
	}
	return r, nil
}

func (r *result) readMetadata(message []byte) error {
	for f, err := range rpc.Fields(message) {
		switch {
		case err != nil:
			return err
		case f.Is(1, protowire.BytesType):
			u, err := uuid.ParseBytes(f.Data)
			if err != nil {
				return fmt.Errorf("the id of an object is no UUID")
			}
			id, ours := idOf(u)
			if !ours {
				return fmt.Errorf("object %s is not of this program", u)
			}
			r.id = id
		case f.Is(7, protowire.Fixed32Type):
			r.distance = f.Float()
		case f.Is(11, protowire.Fixed32Type):
			r.score = f.Float()
		}
	}
	return nil
}

// readDocument finds the property "document" in a PropertiesResult: the values are entries of a map in a map.
func readDocument(message []byte) (id rag.DocumentID, err error) {
	for f, err := range rpc.Fields(message) {
		if err != nil {
			return "", err
		}
		if !f.Is(11, protowire.BytesType) {
			continue
		}
		for f, err := range rpc.Fields(f.Data) {
			if err != nil {
				return "", err
			}
			if !f.Is(1, protowire.BytesType) {
				continue
			}
			name, value, err := readEntry(f.Data)
			if err != nil {
				return "", err
			}
			if name == "document" {
				id = rag.DocumentID(value)
			}
		}
	}
	return id, nil
}

// readEntry returns the name and the text of an entry of Properties.
func readEntry(message []byte) (name, value string, err error) {
	for f, err := range rpc.Fields(message) {
		switch {
		case err != nil:
			return "", "", err
		case f.Is(1, protowire.BytesType):
			name = string(f.Data)
		case f.Is(2, protowire.BytesType):
			for f, err := range rpc.Fields(f.Data) {
				if err != nil {
					return "", "", err
				}
				if f.Is(13, protowire.BytesType) {
					value = string(f.Data)
				}
			}
		}
	}
	return name, value, nil
}

// readNumbers returns the fields of a message that are whole numbers, by their numbers.
func readNumbers(message []byte) (map[protowire.Number]int64, error) {
	numbers := map[protowire.Number]int64{}
	for f, err := range rpc.Fields(message) {
		if err != nil {
			return nil, err
		}
		if f.Type == protowire.VarintType {
			numbers[f.Number] = int64(f.Value)
		}
	}
	return numbers, nil
}

// readCount returns the number of objects in an AggregateReply.
func readCount(message []byte) (int64, error) {
	for f, err := range rpc.Fields(message) {
		if err != nil {
			return 0, err
		}
		if !f.Is(2, protowire.BytesType) {
			continue
		}
		numbers, err := readNumbers(f.Data)
		if err != nil {
			return 0, err
		}
		if n, told := numbers[1]; told {
			return n, nil
		}
	}
	return 0, fmt.Errorf("it has no count")
}
