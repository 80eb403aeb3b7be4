//go:build !faiss

package main

import (
	"strings"
	"testing"
)

// TestWithoutFAISS: choosing FAISS in a program that was built without it fails at the start, and doctor says what is wrong.
func TestWithoutFAISS(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.write("a.md", "The mill turns in the wind.")
	if r := p.run("", "add", "a.md", "--set", "index.vectors=faiss"); r.code != 2 || !strings.Contains(r.err, "built without FAISS") {
		t.Errorf("add: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	p.ok("add", "a.md")
	if r := p.run("", "doctor", "--set", "index.vectors=faiss"); r.code != 1 || !strings.Contains(r.out, "built without FAISS") {
		t.Errorf("doctor: exit code %d\n%s%s", r.code, r.out, r.err)
	}
}
