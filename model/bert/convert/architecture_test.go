package convert

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/model/bert"
)

// vectors embeds texts with a model of files.
func vectors(t *testing.T, files map[string]string, texts []string) (*bert.Model, []float32) {
	t.Helper()
	m, err := Read(t.Context(), folder(t, files), Options{})
	if err != nil {
		t.Fatal(err)
	}
	model, err := bert.Open(m.Data)
	if err != nil {
		t.Fatal(err)
	}
	encoder, err := bert.NewEncoder(model, bert.Config{})
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, len(texts)*model.Hidden)
	if err := encoder.Encode(t.Context(), out, "", texts); err != nil {
		t.Fatal(err)
	}
	return model, out
}

var archTexts = []string{
	"the old mill", "", "a river flows past the old mill , and under a stone bridge where children fish .",
	strings.Repeat("a river flows under the bridge . ", 12), // longer than the farthest distance of buckets
}

// XLM-R computes what BERT does: its places begin later, and it knows one segment.
func TestXLMR(t *testing.T) {
	_, want := vectors(t, tinyFiles("mean"), archTexts)
	for name, config := range map[string]string{
		"config": strings.NewReplacer("BertModel", "XLMRobertaModel", `"bert"`, `"xlm-roberta"`, `:96`, `:98`).Replace(tinyConfig),
		"bare":   "", // it follows from the one segment
	} {
		tensors, old := map[string]values{}, tinyTensors()
		for n, v := range old {
			tensors["roberta."+n] = v
		}
		places := old["embeddings.position_embeddings.weight"]
		junk := make([]float32, 2*tinyHidden)
		for i := range junk {
			junk[i] = 100
		}
		tensors["roberta.embeddings.position_embeddings.weight"] = values{[]int{tinyPlaces + 2, tinyHidden}, append(junk, places.data...)}
		tensors["roberta."+segmentTable] = values{[]int{1, tinyHidden}, old[segmentTable].data[:tinyHidden]}
		files := tinyFiles("mean")
		files["model.safetensors"] = string(writeSafetensors("F32", tensors))
		if files["config.json"] = config; config == "" {
			delete(files, "config.json")
			files["config.json"] = `{"num_attention_heads":2}`
		}
		m, got := vectors(t, files, archTexts)
		if m.MaxTokens != tinyPlaces {
			t.Errorf("%s: %d places", name, m.MaxTokens)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("%s: number %d is %v, of BERT %v", name, i, got[i], want[i])
			}
		}
	}
}

// mpnetNames are MPNet's names of BERT's tensors.
var mpnetNames = strings.NewReplacer(
	"attention.self.query", "attention.attn.q", "attention.self.key", "attention.attn.k", "attention.self.value", "attention.attn.v",
	"attention.output.dense", "attention.attn.o", "attention.output.LayerNorm", "attention.LayerNorm",
)

func TestMPNet(t *testing.T) {
	const places = 300
	plain, random := tinyTensors(), rand.New(rand.NewPCG(3, 4))
	fill := func(n int, deviation float64) []float32 {
		out := make([]float32, n)
		for i := range out {
			out[i] = float32(deviation * random.NormFloat64())
		}
		return out
	}
	plain[relativeBias] = values{[]int{32, tinyHeads}, fill(32*tinyHeads, 2)}
	plain["embeddings.position_embeddings.weight"] = values{[]int{places, tinyHidden}, fill(places*tinyHidden, .3)}
	clear(plain[segmentTable].data)
	tensors := map[string]values{}
	for n, v := range plain {
		tensors[mpnetNames.Replace(n)] = v
	}
	shifted := append(make([]float32, 2*tinyHidden), plain["embeddings.position_embeddings.weight"].data...)
	tensors["embeddings.position_embeddings.weight"] = values{[]int{places + 2, tinyHidden}, shifted}
	delete(tensors, segmentTable)
	for _, pooling := range []string{"mean", "cls"} {
		files := tinyFiles(pooling)
		files["model.safetensors"] = string(writeSafetensors("F32", tensors))
		files["config.json"] = `{"model_type":"mpnet","architectures":["MPNetForMaskedLM"],"num_attention_heads":2,"relative_attention_num_buckets":32,"pad_token_id":1}`
		m, got := vectors(t, files, archTexts)
		exact := encode(t, convert(t, folder(t, files), Options{Type: "float32"}).Data, archTexts)
		if m.Architecture != "mpnet" || m.MaxTokens != places {
			t.Errorf("a %s of %d places", m.Architecture, m.MaxTokens)
		}
		for i, text := range archTexts {
			start, end := m.Tokenizer().Special()
			ids := []int{int(start)}
			for _, id := range m.Tokenizer().Append(nil, text, places-2) {
				ids = append(ids, int(id))
			}
			want := reference(plain, append(ids, int(end)), pooling)
			if c := cosine(want, got[i*tinyHidden:(i+1)*tinyHidden]); c < .995 {
				t.Errorf("%s of %d tokens: cosine %v", pooling, len(ids)+1, c)
			}
			if c := cosine(want, exact[i]); c < .9999999 {
				t.Errorf("%s of %d tokens with 32-bit floats: cosine %v", pooling, len(ids)+1, c)
			}
		}
	}
}

func cosine(a []float64, b []float32) float64 {
	var dot, aa, bb float64
	for i := range a {
		dot += a[i] * float64(b[i])
		aa += a[i] * a[i]
		bb += float64(b[i]) * float64(b[i])
	}
	return dot / math.Sqrt(aa*bb)
}
