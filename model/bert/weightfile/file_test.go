package weightfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

func sample(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	err := Write(&out, Header{Model: Model{Name: "tiny", Layers: 1}, Source: Source{Licence: "MIT"}}, []Tensor{
		Bytes("vocabulary", []byte("a\nb")),
		Int8("weights", "packed", []int{2, 3}, []int8{-127, -1, 0, 1, 2, 127}),
		Int32("summed", []int32{math.MinInt32, 7}),
		Float32("scales", []int{3}, []float32{1.5, -0.25, 1e-30}),
		PackedFloat32("plain", "packed", []int{2, 2}, []float32{-1, 0.5, 3, 1e20}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestRoundTrip(t *testing.T) {
	data := sample(t)
	if again := sample(t); !bytes.Equal(data, again) {
		t.Error("the same tensors gave different bytes")
	}
	f, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if f.Model.Name != "tiny" || f.Source.Licence != "MIT" {
		t.Errorf("header came back as %+v", f.Header)
	}
	for _, tensor := range f.Tensors {
		if tensor.Offset%alignment != 0 {
			t.Errorf("tensor %q starts at %d", tensor.Name, tensor.Offset)
		}
	}
	words, err1 := f.Bytes("vocabulary")
	weights, err2 := f.Int8("weights", "packed", 6)
	sums, err3 := f.Int32("summed", 2)
	scales, err4 := f.Float32("scales", 3)
	plain, err5 := f.PackedFloat32("plain", "packed", 4)
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		t.Fatal(err)
	}
	if want := []float32{-1, 0.5, 3, 1e20}; !slices.Equal(plain, want) {
		t.Errorf("packed floats came back as %v", plain)
	}
	if string(words) != "a\nb" || !slices.Equal(weights, []int8{-127, -1, 0, 1, 2, 127}) ||
		!slices.Equal(sums, []int32{math.MinInt32, 7}) || !slices.Equal(scales, []float32{1.5, -0.25, 1e-30}) {
		t.Errorf("tensors came back as %q %v %v %v", words, weights, sums, scales)
	}
}

func TestAskingForTheWrongTensor(t *testing.T) {
	f, err := Parse(sample(t))
	if err != nil {
		t.Fatal(err)
	}
	_, missing := f.Bytes("nothing")
	_, kind := f.Int32("scales", 3)
	_, size := f.Float32("scales", 4)
	_, layout := f.Int8("weights", "", 6)
	_, floatLayout := f.PackedFloat32("plain", "", 4)
	_, floatKind := f.PackedFloat32("weights", "packed", 6)
	for name, err := range map[string]error{"missing": missing, "type": kind, "size": size, "layout": layout, "layout of floats": floatLayout, "type of floats": floatKind} {
		if !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A file may lie anywhere in memory, where floats cannot be read in place.
func TestFloatsAtAnyAddress(t *testing.T) {
	data := sample(t)
	for shift := range 5 {
		moved := append(make([]byte, shift, shift+len(data)), data...)[shift:]
		f, err := Parse(moved)
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := f.PackedFloat32("plain", "packed", 4); err != nil || !slices.Equal(plain, []float32{-1, 0.5, 3, 1e20}) {
			t.Errorf("%d bytes further: %v, %v", shift, plain, err)
		}
	}
}

// reseal gives changed bytes a right checksum and length, as a hostile author
// would.
func reseal(data []byte) []byte {
	end := len(data) - 4
	binary.LittleEndian.PutUint64(data[16:], uint64(len(data)))
	binary.LittleEndian.PutUint32(data[end:], crc32.Checksum(data[:end], castagnoli))
	return data
}

func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(b []byte) []byte
		want   string
	}{
		"empty":         {func(b []byte) []byte { return nil }, "not a weight file"},
		"foreign":       {func(b []byte) []byte { return bytes.Repeat([]byte("PK"), 100) }, "not a weight file"},
		"later version": {func(b []byte) []byte { b[8] = 2; return b }, "version 2"},
		"cut off":       {func(b []byte) []byte { return b[:len(b)-10] }, "cut off"},
		"a bit flipped": {func(b []byte) []byte { b[len(b)-20] ^= 1; return b }, "damaged"},
		"long header": {func(b []byte) []byte {
			binary.LittleEndian.PutUint32(b[12:], math.MaxUint32)
			return reseal(b)
		}, "header of"},
		"broken header": {func(b []byte) []byte { b[fixed] = '['; return reseal(b) }, "read the header"},
		"unknown type": {func(b []byte) []byte {
			return reseal(bytes.Replace(b, []byte(`"int32"`), []byte(`"int64"`), 1))
		}, "unknown type"},
		"tensor twice": {func(b []byte) []byte {
			return reseal(bytes.Replace(b, []byte(`"scales"`), []byte(`"summed"`), 1))
		}, "twice"},
		"shape beyond size": {func(b []byte) []byte {
			return reseal(bytes.Replace(b, []byte(`"shape":[2,3]`), []byte(`"shape":[9,3]`), 1))
		}, "instead of 27"},
		"overflowing shape": {func(b []byte) []byte {
			return reseal(bytes.Replace(b, []byte(`"shape":[2,3],"layout":"packed"`), []byte(`"shape":[4294967296,4294967296]`), 1))
		}, "impossible shape"},
		"negative shape": {func(b []byte) []byte {
			return reseal(bytes.Replace(b, []byte(`"shape":[2,3],"layout":"packed"`), []byte(`"shape":[-2,3],"layout":"packe"`), 1))
		}, "impossible shape"},
	} {
		_, err := Parse(c.change(sample(t)))
		if !errors.Is(err, rag.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sample(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > fixed+4 {
			data = reseal(bytes.Clone(data)) // past the checksum
		}
		file, err := Parse(data)
		if err != nil {
			if !errors.Is(err, rag.ErrInvalid) {
				t.Errorf("%v", err)
			}
			return
		}
		for _, tensor := range file.Tensors {
			if raw, err := file.find(tensor.Name, tensor.Type, -1); err != nil || int64(len(raw)) != tensor.Size {
				t.Errorf("tensor %q: %d bytes, %v", tensor.Name, len(raw), err)
			}
		}
	})
}
