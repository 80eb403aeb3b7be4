package rag

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxFilterText bounds the text of a filter, and maxFilterParens the nesting of
// parentheses, which need not be nodes of the tree.
const (
	maxFilterText   = 64 << 10
	maxFilterParens = 64
)

// ParseFilter reads a filter as it is written on a command line:
//
//	year >= 2024 and team in ("a", "b")
//	not (lang = de or exists(draft)) and $source ^= "/home/me/papers/"
//
// A comparison is a key, an operator and a value. Operators are =, !=, >, >=, <,
// <=, ^= (begins with), in (...), not in (...); exists(key) asks for the key
// itself. Comparisons are joined by and, or, not and parentheses; not binds
// strongest, then and, then or. Values are numbers, true, false, strings in single
// or double quotes with backslash escapes, and single words, which are strings.
// Keys are words, or strings where they hold other characters. Key words are
// recognised in any case.
//
// A text that begins with a brace is read as the JSON form instead. The empty text
// is the zero Filter. Faults are KindInvalid and name the place in the text.
func ParseFilter(text string) (Filter, error) {
	if len(text) > maxFilterText {
		return Filter{}, Errorf(KindInvalid, "the filter is longer than %d bytes", maxFilterText)
	}
	trimmed := strings.TrimSpace(text)
	switch {
	case trimmed == "":
		return Filter{}, nil
	case strings.HasPrefix(trimmed, "{"):
		return filterFromJSON(trimmed)
	}
	p := filterParser{text: text}
	p.next()
	f := p.or()
	if p.err == nil && p.tok.kind != tokEnd {
		p.fail("expected and, or, or the end")
	}
	if p.err != nil {
		return Filter{}, p.err
	}
	return f, f.Validate()
}

func filterFromJSON(text string) (Filter, error) {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	var f Filter
	if err := d.Decode(&f); err != nil {
		return Filter{}, Errorf(KindInvalid, "filter: not the JSON form of a filter: %w", err)
	}
	if d.More() {
		return Filter{}, Errorf(KindInvalid, "filter: something follows the JSON object")
	}
	return f, f.Validate()
}

type filterToken struct {
	kind tokenKind
	text string // of a word or operator as it stands; of a string its content
	at   int    // where it begins
	end  int
}

type tokenKind uint8

const (
	tokEnd    tokenKind = iota
	tokWord             // a key, a key word, a number or a value without quotes
	tokString           // in quotes
	tokSign             // an operator, a parenthesis, a comma
)

// filterParser is a recursive descent parser with one token of look-ahead. The
// first fault is kept and ends every loop.
type filterParser struct {
	text  string
	pos   int
	tok   filterToken
	depth int
	err   error
}

func (p *filterParser) fail(expected string) {
	if p.err != nil {
		return
	}
	found := "the end"
	if p.tok.kind != tokEnd {
		found = strconv.Quote(p.text[p.tok.at:p.tok.end])
	}
	p.err = Errorf(KindInvalid, "filter: at character %d: %s, found %s", utf8.RuneCountInString(p.text[:p.tok.at])+1, expected, found)
}

// isWord reports whether r may stand in a word without quotes.
func isWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || strings.ContainsRune("_$.-+:/@%#", r)
}

// signs in the order in which they are tried: the longer first.
var filterSigns = []string{"==", "!=", "<>", ">=", "<=", "^=", "=", ">", "<", "(", ")", "[", "]", ","}

// next reads the next token.
func (p *filterParser) next() {
	for p.pos < len(p.text) {
		r, size := utf8.DecodeRuneInString(p.text[p.pos:])
		if !unicode.IsSpace(r) {
			break
		}
		p.pos += size
	}
	p.tok = filterToken{at: p.pos, end: p.pos}
	rest := p.text[p.pos:]
	if rest == "" {
		return
	}
	if rest[0] == '"' || rest[0] == '\'' {
		p.quoted(rest[0])
		return
	}
	for _, s := range filterSigns {
		if strings.HasPrefix(rest, s) {
			p.take(tokSign, len(s))
			return
		}
	}
	n := strings.IndexFunc(rest, func(r rune) bool { return !isWord(r) })
	if n < 0 {
		n = len(rest)
	}
	if n == 0 {
		_, n = utf8.DecodeRuneInString(rest)
		p.tok.kind, p.tok.end = tokSign, p.pos+n
		p.fail("expected a word, a string in quotes or an operator")
		return
	}
	p.take(tokWord, n)
}

