package chunk

import (
	"bytes"
	"slices"
	"strings"
)

// braceUnits finds the declarations of a language that is written with braces: a
// declaration ends with the semicolon or the block at its own depth. What stands
// between the end of one and the beginning of the next, comments that is, belongs to
// the next. Types and name spaces are containers, whose declarations are found in
// turn.
func braceUnits(lang, src string) []unit {
	p := braces{lang: lang, src: src}
	p.read()
	return p.units
}

// braces reads a source text once, from front to back.
type braces struct {
	lang string
	src  string

	units []unit
	pkg   []string // package or name space that holds to the end of the file
	open  []container
	depth int // blocks that are open, containers among them
	round int // round and square brackets that are open since the declaration began
	start int // end of the last declaration
	first int // first byte of the open declaration that is no comment; -1 before it
	head  []byte
	last  byte // last byte of it that is no white space
	body  int  // depth of blocks within the open declaration
	said  bool // head is complete: a block has begun
	floor int  // where the innermost container's declarations may begin
	// What the head of a declaration with a block is: a function, which needs no
	// semicolon behind it, or a loop that "do" begins.
	function, loop bool
}

// container is a type or name space that is open.
type container struct {
	unit  int // index in units
	depth int // of what stands in it
	under []string
}

// longestHead bounds what is kept of a declaration up to its block.
const longestHead = 2 << 10

// deepestContainer bounds the nesting of types that are told apart.
const deepestContainer = 16

func (p *braces) read() {
	p.first = -1
	for i := 0; i < len(p.src); {
		if end := skipped(p.lang, p.src, i, p.last); end > i {
			if !p.comment(i) {
				p.significant(i, '"')
			}
			i = end
			continue
		}
		c := p.src[i]
		i++
		if c == '\n' {
			p.newline(i)
			continue
		}
		if c == ' ' || c == '\t' || c == '\r' {
			if p.first >= 0 && !p.said && len(p.head) < longestHead {
				p.head = append(p.head, ' ')
			}
			continue
		}
		p.significant(i-1, c)
		i = p.step(i, c)
	}
	p.finish(len(p.src))
	for len(p.open) > 0 {
		p.leave(len(p.src))
	}
}

// comment reports whether what is skipped at i is a comment, not a string.
func (p *braces) comment(i int) bool {
	return p.src[i] == '/' && i+1 < len(p.src) && (p.src[i+1] == '/' || p.src[i+1] == '*') || p.src[i] == '#' || strings.HasPrefix(p.src[i:], "<?")
}

func (p *braces) significant(i int, c byte) {
	if c == '}' && p.body == 0 && p.first < 0 {
		p.last = c
		return // closes a container
	}
	if p.first < 0 {
		p.first = i
	}
	p.last = c
	if !p.said && len(p.head) < longestHead {
		p.head = append(p.head, c)
	}
}

// step acts on a byte of code; i is the offset behind it. It returns where to go on.
func (p *braces) step(i int, c byte) int {
	switch c {
	case '(', '[':
		if p.body == 0 {
			p.round++
		}
	case ')', ']':
		if p.body == 0 {
			p.round = max(0, p.round-1)
		}
	case ';':
		if p.body == 0 && p.round == 0 {
			p.finish(p.tail(i))
		}
	case '{':
		p.depth++
		if i < len(p.src) && p.src[i] == '}' && !p.said && bytes.Count(p.head, []byte("<")) > bytes.Count(p.head, []byte(">")) {
			p.depth-- // an empty type, as the default of a parameter
			return i + 1
		}
		if !p.said && p.body == 0 && p.round == 0 {
			if p.enter() {
				p.floor = i
				return i
			}
			script := p.lang == "javascript" || p.lang == "typescript"
			p.function = !script && bytes.IndexByte(p.head, '(') > 0 && bytes.IndexByte(p.head, '=') < 0
			p.loop = bytes.HasPrefix(bytes.TrimSpace(p.head), []byte("do"))
			p.said = true
		}
		p.body++
	case '}':
		if p.body > 0 {
			p.body--
			p.depth = max(0, p.depth-1)
			if p.body == 0 && p.round == 0 {
				return p.closed(i)
			}
			return i
		}
		if len(p.open) > 0 {
			p.finish(i - 1)
			p.leave(i)
			p.depth = max(0, p.depth-1)
			p.start, p.round = p.tail(i), 0
			for i < len(p.src) && (p.src[i] == ';' || p.src[i] == ',') {
				i++
			}
		}
	}
	return i
}

