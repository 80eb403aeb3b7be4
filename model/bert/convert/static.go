package convert

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/smartretriever/smartretriever/model/bert/weightfile"
	"github.com/smartretriever/smartretriever/model/embed/static"
)

// Static models (Model2Vec) are one table of word vectors, beside which there may be
// a weight for each token and, where tokens share vectors, the row of each.
const (
	staticTable   = "embeddings"
	staticWeights = "weights"
	staticMapping = "mapping"
	// staticTokens is where texts are cut, as the library does.
	staticTokens = 512
)

// staticTables are the names of the table: Model2Vec's, and that of a
// sentence-transformers StaticEmbedding.
var staticTables = []string{staticTable, "embedding.weight"}

// findStatic returns the name of the table of a static model, or "".
func findStatic(names []string) string {
	for _, table := range staticTables {
		if slices.Contains(names, table) && len(names) <= 3 {
			return table
		}
	}
	return ""
}

// staticShape returns the model that a static table is.
func (f *weights) staticShape() (weightfile.Model, error) {
	m := weightfile.Model{Architecture: static.Architecture, MaxTokens: staticTokens}
	dims, _ := f.dims(f.table)
	if len(dims) != 2 || dims[0] < 1 || dims[1] < 1 || dims[1] > 8192 {
		return m, f.fault(fmt.Errorf("tensor %q has shape %v; words and up to 8192 dimensions are needed", f.table, dims))
	}
	m.Vocabulary, m.Hidden = dims[0], dims[1]
	if dims, ok := f.dims(staticMapping); ok {
		if len(dims) != 1 {
			return m, f.fault(fmt.Errorf("tensor %q has shape %v; one dimension is needed", staticMapping, dims))
		}
		m.Vocabulary = dims[0]
	}
	return m, nil
}

// quantizeStatic makes the tensors of the weight file of a static model, one scale a
// token. Rows that are 8-bit integers already stay as they are.
func quantizeStatic(f *weights, m weightfile.Model, l *lexicon) ([]weightfile.Tensor, error) {
	st, ok := f.store.(*safetensors)
	if !ok {
		return nil, f.fault(fmt.Errorf("a table of word vectors is read from safetensors only"))
	}
	if _, ok := elements([]int{m.Vocabulary, m.Hidden}); !ok { // words may share vectors, so a small file can say much
		return nil, f.fault(fmt.Errorf("%d words of %d dimensions are too many", m.Vocabulary, m.Hidden))
	}
	dims, _ := f.dims(f.table)
	rows, err := st.integers(staticMapping)
	if err != nil {
		return nil, f.fault(err)
	}
	weights, err := f.optional(staticWeights, len(rows), m.Vocabulary)
	if err != nil {
		return nil, err
	}
	kept, isInt8, err := st.int8s(f.table)
	if err != nil {
		return nil, f.fault(err)
	}
	var table []float32
	if !isInt8 {
		if table, err = f.store.floats(f.table); err != nil {
			return nil, f.fault(err)
		}
	}
	q, scale := make([]int8, m.Vocabulary*m.Hidden), make([]float32, m.Vocabulary)
	for id := range m.Vocabulary {
		row := id
		if rows != nil {
			row = rows[id]
		}
		if row < 0 || row >= dims[0] {
			return nil, f.fault(fmt.Errorf("token %d has the vector %d of %d", id, row, dims[0]))
		}
		to, from := q[id*m.Hidden:][:m.Hidden], row*m.Hidden
		if isInt8 {
			copy(to, kept[from:from+m.Hidden])
			scale[id] = 1
		} else {
			scale[id] = quantize(m.Hidden, func(i int) float32 { return table[from+i] }, func(i int, v int8) { to[i] = v })
		}
		if weights != nil {
			scale[id] *= weights[id]
		}
	}
	return append(l.tensors(),
		weightfile.Int8("embeddings.word.weight", "", []int{m.Vocabulary, m.Hidden}, q),
		weightfile.Float32("embeddings.word.scale", []int{m.Vocabulary}, scale)), nil
}

// optional returns a vector that need not be there. A model whose vocabulary was cut
// to its words has more numbers than words.
func (f *weights) optional(name string, mapped, words int) ([]float32, error) {
	dims, ok := f.dims(name)
	if !ok {
		return nil, nil
	}
	if len(dims) != 1 || dims[0] < words || mapped > 0 && dims[0] != mapped {
		return nil, f.fault(fmt.Errorf("tensor %q has shape %v; a number for each of %d tokens is needed", name, dims, max(mapped, words)))
	}
	data, err := f.store.floats(name)
	if err != nil {
		return nil, f.fault(err)
	}
	return data, nil
}

// int8s returns a tensor of 8-bit integers, and whether the tensor is one.
func (s *safetensors) int8s(name string) ([]int8, bool, error) {
	t := s.entries[name]
	if t.Type != "I8" {
		return nil, false, nil
	}
	raw, err := s.raw(name, t)
	out := make([]int8, len(raw))
	for i, b := range raw {
		// -128 is outside of what weight files hold, and as good as -127 here.
		out[i] = max(int8(b), -127)
	}
	return out, true, err
}

// integers returns a tensor of 32-bit or 64-bit integers, or nil where there is none.
func (s *safetensors) integers(name string) ([]int, error) {
	t, ok := s.entries[name]
	if !ok {
		return nil, nil
	}
	raw, err := s.raw(name, t)
	if err != nil {
		return nil, err
	}
	var out []int
	switch t.Type {
	case "I32":
		for ; len(raw) > 0; raw = raw[4:] {
			out = append(out, int(int32(binary.LittleEndian.Uint32(raw))))
		}
	case "I64":
		for ; len(raw) > 0; raw = raw[8:] {
			out = append(out, int(min(binary.LittleEndian.Uint64(raw), math.MaxInt32)))
		}
	default:
		return nil, fmt.Errorf("tensor %q is of type %s; I32 and I64 are read", name, t.Type)
	}
	return out, nil
}
