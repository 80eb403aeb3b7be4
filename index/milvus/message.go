package milvus

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/external/rpc"
	"github.com/smartretriever/smartretriever/rag"
)

// Messages are written and read by the numbers that milvus.proto, schema.proto and common.proto of milvus-proto 2.6 give to their fields; Milvus keeps these
// from version to version. A field that is left out has its zero value, which for the consistency level of a request is Strong.

// Types of fields (schema.DataType).
const (
	typeInt64   = 5
	typeVarChar = 21
	typeArray   = 22
	typeFloats  = 101
	typeSparse  = 104
)

// Types of what is searched for (common.PlaceholderType).
const (
	searchText   = 21
	searchFloats = 101
)

const loadStateLoaded = 3 // common.LoadState

// request begins the message of a call that concerns a collection, "" for none in particular: database and name are the fields 2 and 3 of
// nearly all.
func (d *Database) request(collection string) []byte {
	var b []byte
	if d.cfg.Database != "" {
		b = rpc.AppendString(b, 2, d.cfg.Database)
	}
	if collection != "" {
		b = rpc.AppendString(b, 3, collection)
	}
	return b
}

// appendPair appends a KeyValuePair.
func appendPair(b []byte, n protowire.Number, key, value string) []byte {
	return rpc.AppendMessage(b, n, rpc.AppendString(rpc.AppendString(nil, 1, key), 2, value))
}

// appendField appends a FieldSchema to a CollectionSchema.
func appendField(b []byte, name string, kind uint64, more func(b []byte) []byte) []byte {
	f := rpc.AppendUint(rpc.AppendString(nil, 2, name), 5, kind)
	return rpc.AppendMessage(b, 4, more(f))
}

// parameters returns what appends type_params to a FieldSchema: keys and values in turn.
func parameters(pairs ...string) func(b []byte) []byte {
	return func(b []byte) []byte {
		for i := 0; i < len(pairs); i += 2 {
			b = appendPair(b, 6, pairs[i], pairs[i+1])
		}
		return b
	}
}

// schema returns the CollectionSchema of a space.
func (d *Database) schema(name string, s external.Space) []byte {
	b := rpc.AppendString(nil, 1, name)
	b = rpc.AppendString(b, 2, "Index of a collection of SmartRetriever")
	b = appendField(b, "id", typeInt64, func(b []byte) []byte { return rpc.AppendBool(b, 3, true) })
	b = appendField(b, "vector", typeFloats, parameters("dim", strconv.Itoa(s.Dimensions)))
	b = appendField(b, "tags", typeArray, func(b []byte) []byte {
		return parameters("max_capacity", strconv.Itoa(maxTags))(rpc.AppendUint(b, 10, typeInt64))
	})
	b = appendField(b, "document", typeVarChar, parameters("max_length", strconv.Itoa(maxDocument)))
	if !s.Text {
		return b
	}
	analyzer, _ := json.Marshal(map[string]string{"type": d.cfg.Analyzer}) // strings cannot fail
	b = appendField(b, "text", typeVarChar, parameters("max_length", strconv.Itoa(maxText), "enable_analyzer", "true", "analyzer_params", string(analyzer)))
	b = appendField(b, "words", typeSparse, func(b []byte) []byte { return rpc.AppendBool(b, 16, true) })
	bm25 := rpc.AppendUint(rpc.AppendString(nil, 1, "words"), 4, 1)
	bm25 = rpc.AppendString(rpc.AppendString(bm25, 5, "text"), 7, "words")
	return rpc.AppendMessage(b, 7, bm25)
}

// appendColumn appends a FieldData whose values are under number: scalars or vectors.
func appendColumn(b []byte, name string, kind uint64, number protowire.Number, values []byte) []byte {
	f := rpc.AppendString(rpc.AppendUint(nil, 1, kind), 2, name)
	return rpc.AppendMessage(b, 5, rpc.AppendMessage(f, number, values))
}

// columns appends the items to an UpsertRequest.
func columns(b []byte, s external.Space, items []external.Item) []byte {
	ids := make([]rag.ChunkID, len(items))
	vectors := make([]float32, 0, s.Dimensions*len(items))
	var tags, documents, texts []byte
	for i, item := range items {
		ids[i] = item.ID
		vectors = append(vectors, item.Vector...)
		tags = rpc.AppendMessage(tags, 1, rpc.AppendMessage(nil, 3, rpc.AppendInts(nil, 1, item.Tags)))
		documents = rpc.AppendString(documents, 1, string(item.Document))
		if s.Text {
			texts = rpc.AppendString(texts, 1, cut(item.Text))
		}
	}
	b = appendColumn(b, "id", typeInt64, 3, rpc.AppendMessage(nil, 3, rpc.AppendInts(nil, 1, ids)))
	floats := rpc.AppendUint(nil, 1, uint64(s.Dimensions))
	b = appendColumn(b, "vector", typeFloats, 4, rpc.AppendMessage(floats, 2, rpc.AppendFloats(nil, 1, vectors)))
	b = appendColumn(b, "tags", typeArray, 3, rpc.AppendMessage(nil, 8, rpc.AppendUint(tags, 2, typeInt64)))
	b = appendColumn(b, "document", typeVarChar, 3, rpc.AppendMessage(nil, 6, documents))
	if s.Text {
		b = appendColumn(b, "text", typeVarChar, 3, rpc.AppendMessage(nil, 6, texts))
	}
	return rpc.AppendUint(b, 7, uint64(len(items)))
}

