package convert

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/model/bert/kernel"
	"github.com/smartretriever/smartretriever/model/bert/weightfile"
	"github.com/smartretriever/smartretriever/rag"
)

// store is an opened file of tensors.
type store interface {
	// names returns the names of all tensors, in any order.
	names() []string
	// dims returns the shape of a tensor, and whether there is one of that name.
	dims(name string) ([]int, bool)
	// floats returns the elements of a tensor of 32-bit or 16-bit floats.
	floats(name string) ([]float32, error)
	// matrix returns the weights of the linear layer of that name, for its number
	// of inputs and outputs.
	matrix(layer string, in, out int) (matrix, error)
}

// matrix is the weights of a layer: that from input k to output n is
// data[k*row+n*col].
type matrix struct {
	data     []float32
	row, col int
}

func (m matrix) at(k, n int) float32 { return m.data[k*m.row+n*m.col] }

// weights is an encoder in a file of tensors.
type weights struct {
	store
	file   string
	sha256 string
	prefix string // of the tensors' names, "bert." for instance
	parts  parts
	start  int    // the row of the first position
	table  string // the name of a static model's table; "": it is an encoder
}

// parts are the names of what a layer's attention consists of.
type parts struct{ query, key, value, out, norm string }

var (
	bertParts  = parts{"attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense", "attention.output.LayerNorm"}
	mpnetParts = parts{"attention.attn.q", "attention.attn.k", "attention.attn.v", "attention.attn.o", "attention.LayerNorm"}
)

// relativeBias is the table that MPNet has beside BERT's tensors.
const relativeBias = "encoder.relative_attention_bias.weight"

// openWeights opens the tree's file of weights and finds the encoder in it.
func openWeights(ctx context.Context, t *tree) (*weights, error) {
	file, size, err := t.open(t.model, maxFile)
	if err != nil {
		return nil, err
	}
	closeTree := t.close
	t.close = func() { _ = file.Close(); closeTree() }
	onDisk, ok := file.(io.ReaderAt)
	f := &weights{file: t.model}
	onnx, nano := strings.EqualFold(path.Ext(t.model), ".onnx"), strings.EqualFold(path.Ext(t.model), ".bin")
	var data []byte
	if !ok || onnx || nano { // packed, or to be read from end to end anyhow
		if data, err = t.readAll(file, t.model, size); err != nil {
			return nil, err
		}
		sum := sha256.Sum256(data)
		f.sha256 = hex.EncodeToString(sum[:])
	} else {
		sum := sha256.New()
		if _, err := io.Copy(sum, cancelled{ctx, io.NewSectionReader(onDisk, 0, size)}); err != nil {
			return nil, rag.Wrap(readKind(ctx), err, "read "+t.model)
		}
		f.sha256 = hex.EncodeToString(sum.Sum(nil))
	}
	switch {
	case onnx:
		f.store, err = openONNX(data)
	case nano:
		f.store, err = openNano(data)
	case data != nil:
		f.store, err = openSafetensors(bytes.NewReader(data), size)
	default:
		f.store, err = openSafetensors(onDisk, size)
	}
	if err == nil {
		if f.table = findStatic(f.names()); f.table == "" {
			f.prefix, err = findEncoder(f.names())
		}
	}
	if err != nil {
		return nil, f.fault(err)
	}
	return f, nil
}

func readKind(ctx context.Context) rag.Kind {
	if err := ctx.Err(); err != nil {
		return rag.KindOf(err)
	}
	return rag.KindInvalid
}

// readAt fills p with the bytes at a place.
func readAt(r io.ReaderAt, p []byte, at int64) error {
	if n, err := r.ReadAt(p, at); n < len(p) {
		return err
	}
	return nil
}

// fault says which file is wrong.
func (f *weights) fault(err error) error {
	return rag.Errorf(rag.KindInvalid, "%s: %w", f.file, err)
}

const (
	wordTable    = "embeddings.word_embeddings.weight"
	segmentTable = "embeddings.token_type_embeddings.weight"
)

// foreign are parts of the names of other architectures' tensors.
var foreign = []struct{ part, name string }{
	{"distilbert.", "DistilBERT"},
	{"attention.q_lin.", "DistilBERT"},
	{"deberta.", "DeBERTa"},
	{"embeddings_project.", "ELECTRA"},
	{"albert_layer", "ALBERT"},
	{"tok_embeddings.", "ModernBERT"},
	{"emb_ln.", "Nomic BERT"},
	{"gated_layers", "JinaBERT"},
	{"qkv_proj", "GTE v1.5"},
	{"self_attn.", "a decoder"},
}

