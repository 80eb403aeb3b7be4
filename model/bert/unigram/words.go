package unigram

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"
)

// scratch is the state of one call.
type scratch struct {
	dst   []int32
	keep  bool // tokens go to dst, and are not only counted
	count int
	limit int

	word   []byte  // in its normal form
	spaced bool    // the last character was a space
	begun  bool    // a character of the section came
	score  float64 // of the section so far, where it is one sum
	mark   bool    // a word that begins here gets the mark

	nodes []place
	path  []int32
}

// full reports whether no more tokens are wanted.
func (s *scratch) full() bool { return s.count >= s.limit }

func (s *scratch) emit(id int32) {
	if s.keep {
		s.dst = append(s.dst, id)
	}
	s.count++
}

// text cuts a text at the special tokens in it.
func (t *Tokenizer) text(s *scratch, text string) {
	rest, first, skip := text, true, false
	for !s.full() {
		at, found := t.nextSpecial(rest)
		section := rest[:at]
		if found != nil && found.Left {
			section = strings.TrimRightFunc(section, unicode.IsSpace)
		}
		if skip {
			section = strings.TrimLeftFunc(section, unicode.IsSpace)
		}
		t.section(s, section, first && len(section) > 0)
		if found == nil || s.full() {
			return
		}
		s.emit(found.id)
		rest, first, skip = rest[at+len(found.Text):], false, found.Right
	}
}

// nextSpecial returns the place of the first special token, the longest of those
// that begin there, or the length of text.
func (t *Tokenizer) nextSpecial(text string) (at int, found *special) {
	if t.firsts == "" {
		return len(text), nil
	}
	for {
		i := strings.IndexAny(text[at:], t.firsts)
		if i < 0 {
			return len(text), nil
		}
		at += i
		for k := range t.specials {
			if sp := &t.specials[k]; (found == nil || len(sp.Text) > len(found.Text)) && strings.HasPrefix(text[at:], sp.Text) {
				found = sp
			}
		}
		if found != nil {
			return at, found
		}
		at++
	}
}

// section normalises a text without special tokens and cuts it into words.
func (t *Tokenizer) section(s *scratch, text string, first bool) {
	s.word, s.spaced, s.begun, s.score = s.word[:0], false, false, 0
	s.mark = t.cfg.Prefix == PrefixAlways || t.cfg.Prefix == PrefixFirst && first
	for len(text) > 0 && !s.full() {
		b := text[0]
		if b < utf8.RuneSelf && (len(text) == 1 || text[1] < utf8.RuneSelf) && t.rules.apart[b] {
			if rule := t.rules.alone[b]; rule >= 0 {
				t.put(s, t.rules.to[rule])
			} else {
				t.put(s, text[:1])
			}
			text = text[1:]
			continue
		}
		if t.cfg.Clusters {
			text = t.cluster(s, text)
			continue
		}
		to, n := t.rules.longest(text)
		if n == 0 {
			to, n = t.character(text)
		}
		t.put(s, to)
		text = text[n:]
	}
	if s.full() {
		return
	}
	if t.cfg.TrimRight {
		if t.cfg.Clusters {
			s.word = bytes.TrimRightFunc(s.word, unicode.IsSpace)
		}
		if s.spaced {
			s.word = s.word[:len(s.word)-len(mark)]
		}
	}
	t.flush(s)
}

// longestCluster is the bytes below which a cluster of characters is normalised as
// one (Hugging Face's spm_precompiled).
const longestCluster = 6

// cluster normalises the first cluster of text and returns the rest.
func (t *Tokenizer) cluster(s *scratch, text string) (rest string) {
	n := clusterLength(text)
	if n < longestCluster {
		if to, ok := t.rules.shortest(text[:n]); ok {
			t.put(s, to)
			return text[n:]
		}
	}
	for at := 0; at < n; {
		to, width := t.character(text[at:])
		if rule, ok := t.rules.shortest(to); ok {
			to = rule
		}
		t.put(s, to)
		at += width
	}
	return text[n:]
}

// clusterLength returns the bytes of the first grapheme cluster of text.
func clusterLength(text string) int {
	_, n := utf8.DecodeRuneInString(text)
	if n == len(text) {
		return n
	}
	// Ideographs, kana and Cyrillic, most of what is not ASCII, join nothing before.
	if next, _ := utf8.DecodeRuneInString(text[n:]); next == ' ' ||
		0x3400 <= next && next < 0xA000 || 0x3041 <= next && next < 0x3097 || 0x30A1 <= next && next < 0x30FB || 0x400 <= next && next < 0x480 {
		if first := text[0]; first >= 0xE3 && first < 0xEA || first == 0xD0 || first == 0xD1 {
			return n
		}
	}
	g := graphemes.FromString(text)
	if g.Next() {
		return len(g.Value())
	}
	return n
}

// character returns the first character of text and the bytes that it takes there.
func (t *Tokenizer) character(text string) (string, int) {
	r, n := utf8.DecodeRuneInString(text)
	if r == utf8.RuneError && n == 1 {
		return "\uFFFD", 1
	}
	return text[:n], n
}

// put takes normalised text into words.
func (t *Tokenizer) put(s *scratch, text string) {
	for len(text) > 0 && !s.full() {
		r, n := rune(text[0]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(text)
		}
		t.add(s, r, text[:n])
		text = text[n:]
	}
}

// add takes one normalised character into the current word, or ends that.
func (t *Tokenizer) add(s *scratch, r rune, text string) {
	switch {
	case t.cfg.SplitSpace && unicode.IsSpace(r):
		t.flush(s)
		s.mark = t.cfg.Prefix == PrefixAlways
		return
	case t.cfg.TrimLeft && !s.begun && (r == ' ' || t.cfg.Clusters && unicode.IsSpace(r)):
		return
	}
	if !s.begun && s.mark && !t.cfg.Clusters { // SentencePiece puts it before a mark, too
		t.begin(s)
		s.mark = false
	}
	if r == ' ' {
		if !t.cfg.Collapse || !s.spaced {
			t.begin(s)
			s.spaced = true
		}
		s.begun = true
		return
	}
	s.begun, s.spaced = true, false
	if r == '▁' {
		t.begin(s)
		return
	}
	if len(s.word) == 0 && s.mark {
		s.word = append(s.word, mark...)
	}
	s.word = append(s.word, text...)
}

// begin starts a word with the mark.
func (t *Tokenizer) begin(s *scratch) {
	if !t.whole {
		t.flush(s)
	}
	s.word = append(s.word, mark...)
}
