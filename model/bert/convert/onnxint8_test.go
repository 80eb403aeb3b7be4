package convert

import (
	"slices"
	"strings"
	"testing"
)

// byteTensor is a tensor of 8-bit integers, as raw bytes or as numbers.
func byteTensor(name string, kind uint64, raw []byte, numbers bool, dims ...uint64) []byte {
	fields := [][]byte{varint(2, kind), message(8, []byte(name))}
	for _, d := range dims {
		fields = append(fields, varint(1, d))
	}
	if !numbers {
		return message(5, append(fields, message(9, raw))...)
	}
	var list []byte
	for _, b := range raw {
		list = append(list, uvarint(uint64(b))...)
	}
	return message(5, append(fields, message(5, list))...)
}

func uvarint(v uint64) (out []byte) {
	for ; v >= 0x80; v >>= 7 {
		out = append(out, byte(v)|0x80)
	}
	return append(out, byte(v))
}

// int8Graph is a layer "dense" of 3 inputs and 2 outputs and a table, as ONNX
// Runtime quantises them.
func int8Graph(change func(parts map[string][]byte)) []byte {
	neg := func(v int8) byte { return byte(v) }
	parts := map[string][]byte{
		"erf":     operation("Erf", "e", "x"),
		"product": operation("MatMulInteger", "p", "x", "w_quantized", "xz", "w_zero_point"),
		"cast":    operation("Cast", "c", "p"),
		"scaled":  operation("Mul", "m", "c", "s"),
		"sum":     operation("Add", "y", "dense.bias", "m"),
		"bias":    floatTensor("dense.bias", []float32{1, 2}, 2),
		"w":       byteTensor("w_quantized", onnxInt8, []byte{1, neg(-2), 3, 4, neg(-127), 6}, false, 3, 2),
		"scales":  floatTensor("w_scale", []float32{.5, 2}, 2),
		"zeros":   byteTensor("w_zero_point", onnxInt8, []byte{0, 1}, true, 2),
		"table":   byteTensor("t_quantized", onnxUint8, []byte{0, 128, 255}, false, 3, 1),
		"tscale":  floatTensor("t_scale", []float32{.25}),
		"tzero":   byteTensor("t_zero_point", onnxUint8, []byte{128}, true),
	}
	if change != nil {
		change(parts)
	}
	var list [][]byte
	for _, name := range []string{"erf", "product", "cast", "scaled", "sum", "bias", "w", "scales", "zeros", "table", "tscale", "tzero"} {
		list = append(list, parts[name])
	}
	return message(7, list...)
}

func TestONNXInt8(t *testing.T) {
	g, err := openONNX(int8Graph(nil))
	if err != nil || !g.packed {
		t.Fatalf("%v", err)
	}
	m, err := g.matrix("dense", 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	for k, row := range [][]float32{{.5, -6}, {1.5, 6}, {-63.5, 10}} {
		for n, want := range row {
			if got := m.at(k, n); got != want {
				t.Errorf("weight %d, %d is %v instead of %v", k, n, got, want)
			}
		}
	}
	if table, err := g.floats("t"); err != nil || !slices.Equal(table, []float32{-32, 0, 31.75}) {
		t.Errorf("%v, %v", table, err)
	}
	if names := g.names(); !slices.Contains(names, "t") || !slices.Contains(names, "w") {
		t.Errorf("%q", names)
	}
}

func TestONNXInt8Refuses(t *testing.T) {
	for name, c := range map[string]struct {
		part string
		to   []byte
		want string
	}{
		"no scale":      {"scales", nil, `no tensor "w_scale"`},
		"no zero":       {"zeros", nil, `no tensor "w_zero_point"`},
		"three scales":  {"scales", floatTensor("w_scale", []float32{1, 2, 3}, 3), "3 scales and 2 zero points"},
		"other zero":    {"zeros", byteTensor("w_zero_point", onnxUint8, []byte{0, 1}, false, 2), "scales and"},
		"infinite":      {"scales", floatTensor("w_scale", []float32{3e38, 3e38}, 2), "no number to compute with"},
		"cut off":       {"w", byteTensor("w_quantized", onnxInt8, []byte{1}, false, 3, 2), "1 bytes, which the shape [3 2]"},
		"wide integers": {"w", byteTensor("w_quantized", 6, []byte{1, 2, 3, 4, 5, 6}, false, 3, 2), "ONNX type 6"},
		"no product":    {"product", operation("Gemm", "p", "x", "w_quantized"), "no layer with the bias"},
	} {
		g, err := openONNX(int8Graph(func(parts map[string][]byte) { parts[c.part] = c.to }))
		if err == nil {
			_, err = g.matrix("dense", 3, 2)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v does not say %q", name, err, c.want)
		}
	}
}
