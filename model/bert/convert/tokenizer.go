package convert

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/model/bert/weightfile"
	"github.com/smartretriever/smartretriever/rag"
)

// maxVocabulary bounds the number of entries.
const maxVocabulary = 1 << 20

// readTokenizer reads tokenizer.json, or vocab.txt where there is none, and holds
// it to the number of word vectors.
func (d *description) readTokenizer(t *tree, f *weights) error {
	file := t.find("-tokenizer.json", "tokenizer.json")
	read := parseTokenizer
	if file == "" {
		file = t.find("-vocab.txt", "vocab.txt")
		read = parseVocabulary
	}
	if file == "" {
		return rag.Errorf(rag.KindInvalid, "%s has neither tokenizer.json nor vocab.txt beside it", f.file)
	}
	data, err := t.read(file, maxSmall)
	if err != nil {
		return err
	}
	words, tokenizer, err := read(data)
	if err != nil {
		return rag.Errorf(rag.KindInvalid, "%s: %w", file, err)
	}
	if strings.HasSuffix(file, ".txt") {
		if err := tokenizerConfig(t, &tokenizer); err != nil {
			return err
		}
	}
	for _, name := range []*string{&tokenizer.Padding, &tokenizer.Mask} {
		if !slices.Contains(words, *name) {
			*name = ""
		}
	}
	m := &d.h.Model
	if len(words) > m.Vocabulary {
		return rag.Errorf(rag.KindInvalid, "%s has %d entries where %s has vectors for %d", file, len(words), f.file, m.Vocabulary)
	}
	if len(words) < m.Vocabulary {
		d.note(fmt.Sprintf("%d of %d word vectors belong to no word and were left out", m.Vocabulary-len(words), m.Vocabulary))
		m.Vocabulary = len(words)
	}
	sum := sha256.Sum256(data)
	d.vocabulary, d.h.Tokenizer = words, tokenizer
	d.tokenizer, d.tokenizerSHA256 = file, hex.EncodeToString(sum[:])
	return nil
}

// bertTokenizer is what BERT's tokenizer is where nothing else is said.
var bertTokenizer = weightfile.Tokenizer{
	Kind:         "wordpiece",
	Lowercase:    true,
	MaxWordChars: 100,
	Prefix:       "##",
	Unknown:      "[UNK]",
	Start:        "[CLS]",
	End:          "[SEP]",
	Padding:      "[PAD]",
	Mask:         "[MASK]",
}

