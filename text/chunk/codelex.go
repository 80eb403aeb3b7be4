package chunk

import "strings"

// skipped returns the end of the comment or string that begins at src[i], i if none
// does. One that is never closed goes on to the end of the text, or of its line
// where strings do not span lines; so all of a text is read in linear time.
// before is the last byte that is neither white space nor comment.
func skipped(lang, src string, i int, before byte) int {
	rest := src[i:]
	switch c := src[i]; {
	case strings.HasPrefix(rest, "//") && lang != "sql" && lang != "python" && lang != "ruby":
		return lineEnd(src, i)
	case strings.HasPrefix(rest, "/*") && lang != "python" && lang != "ruby":
		if lang == "rust" {
			return nestedComment(src, i)
		}
		return behind(src, i+2, "*/")
	case c == '#' && (lang == "python" || lang == "ruby" || lang == "php" && !strings.HasPrefix(rest, "#[")):
		return lineEnd(src, i)
	case strings.HasPrefix(rest, "--") && lang == "sql":
		return lineEnd(src, i)
	case c == '"' || c == '\'' || c == '`':
		return quoted(lang, src, i)
	case c == '@' && lang == "csharp" && strings.HasPrefix(rest, `@"`):
		return doubledQuote(src, i+2, '"')
	case c == 'R' && lang == "cpp" && strings.HasPrefix(rest, `R"`):
		if open := strings.IndexByte(rest[:min(len(rest), 20)], '('); open >= 0 {
			return behind(src, i+open+1, ")"+rest[2:open]+`"`)
		}
	case c == 'r' && lang == "rust" && (i == 0 || !isWordByte(src[i-1])):
		hashes := 0
		for 1+hashes < len(rest) && rest[1+hashes] == '#' && hashes < 64 {
			hashes++
		}
		if strings.HasPrefix(rest[1+hashes:], `"`) {
			return behind(src, i+2+hashes, `"`+strings.Repeat("#", hashes))
		}
	case c == '<' && lang == "php" && strings.HasPrefix(rest, "<?php"):
		return i + len("<?php")
	case c == '<' && lang == "php" && strings.HasPrefix(rest, "<<<"):
		return heredoc(src, i+3)
	case c == '<' && lang == "ruby" && (strings.HasPrefix(rest, "<<~") || strings.HasPrefix(rest, "<<-")):
		return heredoc(src, i+3)
	case c == '$' && lang == "sql":
		return dollarQuoted(src, i)
	case c == '/' && (lang == "javascript" || lang == "typescript") && strings.IndexByte("(,=:[!&|?{};+-*%~^<>\x00", before) >= 0:
		return regexpLiteral(src, i)
	}
	return i
}

func lineEnd(src string, i int) int {
	if n := strings.IndexByte(src[i:], '\n'); n >= 0 {
		return i + n
	}
	return len(src)
}

// behind returns the offset behind the first end at or after i, the end of src
// without one.
func behind(src string, i int, end string) int {
	if i > len(src) {
		return len(src)
	}
	if n := strings.Index(src[i:], end); n >= 0 {
		return i + n + len(end)
	}
	return len(src)
}

func nestedComment(src string, i int) int {
	depth := 0
	for i < len(src) {
		switch {
		case strings.HasPrefix(src[i:], "/*"):
			depth++
			i += 2
		case strings.HasPrefix(src[i:], "*/"):
			i += 2
			if depth--; depth == 0 {
				return i
			}
		default:
			i++
		}
	}
	return i
}

