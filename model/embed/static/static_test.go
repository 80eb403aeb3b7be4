package static_test

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/model/bert/weightfile"
	"github.com/smartretriever/smartretriever/model/bert/weights"
	"github.com/smartretriever/smartretriever/model/embed/embedtest"
	"github.com/smartretriever/smartretriever/model/embed/static"
	"github.com/smartretriever/smartretriever/rag"
)

// distilled makes a static model of the built-in encoder's word embeddings, each
// without what all have in common and weighed down the more frequent it is, which
// the place in the vocabulary tells.
func distilled(tb testing.TB, change func(h *weightfile.Header)) []byte {
	tb.Helper()
	f, err := weightfile.Parse(weights.BGESmallEnV15())
	if err != nil {
		tb.Fatal(err)
	}
	vocabulary, err1 := f.Bytes("vocabulary")
	words, err2 := f.Int8("embeddings.word.weight", "", f.Model.Vocabulary*f.Model.Hidden)
	scale, err3 := f.Float32("embeddings.word.scale", f.Model.Vocabulary)
	if err := errors.Join(err1, err2, err3); err != nil {
		tb.Fatal(err)
	}
	width := f.Model.Hidden
	mean := make([]float32, width)
	for i, w := range words {
		mean[i%width] += scale[i/width] * float32(w) / float32(f.Model.Vocabulary)
	}
	out := make([]int8, len(words))
	for row := range f.Model.Vocabulary {
		vector, largest := make([]float32, width), float32(0)
		for i := range vector {
			vector[i] = scale[row]*float32(words[row*width+i]) - mean[i]
			largest = max(largest, float32(math.Abs(float64(vector[i]))))
		}
		for i, v := range vector {
			out[row*width+i] = int8(math.RoundToEven(float64(v * 127 / largest)))
		}
		scale[row] = largest / 127 * float32(math.Log(float64(2+row)))
	}
	h := weightfile.Header{Tokenizer: f.Tokenizer, Model: weightfile.Model{
		Name: "distilled", Architecture: "static", Hidden: width, Vocabulary: f.Model.Vocabulary, MaxTokens: 512, Pooling: "mean", Normalize: true,
	}}
	if change != nil {
		change(&h)
	}
	var file bytes.Buffer
	err = weightfile.Write(&file, h, []weightfile.Tensor{
		weightfile.Bytes("vocabulary", vocabulary),
		weightfile.Int8("embeddings.word.weight", "", []int{f.Model.Vocabulary, width}, out),
		weightfile.Float32("embeddings.word.scale", []int{f.Model.Vocabulary}, scale),
	})
	if err != nil {
		tb.Fatal(err)
	}
	return file.Bytes()
}

func open(tb testing.TB, cfg static.Config) *static.Embedder {
	tb.Helper()
	if cfg.Weights == nil {
		cfg.Weights = distilled(tb, nil)
	}
	e, err := static.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

func TestConformance(t *testing.T) {
	e := open(t, static.Config{}) // has no state that a test could leave behind
	embedtest.Run(t, func(*testing.T) embedtest.Embedder { return e })
}

func embed(t *testing.T, e *static.Embedder, kind rag.EmbedKind, texts ...string) [][]float32 {
	t.Helper()
	out, err := e.Embed(t.Context(), kind, texts)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func dot(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// A text is the sum of its words, whatever their order; unknown ones do not count.
func TestMean(t *testing.T) {
	e := open(t, static.Config{})
	v := embed(t, e, rag.PassageText, "river", "mill", "river mill", "mill ☃ river", "☃", "☃☃☃")
	sum := make([]float32, len(v[0]))
	for k := range sum {
		sum[k] = v[0][k] + v[1][k]
	}
	// The words' own lengths are not known here, and differ a little.
	if c := dot(sum, v[2]) / math.Sqrt(dot(sum, sum)); c < .98 {
		t.Errorf("two words are %v near to their sum", c)
	}
	if c := dot(v[2], v[3]); c < 1-1e-6 {
		t.Errorf("another order and an unknown word: %v", c)
	}
	if c := dot(v[4], v[5]); c < 1-1e-6 || math.Abs(dot(v[4], v[4])-1) > 1e-5 {
		t.Errorf("texts without a known word: %v", c)
	}
}

func TestPrefixes(t *testing.T) {
	e := open(t, static.Config{Weights: distilled(t, func(h *weightfile.Header) { h.Model.QueryPrefix = "river " })})
	if c := dot(embed(t, e, rag.QuestionText, "mill")[0], embed(t, e, rag.PassageText, "river mill")[0]); c < 1-1e-6 {
		t.Errorf("a question with its prefix: %v", c)
	}
}

// Texts are cut at MaxTokens, and vectors at Dimensions.
func TestCut(t *testing.T) {
	e := open(t, static.Config{Dimensions: 100, Weights: distilled(t, func(h *weightfile.Header) { h.Model.MaxTokens = 3 })})
	if got, want := e.Model(), (rag.Model{ID: "distilled-100d", Dimensions: 100, MaxTokens: 3}); got != want {
		t.Errorf("%+v", got)
	}
	v := embed(t, e, rag.PassageText, "a river mill", "a river mill and more")
	if !slices.Equal(v[0], v[1]) || len(v[0]) != 100 {
		t.Errorf("what is behind the third token counts, or %d dimensions", len(v[0]))
	}
}

func TestRefuses(t *testing.T) {
	for name, cfg := range map[string]static.Config{
		"nothing":      {},
		"damaged":      {Weights: bytes.Repeat([]byte{7}, 100)},
		"an encoder":   {Weights: weights.BGESmallEnV15()},
		"pooling":      {Weights: distilled(t, func(h *weightfile.Header) { h.Model.Pooling = "cls" })},
		"width":        {Weights: distilled(t, func(h *weightfile.Header) { h.Model.Hidden++ })},
		"no words":     {Weights: distilled(t, func(h *weightfile.Header) { h.Model.Vocabulary = 0 })},
		"other words":  {Weights: distilled(t, func(h *weightfile.Header) { h.Model.Vocabulary-- })},
		"no tokens":    {Weights: distilled(t, func(h *weightfile.Header) { h.Model.MaxTokens = 0 })},
		"tokenizer":    {Weights: distilled(t, func(h *weightfile.Header) { h.Tokenizer.Kind = "bpe" })},
		"workers":      {Weights: distilled(t, nil), Workers: -1},
		"dimensions":   {Weights: distilled(t, nil), Dimensions: 385},
		"no such mark": {Weights: distilled(t, func(h *weightfile.Header) { h.Tokenizer.Unknown = "[NONE]" })},
	} {
		if _, err := static.New(cfg); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
