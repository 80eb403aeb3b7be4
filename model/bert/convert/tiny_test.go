package convert

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The tests' model: a BERT of two layers with random weights.
const (
	tinyLayers, tinyHidden, tinyHeads, tinyWide, tinyPlaces = 2, 64, 2, 128, 96
)

var tinyWords = strings.Fields("[PAD] [UNK] [CLS] [SEP] [MASK] the a river flows past old mill and under stone bridge " +
	"where children fish in summer ##s ##ed , . 1 2 é 北")

// values is a tensor of the tests.
type values struct {
	dims []int
	data []float32
}

// tinyTensors makes the model's tensors as PyTorch names and stores them.
func tinyTensors() map[string]values {
	random := rand.New(rand.NewPCG(1, 2))
	out := map[string]values{}
	add := func(name string, mean, deviation float64, dims ...int) {
		n, _ := elements(dims)
		v := values{dims, make([]float32, n)}
		for i := range v.data {
			v.data[i] = float32(mean + deviation*random.NormFloat64())
		}
		out[name] = v
	}
	layer := func(name string, in, to int) {
		add(name+".weight", 0, 0.15, to, in)
		add(name+".bias", 0, 0.1, to)
	}
	norm := func(name string) {
		add(name+".weight", 1, 0.1, tinyHidden)
		add(name+".bias", 0, 0.1, tinyHidden)
	}
	add("embeddings.word_embeddings.weight", 0, 1, len(tinyWords), tinyHidden)
	add("embeddings.position_embeddings.weight", 0, 0.3, tinyPlaces, tinyHidden)
	add("embeddings.token_type_embeddings.weight", 0, 0.1, 2, tinyHidden)
	norm("embeddings.LayerNorm")
	for i := range tinyLayers {
		p := fmt.Sprintf("encoder.layer.%d.", i)
		for _, part := range []string{"query", "key", "value"} {
			layer(p+"attention.self."+part, tinyHidden, tinyHidden)
		}
		layer(p+"attention.output.dense", tinyHidden, tinyHidden)
		norm(p + "attention.output.LayerNorm")
		layer(p+"intermediate.dense", tinyHidden, tinyWide)
		layer(p+"output.dense", tinyWide, tinyHidden)
		norm(p + "output.LayerNorm")
	}
	layer("pooler.dense", tinyHidden, tinyHidden) // which no embedding needs
	return out
}

// reference computes the vector of tokens in 64 bits, in the plainest way.
func reference(tensors map[string]values, ids []int, pooling string) []float64 {
	return pairReference(tensors, ids, len(ids), pooling)
}

