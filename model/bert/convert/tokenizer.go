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

// lexicon is a tokenizer with its vocabulary.
type lexicon struct {
	weightfile.Tokenizer
	words  []string
	scores []float32 // of unigram
	rules  []byte    // of unigram, as unigram.AppendRule writes them
}

// tensors are those of the weight file.
func (l *lexicon) tensors() []weightfile.Tensor {
	out := []weightfile.Tensor{weightfile.Bytes("vocabulary", []byte(strings.Join(l.words, "\n")))}
	if l.Unigram != nil {
		out = append(out, weightfile.Float32("vocabulary.scores", []int{len(l.scores)}, l.scores), weightfile.Bytes("vocabulary.rules", l.rules))
	}
	return out
}

// tokenizerFiles are the files that a tokenizer may be in, best first.
var tokenizerFiles = []struct {
	names []string
	read  func(data []byte) (*lexicon, error)
}{
	{[]string{"-tokenizer.json", "tokenizer.json"}, parseTokenizer},
	{[]string{"-vocab.txt", "vocab.txt"}, parseVocabulary},
	{[]string{"sentencepiece.bpe.model"}, parseSentencePiece},
}

// readTokenizer reads the first of the tokenizer's files that is there, or takes the
// tokenizer that the weights bring, and holds it to the number of word vectors.
func (d *description) readTokenizer(t *tree, f *weights) error {
	bare := f.table != "" // wants no tokens around a text
	if own, ok := f.store.(interface{ lexicon() *lexicon }); ok {
		d.tokenizer, d.tokenizerSHA256 = f.file, f.sha256
		return d.useLexicon(own.lexicon(), f)
	}
	for _, kind := range tokenizerFiles {
		file := t.find(kind.names...)
		if file == "" {
			continue
		}
		data, err := t.read(file, maxSmall)
		if err != nil {
			return err
		}
		l, err := kind.read(data)
		if err != nil {
			return rag.Errorf(rag.KindInvalid, "%s: %w", file, err)
		}
		if strings.HasSuffix(file, ".txt") {
			if err := tokenizerConfig(t, &l.Tokenizer); err != nil {
				return err
			}
		}
		if !bare && (l.Start == "" || l.End == "") {
			return rag.Errorf(rag.KindInvalid, "%s: there is no post_processor that puts special tokens around a text", file)
		}
		if bare {
			l.Start, l.End = "", ""
		}
		sum := sha256.Sum256(data)
		d.tokenizer, d.tokenizerSHA256 = file, hex.EncodeToString(sum[:])
		return d.useLexicon(l, f)
	}
	return rag.Errorf(rag.KindInvalid, "%s has no tokenizer.json, vocab.txt or sentencepiece.bpe.model beside it", f.file)
}

func (d *description) useLexicon(l *lexicon, f *weights) error {
	for _, name := range []*string{&l.Padding, &l.Mask} {
		if !slices.Contains(l.words, *name) {
			*name = ""
		}
	}
	m := &d.h.Model
	if len(l.words) > m.Vocabulary {
		return rag.Errorf(rag.KindInvalid, "%s has %d entries where %s has vectors for %d", d.tokenizer, len(l.words), f.file, m.Vocabulary)
	}
	if len(l.words) < m.Vocabulary {
		d.note(fmt.Sprintf("%d of %d word vectors belong to no word and were left out", m.Vocabulary-len(l.words), m.Vocabulary))
		m.Vocabulary = len(l.words)
	}
	d.lexicon, d.h.Tokenizer = l, l.Tokenizer
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
func parseVocabulary(data []byte) (*lexicon, error) {
	words := strings.Split(strings.TrimSuffix(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n"), "\n")
	if len(words) > maxVocabulary {
		return nil, fmt.Errorf("%d entries are too many; %d are read", len(words), maxVocabulary)
	}
	return &lexicon{Tokenizer: bertTokenizer, words: words}, nil
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
	Start  []json.RawMessage `json:"cls"` // BertProcessing, RobertaProcessing: a word and its id
	End    []json.RawMessage `json:"sep"`
	Single []struct {        // TemplateProcessing
		Special *struct {
			ID string `json:"id"`
		} `json:"SpecialToken"`
		Sequence *struct{} `json:"Sequence"`
	} `json:"single"`
}

// parseTokenizer reads a Hugging Face tokenizer.json.
func parseTokenizer(data []byte) (*lexicon, error) {
	var file struct {
		Model struct {
			Type string `json:"type"`
		} `json:"model"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, err
	}
	if file.Model.Type == "Unigram" {
		return parseUnigram(data)
	}
	words, tokenizer, err := parseWordPiece(data)
	return &lexicon{Tokenizer: tokenizer, words: words}, err
}

// parseWordPiece refuses what is not BERT's normaliser, splitter and WordPiece.
func parseWordPiece(data []byte) ([]string, weightfile.Tokenizer, error) {
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
		return nil, out, fmt.Errorf("the tokenizer is of type %q; WordPiece and Unigram are supported", kind)
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

// around sets the special tokens before and after a text: "" where there are none.
func (p *processor) around(out *weightfile.Tokenizer) error {
	switch {
	case p == nil:
		out.Start, out.End = "", ""
		return nil
	case (p.Type == "BertProcessing" || p.Type == "RobertaProcessing") && len(p.Start) == 2 && len(p.End) == 2:
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
