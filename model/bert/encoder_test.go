package bert_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
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

type golden struct {
	Text   string    `json:"text"`
	Vector []float32 `json:"vector"`
}

func goldens(t *testing.T) (texts []string, records []golden) {
	t.Helper()
	if texts, records = readGoldens(t, "testdata/golden.jsonl"); len(records) < 20 {
		t.Fatalf("%d golden texts", len(records))
	}
	return texts, records
}

func readGoldens(t *testing.T, name string) (texts []string, records []golden) {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var g golden
		if err := json.Unmarshal(lines.Bytes(), &g); err != nil {
			t.Fatal(err)
		}
		texts, records = append(texts, g.Text), append(records, g)
	}
	if lines.Err() != nil || len(records) == 0 {
		t.Fatalf("%d golden texts, %v", len(records), lines.Err())
	}
	return texts, records
}

func encode(t *testing.T, e *bert.Encoder, texts []string) [][]float32 {
	t.Helper()
	d := e.Model().Hidden
	flat := make([]float32, len(texts)*d)
	if err := e.Encode(t.Context(), flat, "", texts); err != nil {
		t.Fatal(err)
	}
	return slices.Collect(slices.Chunk(flat, d))
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}

// The golden vectors are ONNX Runtime's in 32-bit floats, of the file that our
// weights were made from; bench/embed/golden.py computes them anew.
func TestVectorsAreThoseOfTheOriginal(t *testing.T) {
	texts, records := goldens(t)
	for _, set := range kernel.Sets() {
		t.Run(set.Name, func(t *testing.T) {
			texts, records := texts, records
			if set == kernel.Generic {
				texts, records = texts[16:20], records[16:20] // plain Go is slow
			}
			for i, v := range encode(t, encoder(t, bert.Config{Kernel: set.Name}), texts) {
				if c := cosine(v, records[i].Vector); !(c >= 0.995) {
					t.Errorf("%.50q: cosine %.5f to the original", texts[i], c)
				}
				var length float64
				for _, x := range v {
					length += float64(x) * float64(x)
				}
				if math.Abs(length-1) > 1e-5 {
					t.Errorf("%.50q: length %v", texts[i], math.Sqrt(length))
				}
			}
		})
	}
}

// The shortest texts with both types of weights and every set: little enough for
// an emulated processor.
func TestShortTexts(t *testing.T) {
	texts, records := goldens(t)
	for _, set := range kernel.Sets() {
		for name, e := range map[string]*bert.Encoder{
			"int8":    encoder(t, bert.Config{Kernel: set.Name}),
			"float32": floatEncoder(t, bert.Config{Kernel: set.Name}),
		} {
			for i, text := range texts {
				if len(text) > 25 {
					continue
				}
				if c := cosine(encode(t, e, []string{text})[0], records[i].Vector); !(c >= 0.995) {
					t.Errorf("%s, %s: %q: cosine %.5f to the original", set.Name, name, text, c)
				}
			}
		}
	}
}

// What is stored today is compared with what is computed tomorrow, in another
// batch on another machine of the same kind.
func TestVectorsDoNotDependOnTheBatch(t *testing.T) {
	texts, _ := goldens(t)
	for i := range 30 { // many lengths, so that tiles of every height occur
		texts = append(texts, passage(3+i*i%67))
	}
	one := encoder(t, bert.Config{Workers: 1})
	want := encode(t, one, texts)
	reversed := slices.Clone(texts)
	slices.Reverse(reversed)
	for _, c := range []struct{ workers, batch int }{{1, 1}, {2, len(texts)}, {3, 7}} {
		e := encoder(t, bert.Config{Workers: c.workers})
		var got [][]float32
		for part := range slices.Chunk(reversed, c.batch) {
			got = append(got, encode(t, e, part)...)
		}
		slices.Reverse(got)
		for i := range want {
			if !slices.Equal(got[i], want[i]) {
				t.Fatalf("%d workers, batches of %d: text %d (%.30q) has another vector", c.workers, c.batch, i, texts[i])
			}
		}
	}
}

