// Package wordpiece is BERT's tokenizer: text is cleaned, stripped of accents,
// put in lower case and split at spaces and punctuation, and each word is cut
// into the longest pieces that the vocabulary holds.
//
// The result is that of Hugging Face's tokenizers library with BertNormalizer,
// BertPreTokenizer and WordPiece, token by token; a script under bench/embed
// holds it to that over all real texts at hand. Where the Unicode tables of the
// two differ in version, that library's are followed (classes.go).
//
// A Tokenizer does not change after New and is goroutine-safe. Invalid UTF-8 is
// left out, as U+FFFD is.
package wordpiece

import (
	"strings"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/model/bert/trie"
	"github.com/smartretriever/smartretriever/rag"
)

// Words are looked up from the first root, continuing pieces from the second.
const (
	rootStart    = uint32(0)
	rootContinue = uint32(1)
)

// Config describes a tokenizer.
type Config struct {
	// Vocabulary is one entry a line, in the order of ids.
	Vocabulary string
	// Lowercase puts text in lower case and strips accents.
	Lowercase bool
	// MaxWordChars is the longest word that is cut into pieces; a longer one is
	// the unknown token. 1 to 100.
	MaxWordChars int
	// Prefix marks a vocabulary entry that continues a word: "##".
	Prefix string
	// Unknown, Start and End name special entries; Start and End may be "" for a model
	// that wants none, Padding and Mask, too.
	// A special entry written out in a text is that token, as in the library.
	Unknown, Start, End, Padding, Mask string
}

// Tokenizer cuts text into tokens.
type Tokenizer struct {
	lower    bool
	maxChars int
	trie     *trie.Trie
	specials []special
	size     int

	unknown, start, end int32
}

type special struct {
	text string
	id   int32
}

// Token is a token with its place in the text that it was made from.
type Token struct {
	ID         int32
	Start, End int // byte offsets into the text
}

// maxWordChars bounds the buffer that a word is gathered in.
const maxWordChars = 100

// New builds a tokenizer. A vocabulary that is empty, has an entry twice or
// lacks a special entry is KindInvalid.
func New(cfg Config) (*Tokenizer, error) {
	if cfg.MaxWordChars < 1 || cfg.MaxWordChars > maxWordChars {
		return nil, rag.Errorf(rag.KindInvalid, "max_word_chars is %d; 1 to %d are possible", cfg.MaxWordChars, maxWordChars)
	}
	if cfg.Prefix == "" {
		return nil, rag.Errorf(rag.KindInvalid, "the prefix of continuing pieces is empty")
	}
	if len(cfg.Vocabulary) > trie.MaxBytes {
		return nil, rag.Errorf(rag.KindInvalid, "the vocabulary has %d bytes; at most %d are possible", len(cfg.Vocabulary), trie.MaxBytes)
	}
	t := &Tokenizer{lower: cfg.Lowercase, maxChars: cfg.MaxWordChars}
	words := strings.Split(cfg.Vocabulary, "\n")
	t.size = len(words)
	t.trie = trie.New(2, len(cfg.Vocabulary))
	find := map[string]*int32{cfg.Unknown: &t.unknown, cfg.Start: &t.start, cfg.End: &t.end}
	if cfg.Unknown != "" {
		delete(find, "")
	}
	also := []string{cfg.Padding, cfg.Mask}
	for i, w := range words {
		id := int32(i)
		if w == "" {
			return nil, rag.Errorf(rag.KindInvalid, "entry %d of the vocabulary is empty", i)
		}
		root := rootStart
		if rest, ok := strings.CutPrefix(w, cfg.Prefix); ok && rest != "" {
			root, w = rootContinue, rest
		}
		if !t.trie.Add(root, w, id) {
			return nil, rag.Errorf(rag.KindInvalid, "the vocabulary holds %q twice", words[i])
		}
		if p, ok := find[words[i]]; ok {
			*p = id
			delete(find, words[i])
			t.specials = append(t.specials, special{words[i], id})
		} else if words[i] == also[0] || words[i] == also[1] {
			t.specials = append(t.specials, special{words[i], id})
		}
	}
	for name := range find {
		return nil, rag.Errorf(rag.KindInvalid, "the vocabulary lacks the special entry %q", name)
	}
	return t, nil
}

// Size returns the number of entries of the vocabulary.
func (t *Tokenizer) Size() int { return t.size }

// Special returns the tokens that a model wants before and after a text.
func (t *Tokenizer) Special() (start, end int32) { return t.start, t.end }

// Unknown returns the token for what the vocabulary does not know.
func (t *Tokenizer) Unknown() int32 { return t.unknown }

// Append appends the tokens of text to dst, at most limit of them (negative: all),
// without special ones before and after.
func (t *Tokenizer) Append(dst []int32, text string, limit int) []int32 {
	if limit < 0 {
		limit = int(^uint(0) >> 1)
	}
	var pieces [maxWordChars]piece
	s := scanner{text: text, lower: t.lower, maxChars: t.maxChars, specials: t.specials}
	for limit > 0 && s.next() {
		if s.special >= 0 {
			dst = append(dst, s.special)
			limit--
			continue
		}
		n := t.cut(&s, &pieces)
		for _, p := range pieces[:min(n, limit)] {
			dst = append(dst, p.id)
		}
		limit -= min(n, limit)
	}
	return dst
}