// tail returns where a declaration that is complete at i ends: behind what closes
// it and a comment on the same line.
func (p *braces) tail(i int) int {
	j := i
	for j < len(p.src) && strings.IndexByte(" \t\r;,)", p.src[j]) >= 0 {
		j++
	}
	if j < len(p.src) && p.src[j] == '\n' {
		return j + 1
	}
	if strings.HasPrefix(p.src[j:], "//") {
		return min(len(p.src), lineEnd(p.src, j)+1)
	}
	return i
}

// closed is called behind the block of a declaration: it ends there unless something
// other than a closing sign follows on the line, or the next line goes on.
func (p *braces) closed(i int) int {
	j := i
	for j < len(p.src) && (p.src[j] == ' ' || p.src[j] == '\t' || p.src[j] == '\r') {
		j++
	}
	switch {
	case j < len(p.src) && (p.src[j] == ';' || p.src[j] == ','):
		end := p.tail(j + 1)
		p.finish(end)
		return max(j+1, min(end, len(p.src)))
	case j == len(p.src) || p.src[j] == '\n' || strings.HasPrefix(p.src[j:], "//") || p.src[j] == '}':
		if p.goesOn(j) {
			return i
		}
		p.finish(p.tail(i))
		return i
	case p.function:
		p.finish(i)
	}
	return i
}

// goesOn reports whether the line after offset i continues the open declaration.
func (p *braces) goesOn(i int) bool {
	rest := strings.TrimLeft(p.src[i:min(len(p.src), i+200)], " \t\r\n")
	switch {
	case strings.HasPrefix(rest, "else"), strings.HasPrefix(rest, "catch"), strings.HasPrefix(rest, "finally"):
		return true
	case strings.HasPrefix(rest, "while"):
		return p.loop
	}
	return strings.HasPrefix(rest, ".") && (p.lang == "javascript" || p.lang == "typescript")
}

// newline ends declarations that end with their line: directives of the
// preprocessor, and statements of JavaScript without a semicolon.
func (p *braces) newline(i int) {
	if p.first >= 0 && !p.said && len(p.head) < longestHead {
		p.head = append(p.head, ' ')
	}
	if p.first < 0 || p.body > 0 {
		return
	}
	switch p.lang {
	case "c", "cpp", "csharp":
		if p.src[p.first] == '#' && p.last != '\\' {
			p.round = 0
			p.finish(i)
		}
	case "javascript", "typescript", "go", "braces":
		if p.round > 0 || strings.IndexByte("=,+-*/&|?:(<[{.@", p.last) >= 0 || p.src[p.first] == '@' {
			return
		}
		next := strings.TrimLeft(p.src[i:min(len(p.src), i+200)], " \t\r\n")
		if next == "" || strings.IndexByte(".?:+*/&|=,)]}{<", next[0]) < 0 || strings.HasPrefix(next, "//") || strings.HasPrefix(next, "/*") {
			p.finish(i)
		}
	}
}

// under returns the path above the open declaration.
func (p *braces) under() []string {
	if n := len(p.open); n > 0 {
		return p.open[n-1].under
	}
	return p.pkg
}

// enter is called at the block of a declaration and reports whether it is a
// container, which is open from then on.
func (p *braces) enter() bool {
	kind, name := p.declares(string(p.head), true)
	if kind != isContainer || len(p.open) >= deepestContainer {
		return false
	}
	under := p.under()
	p.units = append(p.units, unit{start: p.begin(), under: under, name: name, container: true})
	if name != "" {
		under = join(under, []string{name})
	}
	p.open = append(p.open, container{unit: len(p.units) - 1, depth: p.depth, under: under})
	p.reset(-1)
	return true
}

// leave closes the innermost container.
func (p *braces) leave(end int) {
	n := len(p.open) - 1
	p.units[p.open[n].unit].end = p.tail(end)
	p.open = p.open[:n]
}

// reset forgets the open declaration; start below 0 leaves where the next begins to
// its first line.
func (p *braces) reset(start int) {
	p.start = start
	p.first, p.said, p.body, p.round = -1, false, 0, 0
	p.head = p.head[:0]
}

