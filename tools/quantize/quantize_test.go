package main

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
	w, err := g.matrix("dense.bias", 3, 2)
	if err != nil || !slices.Equal(w, []float32{1, 2, 3, 4, 5, 6}) {
		t.Errorf("%v, %v", w, err)
	}
	if _, err := g.matrix("dense.bias", 2, 3); err == nil || !strings.Contains(err.Error(), "shape [3 2]") {
		t.Errorf("the wrong shape: %v", err)
	}
	if _, err := g.matrix("other.bias", 3, 2); err == nil {
		t.Error("a layer that is not there was found")
	}
}

func TestCutFilesAreErrors(t *testing.T) {
	model := smallModel()
	for n := range model {
		if g, err := parseONNX(model[:n]); err == nil && n > 2 {
			t.Errorf("the first %d of %d bytes make a model of %d tensors", n, len(model), len(g.tensors))
		}
	}
}

func FuzzParseONNX(f *testing.F) {
	f.Add(smallModel())
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := parseONNX(data)
		if err == nil {
			_, _ = g.matrix("dense.bias", 3, 2)
		}
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

func TestReadVocabulary(t *testing.T) {
	words, err := readVocabulary([]byte(`{"model":{"vocab":{"b":1,"a":0,"##c":2}}}`))
	if err != nil || !slices.Equal(words, []string{"a", "b", "##c"}) {
		t.Errorf("%v, %v", words, err)
	}
	for _, bad := range []string{`{`, `{"model":{"vocab":{"a":1}}}`, `{"model":{"vocab":{"a":0,"b":0}}}`, `{"model":{"vocab":{"a\nb":0}}}`, `{"model":{"vocab":{"a":-1}}}`} {
		if words, err := readVocabulary([]byte(bad)); err == nil {
			t.Errorf("%s gives %v", bad, words)
		}
	}
}

func TestRunNeedsItsArguments(t *testing.T) {
	for _, args := range [][]string{nil, {"-jar", "a.jar"}, {"-jar", "a.jar", "-out", "b", "-verify", "c"}, {"-jar", t.TempDir() + "/missing.jar", "-out", t.TempDir() + "/out"}} {
		if err := run(args, &strings.Builder{}); err == nil {
			t.Errorf("%v is taken", args)
		}
	}
}
