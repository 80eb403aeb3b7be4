package paths

import (
	"fmt"
	"path"
	"strings"
)

const maxPattern = 1024 // bytes

// Pattern is what the names of a path are held against, one after the other; "**"
// stands for any number of them. Use Parse to make one.
type Pattern []string

// Parse reads a pattern. The error ends a sentence that begins with the pattern.
func Parse(s string) (Pattern, error) {
	if len(s) > maxPattern {
		return nil, fmt.Errorf("is longer than %d bytes", maxPattern)
	}
	in := strings.TrimSuffix(s, "/")
	anchored := strings.Contains(in, "/")
	in = strings.TrimPrefix(in, "/")
	if in == "" {
		return nil, fmt.Errorf("is empty")
	}
	var p Pattern
	if !anchored {
		p = append(p, "**")
	}
	for name := range strings.SplitSeq(in, "/") {
		if _, err := path.Match(name, ""); err != nil {
			return nil, fmt.Errorf("is malformed")
		}
		if name != "**" || len(p) == 0 || p[len(p)-1] != "**" {
			p = append(p, name)
		}
	}
	return p, nil
}

// Match reports whether the pattern matches a path, with slashes, as a whole.
func (p Pattern) Match(path string) bool { return p.reaches(strings.Split(path, "/"), true) }

// reaches reports whether the pattern matches the path or, unless it is to match the
// whole, one of its folders. It keeps the set of places in the pattern that may have
// been reached, so that its time is that of names times pattern, whatever they are.
func (p Pattern) reaches(names []string, whole bool) bool {
	at, next := make([]bool, len(p)+1), make([]bool, len(p)+1)
	at[0] = true
	p.skip(at)
	for _, name := range names {
		clear(next)
		for i, part := range p {
			switch {
			case !at[i]:
			case part == "**":
				next[i] = true
			default:
				if ok, _ := path.Match(part, name); ok {
					next[i+1] = true
				}
			}
		}
		p.skip(next)
		if next[len(p)] && !whole {
			return true
		}
		at, next = next, at
	}
	return at[len(p)] && whole
}

// skip adds the places that are reached where ** stands for no folder.
func (p Pattern) skip(at []bool) {
	for i, part := range p {
		if at[i] && part == "**" {
			at[i+1] = true
		}
	}
}
