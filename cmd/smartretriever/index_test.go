package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestIndexIsMended damages a byte of an index file: verify names the file and what is wrong with it, has the index built again, and nothing is lost.
func TestIndexIsMended(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.write("a.md", "# Mill\n\nThe mill turns in the wind.")
	p.write("b.md", "# River\n\nThe river flows to the sea.")
	p.ok("add", "a.md", "b.md")
	if out := p.ok("index", "rebuild"); !strings.Contains(out, ".seg") {
		t.Errorf("rebuild says:\n%s", out)
	}
	if out := p.ok("index", "verify", "--all"); !strings.Contains(out, "all checksums are right") {
		t.Errorf("verify says:\n%s", out)
	}
	files, err := filepath.Glob(filepath.Join(p.data, "index", "*", "*.seg"))
	if err != nil || len(files) != 1 {
		t.Fatalf("the index has the files %q (%v)", files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 4
	if err := os.WriteFile(files[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	// The first command that opens the index finds it out, and builds it again.
	r := p.run("", "search", "mill", "--log-level", "warn")
	if r.code != 0 || !strings.Contains(r.out, "The mill turns") || !strings.Contains(r.err, "is damaged") || !strings.Contains(r.err, filepath.Base(files[0])) {
		t.Errorf("searching a damaged index: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if out := p.ok("index", "verify"); !strings.Contains(out, "all checksums are right") {
		t.Errorf("afterwards, verify says:\n%s", out)
	}
}

// TestIndexTune: the built-in index can be tuned; it says so as JSON too.
func TestIndexTune(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.write("a.md", "# Mill\n\nThe mill turns in the wind.")
	p.ok("add", "a.md")
	if out := p.ok("index", "tune", "--json"); len(decode[map[string]any](t, out)) != 1 {
		t.Errorf("tune prints:\n%s", out)
	}
}

// TestSearchWithOperators: a word that must not be there is not there, in neither half of the search.
func TestSearchWithOperators(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.write("a.md", "The old mill turns in the wind.")
	p.write("b.md", "The old mill stands still.")
	p.ok("add", "a.md", "b.md")
	if out := p.ok("search", "--operators", "mill -wind"); strings.Contains(out, "turns") || !strings.Contains(out, "stands") {
		t.Errorf("mill -wind finds:\n%s", out)
	}
	if out := p.ok("search", "--operators", `"old mill stands"`); strings.Contains(out, "turns") || !strings.Contains(out, "stands") {
		t.Errorf("the phrase finds:\n%s", out)
	}
	if r := p.run("", "search", "--operators", "-k", "3", "--", "-mill"); r.code != 2 && r.code != 1 || !strings.Contains(r.err, "only what must not be there") {
		t.Errorf("only an exclusion: exit code %d\n%s", r.code, r.err)
	}
	if out := p.ok("search", "--explain", "windy mill"); !strings.Contains(out, "BM25") || !strings.Contains(out, "cosine") {
		t.Errorf("explained:\n%s", out)
	}
}
