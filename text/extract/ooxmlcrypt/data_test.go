package ooxmlcrypt_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/ooxmlcrypt"
)

var documents = filepath.Join("..", "..", "..", "..", "shared", "data", "documents")

// TestRealFiles decrypts the real files whose password is known, and refuses them
// without it and with a wrong one.
func TestRealFiles(t *testing.T) {
	list, err := os.ReadFile(filepath.Join(documents, "passwords.tsv"))
	if err != nil {
		t.Skipf("needs the real documents: %v", err)
	}
	files := 0
	for line := range strings.Lines(string(list)) {
		row := strings.Split(strings.TrimRight(line, "\r\n"), "\t")
		if len(row) < 2 || !strings.HasPrefix(row[0], "docx/") && !strings.HasPrefix(row[0], "xlsx/") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(documents, row[0]))
		if err != nil {
			t.Fatal(err)
		}
		files++
		if !ooxmlcrypt.Is(content) {
			t.Errorf("%s is not known as encrypted", row[0])
		}
		plain, err := ooxmlcrypt.Decrypt(content, row[1])
		if err != nil || !bytes.HasPrefix(plain, []byte("PK\x03\x04")) {
			t.Errorf("%s: %v, begins as %q", row[0], err, plain[:min(len(plain), 4)])
		}
		for _, password := range []string{"", "wrong"} {
			if _, err := ooxmlcrypt.Decrypt(content, password); !errors.Is(err, rag.ErrUnauthorized) {
				t.Errorf("%s with password %q: %v (%s)", row[0], password, err, rag.KindOf(err))
			}
		}
	}
	if files < 5 {
		t.Errorf("%d files with a password, want 5", files)
	}
}
