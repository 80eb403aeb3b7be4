package rest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// path says where in a JSON value something stands: names with dots between them,
// [3] for an element of a list ([-1] for the last), [*] for all of them, and
// ["a.b"] for a name that holds other characters. "" and "$" are the value itself.
// It is a small part of JSONPath (RFC 9535).
type path []step

type step struct {
	name  string
	index int
	kind  stepKind
}

type stepKind uint8

const (
	byName stepKind = iota
	byIndex
	each
)

const (
	maxPath  = 512 // bytes
	maxFound = 100_000
)

func parsePath(s string) (path, error) {
	if len(s) > maxPath {
		return nil, fmt.Errorf("a path has at most %d bytes", maxPath)
	}
	rest := strings.TrimPrefix(s, "$")
	var p path
	for rest != "" {
		switch {
		case strings.HasPrefix(rest, `["`):
			name, tail, err := quoted(rest[1:])
			if err != nil {
				return nil, fmt.Errorf("%q: %w", s, err)
			}
			p, rest = append(p, step{name: name}), tail
		case rest[0] == '[':
			in, tail, ok := strings.Cut(rest[1:], "]")
			i, err := strconv.Atoi(in)
			switch {
			case !ok || in != "*" && err != nil:
				return nil, fmt.Errorf("%q: in brackets stands a number, * or a name in quotes", s)
			case in == "*":
				p = append(p, step{kind: each})
			default:
				p = append(p, step{kind: byIndex, index: i})
			}
			rest = tail
		default:
			rest = strings.TrimPrefix(rest, ".")
			n := strings.IndexAny(rest, ".[")
			if n < 0 {
				n = len(rest)
			}
			if n == 0 {
				return nil, fmt.Errorf("%q: a name is missing", s)
			}
			if rest[:n] == "*" {
				p = append(p, step{kind: each})
			} else {
				p = append(p, step{name: rest[:n]})
			}
			rest = rest[n:]
		}
	}
	return p, nil
}

// quoted reads a JSON string and the bracket behind it.
func quoted(s string) (name, rest string, err error) {
	dec := json.NewDecoder(strings.NewReader(s))
	if err := dec.Decode(&name); err != nil {
		return "", "", fmt.Errorf("a name in quotes is malformed")
	}
	rest, ok := strings.CutPrefix(s[dec.InputOffset():], "]")
	if !ok {
		return "", "", fmt.Errorf("a bracket is not closed")
	}
	return name, rest, nil
}

// all returns what stands at the path, in order, nulls left out.
func (p path) all(v any) []any {
	found := []any{v}
	for _, s := range p {
		var next []any
		for _, v := range found {
			next = append(next, s.of(v)...)
			if len(next) > maxFound {
				next = next[:maxFound]
				break
			}
		}
		found = next
	}
	kept := found[:0]
	for _, v := range found {
		if v != nil {
			kept = append(kept, v)
		}
	}
	return kept
}

func (s step) of(v any) []any {
	switch x := v.(type) {
	case map[string]any:
		if w, ok := x[s.name]; ok && s.kind == byName {
			return []any{w}
		}
	case []any:
		i := s.index
		if i < 0 {
			i += len(x)
		}
		switch {
		case s.kind == each:
			return x
		case s.kind == byIndex && i >= 0 && i < len(x):
			return x[i : i+1]
		}
	}
	return nil
}

// one returns the first value at the path, nil if there is none.
func (p path) one(v any) any {
	if found := p.all(v); len(found) > 0 {
		return found[0]
	}
	return nil
}

// text returns the values at the path as text, a blank line between two.
func (p path) text(v any) string {
	var parts []string
	for _, x := range p.all(v) {
		if s := scalar(x); s != "" {
			parts = append(parts, s)
		} else if list, ok := x.([]any); ok {
			for _, y := range list {
				if s := scalar(y); s != "" {
					parts = append(parts, s)
				}
			}
		}
	}
	return strings.Join(parts, "\n\n")
}

// scalar is a string, number or boolean as text, "" for what is none.
func scalar(v any) string {
	switch x := v.(type) {
	case string:
		return x
	case json.Number:
		return x.String()
	case bool:
		return strconv.FormatBool(x)
	}
	return ""
}