// pairReference is reference for tokens that are in the second segment from one on.
func pairReference(tensors map[string]values, ids []int, second int, pooling string) []float64 {
	get := func(name string) []float32 { return tensors[name].data }
	normalise := func(x []float64, name string) {
		gamma, beta := get(name+".weight"), get(name+".bias")
		var mean, variance float64
		for _, v := range x {
			mean += v / tinyHidden
		}
		for _, v := range x {
			variance += (v - mean) * (v - mean) / tinyHidden
		}
		for i := range x {
			x[i] = (x[i]-mean)/math.Sqrt(variance+1e-12)*float64(gamma[i]) + float64(beta[i])
		}
	}
	apply := func(x []float64, name string) []float64 {
		w, b := get(name+".weight"), get(name+".bias")
		y := make([]float64, len(b))
		for n := range y {
			y[n] = float64(b[n])
			for k, v := range x {
				y[n] += v * float64(w[n*len(x)+k])
			}
		}
		return y
	}
	state := make([][]float64, len(ids))
	for at, id := range ids {
		segment := 0
		if at >= second {
			segment = 1
		}
		state[at] = make([]float64, tinyHidden)
		for i := range tinyHidden {
			state[at][i] = float64(get("embeddings.word_embeddings.weight")[id*tinyHidden+i]) +
				float64(get("embeddings.position_embeddings.weight")[at*tinyHidden+i]) +
				float64(get("embeddings.token_type_embeddings.weight")[segment*tinyHidden+i])
		}
		normalise(state[at], "embeddings.LayerNorm")
	}
	const width = tinyHidden / tinyHeads
	for l := range tinyLayers {
		p := fmt.Sprintf("encoder.layer.%d.", l)
		var query, key, value [][]float64
		for _, x := range state {
			query = append(query, apply(x, p+"attention.self.query"))
			key = append(key, apply(x, p+"attention.self.key"))
			value = append(value, apply(x, p+"attention.self.value"))
		}
		for at, x := range state {
			context := make([]float64, tinyHidden)
			for h := 0; h < tinyHidden; h += width {
				weights, total := make([]float64, len(ids)), 0.0
				for other := range ids {
					for i := h; i < h+width; i++ {
						weights[other] += query[at][i] * key[other][i]
					}
					weights[other] = math.Exp(weights[other]/math.Sqrt(width) + relative(tensors, at, other, h/width))
					total += weights[other]
				}
				for other := range ids {
					for i := h; i < h+width; i++ {
						context[i] += weights[other] / total * value[other][i]
					}
				}
			}
			for i, v := range apply(context, p+"attention.output.dense") {
				x[i] += v
			}
			normalise(x, p+"attention.output.LayerNorm")
			wide := apply(x, p+"intermediate.dense")
			for i, v := range wide {
				wide[i] = v / 2 * (1 + math.Erf(v/math.Sqrt2))
			}
			for i, v := range apply(wide, p+"output.dense") {
				x[i] += v
			}
			normalise(x, p+"output.LayerNorm")
		}
	}
	if pooling == "cls" {
		return state[0]
	}
	mean := make([]float64, tinyHidden)
	for _, x := range state {
		for i, v := range x {
			mean[i] += v / float64(len(state))
		}
	}
	return mean
}

// relative is what MPNet adds to a score, in the words of its paper's program.
func relative(tensors map[string]values, query, key, head int) float64 {
	table, ok := tensors[relativeBias]
	if !ok {
		return 0
	}
	row, n := 0, query-key
	if n < 0 {
		row, n = 16, -n
	}
	if n < 8 {
		row += n
	} else {
		row += min(8+int(math.Log(float64(n)/8)/math.Log(128/8)*8), 15)
	}
	return float64(table.data[row*tinyHeads+head])
}

// encodeNumbers stores floats in a safetensors type.
func encodeNumbers(kind string, data []float32) (raw []byte) {
	for _, v := range data {
		b := math.Float32bits(v)
		switch kind {
		case "F32":
			raw = binary.LittleEndian.AppendUint32(raw, b)
		case "BF16":
			raw = binary.LittleEndian.AppendUint16(raw, uint16((b+0x8000)>>16))
		case "F16": // cut off, not rounded; enough for numbers of middling size
			exponent := int(b>>23&0xFF) - 112
			if exponent <= 0 {
				raw = binary.LittleEndian.AppendUint16(raw, uint16(b>>31<<15))
				continue
			}
			raw = binary.LittleEndian.AppendUint16(raw, uint16(b>>31<<15)|uint16(exponent<<10)|uint16(b>>13&0x3FF))
		}
	}
	return raw
}

// writeSafetensors makes a file of tensors, all of one type.
func writeSafetensors(kind string, tensors map[string]values) []byte {
	header, body := map[string]any{"__metadata__": map[string]string{"format": "pt", "shape": "x"}}, []byte{}
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		raw := encodeNumbers(kind, tensors[name].data)
		header[name] = map[string]any{"dtype": kind, "shape": tensors[name].dims, "data_offsets": []int{len(body), len(body) + len(raw)}}
		body = append(body, raw...)
	}
	return withHeader(header, body)
}

func withHeader(header any, body []byte) []byte {
	raw, err := json.Marshal(header)
	if err != nil {
		panic(err)
	}
	return slices.Concat(binary.LittleEndian.AppendUint64(nil, uint64(len(raw))), raw, body)
}