// findEncoder returns what stands before the names of the encoder's tensors.
func findEncoder(names []string) (string, error) {
	for _, f := range foreign {
		for _, n := range names {
			if strings.Contains(n, f.part) {
				return "", fmt.Errorf("tensor %q is one of %s, which is not supported; BERT, XLM-R and MPNet are", n, f.name)
			}
		}
	}
	var found []string
	for _, n := range names {
		if prefix, ok := strings.CutSuffix(n, wordTable); ok && (prefix == "" || strings.HasSuffix(prefix, ".")) {
			found = append(found, prefix)
		}
	}
	switch slices.Sort(found); len(found) {
	case 0:
		return "", fmt.Errorf("it has no tensor %q: this is no BERT encoder", wordTable)
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("it holds several encoders, %q and %q", found[0]+wordTable, found[1]+wordTable)
}

// shape returns the model's widths and numbers as the tensors have them, held to
// the config file.
func (f *weights) shape(c config) (weightfile.Model, error) {
	if f.table != "" {
		return f.staticShape()
	}
	m := weightfile.Model{Architecture: "bert", Activation: "gelu", LayerNormEps: 1e-12}
	f.parts = bertParts
	if dims, ok := f.dims(f.prefix + relativeBias); ok && len(dims) == 2 {
		f.parts, m.Architecture, m.Buckets = mpnetParts, "mpnet", dims[0]
	}
	if c.Type == "model2vec" || c.Type != "" && (c.Type == "mpnet") != (m.Architecture == "mpnet") {
		return m, rag.Errorf(rag.KindInvalid, "%s: model_type is %q, but %s has the tensors of another", c.file, c.Type, f.file)
	}
	if c.Epsilon != nil {
		m.LayerNormEps = *c.Epsilon
	}
	for _, t := range []struct {
		name string
		out  []*int
	}{
		{wordTable, []*int{&m.Vocabulary, &m.Hidden}},
		{"embeddings.position_embeddings.weight", []*int{&m.MaxTokens, new(int)}},
		{"encoder.layer.0.intermediate.dense.bias", []*int{&m.Intermediate}},
	} {
		dims, ok := f.dims(f.prefix + t.name)
		if !ok {
			return m, f.fault(fmt.Errorf("it has no tensor %q", f.prefix+t.name))
		}
		if len(dims) != len(t.out) {
			return m, f.fault(fmt.Errorf("tensor %q has shape %v; %d dimensions are needed", f.prefix+t.name, dims, len(t.out)))
		}
		for i, d := range dims {
			*t.out[i] = d
		}
	}
	for {
		if _, ok := f.dims(f.layer(m.Layers) + f.parts.query + ".bias"); !ok {
			break
		}
		m.Layers++
	}
	for _, n := range f.names() {
		rest, ok := strings.CutPrefix(n, f.prefix+"encoder.layer.")
		number, _, _ := strings.Cut(rest, ".")
		if i, err := strconv.Atoi(number); ok && err == nil && i >= m.Layers {
			return m, f.fault(fmt.Errorf("it has tensor %q, but no %q", n, f.layer(m.Layers)+f.parts.query+".bias"))
		}
	}
	if m.Heads = c.Heads; m.Heads == 0 {
		if m.Heads = m.Hidden / 64; m.Hidden == 384 {
			m.Heads = 12
		}
	}
	for _, n := range []struct {
		name        string
		config, got int
	}{
		{"hidden_size", c.Hidden, m.Hidden},
		{"num_hidden_layers", c.Layers, m.Layers},
		{"intermediate_size", c.Intermediate, m.Intermediate},
		{"vocab_size", c.Vocabulary, m.Vocabulary},
		{"max_position_embeddings", c.MaxPositions, m.MaxTokens},
		{"relative_attention_num_buckets", c.Buckets, m.Buckets},
	} {
		if n.config != 0 && n.config != n.got {
			return m, rag.Errorf(rag.KindInvalid, "%s: %s is %d, but %s has %d", c.file, n.name, n.config, f.file, n.got)
		}
	}
	if f.start = f.firstPosition(c); m.MaxTokens <= f.start {
		return m, f.fault(fmt.Errorf("it has %d positions, of which %d are not used", m.MaxTokens, f.start))
	}
	m.MaxTokens -= f.start
	return m, f.checkShape(m)
}

// firstPosition returns the row of the first token's position. Models in the way of
// fairseq, which know one type of segment or none, count from the one behind the
// padding's.
func (f *weights) firstPosition(c config) int {
	if dims, ok := f.dims(f.prefix + segmentTable); c.Type == "" && (!ok || len(dims) == 2 && dims[0] == 1) {
		c.Type = "roberta"
	}
	return c.firstPlace()
}

func (f *weights) layer(i int) string { return f.prefix + "encoder.layer." + strconv.Itoa(i) + "." }

// checkShape refuses what the encoder cannot compute before its tensors are read.
func (f *weights) checkShape(m weightfile.Model) error {
	const p = kernel.Panel
	fault := func(format string, args ...any) error { return f.fault(fmt.Errorf(format, args...)) }
	switch {
	case m.Layers < 1 || m.Layers > 96:
		return fault("it has %d layers; 1 to 96 are supported", m.Layers)
	case m.MaxTokens < 3 || m.MaxTokens > 8192:
		return fault("it has %d positions; 3 to 8192 are supported", m.MaxTokens)
	case m.Hidden < p || m.Hidden > 8192 || m.Hidden%p != 0 || m.Intermediate < p || m.Intermediate > 4*8192 || m.Intermediate%p != 0:
		return fault("it is %d and %d wide; multiples of %d up to 8192 and 32768 are supported", m.Hidden, m.Intermediate, p)
	case m.Heads < 1 || m.Hidden%m.Heads != 0 || m.Hidden/m.Heads%p != 0:
		return fault("%d heads share a width of %d; a multiple of %d for each is supported", m.Heads, m.Hidden, p)
	}
	return nil
}

// headLayers are the names of the two layers of a cross-encoder's head.
type headLayers struct{ pooler, score string }

// head returns the names of the head's layers, as BERT or RoBERTa have them.
func (f *weights) head() headLayers {
	if _, ok := f.dims("classifier.out_proj.weight"); ok {
		return headLayers{"classifier.dense", "classifier.out_proj"}
	}
	return headLayers{f.prefix + "pooler.dense", "classifier"}
}

// scores reports whether the model is a cross-encoder: whether it has a classifier
// of one output. One of several is refused, since what it was trained for is
// neither vectors nor an order.
func (f *weights) scores(hidden int) (bool, error) {
	name := f.head().score + ".weight"
	dims, ok := f.dims(name)
	if !ok {
		return false, nil
	}
	if len(dims) != 2 || dims[0] != 1 || dims[1] != hidden {
		return false, f.fault(fmt.Errorf("tensor %q has shape %v; a cross-encoder's is [1 %d], and models for vectors have none", name, dims, hidden))
	}
	return true, nil
}

// floats returns a tensor of the encoder that has the given shape.
func (f *weights) floats(name string, dims ...int) ([]float32, error) {
	return f.plain(f.prefix+name, dims...)
}

// plain returns a tensor by its whole name.
func (f *weights) plain(name string, dims ...int) ([]float32, error) {
	got, ok := f.dims(name)
	if !ok { // as the first published models call them
		if old, ok := strings.CutSuffix(name, "LayerNorm.weight"); ok {
			name = old + "LayerNorm.gamma"
		} else if old, ok := strings.CutSuffix(name, "LayerNorm.bias"); ok {
			name = old + "LayerNorm.beta"
		}
		got, ok = f.dims(name)
	}
	if !ok && got == nil {
		return nil, f.fault(fmt.Errorf("it has no tensor %q", name))
	}
	if !slices.Equal(got, dims) {
		return nil, f.fault(fmt.Errorf("tensor %q has shape %v; %v is needed", name, got, dims))
	}
	data, err := f.store.floats(name)
	if err != nil {
		return nil, f.fault(err)
	}
	return data, nil
}

// matrix returns the weights of a layer of the encoder.
func (f *weights) matrix(layer string, in, out int) (matrix, error) {
	m, err := f.store.matrix(f.prefix+layer, in, out)
	if err != nil {
		return matrix{}, f.fault(err)
	}
	return m, nil
}

// number is how a tensor's elements are stored.
type number int

const (
	otherNumber number = iota
	float32Number
	float16Number
	bfloat16Number
)

// size is the bytes of an element.
func (n number) size() int {
	if n == float32Number {
		return 4
	}
	return 2
}

// decode turns the bytes of a tensor into floats and refuses what is none.
func decode(name string, kind number, raw []byte) ([]float32, error) {
	out := make([]float32, len(raw)/kind.size())
	for i := range out {
		switch kind {
		case float32Number:
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		case float16Number:
			out[i] = half(binary.LittleEndian.Uint16(raw[2*i:]))
		default:
			out[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(raw[2*i:])) << 16)
		}
		if math.Float32bits(out[i])&0x7F800000 == 0x7F800000 {
			return nil, fmt.Errorf("element %d of tensor %q is %v: no number to compute with", i, name, out[i])
		}
	}
	return out, nil
}

// half decodes an IEEE 754 number of 16 bits.
func half(h uint16) float32 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10&0x1F), uint32(h&0x3FF)
	switch exponent {
	case 0: // so many times 2^-24
		v := float32(fraction) / (1 << 24)
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 0x1F:
		return math.Float32frombits(sign | 0x7F800000 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}

// elements returns the number of elements of a shape, and whether it is one that
// memory can hold.
func elements(dims []int) (int, bool) {
	n := 1
	for _, d := range dims {
		if d < 0 || (d > 0 && n > maxFile/d) {
			return 0, false
		}
		n *= d
	}
	return n, true
}