// quoted skips a string, character or template that begins at src[i].
func quoted(lang, src string, i int) int {
	q := src[i]
	triple := src[i:min(len(src), i+3)]
	if (triple == `"""` || triple == `'''`) && (lang == "python" || q == '"' && (lang == "java" || lang == "csharp" || lang == "braces")) {
		for j := i + 3; j < len(src); j++ {
			if src[j] == '\\' && lang != "csharp" {
				j++
			} else if strings.HasPrefix(src[j:], triple) {
				return j + 3
			}
		}
		return len(src)
	}
	multiline := lang == "rust" || lang == "php" || lang == "sql" || lang == "ruby"
	switch {
	case q == '`' && lang == "go":
		return behind(src, i+1, "`")
	case q == '`' && (lang == "javascript" || lang == "typescript"):
		return template(src, i, 0)
	case q == '`' && lang != "sql" && lang != "php" && lang != "ruby":
		return i + 1
	case q == '\'' && lang != "javascript" && lang != "typescript" && lang != "php" && lang != "python" && lang != "sql" && lang != "ruby":
		return character(src, i)
	case lang == "sql":
		return doubledQuote(src, i+1, q)
	}
	for j := i + 1; j < len(src); j++ {
		switch {
		case src[j] == '\\':
			j++
		case src[j] == q:
			return j + 1
		case src[j] == '\n' && !multiline:
			return j
		}
	}
	return len(src)
}

// character skips 'x' and '\n'. A quote that is no character (a lifetime in Rust, a
// separator of digits in C++) is skipped by itself.
func character(src string, i int) int {
	for j := i + 1; j < len(src) && j < i+14; j++ {
		switch {
		case src[j] == '\\':
			j++
		case src[j] == '\'' && j > i+1:
			return j + 1
		case src[j] == '\n' || src[j] == ' ' && j > i+1 || src[j] == ',' && j > i+1 || src[j] == '>':
			return i + 1
		}
	}
	return i + 1
}

func doubledQuote(src string, i int, q byte) int {
	for ; i < len(src); i++ {
		if src[i] != q {
			continue
		}
		if i+1 < len(src) && src[i+1] == q {
			i++
			continue
		}
		return i + 1
	}
	return len(src)
}

// template skips a template of JavaScript with what is computed in it.
func template(src string, i, depth int) int {
	const deepest = 32
	braces := 0
	for i++; i < len(src); i++ {
		switch c := src[i]; {
		case c == '\\':
			i++
		case c == '`' && braces == 0:
			return i + 1
		case c == '`' && depth < deepest:
			i = template(src, i, depth+1) - 1
		case c == '$' && i+1 < len(src) && src[i+1] == '{':
			braces++
			i++
		case c == '{' && braces > 0:
			braces++
		case c == '}' && braces > 0:
			braces--
		}
	}
	return len(src)
}

// heredoc skips a text up to the line that consists of its name.
func heredoc(src string, i int) int {
	from := i
	for from < len(src) && (src[from] == '"' || src[from] == '\'' || src[from] == ' ' || src[from] == '~' || src[from] == '-') {
		from++
	}
	to := from
	for to < len(src) && isWordByte(src[to]) {
		to++
	}
	if to == from {
		return i
	}
	name := src[from:to]
	for at := lineEnd(src, to); at < len(src); at = lineEnd(src, at+1) {
		line := strings.TrimLeft(src[at+1:lineEnd(src, at+1)], " \t")
		if rest, ok := strings.CutPrefix(line, name); ok && (rest == "" || !isWordByte(rest[0])) {
			return at + 1 + strings.Index(src[at+1:], name) + len(name)
		}
	}
	return len(src)
}

// dollarQuoted skips $tag$ ... $tag$ of PostgreSQL.
func dollarQuoted(src string, i int) int {
	end := i + 1
	for end < len(src) && isWordByte(src[end]) && end < i+64 {
		end++
	}
	if end >= len(src) || src[end] != '$' {
		return i
	}
	return behind(src, end+1, src[i:end+1])
}

// regexpLiteral skips /.../ on one line.
func regexpLiteral(src string, i int) int {
	const longest = 512
	class := false
	for j := i + 1; j < len(src) && j < i+longest; j++ {
		switch c := src[j]; {
		case c == '\\':
			j++
		case c == '\n':
			return i + 1
		case c == '[':
			class = true
		case c == ']':
			class = false
		case c == '/' && !class:
			return j + 1
		}
	}
	return i + 1
}

func isWordByte(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= 0x80
}
