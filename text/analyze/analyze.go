package analyze

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/snowballstem"
	"github.com/clipperhouse/uax29/v2/words"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// version is part of every analyzer's name. It goes up when the terms of any
// text change, so that indexes made with older terms are built again.
const version = "1"

// maxTerm bounds a term in bytes. Longer words (encoded data, rows of letters)
// are cut there.
const maxTerm = 128

// Analyzer turns text into terms. It is immutable and goroutine-safe.
type Analyzer struct {
	name  string
	latin *language // of words in Latin script
	other map[script]*language
	pool  sync.Pool // of *state
}

// For returns the analyzer for an ISO 639-1 language code, as listed by
// Languages. "", "auto" and any other code give the analyzer that goes by script.
func For(code string) *Analyzer {
	a := &Analyzer{name: "auto-" + version, latin: languages["en"], other: map[script]*language{
		cyrillic: languages["ru"], arabic: languages["ar"], tamil: languages["ta"],
	}}
	if l, ok := languages[code]; ok {
		a.name = code + "-" + version
		if l.script == latin {
			a.latin = l
		} else {
			a.other[l.script] = l
		}
	}
	a.pool.New = func() any {
		return &state{words: words.FromString(""), env: snowballstem.NewEnv(""), fold: cases.Fold(), terms: map[string]string{}}
	}
	return a
}

// Name identifies what the analyzer does: analyzers of equal name make equal
// terms.
func (a *Analyzer) Name() string { return a.name }

// state is what one call of Append works with, kept for the next.
type state struct {
	words *words.Iterator[string]
	env   *snowballstem.Env
	fold  cases.Caser
	terms map[string]string // word to term, "" for none: a word is folded and stemmed once
	pairs pairs
	spans *[]Span // of the terms, if they are wanted
}

// Span is where the word of a term stands in a text, in bytes [Start, End).
type Span struct{ Start, End int }

// Spans appends the terms of text to dst, as Append does, and where their words stand to spans. Where bringing the text to normal form
// changes it, the terms of what stands between two white spaces have all of that as their span.
func (a *Analyzer) Spans(dst []string, spans []Span, text string) ([]string, []Span) {
	if isNormal(text) && utf8.ValidString(text) {
		dst = a.run(dst, text, &spans)
		return dst, spans
	}
	for start := 0; start < len(text); {
		end := strings.IndexFunc(text[start:], unicode.IsSpace)
		if end < 0 {
			end = len(text) - start
		}
		field := text[start : start+end]
		before := len(spans)
		if isNormal(field) && utf8.ValidString(field) {
			dst = a.run(dst, field, &spans)
			for i := before; i < len(spans); i++ {
				spans[i].Start += start
				spans[i].End += start
			}
		} else {
			n := len(dst)
			dst = a.Append(dst, field)
			for range dst[n:] {
				spans = append(spans, Span{start, start + end})
			}
		}
		start += end
		_, size := utf8.DecodeRuneInString(text[start:])
		start += size
	}
	return dst, spans
}

// maxRemembered bounds state.terms.
const maxRemembered = 1 << 15

// Append appends the terms of text to dst in reading order. A term may share
// memory with text or with later results; invalid UTF-8 is skipped.
func (a *Analyzer) Append(dst []string, text string) []string {
	if text == "" {
		return dst
	}
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD") // which is no part of a word
	}
	if !isNormal(text) {
		text = norm.NFKC.String(text)
	}
	return a.run(dst, text, nil)
}

// isNormal reports whether a text is in normal form. ASCII is, and to say so takes no memory here.
func isNormal(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return norm.NFKC.IsNormalString(text)
		}
	}
	return true
}

