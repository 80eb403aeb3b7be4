package walk

import (
	"path"
	"strings"
)

// Match reports whether a path (relative, with slashes) matches a pattern. As in
// .gitignore files, a pattern without a slash matches the name of the file or
// folder at any depth; one with a slash, the whole path. *, ? and [a-z] stand for
// characters within a name, ** for any number of folders.
func Match(pattern, rel string) bool {
	pattern = strings.TrimSuffix(pattern, "/")
	if !strings.Contains(pattern, "/") {
		ok, _ := path.Match(pattern, path.Base(rel))
		return ok
	}
	return matchParts(strings.Split(strings.TrimPrefix(pattern, "/"), "/"), strings.Split(rel, "/"))
}

// matchParts compares name by name. The number of ** is small, so trying every
// place for them is cheap; consecutive ones count as one.
func matchParts(pattern, parts []string) bool {
	for len(pattern) > 0 {
		if pattern[0] == "**" {
			for len(pattern) > 1 && pattern[1] == "**" {
				pattern = pattern[1:]
			}
			if len(pattern) == 1 {
				return true
			}
			for i := range parts {
				if matchParts(pattern[1:], parts[i:]) {
					return true
				}
			}
			return false
		}
		if len(parts) == 0 {
			return false
		}
		if ok, _ := path.Match(pattern[0], parts[0]); !ok {
			return false
		}
		pattern, parts = pattern[1:], parts[1:]
	}
	return len(parts) == 0
}

func matchAny(patterns []string, rel string) bool {
	for _, p := range patterns {
		if Match(p, rel) {
			return true
		}
	}
	return false
}

// checkPattern reports a malformed pattern.
func checkPattern(pattern string) error {
	_, err := path.Match(strings.ReplaceAll(pattern, "**", "*"), "")
	return err
}

// CheckPatterns returns the first malformed pattern, "" if there is none.
func CheckPatterns(patterns []string) string {
	for _, p := range patterns {
		if p == "" || checkPattern(p) != nil {
			return p
		}
	}
	return ""
}
