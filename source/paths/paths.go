// Package paths chooses among the paths of a source by patterns. It is there for the
// sources whose items have paths: repositories and buckets.
//
// Patterns are those of .gitignore files, without negation: one without a slash
// matches a name at any depth, one with a slash the path from its beginning. *, ? and
// [a-z] stand for characters within a name, ** for any number of folders. A pattern
// that matches a folder matches everything below it.
package paths

import (
	"fmt"
	"path"
	"strings"

	"github.com/smartretriever/smartretriever/text/extract/format"
)

const (
	maxPatterns = 1000
	maxPattern  = 1024 // bytes
)

// Filter says which paths are wanted. The zero value wants what Document says. It is
// goroutine-safe.
type Filter struct {
	include, exclude []pattern
}

// New returns the filter that wants what one of include matches (where there is
// none, what Document says) and none of exclude does. faults name the malformed patterns, a
// sentence each.
func New(include, exclude []string) (f Filter, faults []string) {
	parse := func(name string, in []string) (out []pattern) {
		if len(in) > maxPatterns {
			faults = append(faults, fmt.Sprintf("%s has more than %d patterns", name, maxPatterns))
			return nil
		}
		for _, s := range in {
			p, err := parsePattern(s)
			if err != nil {
				faults = append(faults, fmt.Sprintf("%s: %.100q %v", name, s, err))
			}
			out = append(out, p)
		}
		return out
	}
	return Filter{include: parse("include", include), exclude: parse("exclude", exclude)}, faults
}

// Wants reports whether a path, with slashes, is wanted.
func (f *Filter) Wants(p string) bool {
	names := strings.Split(p, "/")
	if len(f.include) == 0 && !Document(p) || len(f.include) > 0 && !matchesOne(f.include, names) {
		return false
	}
	return !matchesOne(f.exclude, names)
}

// Document reports whether a file may be a document by its name: one of a format
// that is read, or one without a suffix, such as README.
func Document(p string) bool {
	base := path.Base(p)
	return format.ByName(base) != "" || !strings.Contains(base, ".")
}

func matchesOne(patterns []pattern, names []string) bool {
	for _, p := range patterns {
		if p.matches(names) {
			return true
		}
	}
	return false
}

// pattern is what the names of a path are held against, one after the other; "**"
// stands for any number of them.
type pattern []string

func parsePattern(s string) (pattern, error) {
	if len(s) > maxPattern {
		return nil, fmt.Errorf("is longer than %d bytes", maxPattern)
	}
	in := strings.TrimSuffix(s, "/")
	anchored := strings.Contains(in, "/")
	in = strings.TrimPrefix(in, "/")
	if in == "" {
		return nil, fmt.Errorf("is empty")
	}
	var p pattern
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

// matches reports whether the pattern matches the path or one of its folders. It
// keeps the set of places in the pattern that may have been reached, so that its
// time is that of names times pattern, whatever they are.
func (p pattern) matches(names []string) bool {
	at := make([]bool, len(p)+1)
	at[0] = true
	p.skip(at)
	for _, name := range names {
		next := make([]bool, len(p)+1)
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
		if next[len(p)] {
			return true
		}
		at = next
	}
	return false
}

// skip adds the places that are reached where ** stands for no folder.
func (p pattern) skip(at []bool) {
	for i, part := range p {
		if at[i] && part == "**" {
			at[i+1] = true
		}
	}
}
