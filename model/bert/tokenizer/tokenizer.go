// Package tokenizer opens the tokenizer of a weight file, of whichever kind it is.
package tokenizer

import (
	"github.com/smartretriever/smartretriever/model/bert/unigram"
	"github.com/smartretriever/smartretriever/model/bert/weightfile"
	"github.com/smartretriever/smartretriever/model/bert/wordpiece"
	"github.com/smartretriever/smartretriever/rag"
)

// Tokenizer cuts text into the numbers that a model knows. It is goroutine-safe.
type Tokenizer interface {
	// Append appends the tokens of text to dst, at most limit of them (negative:
	// all), without special ones before and after.
	Append(dst []int32, text string, limit int) []int32
	// Count returns the number of tokens of text.
	Count(text string) int
	// Special returns the tokens that a model wants before and after a text.
	Special() (start, end int32)
	// Unknown returns the token for what the vocabulary does not know.
	Unknown() int32
	// Size returns the number of entries of the vocabulary.
	Size() int
}

var (
	_ Tokenizer = (*wordpiece.Tokenizer)(nil)
	_ Tokenizer = (*unigram.Tokenizer)(nil)
)

// Open makes the tokenizer that a weight file describes. What is wrong with it is
// KindInvalid.
func Open(f *weightfile.File) (Tokenizer, error) {
	raw, err := f.Bytes("vocabulary")
	if err != nil {
		return nil, err
	}
	vocabulary, t := string(raw), f.Tokenizer
	switch {
	case t.Kind == "wordpiece":
		return wordpiece.New(wordpiece.Config{
			Vocabulary:   vocabulary,
			Lowercase:    t.Lowercase,
			MaxWordChars: t.MaxWordChars,
			Prefix:       t.Prefix,
			Unknown:      t.Unknown,
			Start:        t.Start,
			End:          t.End,
			Padding:      t.Padding,
			Mask:         t.Mask,
		})
	case t.Kind == "unigram" && t.Unigram != nil:
		return openUnigram(f, vocabulary, t)
	}
	return nil, rag.Errorf(rag.KindInvalid, "the weight file has a tokenizer of kind %q; wordpiece and unigram are supported", t.Kind)
}

func openUnigram(f *weightfile.File, vocabulary string, t weightfile.Tokenizer) (Tokenizer, error) {
	if f.Model.Vocabulary < 1 {
		return nil, rag.Errorf(rag.KindInvalid, "model %q has %d words", f.Model.Name, f.Model.Vocabulary)
	}
	scores, err := f.Float32("vocabulary.scores", f.Model.Vocabulary)
	if err != nil {
		return nil, err
	}
	rules, err := f.Bytes("vocabulary.rules")
	if err != nil {
		return nil, err
	}
	u := t.Unigram
	cfg := unigram.Config{
		Vocabulary: vocabulary,
		Scores:     scores,
		Rules:      string(rules),
		Unknown:    t.Unknown,
		Start:      t.Start,
		End:        t.End,
		Clusters:   u.Clusters,
		Joined:     u.Joined,
		Collapse:   u.Collapse,
		TrimLeft:   u.TrimLeft,
		TrimRight:  u.TrimRight,
		SplitSpace: u.SplitSpace,
		Prefix:     unigram.Prefix(u.Prefix),
		Unmatched:  u.Unmatched,
	}
	for _, s := range u.Specials {
		cfg.Specials = append(cfg.Specials, unigram.Special(s))
	}
	return unigram.New(cfg)
}