// writeONNX makes a graph as PyTorch exports it: weights of layers are numbered,
// transposed, and found by their MatMul; equal tensors are kept once.
func writeONNX(kind string, tensors map[string]values) []byte {
	types := map[string]uint64{"F32": 1, "F16": 10, "BF16": 16}
	parts := [][]byte{operation("Erf", "erf", "x")}
	store := func(name string, v values) {
		fields := [][]byte{varint(2, types[kind]), message(8, []byte(name)), message(9, encodeNumbers(kind, v.data))}
		for _, d := range v.dims {
			fields = append(fields, varint(1, uint64(d)))
		}
		parts = append(parts, message(5, fields...))
	}
	for number, name := range slices.Sorted(maps.Keys(tensors)) {
		v := tensors[name]
		layer, isWeight := strings.CutSuffix(name, ".weight")
		switch _, biased := tensors[layer+".bias"]; {
		case name == "encoder.layer.1.output.LayerNorm.weight":
			store("shared", v)
			parts = append(parts, operation("Identity", name, "shared"))
		case isWeight && biased && len(v.dims) == 2:
			weight := fmt.Sprintf("onnx::MatMul_%d", number)
			if number%2 == 0 {
				store(weight, transposed(v))
			} else {
				store(name, v)
				parts = append(parts, operation("Transpose", weight, name))
			}
			parts = append(parts, operation("MatMul", layer+"/product", layer+"/input", weight),
				operation("Add", layer+"/sum", layer+".bias", layer+"/product"))
		default:
			store(name, v)
		}
	}
	return slices.Concat(varint(1, 8), message(7, parts...))
}

func transposed(v values) values {
	out := values{[]int{v.dims[1], v.dims[0]}, make([]float32, len(v.data))}
	for r := range v.dims[0] {
		for c := range v.dims[1] {
			out.data[c*v.dims[0]+r] = v.data[r*v.dims[1]+c]
		}
	}
	return out
}

const tinyConfig = `{"architectures":["BertModel"],"model_type":"bert","hidden_act":"gelu","hidden_size":64,"num_hidden_layers":2,
	"num_attention_heads":2,"intermediate_size":128,"max_position_embeddings":96,"layer_norm_eps":1e-12,"position_embedding_type":"absolute"}`

func tinyTokenizer() string {
	ids := map[string]int{}
	for i, w := range tinyWords {
		ids[w] = i
	}
	vocabulary, err := json.Marshal(ids)
	if err != nil {
		panic(err)
	}
	return `{"added_tokens":[{"id":2,"content":"[CLS]"}],
		"normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},
		"pre_tokenizer":{"type":"BertPreTokenizer"},
		"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"[SEP]","type_id":0}}]},
		"model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":` + string(vocabulary) + `}}`
}

// tinyFiles is a folder as sentence-transformers lays it out.
func tinyFiles(pooling string) map[string]string {
	return map[string]string{
		"model.safetensors":     string(writeSafetensors("F32", tinyTensors())),
		"config.json":           tinyConfig,
		"tokenizer.json":        tinyTokenizer(),
		"modules.json":          `[{"path":"","type":"sentence_transformers.models.Transformer"},{"path":"1_Pooling","type":"sentence_transformers.models.Pooling"},{"path":"2_Normalize","type":"sentence_transformers.models.Normalize"}]`,
		"1_Pooling/config.json": fmt.Sprintf(`{"word_embedding_dimension":64,"pooling_mode_cls_token":%v,"pooling_mode_mean_tokens":%v}`, pooling == "cls", pooling == "mean"),
	}
}

// folder writes files into a new folder and returns it.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "tiny")
	for name, text := range files {
		full := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// archive writes files into a new zip file and returns it.
func archive(t testing.TB, name string, files map[string]string) string {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, member := range slices.Sorted(maps.Keys(files)) {
		method := zip.Deflate
		if files[member] == "" {
			method = zip.Store
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: member, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[member])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	full := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(full, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return full
}