// AppendTokens is Append with each token's place in text.
func (t *Tokenizer) AppendTokens(dst []Token, text string) []Token {
	var pieces [maxWordChars]piece
	s := scanner{text: text, lower: t.lower, maxChars: t.maxChars, specials: t.specials}
	for s.next() {
		if s.special >= 0 {
			dst = append(dst, Token{s.special, s.from, s.pos})
			continue
		}
		n := t.cut(&s, &pieces)
		for i, p := range pieces[:n] {
			token := Token{p.id, s.from, s.to}
			if i > 0 {
				token.Start = int(s.origin[p.start])
			}
			if i < n-1 {
				token.End = int(s.origin[pieces[i+1].start])
			}
			dst = append(dst, token)
		}
	}
	return dst
}

// Count returns the number of tokens of text.
func (t *Tokenizer) Count(text string) int {
	var pieces [maxWordChars]piece
	s := scanner{text: text, lower: t.lower, maxChars: t.maxChars, specials: t.specials}
	count := 0
	for s.next() {
		if s.special >= 0 {
			count++
		} else {
			count += t.cut(&s, &pieces)
		}
	}
	return count
}

// piece is a token of a word, starting at a byte of the gathered word.
type piece struct {
	id    int32
	start int32
}

// cut sets pieces to those of the scanner's word and returns their number: the
// longest known piece from the left, again and again; the unknown token for the
// whole word where a rest has no known piece or the word is too long.
func (t *Tokenizer) cut(s *scanner, pieces *[maxWordChars]piece) int {
	if s.overlong {
		pieces[0] = piece{id: t.unknown}
		return 1
	}
	word := s.word[:s.n]
	root, count := rootStart, 0
	for at := 0; at < len(word); count++ {
		id, length := t.trie.Longest(root, word[at:])
		if length == 0 || count == len(pieces) {
			pieces[0] = piece{id: t.unknown}
			return 1
		}
		pieces[count] = piece{id, int32(at)}
		at += length
		root = rootContinue
	}
	return count
}

// scanner splits a text into words, gathering each in its normal form.
type scanner struct {
	text     string
	pos      int // next byte of text
	lower    bool
	maxChars int
	specials []special

	// The current word, after next returned true.
	special  int32 // the id of a special entry, or -1
	from, to int   // its bytes in text
	overlong bool  // more than maxChars characters
	n, chars int
	word     [utf8.UTFMax * maxWordChars]byte
	origin   [utf8.UTFMax * maxWordChars]int32 // where each byte of word comes from

	// What one character of text still has to give: its canonical decomposition
	// may hold several words ("≠" does not, a Hangul syllable stays one).
	pending    []byte
	pendingAt  int
	pendingEnd int
}

// next gathers the next word and reports whether there is one.
func (s *scanner) next() bool {
	s.special, s.n, s.chars, s.overlong = -1, 0, 0, false
	for s.pos < len(s.text) {
		b := s.text[s.pos]
		if b >= utf8.RuneSelf {
			if s.other() {
				return true
			}
			continue
		}
		switch class := ascii[b]; class {
		case letter:
			if s.lower && 'A' <= b && b <= 'Z' {
				b += 'a' - 'A'
			}
			s.gather1(b)
			s.pos++
		case space:
			s.pos++
			if s.chars > 0 {
				return true
			}
		case punctuation:
			if s.chars > 0 {
				return true
			}
			if s.specialHere() {
				return true
			}
			s.gather1(b)
			s.pos++
			return true
		default: // removed
			s.pos++
		}
	}
	return s.chars > 0
}

// specialHere takes a special entry written out at the scanner's place.
func (s *scanner) specialHere() bool {
	for _, sp := range s.specials {
		if strings.HasPrefix(s.text[s.pos:], sp.text) {
			s.special, s.from = sp.id, s.pos
			s.pos += len(sp.text)
			s.to = s.pos
			return true
		}
	}
	return false
}

// gather1 adds an ASCII character at s.pos to the word.
func (s *scanner) gather1(b byte) {
	if s.chars == 0 {
		s.from = s.pos
	}
	s.to = s.pos + 1
	s.chars++
	if s.chars > s.maxChars {
		s.overlong = true
		return
	}
	s.word[s.n] = b
	s.origin[s.n] = int32(s.pos)
	s.n++
}

// gather adds a character that comes from text[at:end] to the word.
func (s *scanner) gather(r rune, at, end int) {
	if s.chars == 0 {
		s.from = at
	}
	s.to = end
	s.chars++
	if s.chars > s.maxChars {
		s.overlong = true
		return
	}
	size := utf8.EncodeRune(s.word[s.n:], r)
	for i := range size {
		s.origin[s.n+i] = int32(at)
	}
	s.n += size
}
