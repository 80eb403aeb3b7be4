package bert_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/smartretriever/smartretriever/model/bert"
	"github.com/smartretriever/smartretriever/model/bert/kernel"
	"github.com/smartretriever/smartretriever/model/bert/weightfile"
	"github.com/smartretriever/smartretriever/model/bert/weights"
	"github.com/smartretriever/smartretriever/rag"
)

// floatFile is the built-in weights as 32-bit floats: the same numbers, computed
// without quantising activations.
var floatFile = sync.OnceValues(func() ([]byte, error) {
	f, err := weightfile.Parse(weights.BGESmallEnV15())
	if err != nil {
		return nil, err
	}
	var tensors []weightfile.Tensor
	for _, t := range f.Tensors {
		name, isWeight := strings.CutSuffix(t.Name, ".weight")
		switch {
		case t.Type == "bytes":
			data, err := f.Bytes(t.Name)
			if err != nil {
				return nil, err
			}
			tensors = append(tensors, weightfile.Bytes(t.Name, data))
		case isWeight:
			made, err := floatWeights(f, name, t)
			if err != nil {
				return nil, err
			}
			tensors = append(tensors, made)
		case t.Type == "float32" && !strings.HasSuffix(t.Name, ".scale"):
			data, err := f.Float32(t.Name, int(t.Size)/4)
			if err != nil {
				return nil, err
			}
			tensors = append(tensors, weightfile.Float32(t.Name, t.Shape, data))
		}
	}
	h := f.Header
	h.Model.Weights = bert.Float32Weights
	var out bytes.Buffer
	err = weightfile.Write(&out, h, tensors)
	return out.Bytes(), err
})

// floatWeights multiplies quantised weights with their scales. They lie as
// kernel.Pack lays them, those of words as a table with a scale a row.
func floatWeights(f *weightfile.File, name string, t weightfile.Tensor) (weightfile.Tensor, error) {
	q, err := f.Int8(t.Name, t.Layout, t.Shape[0]*t.Shape[1])
	if err != nil {
		return t, err
	}
	words := t.Layout == ""
	in, out := t.Shape[0], t.Shape[1]
	scales := out
	if words {
		scales = in
	}
	scale, err := f.Float32(name+".scale", scales)
	if err != nil {
		return t, err
	}
	if words {
		data := make([]float32, len(q))
		for i, v := range q {
			data[i] = float32(v) * scale[i/out]
		}
		return weightfile.Float32(t.Name, t.Shape, data), nil
	}
	const panel, group = kernel.Panel, kernel.Group
	data := kernel.PackFloats(in, out, func(k, n int) float32 {
		return scale[n] * float32(q[n/panel*panel*in+k/group*group*panel+n%panel*group+k%group])
	})
	return weightfile.PackedFloat32(t.Name, bert.FloatLayout, t.Shape, data), nil
}

func floatEncoder(tb testing.TB, cfg bert.Config) *bert.Encoder {
	tb.Helper()
	data, err := floatFile()
	if err != nil {
		tb.Fatal(err)
	}
	m, err := bert.Open(data)
	if err != nil {
		tb.Fatal(err)
	}
	e, err := bert.NewEncoder(m, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// Every kernel computes the same vectors from weights of 32-bit floats, near to
// those of the original, from which the numbers differ by their quantisation.
func TestFloatVectors(t *testing.T) {
	texts, records := goldens(t)
	sets := kernel.Sets()
	want := encode(t, floatEncoder(t, bert.Config{Kernel: sets[0].Name}), texts)
	for i, v := range want {
		if c := cosine(v, records[i].Vector); !(c >= 0.995) {
			t.Errorf("%.50q: cosine %.5f to the original", texts[i], c)
		}
	}
	for _, set := range sets[1:] {
		texts, want := texts, want
		if set == kernel.Generic {
			texts, want = texts[16:19], want[16:19] // plain Go is slow
		}
		for i, v := range encode(t, floatEncoder(t, bert.Config{Kernel: set.Name}), texts) {
			if c := cosine(v, want[i]); !(c >= 0.9999999) {
				t.Errorf("%s: %.50q: cosine %.8f to %s", set.Name, texts[i], c, sets[0].Name)
			}
		}
	}
}

func TestFloatVectorsDoNotDependOnTheBatch(t *testing.T) {
	texts, _ := goldens(t)
	want := encode(t, floatEncoder(t, bert.Config{Workers: 1}), texts)
	e := floatEncoder(t, bert.Config{Workers: 2})
	for i, text := range texts {
		if got := encode(t, e, []string{text}); !slices.Equal(got[0], want[i]) {
			t.Errorf("%.30q has another vector alone", text)
		}
	}
}

func TestFloatVectorsAllocateNothing(t *testing.T) {
	encodeAllocatesNothing(t, floatEncoder(t, bert.Config{Workers: 2}))
}

// Weights of a type that is not known, or in another layout than the type's, must
// be refused by name.
func TestOpenRefusesOtherWeights(t *testing.T) {
	good, err := weightfile.Parse(weights.BGESmallEnV15())
	if err != nil {
		t.Fatal(err)
	}
	vocabulary, err := good.Bytes("vocabulary")
	if err != nil {
		t.Fatal(err)
	}
	words := make([]float32, good.Model.Vocabulary*good.Model.Hidden)
	for name, c := range map[string]struct {
		kind, layout, says string
	}{
		"unknown type":   {"float16", "", "float16"},
		"another layout": {bert.Float32Weights, "panel16", "panel16"},
		"another type":   {bert.Int8Weights, "", "int8"},
	} {
		h := good.Header
		h.Model.Weights = c.kind
		var out bytes.Buffer
		err := weightfile.Write(&out, h, []weightfile.Tensor{
			weightfile.Bytes("vocabulary", vocabulary),
			weightfile.PackedFloat32("embeddings.word.weight", c.layout, []int{len(words)}, words),
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bert.Open(out.Bytes()); !errors.Is(err, rag.ErrInvalid) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
