package unigram

import (
	"math"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/model/bert/trie"
	"github.com/smartretriever/smartretriever/rag"
)

// Config describes a tokenizer.
type Config struct {
	// Vocabulary is one piece a line, in the order of ids; Scores are their
	// logarithms of probability. The mark ▁ stands for a space.
	Vocabulary string
	Scores     []float32
	// Unknown, Start and End name pieces; Start and End may be "" for a model that
	// wants none.
	Unknown, Start, End string

	// Rules normalise text (AppendRule). Empty: text stays as it is.
	Rules string
	// Clusters applies rules and adds scores up as Hugging Face's tokenizers do, the
	// shortest rule that a cluster of characters begins with, in 64 bits. Default: as
	// SentencePiece does, the longest rule, in 32 bits.
	Clusters bool
	// Joined lets a piece go across words. Default: each word is cut alone.
	Joined bool
	// Collapse makes one of several spaces in a row.
	Collapse bool
	// TrimLeft and TrimRight take white space away before and after a text, or as
	// SentencePiece does only spaces; TrimRight needs Collapse.
	TrimLeft, TrimRight bool
	// SplitSpace cuts text at all white space, which then belongs to no word.
	// Default: a space becomes the mark before the next word.
	SplitSpace bool
	// Prefix says where a word without a space before it gets the mark.
	Prefix Prefix
	// Unmatched names pieces that no text becomes, such as control symbols.
	Unmatched []string
	// Specials are tokens that a text may hold as they are written.
	Specials []Special
}

// Prefix says which words without a space before them get the mark.
type Prefix string

// The kinds of Prefix.
const (
	PrefixAlways Prefix = "always" // at the start, after special tokens, and each word of SplitSpace
	PrefixFirst  Prefix = "first"  // at the start of a text
	PrefixNever  Prefix = "never"
)

// Special is a token that stands for itself.
type Special struct {
	Text string
	// Left and Right take in the white space before and after it.
	Left, Right bool
}

// mark stands for a space in pieces.
const mark = "▁"

const (
	maxSpecials = 1000
	// unknownPenalty is how much less than the least score an unknown character has.
	unknownPenalty = 10
)

// Tokenizer cuts text into tokens.
type Tokenizer struct {
	cfg    Config
	rules  *rules
	pieces *trie.Trie
	scores []float32

	unknown, start, end int32
	unknownScore        float64
	// whole is set where pieces do go across words, so that a text is not cut at them.
	whole bool

	specials []special
	firsts   string    // the bytes that specials begin with
	scratch  sync.Pool // *scratch
}

type special struct {
	Special
	id int32
}

// New builds a tokenizer. A vocabulary that is empty, has a piece twice, lacks a
// special one or does not fit its scores, and rules that cannot be read, are
// KindInvalid.
func New(cfg Config) (*Tokenizer, error) {
	switch {
	case len(cfg.Vocabulary) > trie.MaxBytes:
		return nil, rag.Errorf(rag.KindInvalid, "the vocabulary has %d bytes; at most %d are possible", len(cfg.Vocabulary), trie.MaxBytes)
	case cfg.Prefix != PrefixAlways && cfg.Prefix != PrefixFirst && cfg.Prefix != PrefixNever:
		return nil, rag.Errorf(rag.KindInvalid, "the prefix of words is %q; always, first and never are possible", cfg.Prefix)
	case cfg.TrimRight && !cfg.Collapse:
		return nil, rag.Errorf(rag.KindInvalid, "spaces after a text are taken away only where runs of them are collapsed")
	case len(cfg.Specials) > maxSpecials || len(cfg.Unmatched) > maxSpecials:
		return nil, rag.Errorf(rag.KindInvalid, "there are more than %d special tokens", maxSpecials)
	}
	t := &Tokenizer{cfg: cfg, scores: cfg.Scores, pieces: trie.New(1, len(cfg.Vocabulary))}
	t.scratch.New = func() any { return new(scratch) }
	var err error
	if t.rules, err = parseRules(cfg.Rules); err != nil {
		return nil, err
	}
	ids, err := t.addPieces(strings.Split(cfg.Vocabulary, "\n"))
	if err != nil {
		return nil, err
	}
	for _, s := range []struct {
		name string
		id   *int32
	}{{cfg.Unknown, &t.unknown}, {cfg.Start, &t.start}, {cfg.End, &t.end}} {
		id, ok := ids[s.name]
		if !ok && (s.name != "" || s.id == &t.unknown) {
			return nil, rag.Errorf(rag.KindInvalid, "the vocabulary lacks the special piece %q", s.name)
		}
		*s.id = id
	}
	for _, s := range cfg.Specials {
		id, ok := ids[s.Text]
		if !ok || s.Text == "" {
			return nil, rag.Errorf(rag.KindInvalid, "the vocabulary lacks the special token %q", s.Text)
		}
		t.specials = append(t.specials, special{s, id})
		if s.Text[0] >= utf8.RuneSelf {
			return nil, rag.Errorf(rag.KindInvalid, "special token %q begins with no ASCII character", s.Text)
		}
		if !strings.Contains(t.firsts, s.Text[:1]) {
			t.firsts += s.Text[:1]
		}
	}
	return t, nil
}