// finish ends the open declaration at end.
func (p *braces) finish(end int) {
	if p.first < 0 {
		return
	}
	start := p.begin()
	kind, name := p.declares(string(p.head), p.said)
	switch {
	case kind == isPackage && len(p.open) == 0:
		p.pkg = []string{name}
		name = ""
	case !p.said && p.lang != "c" && p.lang != "cpp":
		if kind != isFunction || !slices.Contains([]string{"java", "csharp", "typescript", "rust"}, p.lang) {
			name = "" // a statement
		}
	case !p.said:
		name = ""
	}
	u := unit{start: start, end: end, under: p.under(), name: name}
	if n := len(p.units); name != "" || n == 0 || p.units[n-1].name != "" || !slices.Equal(p.units[n-1].under, u.under) {
		p.units = append(p.units, u)
	}
	p.reset(end)
}

// begin returns where the open declaration begins: at the end of the one before, and
// the first of a container at its own line, or that of the comments above it.
func (p *braces) begin() int {
	if p.start >= 0 {
		return p.start
	}
	return max(p.floor, p.lineOf(max(0, p.first)))
}

// lineOf returns the beginning of the line that i is on, and of the lines of
// comments right above it.
func (p *braces) lineOf(i int) int {
	const look = 4 << 10 // bytes before i
	from := max(0, i-look)
	start := from + strings.LastIndexByte(p.src[from:i], '\n') + 1
	for start > from {
		above := from + strings.LastIndexByte(p.src[from:start-1], '\n') + 1
		line := strings.TrimSpace(p.src[above:start])
		if line == "" || !isComment(line) || strings.HasPrefix(line, "#") || above == from {
			break
		}
		start = above
	}
	return start
}

// declaration says what a head declares.
type declaration uint8

const (
	isOther declaration = iota
	isContainer
	isFunction
	isPackage
)

// modifiers stand before what is declared.
var modifiers = set(`public|private|protected|internal|static|final|abstract|sealed|partial|readonly|export|default|declare|pub|unsafe|inline|constexpr|virtual|open|data|override|async|new|file|ref|non-sealed|strictfp|synchronized|const|case|fileprivate|indirect|actual|expect|value|annotation|companion|lateinit|typedef|template`)

// containers are the words that begin a type or name space with declarations in
// it, by language; "" holds for all.
var containers = map[string]map[string]bool{
	"":           set(`class|interface|trait|namespace|module|protocol|extension|object|record|mixin`),
	"cpp":        set(`struct|union|extern`),
	"c":          set(`extern`),
	"csharp":     set(`struct`),
	"rust":       set(`impl|mod|extern`),
	"java":       set(`enum|@interface`),
	"php":        set(`enum`),
	"braces":     set(`struct|enum|actor`),
	"javascript": set(``),
	"typescript": set(``),
	"go":         set(``),
}

// declares reads the head of a declaration, with a block behind it or without.
func (p *braces) declares(head string, block bool) (declaration, string) {
	words := headWords(head)
	i := 0
	for i < len(words) && (modifiers[words[i]] || words[i] == "@" || words[i] == ":") {
		i++
	}
	if i == len(words) {
		return isOther, ""
	}
	word, rest := words[i], words[i+1:]
	if word == "enum" && len(rest) > 0 && (rest[0] == "class" || rest[0] == "struct") {
		rest = rest[1:]
	}
	switch {
	case (word == "package" || word == "namespace") && !block && len(rest) > 0:
		return isPackage, strings.TrimRight(strings.Join(rest, ""), "; ")
	case word == "impl" && p.lang == "rust":
		return isContainer, implemented(rest)
	case containers[""][word] && p.lang != "go" && p.lang != "c" || containers[p.lang][word]:
		name := typeName(rest)
		if p.lang == "cpp" || p.lang == "c" {
			if called := callee(words); called != "" && word != "namespace" && word != "extern" {
				return isFunction, called
			}
		}
		return isContainer, name
	case p.lang == "go" && word == "type" && len(rest) > 0:
		return isOther, rest[0]
	}
	if name := assigned(words); name != "" {
		return isFunction, name
	}
	switch word {
	case "if", "for", "while", "switch", "do", "try", "return", "import", "using", "use", "let", "var", "describe", "foreach", "with", "lock":
		return isOther, ""
	case "struct", "enum", "union", "type":
		if called := callee(words); called != "" {
			return isFunction, called
		}
		return isOther, typeName(rest)
	case "fn", "func", "fun", "function", "macro_rules!":
		if name := typeName(rest); name != "" && name != "(" {
			if p.lang == "go" {
				name = goName(rest)
			}
			return isFunction, name
		}
	}
	if name := callee(words); name != "" {
		return isFunction, name
	}
	if block && len(words) > 1 && isWordByte(words[len(words)-1][0]) {
		return isOther, words[len(words)-1] // a property
	}
	return isOther, ""
}

