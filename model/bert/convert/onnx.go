package convert

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// graph is what we need of an ONNX model: the stored tensors and the operations
// that use them. The format is Protocol Buffers; field numbers are those of
// onnx.proto (ModelProto.graph 7; GraphProto.node 1, initializer 5;
// NodeProto.input 1, output 2, op_type 4, attribute 5; AttributeProto.name 1, s 4;
// TensorProto.dims 1, data_type 2, float_data 4, int32_data 5, name 8, raw_data 9,
// external_data 13).
type graph struct {
	nodes   []node
	tensors map[string]onnxTensor
	values  int  // inputs and outputs of nodes so far
	packed  bool // weights are 8-bit integers

	made map[string]int   // the node that makes a value
	adds map[string][]int // the Add nodes that use a value
}

type node struct {
	op          string
	inputs      []string
	outputs     []string
	approximate bool // a Gelu that is not the exact one
}

// onnxTensor refers to the bytes of the file.
type onnxTensor struct {
	dims     []int
	kind     uint64 // TensorProto.DataType
	raw      []byte
	small    []byte // int32_data, cut to 8 bits
	external bool   // the data lie in another file
}

// Bounds on what a small file can make large in memory.
const (
	maxTensors = 100_000
	maxNodes   = 1_000_000
	maxValues  = 4_000_000
	maxDims    = 8
)

var errCut = errors.New("the file is cut off or is no ONNX model")

// fields calls f for each field of a message: the number of a varint, or the
// bytes of a length-delimited one. Fixed-width fields are skipped.
func fields(msg []byte, f func(number int, value uint64, bytes []byte) error) error {
	return allFields(msg, f, func(int, []byte) {})
}

// allFields calls fixed for the fields of 4 and 8 bytes, too.
func allFields(msg []byte, f func(number int, value uint64, bytes []byte) error, fixed func(number int, bytes []byte)) error {
	for len(msg) > 0 {
		key, n := binary.Uvarint(msg)
		if n <= 0 {
			return errCut
		}
		msg = msg[n:]
		var value uint64
		var body []byte
		switch key & 7 {
		case 0:
			if value, n = binary.Uvarint(msg); n <= 0 {
				return errCut
			}
			msg = msg[n:]
		case 1, 5:
			width := 8
			if key&7 == 5 {
				width = 4
			}
			if len(msg) < width {
				return errCut
			}
			fixed(int(key>>3), msg[:width:width])
			msg = msg[width:]
			continue
		case 2:
			size, n := binary.Uvarint(msg)
			if n <= 0 || size > uint64(len(msg)-n) {
				return errCut
			}
			body, msg = msg[n:n+int(size):n+int(size)], msg[n+int(size):]
		default:
			return errCut
		}
		if err := f(int(key>>3), value, body); err != nil {
			return err
		}
	}
	return nil
}

// openONNX reads a model and refuses what is no plain 32-bit or 16-bit encoder
// with the exact GELU.
func openONNX(model []byte) (*graph, error) {
	g, err := parseONNX(model)
	if err != nil {
		return nil, err
	}
	exact := false
	for _, n := range g.nodes {
		switch {
		case packed(n.op):
			g.packed = true
		case strings.Contains(n.op, "Integer") || strings.Contains(n.op, "uantize") ||
			strings.HasPrefix(n.op, "QLinear") || strings.HasPrefix(n.op, "QAttention") || strings.HasSuffix(n.op, "NBits"):
			return nil, fmt.Errorf("its numbers are quantised in a way that is not read (operation %s): take the 32-bit file of the same model, mostly model.onnx or model.safetensors", n.op)
		case n.op == "Attention" || n.op == "MultiHeadAttention" || strings.HasPrefix(n.op, "EmbedLayer"):
			return nil, fmt.Errorf("it was fused for one runtime (operation %s): take the plain file of the same model, mostly model.onnx or model.safetensors", n.op)
		case n.op == "FastGelu" || n.op == "Gelu" && n.approximate:
			return nil, fmt.Errorf("its activation is an approximation of GELU (operation %s); the exact form is supported", n.op)
		case n.op == "Erf" || n.op == "Gelu" || n.op == "BiasGelu":
			exact = true
		}
	}
	if !exact {
		return nil, errors.New("its activation is not GELU in the exact form (no operation Erf or Gelu), the only one that is supported")
	}
	return g, nil
}

func parseONNX(model []byte) (*graph, error) {
	g := &graph{tensors: map[string]onnxTensor{}, made: map[string]int{}, adds: map[string][]int{}}
	err := fields(model, func(number int, _ uint64, body []byte) error {
		if number != 7 {
			return nil
		}
		return fields(body, g.field)
	})
	if err == nil && len(g.tensors) == 0 {
		err = errCut
	}
	if err != nil {
		return nil, err
	}
	for i, n := range g.nodes {
		for _, out := range n.outputs {
			g.made[out] = i
		}
		if n.op == "Add" && len(n.inputs) == 2 {
			for _, in := range n.inputs {
				g.adds[in] = append(g.adds[in], i)
			}
		}
	}
	return g, nil
}

func (g *graph) field(number int, _ uint64, body []byte) error {
	switch number {
	case 1:
		n, err := parseNode(body)
		if err != nil {
			return err
		}
		g.values += len(n.inputs) + len(n.outputs)
		if len(g.nodes) >= maxNodes || g.values > maxValues {
			return errors.New("the graph has too many operations to be an encoder's")
		}
		g.nodes = append(g.nodes, n)
	case 5:
		name, t, err := parseTensor(body)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		if _, twice := g.tensors[name]; twice {
			return fmt.Errorf("tensor %q is there twice", name)
		}
		if len(g.tensors) >= maxTensors {
			return errors.New("the graph has too many tensors to be an encoder's")
		}
		g.tensors[name] = t
	}
	return nil
}

