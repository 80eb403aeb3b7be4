package bert_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/model/bert"
	"github.com/smartretriever/smartretriever/model/bert/kernel"
	"github.com/smartretriever/smartretriever/model/bert/weightfile"
	"github.com/smartretriever/smartretriever/model/bert/weights"
)

// meanEncoder returns an encoder of the built-in weights that takes the mean of
// all tokens. The model was not made for that, but its arithmetic is as good.
func meanEncoder(t *testing.T, cfg bert.Config) *bert.Encoder {
	t.Helper()
	return changedEncoder(t, cfg, func(h *weightfile.Header) []weightfile.Tensor {
		h.Model.Pooling = "mean"
		return nil
	})
}

// changedEncoder returns an encoder of the built-in weights with another header
// and further tensors.
func changedEncoder(t *testing.T, cfg bert.Config, change func(*weightfile.Header) []weightfile.Tensor) *bert.Encoder {
	t.Helper()
	f, err := weightfile.Parse(weights.BGESmallEnV15())
	if err != nil {
		t.Fatal(err)
	}
	var tensors []weightfile.Tensor
	for _, tensor := range f.Tensors {
		n := 1
		for _, d := range tensor.Shape {
			n *= d
		}
		switch tensor.Type {
		case "bytes":
			data, err1 := f.Bytes(tensor.Name)
			tensor, err = weightfile.Bytes(tensor.Name, data), err1
		case "int8":
			data, err1 := f.Int8(tensor.Name, tensor.Layout, n)
			tensor, err = weightfile.Int8(tensor.Name, tensor.Layout, tensor.Shape, data), err1
		case "int32":
			data, err1 := f.Int32(tensor.Name, n)
			tensor, err = weightfile.Int32(tensor.Name, data), err1
		default:
			data, err1 := f.Float32(tensor.Name, n)
			tensor, err = weightfile.Float32(tensor.Name, tensor.Shape, data), err1
		}
		if err != nil {
			t.Fatal(err)
		}
		tensors = append(tensors, tensor)
	}
	h := f.Header
	tensors = append(tensors, change(&h)...)
	var out bytes.Buffer
	if err := weightfile.Write(&out, h, tensors); err != nil {
		t.Fatal(err)
	}
	m, err := bert.Open(out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	e, err := bert.NewEncoder(m, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// The golden vectors are ONNX Runtime's in 32-bit floats, as those of the first
// token are; one text is longer than the model takes.
func TestMeansAreThoseOfTheOriginal(t *testing.T) {
	texts, records := readGoldens(t, "testdata/golden_mean.jsonl")
	for _, set := range kernel.Sets() {
		if set == kernel.Generic {
			texts, records = texts[:2], records[:2] // plain Go is slow
		}
		for i, v := range encode(t, meanEncoder(t, bert.Config{Kernel: set.Name}), texts) {
			if c := cosine(v, records[i].Vector); !(c >= 0.995) {
				t.Errorf("%s: %.50q: cosine %.5f to the original", set.Name, texts[i], c)
			}
		}
	}
}

func TestMeansDoNotDependOnTheBatch(t *testing.T) {
	texts, _ := goldens(t)
	want := encode(t, meanEncoder(t, bert.Config{Workers: 1}), texts)
	e := meanEncoder(t, bert.Config{Workers: 2})
	for i, text := range texts {
		if got := encode(t, e, []string{text}); !slices.Equal(got[0], want[i]) {
			t.Errorf("%.30q has another vector alone", text)
		}
	}
}

func TestMeansAllocateNothing(t *testing.T) {
	encodeAllocatesNothing(t, meanEncoder(t, bert.Config{Workers: 2}))
}
