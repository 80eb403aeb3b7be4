package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDocumentationAgrees compares the tables of docs/chunking.md with the result file.
func TestDocumentationAgrees(t *testing.T) {
	r, err := read(filepath.Join("..", "results", "chunking.json"))
	if err != nil {
		t.Fatal(err)
	}
	docs, err := os.ReadFile(filepath.Join("..", "..", "docs", "chunking.md"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(tables(r)) {
		if line = strings.TrimSpace(line); !strings.Contains(string(docs), line+"\n") {
			t.Errorf("docs/chunking.md lacks this line of bench/results/chunking.json:\n%s", line)
		}
	}
}

func TestDifferences(t *testing.T) {
	for _, tt := range []struct {
		c    change
		want string
	}{
		{change{Change: .0206, Low: .0017, High: .0402}, "**+.021** (+.002 to +.040)"},
		{change{Change: -.0001, Low: -.002, High: .0017}, ".000 (-.002 to +.002)"},
	} {
		if got := difference(tt.c, 3); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.c, got, tt.want)
		}
	}
}

func TestResultsKeepWhatWasNotMeasured(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	first := &results{Rows: []figure{{Case: "semchunk 320", Ours: 1}, {Case: "fixed 320", Ours: 2}}, Changes: []change{{Case: "fixed 320", Change: 3}}}
	if err := write(path, first); err != nil {
		t.Fatal(err)
	}
	if err := write(path, &results{Rows: []figure{{Case: "semchunk 320", Ours: 4}}}); err != nil {
		t.Fatal(err)
	}
	got, err := read(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Rows) != 2 || got.Rows[0].Case != "fixed 320" || got.Rows[1].Ours != 4 || len(got.Changes) != 1 {
		t.Errorf("%+v", got)
	}
}
