package convert

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/model/embed/static"
	"github.com/smartretriever/smartretriever/rag"
)

const staticWidth = 10

// staticFiles is a Model2Vec folder: half as many vectors as tokens, which share them.
func staticFiles(weighted, mapped bool) (map[string]string, func(id int) []float64) {
	random := rand.New(rand.NewPCG(5, 6))
	rows := len(tinyWords)
	if mapped {
		rows /= 2
	}
	table := values{[]int{rows, staticWidth}, make([]float32, rows*staticWidth)}
	for i := range table.data {
		table.data[i] = float32(random.NormFloat64())
	}
	header := map[string]any{}
	var body []byte
	add := func(name, kind string, dims []int, raw []byte) {
		header[name] = map[string]any{"dtype": kind, "shape": dims, "data_offsets": []int{len(body), len(body) + len(raw)}}
		body = append(body, raw...)
	}
	add("embeddings", "F32", table.dims, encodeNumbers("F32", table.data))
	factor, row := make([]float32, len(tinyWords)), make([]int, len(tinyWords))
	var mapping []byte
	for id := range tinyWords {
		factor[id], row[id] = 1, id
		if weighted {
			factor[id] = random.Float32() + .1
		}
		if mapped {
			row[id] = (id * 7) % rows
		}
		mapping = binary.LittleEndian.AppendUint64(mapping, uint64(row[id]))
	}
	if weighted {
		add("weights", "F32", []int{len(factor)}, encodeNumbers("F32", factor))
	}
	if mapped {
		add("mapping", "I64", []int{len(tinyWords)}, mapping)
	}
	files := map[string]string{
		"model.safetensors": string(withHeader(header, body)),
		"config.json":       `{"model_type":"model2vec","architectures":["StaticModel"],"normalize":true,"seq_length":1000000}`,
		"tokenizer.json":    strings.Replace(tinyTokenizer(), `"post_processor":{`, `"post_processor":null,"was":{`, 1),
		"modules.json":      `[{"path":".","type":"sentence_transformers.models.StaticEmbedding"},{"path":"1_Normalize","type":"sentence_transformers.models.Normalize"}]`,
	}
	return files, func(id int) []float64 {
		out := make([]float64, staticWidth)
		for i := range out {
			out[i] = float64(factor[id]) * float64(table.data[row[id]*staticWidth+i])
		}
		return out
	}
}

func TestStatic(t *testing.T) {
	for name, with := range map[string][2]bool{"plain": {}, "weights": {true, false}, "mapping": {false, true}, "both": {true, true}} {
		files, vector := staticFiles(with[0], with[1])
		m, err := Read(t.Context(), archive(t, "potion.zip", files), Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if h := m.Header.Model; h.Architecture != "static" || h.Hidden != staticWidth || h.Pooling != "mean" || h.MaxTokens != 512 || h.QueryPrefix != "" {
			t.Errorf("%s: %+v", name, h)
		}
		e, err := static.New(static.Config{Weights: m.Data})
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.Embed(t.Context(), rag.PassageText, []string{"the old mill xyz"}) // the last is unknown
		if err != nil {
			t.Fatal(err)
		}
		want := make([]float64, staticWidth)
		for _, id := range []int{5, 10, 11} {
			for i, v := range vector(id) {
				want[i] += v
			}
		}
		if c := cosine(want, got[0]); c < .999 {
			t.Errorf("%s: cosine %v", name, c)
		}
	}
}

// Vectors of 8-bit integers are taken as they are.
func TestStaticInt8(t *testing.T) {
	files, _ := staticFiles(false, false)
	raw := make([]byte, len(tinyWords)*staticWidth)
	for i := range raw {
		raw[i] = byte(i*37 + 11)
	}
	header := map[string]any{"embeddings": map[string]any{"dtype": "I8", "shape": []int{len(tinyWords), staticWidth}, "data_offsets": []int{0, len(raw)}}}
	files["model.safetensors"] = string(withHeader(header, raw))
	m, err := Read(t.Context(), folder(t, files), Options{MaxTokens: 1000, Name: "mine"})
	if err != nil {
		t.Fatal(err)
	}
	e, err := static.New(static.Config{Weights: m.Data})
	if err != nil || e.Model() != (rag.Model{ID: "mine", Dimensions: staticWidth, MaxTokens: 1000}) {
		t.Fatalf("%+v, %v", e.Model(), err)
	}
	got, err := e.Embed(t.Context(), rag.PassageText, []string{"the"})
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float64, staticWidth)
	for i := range want {
		want[i] = float64(max(int8(raw[5*staticWidth+i]), -127))
	}
	if c := cosine(want, got[0]); c < 1-1e-6 || math.IsNaN(c) {
		t.Errorf("cosine %v", c)
	}
}

func TestStaticRefuses(t *testing.T) {
	swap := func(old, new string) func(f map[string]string) {
		return func(f map[string]string) {
			changed := strings.Replace(f["model.safetensors"], old, new, 1)
			if changed == f["model.safetensors"] {
				t.Errorf("%s is not in the header", old)
			}
			f["model.safetensors"] = changed
		}
	}
	for name, c := range map[string]struct {
		change func(f map[string]string)
		opts   Options
		says   string
	}{
		"pooling":    {func(map[string]string) {}, Options{Pooling: "cls"}, "no pooling but mean"},
		"mapping":    {swap(`"I64"`, `"U64"`), Options{}, `type U64`},
		"type":       {swap(`"F32"`, `"U32"`), Options{}, `type U32`},
		"tokenizer":  {func(f map[string]string) { delete(f, "tokenizer.json") }, Options{}, "no tokenizer.json"},
		"not a row":  {func(f map[string]string) { s := f["model.safetensors"]; f["model.safetensors"] = rowOf(s, 1000) }, Options{}, "the vector 1000 of"},
		"before all": {func(f map[string]string) { s := f["model.safetensors"]; f["model.safetensors"] = rowOf(s, -1) }, Options{}, "of 14"},
	} {
		files, _ := staticFiles(true, true)
		c.change(files)
		refuses(t, name, folder(t, files), c.opts, "", c.says)
	}
}

// rowOf changes the first number of the mapping, which ends the file.
func rowOf(file string, row int) string {
	at := len(file) - 8*len(tinyWords)
	return file[:at] + string(binary.LittleEndian.AppendUint64(nil, uint64(int64(row)))) + file[at+8:]
}
