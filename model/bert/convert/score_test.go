package convert

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/model/bert"
	"github.com/smartretriever/smartretriever/rag"
)

// scorerTensors makes a cross-encoder of the tiny model, named as PyTorch names
// one.
func scorerTensors() map[string]values {
	random := rand.New(rand.NewPCG(3, 4))
	out := map[string]values{"classifier.weight": {[]int{1, tinyHidden}, make([]float32, tinyHidden)}, "classifier.bias": {[]int{1}, []float32{.25}}}
	for i := range tinyHidden {
		out["classifier.weight"].data[i] = float32(random.NormFloat64())
	}
	for name, v := range tinyTensors() {
		out["bert."+name] = v
	}
	return out
}

const scorerConfig = `{"architectures":["BertForSequenceClassification"],"model_type":"bert","hidden_act":"gelu","hidden_size":64,"num_hidden_layers":2,
	"num_attention_heads":2,"intermediate_size":128,"max_position_embeddings":96,"layer_norm_eps":1e-12,"id2label":{"0":"LABEL_0"}}`

func scorerFiles(tensors map[string]values) map[string]string {
	return map[string]string{
		"model.safetensors": string(writeSafetensors("F32", tensors)),
		"config.json":       scorerConfig,
		"tokenizer.json":    tinyTokenizer(),
	}
}

// scoreReference computes a pair's logit in 64 bits, cut as the tokenizers of
// cross-encoders cut it: a token at a time off the longer text.
// ends is how many end tokens are between the two.
func scoreReference(tensors map[string]values, question, passage string, ends int) float64 {
	words := func(text string) (ids []int) {
		for _, word := range strings.Fields(text) {
			ids = append(ids, slices.Index(tinyWords, word))
		}
		return ids
	}
	q, p := words(question), words(passage)
	longer := len(q) > len(p)
	for room := tinyPlaces - 2 - ends; len(q)+len(p) > room; {
		if len(q) > len(p) || len(q) == len(p) && !longer && len(q)+len(p) == room+1 {
			q = q[:len(q)-1]
		} else {
			p = p[:len(p)-1]
		}
	}
	ids := slices.Concat([]int{2}, q, slices.Repeat([]int{3}, ends), p, []int{3})
	encoder := map[string]values{}
	for name, v := range tensors {
		encoder[strings.TrimPrefix(name, "bert.")] = v
	}
	x := pairReference(encoder, ids, 1+len(q)+ends, "cls")
	score := float64(tensors["classifier.bias"].data[0])
	for n, bias := range tensors["bert.pooler.dense.bias"].data {
		sum := float64(bias)
		for k, v := range x {
			sum += v * float64(tensors["bert.pooler.dense.weight"].data[n*tinyHidden+k])
		}
		score += math.Tanh(sum) * float64(tensors["classifier.weight"].data[n])
	}
	return score
}

