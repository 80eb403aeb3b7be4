package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAnotherFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "cl100k_base.tiktoken"), []byte("IQ== 0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run([]string{"-from", dir, "-out", t.TempDir()}, io.Discard); err == nil || !strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("got %v", err)
	}
}

func TestParse(t *testing.T) {
	tokens, err := parse([]byte("IQ== 0\nYWI= 1\n"))
	if err != nil || len(tokens) != 2 || string(tokens[1]) != "ab" {
		t.Errorf("%q, %v", tokens, err)
	}
	for _, wrong := range []string{"IQ== 1\n", "?? 0\n", "IQ==\n"} {
		if _, err := parse([]byte(wrong)); err == nil {
			t.Errorf("%q was read", wrong)
		}
	}
}
