// Package paths chooses among the paths of a source by patterns: of folders, of
// repositories, of buckets.
//
// Patterns are those of .gitignore files, without negation: one without a slash
// matches a name at any depth, one with a slash the path from its beginning. *, ? and
// [a-z] stand for characters within a name, ** for any number of folders. Who has all
// paths and no folders (a bucket) asks a Filter, for which a pattern that matches a
// folder matches everything below it; who walks through folders asks each Pattern.
//
//	pattern.go  a pattern and how it is matched
//	paths.go    the filter: patterns to include and to exclude
package paths

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/text/extract/format"
)

const maxPatterns = 1000

// Filter says which paths are wanted. The zero value wants what Document says. It is
// goroutine-safe.
type Filter struct {
	include, exclude []Pattern
}

// New returns the filter that wants what one of include matches (where there is
// none, what Document says) and none of exclude does. faults name the malformed patterns, a
// sentence each.
func New(include, exclude []string) (f Filter, faults []string) {
	parse := func(name string, in []string) (out []Pattern) {
		if len(in) > maxPatterns {
			faults = append(faults, fmt.Sprintf("%s has more than %d patterns", name, maxPatterns))
			return nil
		}
		for _, s := range in {
			p, err := Parse(s)
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
	if len(f.include) == 0 && !Document(p) || len(f.include) > 0 && !coversOne(f.include, names) {
		return false
	}
	return !coversOne(f.exclude, names)
}

// Document reports whether a file may be a document by its name: one of a format
// that is read, or one without a suffix, such as README.
func Document(p string) bool {
	base := path.Base(p)
	return format.ByName(base) != "" || !strings.Contains(base, ".")
}

func coversOne(patterns []Pattern, names []string) bool {
	return slices.ContainsFunc(patterns, func(p Pattern) bool { return p.reaches(names, false) })
}