func (p *filterParser) take(kind tokenKind, n int) {
	p.tok = filterToken{kind: kind, text: p.text[p.pos : p.pos+n], at: p.pos, end: p.pos + n}
	p.pos += n
}

// quoted reads a string in quotes; a backslash takes the next character as it is,
// but for \n and \t.
func (p *filterParser) quoted(quote byte) {
	var b strings.Builder
	for i := p.pos + 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == quote:
			p.tok = filterToken{kind: tokString, text: b.String(), at: p.pos, end: i + 1}
			p.pos = i + 1
			return
		case c == '\\' && i+1 < len(p.text):
			i++
			switch p.text[i] {
			case 'n':
				b.WriteByte('\n')
			case 't':
				b.WriteByte('\t')
			default:
				b.WriteByte(p.text[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	p.tok.end = len(p.text)
	p.tok.kind = tokString
	p.fail("expected a closing quote")
	p.pos = len(p.text)
}

// keyword reports whether the token is this key word, and steps over it.
func (p *filterParser) keyword(word string) bool {
	if p.err != nil || p.tok.kind != tokWord || !strings.EqualFold(p.tok.text, word) {
		return false
	}
	p.next()
	return true
}

func (p *filterParser) sign(s string) bool {
	if p.err != nil || p.tok.kind != tokSign || p.tok.text != s {
		return false
	}
	p.next()
	return true
}

func (p *filterParser) or() Filter {
	return p.joined(OpOr, "or", func() Filter { return p.joined(OpAnd, "and", p.unary) })
}

// joined parses one or more operands between the same key word.
func (p *filterParser) joined(op Op, word string, operand func() Filter) Filter {
	first := operand()
	if !p.keyword(word) {
		return first
	}
	fs := []Filter{first, operand()}
	for p.keyword(word) {
		fs = append(fs, operand())
	}
	return Filter{Type: op, Filters: fs}
}

func (p *filterParser) unary() Filter {
	if p.err != nil {
		return Filter{}
	}
	if p.depth++; p.depth > maxFilterParens {
		p.fail("nested too deeply")
		return Filter{}
	}
	defer func() { p.depth-- }()
	switch {
	case p.sign("("):
		f := p.or()
		if !p.sign(")") {
			p.fail("expected )")
		}
		return f
	case p.followed("not") && p.keyword("not"):
		return Not(p.unary())
	case p.tok.kind == tokWord && strings.EqualFold(p.tok.text, "exists") && strings.HasPrefix(strings.TrimSpace(p.text[p.pos:]), "("):
		p.next()
		p.sign("(")
		key := p.key()
		if !p.sign(")") {
			p.fail("expected )")
		}
		return Filter{Type: OpExists, Key: key, Value: Bool(true)}
	}
	return p.comparison()
}

// followed reports whether the word is used as a key word and not as a key: a key
// is followed by an operator.
func (p *filterParser) followed(word string) bool {
	if p.tok.kind != tokWord || !strings.EqualFold(p.tok.text, word) {
		return false
	}
	rest := strings.TrimLeftFunc(p.text[p.pos:], unicode.IsSpace)
	for _, s := range []string{"=", "!=", "<", ">", "^="} {
		if strings.HasPrefix(rest, s) {
			return false
		}
	}
	return true
}

func (p *filterParser) key() string {
	if p.err != nil {
		return ""
	}
	if (p.tok.kind != tokWord && p.tok.kind != tokString) || p.tok.text == "" {
		p.fail("expected a key")
		return ""
	}
	key := p.tok.text
	p.next()
	return key
}

var comparisonOps = map[string]Op{
	"=": OpEq, "==": OpEq, "!=": OpNe, "<>": OpNe, ">": OpGt, ">=": OpGte, "<": OpLt, "<=": OpLte, "^=": OpPrefix,
}

func (p *filterParser) comparison() Filter {
	key := p.key()
	if p.err != nil {
		return Filter{}
	}
	if op, ok := comparisonOps[p.tok.text]; ok && p.tok.kind == tokSign {
		p.next()
		if op == OpPrefix {
			return Filter{Type: op, Key: key, Value: p.plainText()}
		}
		return Filter{Type: op, Key: key, Value: p.value()}
	}
	op := OpIn
	if p.keyword("not") {
		op = OpNin
	}
	if !p.keyword("in") {
		p.fail("expected an operator (=, !=, >, >=, <, <=, ^=, in, not in) after " + strconv.Quote(key))
		return Filter{}
	}
	return Filter{Type: op, Key: key, Value: p.list()}
}

// list parses values between parentheses or brackets.
func (p *filterParser) list() Value {
	closing := ")"
	if !p.sign("(") {
		closing = "]"
		if !p.sign("[") {
			p.fail("expected ( and a list of values")
			return Value{}
		}
	}
	var vs []Value
	for p.err == nil && !p.sign(closing) {
		if len(vs) > 0 && !p.sign(",") {
			p.fail("expected , or " + closing)
			break
		}
		vs = append(vs, p.value())
	}
	return List(vs...)
}

// value parses one value.
func (p *filterParser) value() Value {
	if p.err != nil {
		return Value{}
	}
	t := p.tok
	switch t.kind {
	case tokString:
		p.next()
		return Str(t.text)
	case tokWord:
		p.next()
		switch {
		case strings.EqualFold(t.text, "true"):
			return Bool(true)
		case strings.EqualFold(t.text, "false"):
			return Bool(false)
		}
		if f, ok := plainNumber(t.text); ok {
			return Num(f)
		}
		return Str(t.text)
	}
	p.fail("expected a value")
	return Value{}
}

// plainText parses a value that is a string even where it looks like a number.
func (p *filterParser) plainText() Value {
	if p.err != nil || (p.tok.kind != tokString && p.tok.kind != tokWord) {
		p.fail("expected a string")
		return Value{}
	}
	s := p.tok.text
	p.next()
	return Str(s)
}

// plainNumber reads a decimal number. Words that strconv also takes for numbers
// (inf, nan, 0x10, 1_000) stay words.
func plainNumber(s string) (float64, bool) {
	if s == "" || strings.ContainsAny(s, "_xXpPnN") || strings.ContainsAny(s, "iI") {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// FormatFilter writes a filter in the form that ParseFilter reads. The zero Filter
// is the empty text.
func FormatFilter(f Filter) string {
	var b strings.Builder
	formatFilter(&b, f)
	return b.String()
}

var formatOps = map[Op]string{OpEq: "=", OpNe: "!=", OpGt: ">", OpGte: ">=", OpLt: "<", OpLte: "<=", OpPrefix: "^="}

func formatFilter(b *strings.Builder, f Filter) {
	switch f.Type {
	case "":
	case OpAnd, OpOr:
		for i, sub := range f.Filters {
			if i > 0 {
				b.WriteString(" " + string(f.Type) + " ")
			}
			formatOperand(b, sub)
		}
	case OpNot:
		b.WriteString("not ")
		formatOperand(b, f.Filters[0])
	case OpExists:
		if f.Value.Kind() == BoolValue && !f.Value.True() {
			b.WriteString("not ")
		}
		b.WriteString("exists(" + quoteFilter(f.Key) + ")")
	case OpIn, OpNin:
		b.WriteString(quoteFilter(f.Key))
		if f.Type == OpNin {
			b.WriteString(" not")
		}
		b.WriteString(" in (")
		for i, v := range f.Value.Items() {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(formatFilterValue(v))
		}
		b.WriteByte(')')
	default:
		b.WriteString(quoteFilter(f.Key) + " " + formatOps[f.Type] + " " + formatFilterValue(f.Value))
	}
}

// formatOperand puts parentheses around everything that is joined.
func formatOperand(b *strings.Builder, f Filter) {
	if f.Type != OpAnd && f.Type != OpOr && f.Type != OpNot {
		formatFilter(b, f)
		return
	}
	b.WriteByte('(')
	formatFilter(b, f)
	b.WriteByte(')')
}

func formatFilterValue(v Value) string {
	if v.Kind() == StringValue {
		return quoteFilter(v.Text())
	}
	return v.String()
}

var filterEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`)

func quoteFilter(s string) string { return `"` + filterEscapes.Replace(s) + `"` }