// run is Append of a text in normal form.
func (a *Analyzer) run(dst []string, text string, spans *[]Span) []string {
	s := a.pool.Get().(*state)
	s.spans, s.pairs.spans = spans, spans
	s.words.SetText(text)
	for s.words.Next() {
		word := s.words.Value()
		c := word[0]
		if s.pairs.open && c < utf8.RuneSelf {
			dst = s.pairs.flush(dst, text)
		}
		switch {
		case c < utf8.RuneSelf && (len(word) == 1 || !isWordByte(c)):
			// A single ASCII character, or white space and the like; "_x" begins
			// with a joiner.
			if isAlphanumeric(c) {
				dst = a.append(dst, s, word, s.words.Start())
			} else if c == '_' {
				dst = a.split(dst, s, word, s.words.Start())
			}
		case c < utf8.RuneSelf:
			dst = a.split(dst, s, word, s.words.Start())
		default:
			dst = a.appendUnicode(dst, s, text, word)
		}
	}
	dst = s.pairs.flush(dst, text)
	s.spans, s.pairs.spans = nil, nil
	s.words.SetText("")
	a.pool.Put(s)
	return dst
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func isWordByte(c byte) bool { return isAlphanumeric(c) || c == '_' }

// split cuts a word at characters that Unicode's rules keep within words, for the
// sake of abbreviations and numbers, but that join two words where people write
// host names, identifiers, or forget the space after a full stop.
func (a *Analyzer) split(dst []string, s *state, word string, at int) []string {
	start := 0
	for i := 0; i < len(word); i++ {
		switch word[i] {
		case '.', ':', '_':
			if i > 0 && i+1 < len(word) && isDigit(word[i-1]) && isDigit(word[i+1]) {
				continue
			}
			if start < i {
				dst = a.append(dst, s, word[start:i], at+start)
			}
			start = i + 1
		}
	}
	if start < len(word) {
		dst = a.append(dst, s, word[start:], at+start)
	}
	return dst
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// appendUnicode handles a word that begins outside of ASCII.
func (a *Analyzer) appendUnicode(dst []string, s *state, text, word string) []string {
	r, _ := utf8.DecodeRuneInString(word)
	if r == utf8.RuneError || !(unicode.IsLetter(r) || unicode.IsNumber(r)) {
		return dst
	}
	if scriptOf(r) == unspaced {
		return s.pairs.extend(dst, text, s.words.Start(), s.words.End())
	}
	return a.split(s.pairs.flush(dst, text), s, word, s.words.Start())
}

// append adds the term of one word, if it has one.
func (a *Analyzer) append(dst []string, s *state, word string, at int) []string {
	end := at + len(word)
	if len(word) > maxTerm {
		word = cut(word, maxTerm)
	}
	term, ok := s.terms[word]
	if !ok {
		term = a.term(s, word)
		if len(s.terms) >= maxRemembered {
			clear(s.terms)
		}
		s.terms[strings.Clone(word)] = term
	}
	if term == "" {
		return dst
	}
	if s.spans != nil {
		*s.spans = append(*s.spans, Span{at, end})
	}
	return append(dst, term)
}

// cut returns the longest prefix of whole characters within n bytes.
func cut(s string, n int) string {
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// Fold returns a word in the letters that terms are made of (normal form NFKC, case and accents folded) without making
// a stem of it: what the beginnings of terms are compared with.
func (a *Analyzer) Fold(word string) string {
	s := a.pool.Get().(*state)
	defer a.pool.Put(s)
	w := s.fold.String(norm.NFKC.String(strings.ToValidUTF8(word, "")))
	switch scriptOfWord(w) {
	case cyrillic:
		return strings.ReplaceAll(w, "ё", "е")
	case latin, greek, hebrew:
		return foldMarks(w)
	}
	return w
}

// term folds and stems a word. "" means that it has none.
func (a *Analyzer) term(s *state, word string) string {
	w := s.fold.String(word)
	w = strings.ReplaceAll(w, "’", "'")
	w = strings.TrimSuffix(w, "'s")
	w = strings.Trim(w, "'")
	l := a.latin
	sc := scriptOfWord(w)
	switch sc {
	case latin:
	case cyrillic:
		w = strings.ReplaceAll(w, "ё", "е")
		l = a.other[sc]
	default:
		l = a.other[sc]
	}
	if l != nil {
		w = l.stem(s.env, w)
	}
	if sc == latin || sc == greek || sc == hebrew {
		w = foldMarks(w)
	}
	return strings.Clone(w)
}
