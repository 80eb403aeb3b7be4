package paths

import (
	"path"
	"strings"
	"testing"
)

func TestFilter(t *testing.T) {
	for _, c := range []struct {
		include, exclude []string
		path             string
		want             bool
	}{
		{nil, nil, "a/b.md", true},
		{nil, nil, "a/README", true},
		{nil, nil, "a.b/logo.xcf", false},
		{[]string{"*.xcf"}, nil, "a/logo.xcf", true},
		{[]string{"*.md"}, nil, "a/b.md", true},
		{[]string{"*.md"}, nil, "a/b.MD", false},
		{[]string{"docs"}, nil, "docs/deep/b.md", true},
		{[]string{"docs"}, nil, "x/docs/b.md", true},
		{[]string{"/docs"}, nil, "x/docs/b.md", false},
		{[]string{"docs/"}, nil, "docs/b.md", true},
		{[]string{"docs/*.md"}, nil, "docs/b.md", true},
		{[]string{"docs/*.md"}, nil, "docs/x/b.md", false},
		{[]string{"docs/**/*.md"}, nil, "docs/b.md", true},
		{[]string{"docs/**/*.md"}, nil, "docs/x/y/b.md", true},
		{[]string{"**/x/*"}, nil, "a/x/b", true},
		{[]string{"**"}, nil, "a", true},
		{nil, []string{"node_modules"}, "a/node_modules/b/c.js", false},
		{[]string{"*.md"}, []string{"drafts/**"}, "drafts/a.md", false},
		{[]string{"*.md"}, []string{"drafts/**"}, "a/drafts/a.md", true},
		{[]string{"[ab].txt"}, nil, "b.txt", true},
		{[]string{"*"}, nil, "//odd//key", true},
	} {
		f, faults := New(c.include, c.exclude)
		if len(faults) > 0 {
			t.Errorf("%v %v: %v", c.include, c.exclude, faults)
		}
		if got := f.Wants(c.path); got != c.want {
			t.Errorf("include %v, exclude %v: %s is %v", c.include, c.exclude, c.path, got)
		}
	}
	if _, faults := New([]string{"", "[a", "/"}, []string{strings.Repeat("x", 2000)}); len(faults) != 4 {
		t.Errorf("faults: %q", faults)
	}
}

// TestPatternsTakeNoLong has what makes a matcher that tries one way after the other
// run for longer than anyone waits.
func TestPatternsTakeNoLong(t *testing.T) {
	f, faults := New([]string{strings.Repeat("**/a/", 100) + "b"}, nil)
	if len(faults) > 0 || f.Wants(strings.Repeat("a/", 500)+"c") {
		t.Errorf("matched, or %v", faults)
	}
}

// TestMatch holds a pattern against a path as a whole; that of a folder does not match
// what is below it.
func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"docs", "docs", true},
		{"docs", "x/docs", true},
		{"docs", "docs/a.md", false},
		{"/docs", "x/docs", false},
		{"docs/*.md", "docs/a.md", true},
		{"docs/**", "docs/x/a.md", true},
		{"docs/**", "docs", true},
		{"docs/**/a.md", "docs/a.md/b", false},
	} {
		p, err := Parse(c.pattern)
		if err != nil || p.Match(c.path) != c.want {
			t.Errorf("Match(%q, %q) is %v, %v", c.pattern, c.path, !c.want, err)
		}
	}
}

func FuzzFilter(f *testing.F) {
	f.Add("docs/**/*.md", "docs/a/b.md")
	f.Add("*.txt", "a//b.txt")
	f.Add("/x/", "x")
	f.Fuzz(func(t *testing.T, s, p string) {
		filter, faults := New([]string{s}, nil)
		if len(faults) > 0 {
			return
		}
		got := filter.Wants(p)
		if pattern, err := Parse(s); err != nil || pattern.Match(p) && !got {
			t.Errorf("%q matches the whole of %q and does not want it, or %v", s, p, err)
		}
		if !strings.Contains(s, "/") && s != "**" {
			want := false
			for name := range strings.SplitSeq(p, "/") {
				ok, _ := path.Match(s, name)
				want = want || ok
			}
			if got != want {
				t.Errorf("%q on %q is %v", s, p, got)
			}
		}
		if got && !filter.Wants(p+"/below") {
			t.Errorf("%q matches %q and not what is below", s, p)
		}
	})
}
