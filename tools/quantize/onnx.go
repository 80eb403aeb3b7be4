package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// graph is what we need of an ONNX model: the stored tensors and the operations
// that use them. The format is Protocol Buffers; field numbers are those of
// onnx.proto (ModelProto.graph 7; GraphProto.node 1, initializer 5;
// NodeProto.input 1, output 2, op_type 4; TensorProto.dims 1, data_type 2,
// name 8, raw_data 9).
type graph struct {
	nodes   []node
	tensors map[string]tensor
}

type node struct {
	op      string
	inputs  []string
	outputs []string
}

type tensor struct {
	dims []int
	data []float32
}

var errCut = errors.New("the file is cut off or is no ONNX model")

// fields calls f for each field of a message: the number of a varint, or the
// bytes of a length-delimited one. Fixed-width fields are skipped.
func fields(msg []byte, f func(number int, value uint64, bytes []byte) error) error {
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
			msg = msg[width:]
			continue
		case 2:
			size, n := binary.Uvarint(msg)
			if n <= 0 || size > uint64(len(msg)-n) {
				return errCut
			}
			body, msg = msg[n:n+int(size)], msg[n+int(size):]
		default:
			return errCut
		}
		if err := f(int(key>>3), value, body); err != nil {
			return err
		}
	}
	return nil
}

func parseONNX(model []byte) (*graph, error) {
	g := &graph{tensors: map[string]tensor{}}
	err := fields(model, func(number int, _ uint64, body []byte) error {
		if number != 7 {
			return nil
		}
		return fields(body, g.field)
	})
	if err == nil && len(g.tensors) == 0 {
		err = errCut
	}
	return g, err
}

func (g *graph) field(number int, _ uint64, body []byte) error {
	switch number {
	case 1:
		n, err := parseNode(body)
		g.nodes = append(g.nodes, n)
		return err
	case 5:
		name, t, err := parseTensor(body)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
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
		}
		return nil
	})
	return n, err
}

// parseTensor reads a tensor; the data of those that are not 32-bit floats in
// raw form are left out, since the weights are all of that kind.
func parseTensor(msg []byte) (name string, t tensor, err error) {
	const float = 1
	var kind uint64
	var raw []byte
	err = fields(msg, func(number int, value uint64, body []byte) error {
		switch number {
		case 1:
			if body != nil { // packed
				for len(body) > 0 {
					d, n := binary.Uvarint(body)
					if n <= 0 {
						return errCut
					}
					t.dims, body = append(t.dims, int(d)), body[n:]
				}
				return nil
			}
			t.dims = append(t.dims, int(value))
		case 2:
			kind = value
		case 8:
			name = string(body)
		case 9:
			raw = body
		}
		return nil
	})
	if err != nil || kind != float {
		return name, t, err
	}
	size := 1
	for _, d := range t.dims {
		size *= d
	}
	if 4*size != len(raw) {
		return name, t, fmt.Errorf("%d bytes for the shape %v", len(raw), t.dims)
	}
	t.data = make([]float32, size)
	for i := range t.data {
		t.data[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return name, t, nil
}

// floats returns a tensor of the given shape.
func (g *graph) floats(name string, dims ...int) ([]float32, error) {
	t, ok := g.tensors[name]
	if !ok {
		return nil, fmt.Errorf("the model has no tensor %q", name)
	}
	if fmt.Sprint(t.dims) != fmt.Sprint(dims) || t.data == nil {
		return nil, fmt.Errorf("tensor %q has shape %v; %v is needed", name, t.dims, dims)
	}
	return t.data, nil
}

// matrix returns the weights [in][out] of the layer whose bias has this name.
// The exporter names weights by number ("onnx::MatMul_1525"), so they are found
// by what is done with them: a MatMul whose result the bias is added to.
func (g *graph) matrix(bias string, in, out int) ([]float32, error) {
	made := map[string]node{}
	for _, n := range g.nodes {
		for _, o := range n.outputs {
			made[o] = n
		}
	}
	for _, n := range g.nodes {
		if n.op != "Add" || len(n.inputs) != 2 || (n.inputs[0] != bias && n.inputs[1] != bias) {
			continue
		}
		for _, in1 := range n.inputs {
			if m := made[in1]; m.op == "MatMul" && len(m.inputs) == 2 {
				return g.floats(m.inputs[1], in, out)
			}
		}
	}
	return nil, fmt.Errorf("the model has no layer with the bias %q", bias)
}
