package rst

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// inliner reduces inline markup to what a reader sees.
type inliner struct {
	replace map[string]string // substitutions
}

var word = regexp.MustCompile(`[\pL\pN_]+`)

// unreferenced takes off the ends of words that are references: name_ and name__,
// but not __name__.
func unreferenced(s string) string {
	if !strings.Contains(s, "_") {
		return s
	}
	return word.ReplaceAllStringFunc(s, func(w string) string {
		if w[0] == '_' || w[len(w)-1] != '_' {
			return w
		}
		return strings.TrimSuffix(strings.TrimSuffix(w, "_"), "_")
	})
}

// text returns a text without inline markup. It reads the text once: where the end
// of a piece of markup is not found, that it is not there is remembered.
func (in *inliner) text(s string) string {
	if !strings.ContainsAny(s, "`*|_\\:") {
		return s
	}
	f := &finder{s: s, none: map[string]int{}}
	var b strings.Builder
	b.Grow(len(s))
	plain := 0 // where text without markup began
	flush := func(end int) {
		b.WriteString(unreferenced(s[plain:end]))
	}
	for i := 0; i < len(s); {
		c := s[i]
		if c == '\\' {
			flush(i)
			i++
			if i < len(s) {
				_, n := utf8.DecodeRuneInString(s[i:])
				if s[i] != ' ' && s[i] != '\n' {
					b.WriteString(s[i : i+n])
				}
				i += n
			}
			plain = i
			continue
		}
		if c != '`' && c != '*' && c != '|' && c != ':' && c != '[' || !f.mayStart(i) {
			i++
			continue
		}
		shown, end := in.markup(f, i)
		if end == 0 {
			i++
			continue
		}
		if c == '`' && i > plain && s[i-1] == '_' { // an inline target
			flush(i - 1)
		} else {
			flush(i)
		}
		b.WriteString(shown)
		i, plain = end, end
	}
	flush(len(s))
	return b.String()
}

var (
	role   = regexp.MustCompile("^:[A-Za-z][\\w.+:-]{0,60}:`")
	suffix = regexp.MustCompile(`^:[A-Za-z][\w.+-]{0,60}:`)
	note   = regexp.MustCompile(`^\[([^\[\]\s]{1,60})\]_`)
)

// markup returns what the markup at i shows and where it ends, 0 if there is none.
func (in *inliner) markup(f *finder, i int) (shown string, end int) {
	s := f.s
	rest := s[i:]
	switch {
	case strings.HasPrefix(rest, "``"):
		if e := f.find(i+2, "``"); e > 0 {
			return s[i+2 : e], e + 2
		}
	case rest[0] == '`':
		if e := f.find(i+1, "`"); e > 0 {
			end = e + 1
			if m := suffix.FindString(s[end:min(len(s), end+64)]); m != "" {
				return title(s[i+1 : e]), end + len(m)
			}
			for n := 0; n < 2 && end < len(s) && s[end] == '_'; n++ {
				end++
			}
			return title(s[i+1 : e]), end
		}
	case rest[0] == ':':
		if m := role.FindString(rest[:min(len(rest), 64)]); m != "" {
			from := i + len(m)
			if e := f.find(from, "`"); e > 0 {
				return title(s[from:e]), e + 1
			}
		}
	case strings.HasPrefix(rest, "**"):
		if e := f.find(i+2, "**"); e > 0 {
			return s[i+2 : e], e + 2
		}
	case rest[0] == '*':
		if e := f.find(i+1, "*"); e > 0 {
			return s[i+1 : e], e + 1
		}
	case rest[0] == '|':
		if e := f.find(i+1, "|"); e > 0 {
			end = e + 1
			for n := 0; n < 2 && end < len(s) && s[end] == '_'; n++ {
				end++
			}
			name := s[i+1 : e]
			if to, known := in.replace[name]; known {
				name = (&inliner{}).text(to)
			}
			return name, end
		}
	case rest[0] == '[':
		if m := note.FindStringSubmatch(rest[:min(len(rest), 64)]); m != nil {
			return "[" + strings.TrimLeft(m[1], "#") + "]", i + len(m[0])
		}
	}
	return "", 0
}

// title returns what a reference shows: "title <target>" its title, "~a.b.C" the
// last name, "!x" x.
func title(s string) string {
	if i := strings.LastIndex(s, "<"); i > 0 && strings.HasSuffix(s, ">") {
		if t := strings.TrimSpace(s[:i]); t != "" {
			return strings.ReplaceAll(t, `\`, "")
		}
	}
	s = strings.TrimSuffix(strings.TrimPrefix(s, "<"), ">")
	if short, is := strings.CutPrefix(s, "~"); is {
		return short[strings.LastIndexByte(short, '.')+1:]
	}
	return strings.ReplaceAll(strings.TrimPrefix(s, "!"), `\`, "")
}

// finder looks for the ends of markup.
type finder struct {
	s    string
	none map[string]int // no end of the kind stands before this place
}

// longestMarkup is the most bytes that one piece of markup has.
const longestMarkup = 4096

// mayStart reports whether markup may start at i: after white space, punctuation
// or nothing, and before something.
func (f *finder) mayStart(i int) bool {
	if i+1 >= len(f.s) || f.s[i+1] == ' ' || f.s[i+1] == '\n' {
		return false
	}
	if i == 0 {
		return true
	}
	r, _ := utf8.DecodeLastRuneInString(f.s[:i])
	return r == '_' || unicode.IsSpace(r) || unicode.IsPunct(r) && r != '*' && r != '`' && r != '\\' || r == '<' || r == '|'
}

// find returns where the end of markup stands that begins before from, 0 if there
// is none: after something that is no blank, and before no letter.
func (f *finder) find(from int, mark string) int {
	limit := min(len(f.s), from+longestMarkup)
	for at := max(from+1, f.none[mark]); at < limit; {
		i := strings.Index(f.s[at:limit], mark)
		if i < 0 {
			break
		}
		at += i
		after := at + len(mark)
		before := f.s[at-1]
		next, _ := utf8.DecodeRuneInString(f.s[after:])
		if before != ' ' && before != '\n' && (before != '\\' || mark == "``") && (after >= len(f.s) || next == '_' || !unicode.IsLetter(next) && !unicode.IsDigit(next)) {
			return at
		}
		at++
	}
	f.none[mark] = max(f.none[mark], limit)
	return 0
}