func parseNode(msg []byte) (n node, err error) {
	err = fields(msg, func(number int, _ uint64, body []byte) error {
		switch number {
		case 1:
			n.inputs = append(n.inputs, string(body))
		case 2:
			n.outputs = append(n.outputs, string(body))
		case 4:
			n.op = string(body)
		case 5:
			var name, text string
			err := fields(body, func(number int, _ uint64, body []byte) error {
				switch number {
				case 1:
					name = string(body)
				case 4:
					text = string(body)
				}
				return nil
			})
			n.approximate = n.approximate || name == "approximate" && text != "none"
			return err
		}
		if len(n.inputs)+len(n.outputs) > maxValues {
			return errors.New("an operation has too many inputs")
		}
		return nil
	})
	return n, err
}

// parseTensor reads what is said of a tensor and where its data are. Its size is
// checked when it is asked for, since the graph holds tensors of other kinds, too.
func parseTensor(msg []byte) (name string, t onnxTensor, err error) {
	dim := func(d uint64) error {
		if d > maxFile || len(t.dims) == maxDims {
			return errors.New("its shape is impossible")
		}
		t.dims = append(t.dims, int(d))
		return nil
	}
	err = fields(msg, func(number int, value uint64, body []byte) error {
		switch number {
		case 1:
			if body == nil {
				return dim(value)
			}
			for len(body) > 0 { // packed
				d, n := binary.Uvarint(body)
				if n <= 0 {
					return errCut
				}
				if err := dim(d); err != nil {
					return err
				}
				body = body[n:]
			}
		case 2:
			t.kind = value
		case 4, 9:
			if t.raw != nil {
				return errors.New("its data come twice")
			}
			t.raw = body
		case 5:
			for rest := body; len(rest) > 0; {
				v, n := binary.Uvarint(rest)
				if n <= 0 {
					return errCut
				}
				t.small, rest = append(t.small, byte(v)), rest[n:]
			}
		case 8:
			name = string(body)
		case 13:
			t.external = true
		}
		return nil
	})
	return name, t, err
}

func (g *graph) names() []string {
	names := slices.Collect(maps.Keys(g.tensors))
	for i, n := range names {
		names[i] = strings.TrimSuffix(n, quantizedSuffix)
	}
	return names
}

// stored returns the name under which a value is stored: exporters keep equal
// tensors once, and give the others by an Identity of the first.
func (g *graph) stored(name string) string {
	for range 8 {
		if _, ok := g.tensors[name]; ok {
			break
		}
		i, ok := g.made[name]
		if !ok || g.nodes[i].op != "Identity" || len(g.nodes[i].inputs) != 1 {
			break
		}
		name = g.nodes[i].inputs[0]
	}
	return name
}

func (g *graph) dims(name string) ([]int, bool) {
	t, ok := g.tensors[g.stored(name)]
	if !ok {
		t, ok = g.tensors[name+quantizedSuffix]
	}
	return t.dims, ok
}

func (g *graph) floats(name string) ([]float32, error) {
	t, ok := g.tensors[g.stored(name)]
	if !ok {
		if data, is, err := g.dequantized(name); is {
			return data, err
		}
		return nil, fmt.Errorf("it has no tensor %q", name)
	}
	kind := map[uint64]number{1: float32Number, 10: float16Number, 16: bfloat16Number}[t.kind]
	switch {
	case kind == otherNumber:
		return nil, fmt.Errorf("tensor %q is of the ONNX type %d; 32-bit and 16-bit floats are read", name, t.kind)
	case t.external:
		return nil, fmt.Errorf("tensor %q lies in another file, which is not read: take model.safetensors of the same model", name)
	}
	if n, ok := elements(t.dims); !ok || n > maxFile/kind.size() || n*kind.size() != len(t.raw) {
		return nil, fmt.Errorf("tensor %q has %d bytes, which the shape %v does not", name, len(t.raw), t.dims)
	}
	return decode(name, kind, t.raw)
}

// matrix returns the weights of the layer of that name. Exporters name weights by
// number ("onnx::MatMul_1525"), so they are found by what is done with them: a
// MatMul whose result the layer's bias is added to.
func (g *graph) matrix(layer string, in, out int) (matrix, error) {
	bias := layer + ".bias"
	for _, i := range g.adds[bias] {
		for _, value := range g.nodes[i].inputs {
			if m, ok := g.made[value]; ok && g.nodes[m].op == "MatMul" && len(g.nodes[m].inputs) == 2 {
				return g.factor(g.nodes[m].inputs[1], in, out)
			}
			if name, ok := g.integerProduct(value); ok {
				return g.factor(name, in, out)
			}
		}
	}
	return matrix{}, fmt.Errorf("it has no layer with the bias %q in the form that PyTorch exports (MatMul and Add): take model.safetensors of the same model", bias)
}

// factor returns what a MatMul multiplies with: a tensor, or one transposed.
func (g *graph) factor(name string, in, out int) (matrix, error) {
	m, want := matrix{row: out, col: 1}, []int{in, out}
	if i, ok := g.made[name]; ok && g.nodes[i].op == "Transpose" && len(g.nodes[i].inputs) == 1 {
		name = g.nodes[i].inputs[0]
		m, want = matrix{row: 1, col: in}, []int{out, in}
	}
	dims, ok := g.dims(name)
	if !ok {
		return m, fmt.Errorf("it has no tensor %q", name)
	}
	if !slices.Equal(dims, want) {
		return m, fmt.Errorf("tensor %q has shape %v; %v is needed", name, dims, want)
	}
	data, err := g.floats(name)
	m.data = data
	return m, err
}