// addPieces fills the trie and returns the ids of the pieces that the
// configuration names.
func (t *Tokenizer) addPieces(pieces []string) (map[string]int32, error) {
	if len(pieces) != len(t.scores) {
		return nil, rag.Errorf(rag.KindInvalid, "the vocabulary has %d pieces and %d scores", len(pieces), len(t.scores))
	}
	named := map[string]int32{t.cfg.Unknown: -1, t.cfg.Start: -1, t.cfg.End: -1}
	for _, s := range t.cfg.Specials {
		named[s.Text] = -1
	}
	hidden := map[string]bool{}
	for _, name := range t.cfg.Unmatched {
		hidden[name] = true
	}
	least := math.Inf(1)
	for i, p := range pieces {
		score := float64(t.scores[i])
		if p == "" || math.IsNaN(score) || math.IsInf(score, 0) {
			return nil, rag.Errorf(rag.KindInvalid, "piece %d of the vocabulary is empty or has no score", i)
		}
		if _, is := named[p]; is {
			named[p] = int32(i)
		}
		if hidden[p] {
			continue
		}
		least = min(least, score)
		if !t.pieces.Add(0, p, int32(i)) {
			return nil, rag.Errorf(rag.KindInvalid, "the vocabulary holds %q twice", p)
		}
		t.whole = t.whole || t.cfg.Joined && strings.LastIndex(p, mark) > 0
	}
	t.unknownScore = least - unknownPenalty
	for p, id := range named {
		if id < 0 {
			delete(named, p)
		}
	}
	return named, nil
}

// Size returns the number of pieces of the vocabulary.
func (t *Tokenizer) Size() int { return len(t.scores) }

// Special returns the tokens that a model wants before and after a text.
func (t *Tokenizer) Special() (start, end int32) { return t.start, t.end }

// Unknown returns the token for what the vocabulary does not know.
func (t *Tokenizer) Unknown() int32 { return t.unknown }

// Append appends the tokens of text to dst, at most limit of them (negative: all),
// without special ones before and after.
func (t *Tokenizer) Append(dst []int32, text string, limit int) []int32 {
	if limit < 0 {
		limit = math.MaxInt
	}
	s := t.take(limit)
	s.dst, s.keep = dst, true
	t.text(s, text)
	dst = s.dst
	t.give(s)
	return dst
}

// Count returns the number of tokens of text.
func (t *Tokenizer) Count(text string) int {
	s := t.take(math.MaxInt)
	t.text(s, text)
	n := s.count
	t.give(s)
	return n
}

// keepScratch bounds the memory that a tokenizer holds on to, in nodes; texts with
// longer words take fresh memory.
const keepScratch = 1 << 16

func (t *Tokenizer) take(limit int) *scratch {
	s := t.scratch.Get().(*scratch)
	s.keep, s.count, s.limit = false, 0, limit
	return s
}

func (t *Tokenizer) give(s *scratch) {
	if s.dst = nil; cap(s.nodes) <= keepScratch {
		t.scratch.Put(s)
	}
}
