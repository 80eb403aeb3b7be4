package enrich

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/words"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/sentence"
)

// word is a run of letters or digits by the rules of UAX #29.
type word struct {
	text  string
	start int // byte in the text
	last  bool
}

func (w word) end() int { return w.start + len(w.text) }

// wordsOf returns the words of a text: segments that begin with a letter or a digit.
// offset is added to their places.
func wordsOf(text string, offset int) []word {
	var out []word
	seg := words.FromString(text)
	for seg.Next() {
		w := seg.Value()
		if r, _ := utf8.DecodeRuneInString(w); unicode.IsLetter(r) || unicode.IsNumber(r) {
			out = append(out, word{text: w, start: offset + seg.Start()})
		}
	}
	return out
}

// Prose returns the text without running headers, code and tables, and a stop behind
// each block that has none, so that two headings are not one sentence.
func (d *Document) Prose() string {
	if d.prose != nil {
		return *d.prose
	}
	var b strings.Builder
	for _, block := range d.Text.Blocks {
		switch block.Kind {
		case rag.Header, rag.Footer, rag.Code, rag.Table:
			continue
		}
		text := strings.TrimSpace(block.Span.Of(d.Text.Content))
		if block.Kind == rag.Heading {
			text = strings.TrimSpace(strings.TrimLeft(text, "#"))
		}
		if text == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\n\n")
		}
		b.WriteString(text)
	}
	if len(d.Text.Blocks) == 0 {
		b.WriteString(d.Text.Content)
	}
	prose := b.String()
	d.prose = &prose
	return prose
}

// Words returns the words of the prose.
func (d *Document) wordList() []word {
	d.cut()
	return d.words
}

// sentenceList returns the sentences of the prose that hold a word.
func (d *Document) sentenceList() []rag.Span {
	d.cut()
	return d.sentences
}

func (d *Document) cut() {
	if d.split {
		return
	}
	d.split = true
	prose := d.Prose()
	for s := range sentence.All(prose) {
		found := wordsOf(s.Of(prose), s.Start)
		if len(found) == 0 {
			continue
		}
		found[len(found)-1].last = true
		d.sentences = append(d.sentences, s)
		d.words = append(d.words, found...)
	}
}

// letters counts the letters of a word.
func letters(w string) int {
	n := 0
	for _, r := range w {
		if unicode.IsLetter(r) {
			n++
		}
	}
	return n
}

func isLetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }
func isDigit(b byte) bool  { return b >= '0' && b <= '9' }
func isAlnum(b byte) bool  { return isLetter(b) || isDigit(b) }

// wordBefore and wordAfter report whether a letter or digit touches the place i of
// text from the left or from the right: what begins or ends there is part of something
// longer then.
func wordBefore(text string, i int) bool {
	r, _ := utf8.DecodeLastRuneInString(text[:i])
	return i > 0 && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

func wordAfter(text string, i int) bool {
	r, _ := utf8.DecodeRuneInString(text[i:])
	return i < len(text) && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// set makes a set of the words in a list, in lower case.
func set(lists ...string) map[string]bool {
	m := map[string]bool{}
	for _, list := range lists {
		for w := range strings.FieldsSeq(list) {
			m[strings.ToLower(w)] = true
		}
	}
	return m
}
