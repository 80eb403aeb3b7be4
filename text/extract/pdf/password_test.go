package pdf

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestPasswords(t *testing.T) {
	for given, want := range map[string][]string{
		"plain":                  {"plain"},
		"Grüße":                  {"Grüße", "Gru\u0308ße", "Gr\xfc\xdfe"},
		"ﬁ":                      {"ﬁ", "fi", "\x93"},
		"a\u00a0b\u00ad":         {"a\u00a0b\u00ad", "a b"}, // a no-break space is not in PDFDocEncoding
		"日本":                     {"日本"},
		strings.Repeat("x", 200): {strings.Repeat("x", 200), strings.Repeat("x", 127)},
	} {
		got := passwords(given)
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
	}
}

// TestKnownPasswords opens the real files whose passwords are known, and none of them
// with a wrong one.
func TestKnownPasswords(t *testing.T) {
	documents := filepath.Join("..", "..", "..", "..", "shared", "data", "documents")
	f, err := os.Open(filepath.Join(documents, "passwords.tsv"))
	if err != nil {
		t.Skipf("needs the real documents: %v", err)
	}
	defer f.Close()
	e := NewEngine(Config{CacheDir: filepath.Join(os.TempDir(), "smartretriever-test-wazero")})
	defer e.Close()
	tried, opened := 0, 0
	for s := bufio.NewScanner(f); s.Scan(); {
		row := strings.Split(s.Text(), "\t")
		if len(row) < 2 || !strings.HasPrefix(row[0], "pdf/") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(documents, row[0]))
		if err != nil {
			t.Fatal(err)
		}
		tried++
		if _, err := e.Extract(t.Context(), content, Options{Password: row[1]}); err != nil {
			t.Logf("%s with %q: %v", row[0], row[1], err)
			continue
		}
		opened++
		if _, err := e.Extract(t.Context(), content, Options{}); err == nil {
			continue // only its attachments are locked
		}
		if _, err := e.Extract(t.Context(), content, Options{Password: row[1] + "?"}); err == nil || !strings.Contains(err.Error(), "password is wrong") {
			t.Errorf("%s with a wrong password: %v", row[0], err)
		}
	}
	t.Logf("%d of %d files opened", opened, tried)
	if opened < tried-1 {
		t.Error("too few")
	}
}