// parseVocabulary reads vocab.txt: a word a line, in the order of ids.
func parseVocabulary(data []byte) ([]string, weightfile.Tokenizer, error) {
	words := strings.Split(strings.TrimSuffix(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n"), "\n")
	if len(words) > maxVocabulary {
		return nil, bertTokenizer, fmt.Errorf("%d entries are too many; %d are read", len(words), maxVocabulary)
	}
	return words, bertTokenizer, nil
}

// tokenizerConfig applies tokenizer_config.json, which goes with vocab.txt.
func tokenizerConfig(t *tree, out *weightfile.Tokenizer) error {
	file := t.find("tokenizer_config.json")
	if file == "" {
		return nil
	}
	var c struct {
		Lowercase    *bool `json:"do_lower_case"`
		StripAccents *bool `json:"strip_accents"`
		Chinese      *bool `json:"tokenize_chinese_chars"`
	}
	if _, err := t.readJSON(file, &c); err != nil {
		return err
	}
	if c.Lowercase != nil {
		out.Lowercase = *c.Lowercase
	}
	if c.StripAccents != nil && *c.StripAccents != out.Lowercase || c.Chinese != nil && !*c.Chinese {
		return rag.Errorf(rag.KindInvalid, "%s: strip_accents or tokenize_chinese_chars is set to what is not supported", file)
	}
	return nil
}

// processor is the post-processor of a tokenizer.json, which puts the special
// tokens around a text.
type processor struct {
	Type   string            `json:"type"`
	Start  []json.RawMessage `json:"cls"` // BertProcessing: a word and its id
	End    []json.RawMessage `json:"sep"`
	Single []struct {        // TemplateProcessing
		Special *struct {
			ID string `json:"id"`
		} `json:"SpecialToken"`
		Sequence *struct{} `json:"Sequence"`
	} `json:"single"`
}

// parseTokenizer reads a Hugging Face tokenizer.json and refuses what is not
// BERT's normaliser, splitter and WordPiece.
func parseTokenizer(data []byte) ([]string, weightfile.Tokenizer, error) {
	var file struct {
		Added []struct {
			ID      int    `json:"id"`
			Content string `json:"content"`
		} `json:"added_tokens"`
		Normalizer *struct {
			Type         string `json:"type"`
			Clean        *bool  `json:"clean_text"`
			Chinese      *bool  `json:"handle_chinese_chars"`
			StripAccents *bool  `json:"strip_accents"`
			Lowercase    *bool  `json:"lowercase"`
		} `json:"normalizer"`
		Splitter *struct {
			Type string `json:"type"`
		} `json:"pre_tokenizer"`
		Processor *processor `json:"post_processor"`
		Model     struct {
			Type         string          `json:"type"`
			Unknown      string          `json:"unk_token"`
			Prefix       string          `json:"continuing_subword_prefix"`
			MaxWordChars int             `json:"max_input_chars_per_word"`
			Vocabulary   json.RawMessage `json:"vocab"`
		} `json:"model"`
	}
	out := bertTokenizer
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, out, err
	}
	// Old files leave the type out; those have nothing but WordPiece's prefix.
	if kind := file.Model.Type; kind != "WordPiece" && (kind != "" || file.Model.Prefix == "") {
		return nil, out, fmt.Errorf("the tokenizer is of type %q; WordPiece is supported", kind)
	}
	if file.Splitter == nil || file.Splitter.Type != "BertPreTokenizer" {
		return nil, out, fmt.Errorf("the pre_tokenizer is not BertPreTokenizer, the only one that is supported")
	}
	n := file.Normalizer
	if n == nil || n.Type != "BertNormalizer" || n.Lowercase == nil {
		return nil, out, fmt.Errorf("the normalizer is not BertNormalizer, the only one that is supported")
	}
	if n.Clean != nil && !*n.Clean || n.Chinese != nil && !*n.Chinese || n.StripAccents != nil && *n.StripAccents != *n.Lowercase {
		return nil, out, fmt.Errorf("the normalizer's clean_text, handle_chinese_chars or strip_accents is set to what is not supported")
	}
	out.Lowercase = *n.Lowercase
	out.Unknown = first(file.Model.Unknown, out.Unknown)
	out.Prefix = first(file.Model.Prefix, out.Prefix)
	if file.Model.MaxWordChars != 0 {
		out.MaxWordChars = file.Model.MaxWordChars
	}
	if err := file.Processor.around(&out); err != nil {
		return nil, out, err
	}
	var ids map[string]int
	if err := json.Unmarshal(file.Model.Vocabulary, &ids); err != nil {
		return nil, out, fmt.Errorf("the vocabulary is no object of words and ids: %w", err)
	}
	if len(ids) == 0 {
		return nil, out, fmt.Errorf("the vocabulary is empty")
	}
	for _, a := range file.Added {
		if id, known := ids[a.Content]; known && id != a.ID {
			return nil, out, fmt.Errorf("entry %q has the ids %d and %d", a.Content, id, a.ID)
		}
		ids[a.Content] = a.ID
	}
	words, err := order(ids)
	return words, out, err
}

// around sets the special tokens before and after a text.
func (p *processor) around(out *weightfile.Tokenizer) error {
	switch {
	case p == nil:
		return fmt.Errorf("there is no post_processor that puts [CLS] and [SEP] around a text")
	case p.Type == "BertProcessing" && len(p.Start) == 2 && len(p.End) == 2:
		if json.Unmarshal(p.Start[0], &out.Start) == nil && json.Unmarshal(p.End[0], &out.End) == nil {
			return nil
		}
	case p.Type == "TemplateProcessing" && len(p.Single) == 3:
		if start, text, end := p.Single[0].Special, p.Single[1].Sequence, p.Single[2].Special; start != nil && text != nil && end != nil {
			out.Start, out.End = start.ID, end.ID
			return nil
		}
	}
	return fmt.Errorf("the post_processor of type %q is none that puts one token before and one after a text", p.Type)
}

// order returns the words in the order of their ids.
func order(ids map[string]int) ([]string, error) {
	if len(ids) > maxVocabulary {
		return nil, fmt.Errorf("%d entries are too many; %d are read", len(ids), maxVocabulary)
	}
	words := make([]string, len(ids))
	for w, id := range ids {
		if id < 0 || id >= len(words) || words[id] != "" || w == "" || strings.Contains(w, "\n") {
			return nil, fmt.Errorf("entry %q has the unusable id %d", w, id)
		}
		words[id] = w
	}
	return words, nil
}
