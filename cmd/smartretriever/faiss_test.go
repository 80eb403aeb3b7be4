//go:build faiss

package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestFAISS goes through the commands with FAISS chosen in the environment.
func TestFAISS(t *testing.T) {
	p := newProgram(t)
	p.write("a.md", "# Mill\n\nThe mill turns in the wind.")
	p.write("b.md", "# River\n\nThe river flows to the sea.")
	set := func(args ...string) []string { return append(args, "--set", "index.vectors=faiss") }
	p.ok(set("add", "a.md", "b.md")...)
	if out := p.ok(set("search", "-k", "1", "--mode", "vector", "a stream of water")...); !strings.Contains(out, "The river flows") {
		t.Errorf("search finds:\n%s", out)
	}
	if out := p.ok(set("index", "stats")...); !strings.Contains(out, ".faiss") {
		t.Errorf("stats says:\n%s", out)
	}
	if out := p.ok(set("index", "verify")...); !strings.Contains(out, "all checksums are right") {
		t.Errorf("verify says:\n%s", out)
	}
	if r := p.run("", set("index", "tune")...); r.code == 0 || !strings.Contains(r.err, "only the built-in index can be tuned") {
		t.Errorf("tune: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	p.ok(set("rm", "--yes", "b.md")...)
	if out := p.ok(set("search", "-k", "1", "--mode", "vector", "a stream of water")...); strings.Contains(out, "river") {
		t.Errorf("after its deletion, search finds:\n%s", out)
	}
	if out := p.ok(set("doctor")...); !strings.Contains(out, "Everything that is needed works") {
		t.Errorf("doctor says:\n%s", out)
	}
	files, err := filepath.Glob(filepath.Join(p.data, "index", "*", "*.faiss"))
	if err != nil || len(files) != 1 {
		t.Errorf("FAISS has the files %q (%v)", files, err)
	}
}