// placeholder returns the PlaceholderGroup of one vector or text.
func placeholder(kind uint64, value []byte) []byte {
	p := rpc.AppendUint(rpc.AppendString(nil, 1, "$0"), 2, kind)
	return rpc.AppendMessage(nil, 1, rpc.AppendMessage(p, 3, value))
}

func floatBytes(v []float32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, f := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return b
}

// description is what a DescribeCollectionResponse tells of a collection.
type description struct {
	dimensions int
	text       bool
}

func readDescription(message []byte) (description, error) {
	var d description
	err := walk(message, []protowire.Number{2, 4}, func(field []byte) error {
		var name string
		dim := 0
		for f, err := range rpc.Fields(field) {
			switch {
			case err != nil:
				return err
			case f.Is(2, protowire.BytesType):
				name = string(f.Data)
			case f.Is(6, protowire.BytesType):
				key, value, err := readPair(f.Data)
				if err != nil {
					return err
				}
				if key == "dim" {
					dim, _ = strconv.Atoi(value) // what is no number is no dimension that anybody asked for
				}
			}
		}
		switch name {
		case "vector":
			d.dimensions = dim
		case "text":
			d.text = true
		}
		return nil
	})
	return d, err
}

func readPair(message []byte) (key, value string, err error) {
	for f, err := range rpc.Fields(message) {
		switch {
		case err != nil:
			return "", "", err
		case f.Is(1, protowire.BytesType):
			key = string(f.Data)
		case f.Is(2, protowire.BytesType):
			value = string(f.Data)
		}
	}
	return key, value, nil
}

// walk calls fn for every message or string that is found by going from field to field.
func walk(message []byte, path []protowire.Number, fn func(b []byte) error) error {
	if len(path) == 0 {
		return fn(message)
	}
	for f, err := range rpc.Fields(message) {
		if err != nil {
			return err
		}
		if f.Is(path[0], protowire.BytesType) {
			if err := walk(f.Data, path[1:], fn); err != nil {
				return err
			}
		}
	}
	return nil
}

// readStrings returns the strings at a path.
func readStrings(message []byte, path ...protowire.Number) (list []string, err error) {
	err = walk(message, path, func(b []byte) error {
		list = append(list, string(b))
		return nil
	})
	return list, err
}

// readNumber returns the number that field n is, 0 if it is not there.
func readNumber(message []byte, n protowire.Number) (v uint64, err error) {
	for f, err := range rpc.Fields(message) {
		if err != nil {
			return 0, err
		}
		if f.Is(n, protowire.VarintType) {
			v = f.Value
		}
	}
	return v, nil
}

// readInts returns the numbers of a LongArray, packed or one by one.
func readInts(message []byte) (list []int64, err error) {
	for f, err := range rpc.Fields(message) {
		switch {
		case err != nil:
			return nil, err
		case f.Is(1, protowire.VarintType):
			list = append(list, int64(f.Value))
		case f.Is(1, protowire.BytesType):
			for packed := f.Data; len(packed) > 0; {
				v, n := protowire.ConsumeVarint(packed)
				if n < 0 {
					return nil, protowire.ParseError(n)
				}
				list, packed = append(list, int64(v)), packed[n:]
			}
		}
	}
	return list, nil
}

// readColumn returns the FieldData of a name that are in the field n of a message: its ScalarField.
func readColumn(message []byte, n protowire.Number, name string) (scalars []byte, err error) {
	err = walk(message, []protowire.Number{n}, func(field []byte) error {
		names, err := readStrings(field, 2)
		if err != nil || len(names) == 0 || names[0] != name {
			return err
		}
		return walk(field, []protowire.Number{3}, func(b []byte) error {
			scalars = b
			return nil
		})
	})
	return scalars, err
}

// readLongs returns the numbers of a column of 64-bit integers.
func readLongs(message []byte, n protowire.Number, name string) (list []int64, err error) {
	scalars, err := readColumn(message, n, name)
	if err != nil {
		return nil, err
	}
	err = walk(scalars, []protowire.Number{3}, func(b []byte) error {
		list, err = readInts(b)
		return err
	})
	return list, err
}

// readHits returns what a SearchResults holds, for one vector or text.
func readHits(message []byte) ([]rag.Scored, error) {
	var scores []float32
	var ids []int64
	var documents []string
	err := walk(message, []protowire.Number{2}, func(results []byte) error {
		for f, err := range rpc.Fields(results) {
			switch {
			case err != nil:
				return err
			case f.Is(4, protowire.Fixed32Type):
				scores = append(scores, f.Float())
			case f.Is(4, protowire.BytesType):
				for ; len(f.Data) >= 4; f.Data = f.Data[4:] {
					scores = append(scores, math.Float32frombits(binary.LittleEndian.Uint32(f.Data)))
				}
			case f.Is(5, protowire.BytesType):
				err := walk(f.Data, []protowire.Number{1}, func(b []byte) (err error) {
					ids, err = readInts(b)
					return err
				})
				if err != nil {
					return err
				}
			}
		}
		scalars, err := readColumn(results, 3, "document")
		if err != nil {
			return err
		}
		documents, err = readStrings(scalars, 6, 1)
		return err
	})
	switch {
	case err != nil:
		return nil, malformed("%w", err)
	case len(ids) != len(scores) || len(ids) != len(documents):
		return nil, malformed("%d ids, %d scores and %d documents", len(ids), len(scores), len(documents))
	}
	hits := make([]rag.Scored, len(ids))
	for i := range hits {
		hits[i] = rag.Scored{ChunkID: rag.ChunkID(ids[i]), DocumentID: rag.DocumentID(documents[i]), Score: scores[i]}
	}
	return hits, nil
}
