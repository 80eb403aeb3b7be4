package convert

import (
	"path"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

// config is what config.json says of a model. Numbers are 0 where it is silent.
type config struct {
	file string // "": there is none

	Name          string   `json:"_name_or_path"`
	Type          string   `json:"model_type"`
	Architectures []string `json:"architectures"`
	Activation    string   `json:"hidden_act"`
	Positions     string   `json:"position_embedding_type"`
	Decoder       bool     `json:"is_decoder"`
	Hidden        int      `json:"hidden_size"`
	Layers        int      `json:"num_hidden_layers"`
	Heads         int      `json:"num_attention_heads"`
	Intermediate  int      `json:"intermediate_size"`
	Vocabulary    int      `json:"vocab_size"`
	MaxPositions  int      `json:"max_position_embeddings"`
	Epsilon       *float64 `json:"layer_norm_eps"`
	Padding       *int     `json:"pad_token_id"`
	Buckets       int      `json:"relative_attention_num_buckets"`
}

// modelTypes are the types of models that are read, and whether their positions are
// counted from the one behind the padding's, as fairseq does.
var modelTypes = map[string]bool{"bert": false, "xlm-roberta": true, "camembert": true, "roberta": true, "mpnet": true}

// firstPlace is the position that a text's first token has by what the file says.
func (c config) firstPlace() int {
	switch {
	case !modelTypes[c.Type]:
		return 0
	case c.Padding != nil:
		return *c.Padding + 1
	}
	return 2
}

// readConfig reads config.json where there is one, and refuses what is no plain
// encoder of a known kind.
func readConfig(t *tree) (config, error) {
	var c config
	file := t.find("-config.json", "config.json")
	if file == "" {
		return c, nil
	}
	if _, err := t.readJSON(file, &c); err != nil {
		return c, err
	}
	c.file = file
	if c.Type == "model2vec" { // the table says all
		return c, nil
	}
	refuse := func(what, got, want string) (config, error) {
		return c, rag.Errorf(rag.KindInvalid, "%s: %s %q is not supported; %s is", file, what, got, want)
	}
	if _, known := modelTypes[c.Type]; c.Type != "" && !known {
		return refuse("model_type", c.Type, "bert, xlm-roberta, camembert, roberta or mpnet")
	}
	for _, a := range c.Architectures {
		if !slices.ContainsFunc([]string{"Bert", "XLMRoberta", "Camembert", "Roberta", "MPNet"}, func(known string) bool { return strings.HasPrefix(a, known) }) {
			return refuse("architecture", a, "that of BERT, XLM-R or MPNet")
		}
	}
	switch {
	case c.Activation != "" && c.Activation != "gelu":
		return refuse("hidden_act", c.Activation, "gelu (the exact form)")
	case c.Positions != "" && c.Positions != "absolute":
		return refuse("position_embedding_type", c.Positions, "absolute")
	case c.Padding != nil && (*c.Padding < 0 || *c.Padding > 1000):
		return c, rag.Errorf(rag.KindInvalid, "%s: pad_token_id is %d", file, *c.Padding)
	case c.Decoder:
		return c, rag.Errorf(rag.KindInvalid, "%s: is_decoder is set; an encoder is needed", file)
	case c.Epsilon != nil && !(*c.Epsilon > 0 && *c.Epsilon <= 0.01):
		return c, rag.Errorf(rag.KindInvalid, "%s: layer_norm_eps is %v; more than 0 and at most 0.01 is possible", file, *c.Epsilon)
	}
	return c, nil
}

// sentences is what the files of sentence-transformers say of how a text becomes
// one vector.
type sentences struct {
	pooling        string
	query, passage string
	maxTokens      int
}

func readSentences(t *tree) (sentences, error) {
	var s sentences
	pooling, err := poolingFile(t)
	if err != nil {
		return s, err
	}
	if pooling != "" {
		if s.pooling, err = readPooling(t, pooling); err != nil {
			return s, err
		}
	}
	if file := t.find("sentence_bert_config.json"); file != "" {
		var c struct {
			MaxTokens *int `json:"max_seq_length"`
		}
		if _, err := t.readJSON(file, &c); err != nil {
			return s, err
		}
		if c.MaxTokens != nil {
			if s.maxTokens = *c.MaxTokens; s.maxTokens < 3 {
				return s, rag.Errorf(rag.KindInvalid, "%s: max_seq_length is %d", file, s.maxTokens)
			}
		}
	}
	if file := t.find("config_sentence_transformers.json"); file != "" {
		var c struct {
			Prompts map[string]string `json:"prompts"`
		}
		if _, err := t.readJSON(file, &c); err != nil {
			return s, err
		}
		s.query = c.Prompts["query"]
		s.passage = first(c.Prompts["passage"], c.Prompts["document"])
	}
	return s, nil
}

// poolingFile returns the file that describes the pooling, or "". Stages other
// than encoder, pooling and normalising are refused: leaving one out would give
// other vectors.
func poolingFile(t *tree) (string, error) {
	file := t.find("modules.json")
	if file == "" {
		return t.find("1_Pooling/config.json"), nil
	}
	var modules []struct{ Path, Type string }
	if _, err := t.readJSON(file, &modules); err != nil {
		return "", err
	}
	pooling := ""
	for _, m := range modules {
		switch kind := m.Type[strings.LastIndexByte(m.Type, '.')+1:]; kind {
		case "Transformer", "Normalize":
		case "Pooling":
			pooling = path.Join(path.Dir(file), m.Path, "config.json")
		default:
			return "", rag.Errorf(rag.KindInvalid, "%s: stage %q is not supported; Transformer, Pooling and Normalize are", file, kind)
		}
	}
	return pooling, nil
}

func readPooling(t *tree, file string) (string, error) {
	var c struct {
		Mode          string `json:"pooling_mode"`
		CLS           bool   `json:"pooling_mode_cls_token"`
		Mean          bool   `json:"pooling_mode_mean_tokens"`
		Max           bool   `json:"pooling_mode_max_tokens"`
		MeanSqrt      bool   `json:"pooling_mode_mean_sqrt_len_tokens"`
		WeightedMean  bool   `json:"pooling_mode_weightedmean_tokens"`
		Last          bool   `json:"pooling_mode_lasttoken"`
		IncludePrompt *bool  `json:"include_prompt"`
	}
	if _, err := t.readJSON(file, &c); err != nil {
		return "", err
	}
	if c.IncludePrompt != nil && !*c.IncludePrompt {
		return "", rag.Errorf(rag.KindInvalid, "%s: pooling without the prompt's tokens is not supported", file)
	}
	// A mean divided by the root of the length has the direction of the mean.
	c.Mean = c.Mean || c.MeanSqrt
	switch others := c.Max || c.WeightedMean || c.Last; {
	case c.Mode == "cls" || c.Mode == "mean":
		return c.Mode, nil
	case c.Mode == "" && c.CLS && !c.Mean && !others:
		return "cls", nil
	case c.Mode == "" && c.Mean && !c.CLS && !others:
		return "mean", nil
	}
	return "", rag.Errorf(rag.KindInvalid, "%s: this pooling is not supported; that of the first token (cls) or the mean of all is", file)
}
