package convert

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestHalf(t *testing.T) {
	for h, want := range map[uint16]float64{
		0: 0, 1: math.Ldexp(1, -24), 0x03FF: math.Ldexp(1023, -24), 0x0400: math.Ldexp(1, -14),
		0x3C00: 1, 0xC000: -2, 0x7BFF: 65504, 0x3555: 0.333251953125, 0x7C00: math.Inf(1), 0xFC00: math.Inf(-1),
	} {
		if got := half(h); float64(got) != want {
			t.Errorf("%#04x is %v instead of %v", h, got, want)
		}
	}
	if got := half(0x7E00); got == got {
		t.Errorf("NaN is %v", got)
	}
	if got := half(0x8000); math.Float32bits(got) != 1<<31 {
		t.Errorf("-0 is %v", got)
	}
}

func TestSafetensorsRefuses(t *testing.T) {
	entry := func(kind, shape string, from, to any) string {
		return fmt.Sprintf(`{"dtype":%q,"shape":%s,"data_offsets":[%v,%v]}`, kind, shape, from, to)
	}
	file := func(header string, size int) []byte {
		return slices.Concat(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), []byte(header), make([]byte, size))
	}
	good := file(`{"a":`+entry("F32", "[2,1]", 0, 8)+`,"b":`+entry("I64", "[]", 8, 16)+`}`, 16)
	if _, err := openSafetensors(bytes.NewReader(good), int64(len(good))); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":          {nil, "no safetensors file"},
		"long header":    {binary.LittleEndian.AppendUint64(nil, math.MaxUint64), "no safetensors"},
		"longer header":  {append(binary.LittleEndian.AppendUint64(nil, math.MaxUint64), 1, 2, 3), "header has 18446744073709551615 bytes"},
		"header cut":     {file(`{"a":{}}`, 0)[:12], "cut off"},
		"no JSON":        {file(`{"a"`, 10), "header"},
		"an array":       {file(`[1,2,3]`, 10), "header"},
		"no entry":       {file(`{"a":7}`, 10), `tensor "a"`},
		"no place":       {file(`{"a":{"dtype":"F32","shape":[1]}}`, 4), "no place"},
		"backwards":      {file(`{"a":`+entry("F32", "[1]", 4, 0)+`}`, 4), "no place"},
		"negative":       {file(`{"a":`+entry("F32", "[1]", -4, 0)+`}`, 4), `tensor "a"`},
		"beyond":         {file(`{"a":`+entry("F32", "[2]", 0, 8)+`}`, 4), "cut off"},
		"far beyond":     {file(`{"a":`+entry("F32", "[2]", uint64(math.MaxUint64-8), uint64(math.MaxUint64))+`}`, 4), "cut off"},
		"unknown type":   {file(`{"a":`+entry("F7", "[1]", 0, 4)+`}`, 4), `"F7" is not known`},
		"other size":     {file(`{"a":`+entry("F32", "[2]", 0, 4)+`}`, 4), "shape [2] of F32"},
		"negative shape": {file(`{"a":`+entry("F32", "[-1,-1]", 0, 4)+`}`, 4), "shape [-1 -1]"},
		"overflow":       {file(`{"a":`+entry("F32", "[4294967296,4294967296]", 0, 0)+`}`, 0), "shape"},
		"overlap":        {file(`{"a":`+entry("F32", "[2]", 0, 8)+`,"b":`+entry("F32", "[2]", 4, 12)+`}`, 12), `"b" begins at byte 4 and overlaps`},
		"same place":     {file(`{"a":`+entry("F32", "[2]", 0, 8)+`,"b":`+entry("F32", "[2]", 0, 8)+`}`, 8), "overlaps"},
		"gap":            {file(`{"a":`+entry("F32", "[1]", 4, 8)+`}`, 8), "belong to no tensor"},
		"rest":           {file(`{"a":`+entry("F32", "[1]", 0, 4)+`}`, 8), "ends at byte 4 of 8"},
	} {
		_, err := openSafetensors(bytes.NewReader(c.data), int64(len(c.data)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSafetensorsOfOtherTypes(t *testing.T) {
	for kind, size := range map[string]int{"I8": 4, "F64": 32, "F8_E4M3": 4} {
		data := withHeader(map[string]any{"a.weight": map[string]any{"dtype": kind, "shape": []int{2, 2}, "data_offsets": []int{0, size}}}, make([]byte, size))
		s, err := openSafetensors(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.matrix("a", 2, 2); err == nil || !strings.Contains(err.Error(), `"a.weight" is of type `+kind) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func FuzzSafetensors(f *testing.F) {
	f.Add(writeSafetensors("F16", map[string]values{"a.weight": {[]int{2, 3}, make([]float32, 6)}, "a.bias": {[]int{2}, make([]float32, 2)}}))
	f.Add(withHeader(map[string]any{"a": map[string]any{"dtype": "F32", "shape": []int64{1 << 31, 1 << 31}, "data_offsets": []uint64{0, math.MaxUint64}}}, make([]byte, 8)))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := openSafetensors(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for _, name := range s.names() {
			dims, ok := s.dims(name)
			if !ok {
				t.Errorf("%q has no shape", name)
			}
			if v, err := s.floats(name); err == nil {
				if n, _ := elements(dims); n != len(v) {
					t.Errorf("%q of %v has %d elements", name, dims, len(v))
				}
			}
			_, _ = s.matrix(strings.TrimSuffix(name, ".weight"), 3, 2)
		}
		_, _ = findEncoder(s.names())
	})
}
