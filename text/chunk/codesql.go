package chunk

import (
	"regexp"
	"strings"
)

var (
	sqlNamed   = regexp.MustCompile(`(?is)^\s*(create|alter|drop|insert|replace|update|delete|merge|grant|comment|truncate|with|select|copy)\b(?:\s+or\s+replace|\s+or\s+alter|\s+into|\s+from|\s+on|\s+temp(?:orary)?|\s+unlogged|\s+global|\s+unique|\s+materialized|\s+external|\s+recursive|\s+clustered|\s+nonclustered)*(?:\s+(table|view|index|function|procedure|proc|trigger|type|schema|sequence|database|package(?:\s+body)?|role|user|extension|policy|domain|event))?(?:\s+concurrently)?(?:\s+if\s+(?:not\s+)?exists)?(?:\s+only)?\s+([\w."` + "`" + `\[\]$#@]+)`)
	sqlRoutine = regexp.MustCompile(`(?is)^\s*create\b.{0,60}?\b(function|procedure|proc|trigger|package|event)\b`)
)

// sqlUnits finds the statements of SQL. The body of a routine, between BEGIN and its
// END, belongs to the statement that creates it.
func sqlUnits(src string) []unit {
	s := statements{src: src, first: -1}
	for i := 0; i < len(src); {
		if end := skipped("sql", src, i, 0); end > i {
			if src[i] != '-' && src[i] != '/' && s.first < 0 {
				s.first = i
			}
			i = end
			continue
		}
		c := src[i]
		switch {
		case isWordByte(c):
			end := i + 1
			for end < len(src) && isWordByte(src[end]) {
				end++
			}
			s.word(i, end)
			i = end
			continue
		case c == ';' && s.depth == 0:
			s.finish(i + 1)
		case c == '\n' && s.first >= 0 && s.depth == 0 && batchEnds(src[i+1:]):
			s.finish(i + 1)
		case c > ' ' && s.first < 0:
			s.first = i
		}
		i++
	}
	s.finish(len(src))
	return s.units
}

// batchEnds reports whether the next line is one that ends a batch: GO, or a slash.
func batchEnds(rest string) bool {
	line := strings.TrimSpace(rest[:lineEnd(rest, 0)])
	return line == "/" || len(line) == 2 && strings.EqualFold(line, "go")
}

type statements struct {
	src     string
	units   []unit
	start   int // end of the last one
	first   int // first byte of the open one that is no comment; -1 before it
	depth   int // of BEGIN and CASE in a routine
	routine bool
	known   bool   // whether it is a routine has been looked at
	last    string // word before
}

func (s *statements) word(from, to int) {
	if s.first < 0 {
		s.first, s.known, s.routine, s.depth = from, false, false, 0
	}
	w := s.src[from:to]
	if !s.known && to-s.first > 100 {
		s.look()
	}
	upper := ""
	if len(w) <= 5 {
		upper = strings.ToUpper(w)
	}
	switch upper {
	case "BEGIN", "CASE":
		if s.look(); s.routine && !(upper == "CASE" && s.last == "END") {
			s.depth++
		}
	case "END":
		s.depth = max(0, s.depth-1)
	case "IF", "LOOP", "WHILE":
		if s.last == "END" && s.routine {
			s.depth++ // END IF closes no BEGIN
		}
	}
	s.last = upper
}

func (s *statements) look() {
	if !s.known {
		s.known = true
		s.routine = sqlRoutine.MatchString(s.src[s.first:min(len(s.src), s.first+200)])
	}
}

func (s *statements) finish(end int) {
	if s.first < 0 {
		return
	}
	end = min(len(s.src), end)
	u := unit{start: s.start, end: end}
	if m := sqlNamed.FindStringSubmatch(s.src[s.first:min(end, s.first+300)]); m != nil {
		u.name = strings.ToLower(m[1])
		if m[2] != "" {
			u.name = strings.ToLower(strings.Join(strings.Fields(m[2]), " "))
		}
		if u.name == "select" || u.name == "with" {
			m[3] = ""
		}
		u.name += " " + strings.Trim(m[3], `"`+"`[].")
	}
	u.name = strings.TrimSpace(u.name)
	s.units = append(s.units, u)
	s.start, s.first, s.depth, s.last = end, -1, 0, ""
}
