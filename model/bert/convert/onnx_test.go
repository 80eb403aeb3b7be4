package convert

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"
)

// A writer of the few protobuf messages that the tests need.
func varint(number int, v uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(nil, uint64(number)<<3), v)
}

func message(number int, parts ...[]byte) []byte {
	body := slices.Concat(parts...)
	return append(binary.AppendUvarint(binary.AppendUvarint(nil, uint64(number)<<3|2), uint64(len(body))), body...)
}

func floatTensor(name string, data []float32, dims ...uint64) []byte {
	var raw []byte
	for _, v := range data {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	var parts [][]byte
	for _, d := range dims {
		parts = append(parts, varint(1, d))
	}
	parts = append(parts, varint(2, 1), message(8, []byte(name)), message(9, raw))
	return message(5, parts...)
}

func operation(op string, output string, inputs ...string) []byte {
	var parts [][]byte
	for _, in := range inputs {
		parts = append(parts, message(1, []byte(in)))
	}
	return message(1, append(parts, message(2, []byte(output)), message(4, []byte(op)))...)
}

func smallModel() []byte {
	return slices.Concat(varint(1, 7), message(7,
		operation("MatMul", "product", "input", "onnx::MatMul_17"),
		operation("Add", "sum", "dense.bias", "product"),
		floatTensor("dense.bias", []float32{1, 2}, 2),
		floatTensor("onnx::MatMul_17", []float32{1, 2, 3, 4, 5, 6}, 3, 2),
	))
}

func TestWeightsAreFoundByTheirUse(t *testing.T) {
	g, err := parseONNX(smallModel())
	if err != nil {
		t.Fatal(err)
	}
	m, err := g.matrix("dense", 3, 2)
	if err != nil || !slices.Equal(m.data, []float32{1, 2, 3, 4, 5, 6}) || m.at(2, 1) != 6 || m.at(1, 0) != 3 {
		t.Errorf("%v, %v", m, err)
	}
	if _, err := g.matrix("dense", 2, 3); err == nil || !strings.Contains(err.Error(), "shape [3 2]") {
		t.Errorf("the wrong shape: %v", err)
	}
	if _, err := g.matrix("other", 3, 2); err == nil {
		t.Error("a layer that is not there was found")
	}
}

func TestONNXRefuses(t *testing.T) {
	whole := floatTensor("a", []float32{1}, 1)
	for name, c := range map[string]struct {
		parts [][]byte
		want  string
	}{
		"quantised":        {[][]byte{operation("QLinearMatMul", "y", "x"), whole}, "not read (operation QLinearMatMul)"},
		"quantised, QDQ":   {[][]byte{operation("QuantizeLinear", "y", "x"), whole}, "32-bit file"},
		"four bits":        {[][]byte{operation("MatMulNBits", "y", "x"), whole}, "in a way that is not read"},
		"fused":            {[][]byte{operation("Attention", "y", "x"), whole}, "fused for one runtime"},
		"fast GELU":        {[][]byte{operation("FastGelu", "y", "x"), whole}, "approximation of GELU"},
		"tanh GELU":        {[][]byte{message(1, message(4, []byte("Gelu")), message(5, message(1, []byte("approximate")), message(4, []byte("tanh")))), whole}, "approximation of GELU"},
		"ReLU":             {[][]byte{operation("Relu", "y", "x"), whole}, "not GELU"},
		"twice":            {[][]byte{operation("Erf", "y", "x"), whole, whole}, `"a" is there twice`},
		"impossible shape": {[][]byte{operation("Erf", "y", "x"), message(5, varint(1, math.MaxUint64), message(8, []byte("a")))}, "shape is impossible"},
		"many dimensions":  {[][]byte{operation("Erf", "y", "x"), message(5, message(1, make([]byte, 9)), message(8, []byte("a")))}, "shape is impossible"},
		"data twice":       {[][]byte{operation("Erf", "y", "x"), message(5, message(9, nil), message(9, nil))}, "data come twice"},
	} {
		if _, err := openONNX(message(7, c.parts...)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := openONNX(message(7, message(1, message(4, []byte("Gelu")), message(5, message(1, []byte("approximate")), message(4, []byte("none")))), whole)); err != nil {
		t.Errorf("the exact GELU: %v", err)
	}
	for name, c := range map[string]struct {
		fields [][]byte
		want   string
	}{
		"integers": {[][]byte{varint(1, 4), varint(2, 3), message(9, make([]byte, 4))}, "ONNX type 3"},
		"external": {[][]byte{varint(1, 4), varint(2, 1), message(13, []byte{})}, "lies in another file"},
		"size":     {[][]byte{varint(1, 4), varint(2, 1), message(9, make([]byte, 4))}, "4 bytes, which the shape [4] does not"},
		"overflow": {[][]byte{varint(1, 1<<30), varint(1, 1<<30), varint(1, 1<<4), varint(2, 1)}, "does not"},
		"infinite": {[][]byte{varint(1, 1), varint(2, 1), message(9, []byte{0, 0, 0x80, 0x7F})}, "+Inf"},
	} {
		g, err := openONNX(message(7, operation("Erf", "y", "x"), message(5, append(c.fields, message(8, []byte("a")))...)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := g.floats("a"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// float_data is the other form of the same numbers.
func TestONNXFloatData(t *testing.T) {
	g, err := parseONNX(message(7, message(5, varint(1, 1), varint(2, 1), message(8, []byte("a")), message(4, []byte{0, 0, 0x80, 0x3F}))))
	if err != nil {
		t.Fatal(err)
	}
	if v, err := g.floats("a"); err != nil || !slices.Equal(v, []float32{1}) {
		t.Errorf("%v, %v", v, err)
	}
}

// Identities that go round in a circle end.
func TestONNXCircle(t *testing.T) {
	g, err := parseONNX(message(7, operation("Identity", "a", "b"), operation("Identity", "b", "a"), floatTensor("c", []float32{1}, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := g.dims("a"); ok {
		t.Error("a circle has a shape")
	}
}

func TestCutFilesAreErrors(t *testing.T) {
	model := smallModel()
	for n := range model {
		if g, err := parseONNX(model[:n]); err == nil {
			t.Errorf("the first %d of %d bytes make a model of %d tensors", n, len(model), len(g.tensors))
		}
	}
}

func FuzzONNX(f *testing.F) {
	f.Add(smallModel())
	f.Add(message(7, operation("Erf", "y", "x"), operation("Identity", "dense.bias", "y"), message(5, varint(1, 1<<31), varint(1, 1<<31), varint(2, 10), message(8, []byte("y")))))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = openONNX(data)
		g, err := parseONNX(data)
		if err != nil {
			return
		}
		for _, name := range g.names() {
			if v, err := g.floats(name); err == nil {
				if n, _ := elements(g.tensors[name].dims); n != len(v) {
					t.Errorf("%q has %d elements", name, len(v))
				}
			}
			_, _ = g.matrix(strings.TrimSuffix(name, ".bias"), 3, 2)
		}
		_, _ = findEncoder(g.names())
	})
}

func TestQuantize(t *testing.T) {
	values := []float32{-2, 0, 0.5, 1, 2, 0.007}
	got := make([]int8, len(values))
	scale := quantize(len(values), func(i int) float32 { return values[i] }, func(i int, v int8) { got[i] = v })
	if want := []int8{-127, 0, 32, 64, 127, 0}; !slices.Equal(got, want) || scale != float32(2.0/127) {
		t.Errorf("%v with steps of %v", got, scale)
	}
	scale = quantize(2, func(int) float32 { return 0 }, func(i int, v int8) { got[i] = v })
	if scale != 0 || got[0] != 0 {
		t.Errorf("zeros: %v with steps of %v", got[0], scale)
	}
}