func scorer(t *testing.T, files map[string]string, kind string) *bert.Encoder {
	t.Helper()
	made := convert(t, folder(t, files), Options{Type: kind})
	m, err := bert.Open(made.Data)
	if err != nil {
		t.Fatal(err)
	}
	if !m.Scores() || m.Normalize || !slices.ContainsFunc(made.Notes, func(n string) bool { return strings.Contains(n, "cross-encoder") }) {
		t.Errorf("%+v, notes %q", m.Model, made.Notes)
	}
	e, err := bert.NewEncoder(m, bert.Config{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestScoresAreThoseOfTheReference(t *testing.T) {
	for kind, least := range map[string]float64{
		"float32": .999999,
		"int8":    .98, // 64 random dimensions suffer more from 8 bits than those of a trained model
	} {
		t.Run("BERT "+kind, func(t *testing.T) {
			tensors := scorerTensors()
			checkScores(t, scorer(t, scorerFiles(tensors), kind), least, func(question, passage string) float64 {
				return scoreReference(tensors, question, passage, 1)
			})
		})
		t.Run("XLM-R "+kind, func(t *testing.T) {
			tensors := scorerTensors()
			segments := tensors["bert."+segmentTable].data
			copy(segments[tinyHidden:], segments) // one type of segment is two alike
			checkScores(t, scorer(t, robertaFiles(tensors), kind), least, func(question, passage string) float64 {
				return scoreReference(tensors, question, passage, 2)
			})
		})
	}
}

const placeTable = "embeddings.position_embeddings.weight"

// robertaFiles is a BERT cross-encoder in the form of an XLM-R: other names, two
// rows of places that no token has, one type of segment.
func robertaFiles(tensors map[string]values) map[string]string {
	out := map[string]values{}
	for name, v := range tensors {
		name = strings.NewReplacer("bert.pooler.dense", "classifier.dense", "classifier.", "classifier.out_proj.", "bert.", "roberta.").Replace(name)
		switch name {
		case "roberta." + segmentTable:
			v = values{[]int{1, tinyHidden}, v.data[:tinyHidden]}
		case "roberta." + placeTable:
			v = values{[]int{tinyPlaces + 2, tinyHidden}, slices.Concat(make([]float32, 2*tinyHidden), v.data)}
		}
		out[name] = v
	}
	files := scorerFiles(out)
	files["config.json"] = strings.NewReplacer("Bert", "XLMRoberta", `"bert"`, `"xlm-roberta","pad_token_id":1`, "96", "98").Replace(scorerConfig)
	return files
}

// checkScores wants a correlation of the scores with the reference's.
func checkScores(t *testing.T, e *bert.Encoder, least float64, reference func(question, passage string) float64) {
	long := strings.Repeat("the old river flows past stone bridge ", 30)
	var pairs []bert.Pair
	for i := range 40 {
		words := strings.Fields(long)[i:]
		pairs = append(pairs, bert.Pair{Question: strings.Join(words[:1+i%5], " "), Passage: strings.Join(words[i%7:i%7+3+i], " ")})
	}
	pairs = append(pairs, []bert.Pair{
		{Question: "where children fish", Passage: "children fish in summer under the old bridge ."},
		{Question: "the old river", Passage: ""},
		{Question: "", Passage: "mill"},
		{Question: "river", Passage: long},            // the passage is cut
		{Question: long, Passage: "the stone bridge"}, // the question is cut
		{Question: long, Passage: long},               // both are
		{Question: long, Passage: long[len("the "):]}, // as long at the cut, but not before
	}...)
	got := make([]float32, len(pairs))
	if n, err := e.Score(t.Context(), got, pairs); n != len(pairs) || err != nil {
		t.Fatalf("%d done, %v", n, err)
	}
	var ab, aa, bb, meanA, meanB float64
	want := make([]float64, len(pairs))
	for i, p := range pairs {
		want[i] = reference(p.Question, p.Passage)
		meanA += float64(got[i]) / float64(len(pairs))
		meanB += want[i] / float64(len(pairs))
	}
	for i := range pairs {
		a, b := float64(got[i])-meanA, want[i]-meanB
		ab, aa, bb = ab+a*b, aa+a*a, bb+b*b
	}
	if r := ab / math.Sqrt(aa*bb); !(r > least) {
		t.Errorf("scores %.4f, reference %.4f: correlation %.4f", got, want, r)
	}
	for i := range pairs {
		alone := make([]float32, 1)
		if _, err := e.Score(t.Context(), alone, pairs[i:i+1]); err != nil || alone[0] != got[i] {
			t.Errorf("pair %d: score %v alone and %v among others (%v)", i, alone[0], got[i], err)
		}
	}
}

func TestScorersRefused(t *testing.T) {
	tensors := scorerTensors()
	change := func(name string, v values) map[string]values {
		out := map[string]values{}
		for n, old := range tensors {
			out[n] = old
		}
		if v.dims == nil {
			delete(out, name)
		} else {
			out[name] = v
		}
		return out
	}
	prefix := "question: "
	for _, tt := range []struct {
		name    string
		tensors map[string]values
		opts    Options
		says    string
	}{
		{"three labels", change("classifier.weight", values{[]int{3, tinyHidden}, make([]float32, 3*tinyHidden)}), Options{}, `"classifier.weight" has shape [3 64]`},
		{"no pooler", change("bert.pooler.dense.weight", values{}), Options{}, `no tensor "bert.pooler.dense.weight"`},
		{"no bias", change("classifier.bias", values{}), Options{}, `no tensor "classifier.bias"`},
		{"a prefix", tensors, Options{QueryPrefix: &prefix}, "prefixes are for models that give vectors"},
		{"pooling", tensors, Options{Pooling: "mean"}, "pooling and prefixes"},
		{"infinite", change("classifier.bias", values{[]int{1}, []float32{float32(math.Inf(1))}}), Options{}, "no number to compute with"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Read(t.Context(), folder(t, scorerFiles(tt.tensors)), tt.opts)
			if rag.KindOf(err) != rag.KindInvalid || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v", err)
			}
		})
	}
}

// A cross-encoder's file gives no vectors, and a model for vectors no scores.
func TestScoreNeedsAScorer(t *testing.T) {
	m, err := bert.Open(convert(t, folder(t, tinyFiles("cls")), Options{}).Data)
	if err != nil {
		t.Fatal(err)
	}
	e, err := bert.NewEncoder(m, bert.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Score(t.Context(), make([]float32, 1), make([]bert.Pair, 1)); rag.KindOf(err) != rag.KindInvalid {
		t.Errorf("%v", err)
	}
}