// headWords divides a head into words and single signs, leaving out what stands in
// angle brackets and what annotations and attributes hold.
func headWords(head string) []string {
	var words []string
	for i := 0; i < len(head) && len(words) < 256; {
		c := head[i]
		switch {
		case c == ' ':
			i++
		case c == '@' && i+1 < len(head) && isWordByte(head[i+1]):
			j := i + 1
			for j < len(head) && (isWordByte(head[j]) || head[j] == '.') {
				j++
			}
			if head[i:j] == "@interface" {
				words = append(words, "@interface")
			}
			i = bracketed(head, j, '(', ')')
		case c == '[' && len(words) == 0:
			i = max(i+1, bracketed(head, i, '[', ']'))
		case c == '#':
			if i++; i < len(head) && head[i] == '!' {
				i++
			}
			i = bracketed(head, i, '[', ']')
		case c == '<':
			i = max(i+1, bracketed(head, i, '<', '>'))
		case isWordByte(c) || c == '$' || c == '~':
			j := i + 1
			for j < len(head) && (isWordByte(head[j]) || head[j] == '$' || strings.HasPrefix(head[j:], "::") || head[j] == ':' && head[j-1] == ':' || head[j] == '!' || head[j] == '.' || head[j] == '\\') {
				j++
			}
			words = append(words, head[i:j])
			i = j
			if words[len(words)-1] == "pub" {
				i = bracketed(head, i, '(', ')')
			}
		default:
			words = append(words, head[i:i+1])
			i++
		}
	}
	return words
}

// bracketed returns the offset behind the brackets that open at or, but for white
// space, behind i; i where none do.
func bracketed(s string, i int, open, shut byte) int {
	j := i
	for j < len(s) && s[j] == ' ' {
		j++
	}
	if j >= len(s) || s[j] != open {
		return i
	}
	const longest = 256
	depth := 0
	for k := j; k < len(s) && k < j+longest; k++ {
		switch s[k] {
		case open:
			depth++
		case shut:
			if open == '<' && k > 0 && (s[k-1] == '-' || s[k-1] == '=') {
				continue // -> and =>
			}
			if depth--; depth == 0 {
				return k + 1
			}
		case ';':
			return i
		}
	}
	return i
}

// typeName is the first word, of those behind "class" and the like, that is a name.
func typeName(words []string) string {
	for _, w := range words {
		if isWordByte(w[0]) && !modifiers[w] && w != "class" && w != "alignas" {
			return strings.TrimRight(w, ":")
		}
		if w == "(" || w == ":" || w == `"` && len(words) == 1 {
			return ""
		}
	}
	return ""
}

// implemented is the type of an impl: what stands behind "for", else the first name.
func implemented(words []string) string {
	for i, w := range words {
		if w == "for" {
			return typeName(words[i+1:])
		}
		if w == "where" {
			break
		}
	}
	return typeName(words)
}

// callee is the name before the first round bracket.
func callee(words []string) string {
	for i, w := range words {
		if w == "(" {
			if i > 0 && (isWordByte(words[i-1][0]) || words[i-1][0] == '$' || words[i-1][0] == '~') && !controls[words[i-1]] {
				return words[i-1]
			}
			return ""
		}
		if w == "=" {
			return ""
		}
	}
	return ""
}

var controls = set(`if|for|while|switch|catch|return|foreach|function|with|lock|using|fixed|when|match|do|synchronized`)

// assigned is the name that a function or value is given: const NAME = ..., NAME: ...
func assigned(words []string) string {
	for i, w := range words {
		if w == "=" && i > 0 && i < 6 {
			for j := i - 1; j >= 0; j-- {
				if words[j] == ":" {
					i = j
				}
			}
			if i > 0 && isWordByte(words[i-1][0]) {
				return words[i-1]
			}
			return ""
		}
		if w == "(" {
			return ""
		}
	}
	return ""
}

// goName is the name of a function of Go, behind the receiver if there is one.
func goName(words []string) string {
	if words[0] != "(" {
		return words[0]
	}
	for i, w := range words {
		if w == ")" && i+1 < len(words) {
			return words[i+1]
		}
	}
	return ""
}