func TestPrefixIsPartOfTheText(t *testing.T) {
	e := encoder(t, bert.Config{})
	d := e.Model().Hidden
	a, b := make([]float32, d), make([]float32, d)
	if err := e.Encode(t.Context(), a, e.Model().QueryPrefix, []string{"what is bread?"}); err != nil {
		t.Fatal(err)
	}
	if err := e.Encode(t.Context(), b, "", []string{e.Model().QueryPrefix + "what is bread?"}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(a, b) {
		t.Error("a prefix does not count like the same words in the text")
	}
}

func TestLongTextsAreCut(t *testing.T) {
	e := encoder(t, bert.Config{})
	long := passage(e.Model().MaxTokens)
	got := encode(t, e, []string{long, long + "and more that is not read", strings.Repeat(long, 20)})
	if !slices.Equal(got[0], got[1]) || !slices.Equal(got[0], got[2]) {
		t.Error("what follows the first 512 tokens changes the vector")
	}
}

func TestManyCallsAtOnce(t *testing.T) {
	texts, _ := goldens(t)
	e := encoder(t, bert.Config{Workers: 2})
	want := encode(t, e, texts)
	var callers sync.WaitGroup
	for from := range 6 {
		callers.Go(func() {
			part := texts[from : from+12]
			flat := make([]float32, len(part)*e.Model().Hidden)
			if err := e.Encode(t.Context(), flat, "", part); err != nil {
				t.Error(err)
				return
			}
			for i := range part {
				if d := e.Model().Hidden; !slices.Equal(flat[i*d:(i+1)*d], want[from+i]) {
					t.Errorf("text %d has another vector when calls run side by side", from+i)
				}
			}
		})
	}
	callers.Wait()
}

func TestEncodeAllocatesNothing(t *testing.T) {
	encodeAllocatesNothing(t, encoder(t, bert.Config{Workers: 2}))
}

func encodeAllocatesNothing(t *testing.T, e *bert.Encoder) {
	t.Helper()
	texts, _ := goldens(t)
	texts = texts[:6]
	dst := make([]float32, len(texts)*e.Model().Hidden)
	ctx := t.Context()
	allocatesNothing(t, func() error { return e.Encode(ctx, dst, "", texts) })
}

// allocatesNothing checks that a warm call takes no memory.
func allocatesNothing(t *testing.T, call func() error) {
	t.Helper()
	run := func() {
		if err := call(); err != nil {
			t.Fatal(err)
		}
	}
	run()
	if raceEnabled {
		return // it empties pools at random
	}
	// Now and then the runtime takes memory for itself, for a new thread or a
	// pool that was emptied: so less than one a call, and not one.
	if n := testing.AllocsPerRun(5, run); n >= 1 {
		t.Errorf("a warm call makes %v allocations", n)
	}
}

func TestContextEndsTheCall(t *testing.T) {
	e := encoder(t, bert.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dst := make([]float32, e.Model().Hidden)
	if err := e.Encode(ctx, dst, "", []string{"text"}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if err := e.Encode(t.Context(), dst, "", []string{"text"}); err != nil {
		t.Errorf("after a cancelled call: %v", err)
	}
	if err := e.Encode(ctx, nil, "", nil); err != nil {
		t.Errorf("no texts: %v", err)
	}
}

// A call that ends early leaves its workers to others.
func TestContextEndsWaiting(t *testing.T) {
	e := encoder(t, bert.Config{Workers: 1})
	texts := make([]string, 64)
	for i := range texts {
		texts[i] = passage(64)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var long sync.WaitGroup
	long.Go(func() {
		dst := make([]float32, len(texts)*e.Model().Hidden)
		if err := e.Encode(ctx, dst, "", texts); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	encode(t, e, []string{"a question between the passages"})
	cancel()
	long.Wait()
	encode(t, e, []string{"and one after them"})
}

func TestNewEncoderRefuses(t *testing.T) {
	m := open(t)
	for _, cfg := range []bert.Config{{Workers: -1}, {Workers: 1 << 20}, {Kernel: "abacus"}} {
		if _, err := bert.NewEncoder(m, cfg); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}

func TestOpenRefusesDamage(t *testing.T) {
	data := slices.Clone(weights.BGESmallEnV15())
	data[len(data)/2] ^= 0x10
	if _, err := bert.Open(data); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("a flipped bit: %v", err)
	}
	if _, err := bert.Open(weights.BGESmallEnV15()[:1<<20]); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("a cut file: %v", err)
	}
}

// A model that cannot be computed must be refused by name before any of its
// numbers is used.
func TestOpenRefusesOtherModels(t *testing.T) {
	good, err := weightfile.Parse(weights.BGESmallEnV15())
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(h *weightfile.Header){
		"architecture": func(h *weightfile.Header) { h.Model.Architecture = "gpt" },
		"pooling":      func(h *weightfile.Header) { h.Model.Pooling = "max" },
		"epsilon":      func(h *weightfile.Header) { h.Model.LayerNormEps = 0 },
		"activation":   func(h *weightfile.Header) { h.Model.Activation = "relu" },
		"heads":        func(h *weightfile.Header) { h.Model.Heads = 7 },
		"width":        func(h *weightfile.Header) { h.Model.Hidden = 1 << 30 },
		"layers":       func(h *weightfile.Header) { h.Model.Layers = 1 << 30 },
		"positions":    func(h *weightfile.Header) { h.Model.MaxTokens = 1 << 30 },
		"tokenizer":    func(h *weightfile.Header) { h.Tokenizer.Kind = "bpe" },
		"no tensors":   func(h *weightfile.Header) {},
	} {
		h := good.Header
		change(&h)
		var out strings.Builder
		words := weightfile.Bytes("vocabulary", []byte("[UNK]\n[CLS]\n[SEP]\n[PAD]\n[MASK]"))
		h.Model.Vocabulary = 5
		if err := weightfile.Write(&out, h, []weightfile.Tensor{words}); err != nil {
			t.Fatal(err)
		}
		if _, err := bert.Open([]byte(out.String())); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
