package convert

import (
	"fmt"
	"math"
	"strings"
)

// Models that ONNX Runtime has quantised dynamically keep 8-bit integers in place of
// a tensor X: X_quantized, with the steps X_scale and what stands for zero in
// X_zero_point, one of each or one a column. Products are done by MatMulInteger, and
// tables are looked up before DequantizeLinear.
const (
	quantizedSuffix = "_quantized"
	scaleSuffix     = "_scale"
	zeroSuffix      = "_zero_point"
)

// ONNX's types of 8-bit integers.
const (
	onnxUint8 = 2
	onnxInt8  = 3
)

// packed reports whether an operation belongs to dynamic quantisation to 8 bits.
func packed(op string) bool {
	return op == "MatMulInteger" || op == "DynamicQuantizeLinear" || op == "DequantizeLinear"
}

// dequantized returns the elements of a tensor that is stored in 8 bits, and whether
// it is.
func (g *graph) dequantized(name string) ([]float32, bool, error) {
	q, ok := g.tensors[name+quantizedSuffix]
	if !ok {
		return nil, false, nil
	}
	raw, err := q.bytes(name + quantizedSuffix)
	if err != nil {
		return nil, true, err
	}
	scales, err := g.floats(name + scaleSuffix)
	if err != nil {
		return nil, true, err
	}
	zero, ok := g.tensors[name+zeroSuffix]
	if !ok {
		return nil, true, fmt.Errorf("it has no tensor %q", name+zeroSuffix)
	}
	zeros, err := zero.bytes(name + zeroSuffix)
	if err != nil {
		return nil, true, err
	}
	columns := 1
	if n := len(q.dims); n > 0 {
		columns = q.dims[n-1]
	}
	if len(scales) != len(zeros) || zero.kind != q.kind || len(scales) != 1 && len(scales) != columns {
		return nil, true, fmt.Errorf("tensor %q has %d scales and %d zero points; one or %d are needed", name, len(scales), len(zeros), columns)
	}
	out := make([]float32, len(raw))
	for i := range out {
		at := 0
		if len(scales) > 1 {
			at = i % columns
		}
		out[i] = float32(integer(raw[i], q.kind)-integer(zeros[at], q.kind)) * scales[at]
		if math.Float32bits(out[i])&0x7F800000 == 0x7F800000 {
			return nil, true, fmt.Errorf("element %d of tensor %q is %v: no number to compute with", i, name, out[i])
		}
	}
	return out, true, nil
}

func integer(b byte, kind uint64) int {
	if kind == onnxInt8 {
		return int(int8(b))
	}
	return int(b)
}

// bytes returns the elements of a tensor of 8-bit integers.
func (t onnxTensor) bytes(name string) ([]byte, error) {
	raw := t.raw
	if raw == nil {
		raw = t.small
	}
	if t.kind != onnxInt8 && t.kind != onnxUint8 {
		return nil, fmt.Errorf("tensor %q is of the ONNX type %d; 8-bit integers are needed", name, t.kind)
	}
	if n, ok := elements(t.dims); !ok || n != len(raw) || t.external {
		return nil, fmt.Errorf("tensor %q has %d bytes, which the shape %v does not", name, len(raw), t.dims)
	}
	return raw, nil
}

// integerProduct returns the name of the weights of a MatMulInteger whose result,
// brought to its scale, is value.
func (g *graph) integerProduct(value string) (string, bool) {
	for _, op := range []string{"Mul", "Cast", "MatMulInteger"} {
		n, ok := g.made[value]
		if !ok || g.nodes[n].op != op || len(g.nodes[n].inputs) == 0 {
			return "", false
		}
		if op == "MatMulInteger" {
			if len(g.nodes[n].inputs) < 2 {
				return "", false
			}
			return strings.CutSuffix(g.nodes[n].inputs[1], quantizedSuffix)
		}
		value = g.nodes[n].inputs[0]
	}
	return "", false
}
