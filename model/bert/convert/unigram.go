package convert

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/model/bert/unigram"
	"github.com/smartretriever/smartretriever/model/bert/weightfile"
)

// stage is a normaliser or a splitter of a tokenizer.json.
type stage struct {
	Type string `json:"type"`

	Stages    []stage `json:"normalizers"`   // Sequence
	Splitters []stage `json:"pretokenizers"` // Sequence
	Charsmap  []byte  `json:"precompiled_charsmap"`
	Pattern   struct {
		Regex  string
		String string
	} `json:"pattern"` // Replace
	Content     string  `json:"content"`
	Left        bool    `json:"strip_left"` // Strip
	Right       bool    `json:"strip_right"`
	Replacement string  `json:"replacement"` // Metaspace
	PrefixSpace *bool   `json:"add_prefix_space"`
	Prepend     *string `json:"prepend_scheme"`
	Split       *bool   `json:"split"`
}

// parseUnigram reads a Hugging Face tokenizer.json with the unigram model and
// refuses what is not SentencePiece's normaliser and mark.
func parseUnigram(data []byte) (*lexicon, error) {
	var file struct {
		Added      []addedToken `json:"added_tokens"`
		Normalizer *stage       `json:"normalizer"`
		Splitter   *stage       `json:"pre_tokenizer"`
		Processor  *processor   `json:"post_processor"`
		Model      struct {
			Unknown    *int    `json:"unk_id"`
			Bytes      bool    `json:"byte_fallback"`
			Vocabulary []piece `json:"vocab"`
		} `json:"model"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, err
	}
	u := &weightfile.Unigram{Clusters: true}
	l := &lexicon{Tokenizer: weightfile.Tokenizer{Kind: "unigram", Padding: "<pad>", Mask: "<mask>", Unigram: u}}
	if file.Model.Bytes {
		return nil, fmt.Errorf("the tokenizer falls back on bytes (byte_fallback), which is not supported")
	}
	if err := l.addPieces(file.Model.Vocabulary); err != nil {
		return nil, err
	}
	unknown := file.Model.Unknown
	if unknown == nil || *unknown < 0 || *unknown >= len(l.words) {
		return nil, fmt.Errorf("there is no unknown token (unk_id)")
	}
	l.Unknown = l.words[*unknown]
	if err := l.normalise(file.Normalizer); err != nil {
		return nil, err
	}
	if err := l.split(file.Splitter); err != nil {
		return nil, err
	}
	if err := file.Processor.around(&l.Tokenizer); err != nil {
		return nil, err
	}
	return l, l.addTokens(file.Added)
}

// piece is an entry of the vocabulary: [text, score].
type piece struct {
	text  string
	score float32
}

func (p *piece) UnmarshalJSON(data []byte) error {
	pair := []any{&p.text, &p.score}
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return fmt.Errorf("entry %s of the vocabulary is no pair of a text and a score", data)
	}
	return nil
}

func (l *lexicon) addPieces(pieces []piece) error {
	if len(pieces) == 0 || len(pieces) > maxVocabulary {
		return fmt.Errorf("the vocabulary has %d entries; 1 to %d are read", len(pieces), maxVocabulary)
	}
	for i, p := range pieces {
		if p.text == "" || strings.Contains(p.text, "\n") {
			return fmt.Errorf("entry %d of the vocabulary, %q, is empty or has several lines", i, p.text)
		}
		l.words, l.scores = append(l.words, p.text), append(l.scores, p.score)
	}
	return nil
}

// normalise takes over the normalisers. They come in an order that matters: the
// rules first, then what is done to spaces.
func (l *lexicon) normalise(s *stage) error {
	if s == nil {
		return nil
	}
	u := l.Unigram
	switch {
	case s.Type == "Sequence":
		for i := range s.Stages {
			if err := l.normalise(&s.Stages[i]); err != nil {
				return err
			}
		}
		return nil
	case s.Type == "Precompiled" && l.rules == nil && !u.Collapse && !u.TrimLeft && !u.TrimRight:
		var err error
		l.rules, err = parseCharsmap(s.Charsmap)
		return err
	case s.Type == "Replace" && s.Pattern.Regex == " {2,}" && (s.Content == " " || s.Content == "▁"):
		u.Collapse = true
		return nil
	case s.Type == "Replace" && s.Pattern.String == " " && s.Content == "▁":
		return nil
	case s.Type == "Strip":
		u.TrimLeft, u.TrimRight = u.TrimLeft || s.Left, u.TrimRight || s.Right
		return nil
	}
	return fmt.Errorf("the normalizer %q is not supported here; Precompiled, then Strip and Replace of runs of spaces are", s.Type)
}

// split takes over the splitter.
func (l *lexicon) split(s *stage) error {
	u := l.Unigram
	if s != nil && s.Type == "Sequence" && len(s.Splitters) == 2 && s.Splitters[0].Type == "WhitespaceSplit" {
		u.SplitSpace = true
		s = &s.Splitters[1]
	}
	if s == nil || s.Type != "Metaspace" || s.Replacement != "▁" {
		return fmt.Errorf("the pre_tokenizer is not Metaspace with the mark ▁, alone or after WhitespaceSplit, the only ones that are supported")
	}
	u.Prefix = string(unigram.PrefixAlways)
	switch {
	case s.Prepend != nil:
		u.Prefix = *s.Prepend
	case s.PrefixSpace != nil && !*s.PrefixSpace:
		u.Prefix = string(unigram.PrefixNever)
	}
	u.Joined = s.Split != nil && !*s.Split
	return nil
}

// addedToken is a token that a text may hold as it is written.
type addedToken struct {
	ID         int    `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	Left       bool   `json:"lstrip"`
	Right      bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

// addTokens takes over the added tokens. Those that are no pieces of the model are
// found in no other way.
func (l *lexicon) addTokens(added []addedToken) error {
	slices.SortStableFunc(added, func(a, b addedToken) int { return a.ID - b.ID })
	for _, a := range added {
		switch {
		case a.SingleWord || a.Normalized && !a.Special:
			return fmt.Errorf("added token %q is looked for in whole words or in normalised text, which is not supported", a.Content)
		case a.Content == "" || strings.Contains(a.Content, "\n") || len(l.words) >= maxVocabulary:
			return fmt.Errorf("added token %q is empty, has several lines or is one too many", a.Content)
		case a.ID == len(l.words):
			l.words, l.scores = append(l.words, a.Content), append(l.scores, 0)
			l.Unigram.Unmatched = append(l.Unigram.Unmatched, a.Content)
		case a.ID < 0 || a.ID > len(l.words) || l.words[a.ID] != a.Content:
			return fmt.Errorf("added token %q has the unusable id %d", a.Content, a.ID)
		}
		l.Unigram.Specials = append(l.Unigram.Specials, weightfile.Special{Text: a.Content, Left: a.Left, Right: a.Right})
	}
	return nil
}
