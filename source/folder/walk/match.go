package walk

import (
	"slices"

	"github.com/smartretriever/smartretriever/source/paths"
)

// Match reports whether a path (relative, with slashes) matches a pattern as a whole;
// package paths says what patterns are. A malformed one matches nothing.
func Match(pattern, rel string) bool {
	p, err := paths.Parse(pattern)
	return err == nil && p.Match(rel)
}

// CheckPatterns returns the first malformed pattern, "" if there is none or if it is
// that.
func CheckPatterns(patterns []string) string {
	for _, p := range patterns {
		if _, err := paths.Parse(p); err != nil {
			return p
		}
	}
	return ""
}

// parse reads patterns; a malformed one is left out, for it matches nothing.
func parse(patterns []string) []paths.Pattern {
	var out []paths.Pattern
	for _, s := range patterns {
		if p, err := paths.Parse(s); err == nil {
			out = append(out, p)
		}
	}
	return out
}

func matchAny(patterns []paths.Pattern, rel string) bool {
	return slices.ContainsFunc(patterns, func(p paths.Pattern) bool { return p.Match(rel) })
}
