package org

import (
	"regexp"
	"strings"
)

var (
	link     = regexp.MustCompile(`\[\[([^\[\]]+)\](?:\[([^\[\]]+)\])?\]`)
	note     = regexp.MustCompile(`\[fn:([\w-]*)(?::([^\[\]]+))?\]`)
	target   = regexp.MustCompile(`<<<?([^<>\n]+)>>>?`)
	stamp    = regexp.MustCompile(`[<\[](\d{4}-\d\d-\d\d[^<>\[\]\n]*)[>\]]`)
	code     = regexp.MustCompile(`(^|[\s('"{-])[=~]([^\s=~](?:[^=~\n]*[^\s=~])?)[=~]($|[\s.,;:!?'")}\[-])`)
	emphasis = regexp.MustCompile(`(^|[\s('"{-])([*/_+])([^\s*/_+](?:[^*/_+\n]*[^\s*/_+])?)([*/_+])($|[\s.,;:!?'")}\[-])`)
	macro    = regexp.MustCompile(`@@[\w-]+:[^@]*@@`)
)

// plainText returns a text without the marks of links and emphasis.
func plainText(s string) string {
	if strings.ContainsAny(s, "[<@") {
		s = link.ReplaceAllStringFunc(s, func(l string) string {
			m := link.FindStringSubmatch(l)
			if m[2] != "" {
				return m[2]
			}
			return strings.TrimPrefix(strings.TrimPrefix(m[1], "file:"), "*")
		})
		s = note.ReplaceAllStringFunc(s, func(n string) string {
			m := note.FindStringSubmatch(n)
			if m[2] != "" {
				return " (" + strings.TrimSpace(m[2]) + ")"
			}
			return "[" + m[1] + "]"
		})
		s = stamp.ReplaceAllString(target.ReplaceAllString(macro.ReplaceAllString(s, ""), "$1"), "$1")
	}
	if !strings.ContainsAny(s, "=~*/_+") {
		return s
	}
	for range 2 { // neighbours share the blank between them: every other one first
		s = code.ReplaceAllString(s, "$1$2$3")
		s = emphasis.ReplaceAllStringFunc(s, func(e string) string {
			m := emphasis.FindStringSubmatch(e)
			if m[2] != m[4] {
				return e
			}
			return m[1] + m[3] + m[5]
		})
	}
	return s
}
