package pdf

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"crypto/rc4"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
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

// locked writes an empty PDF that the bytes of password open (ISO 32000-1, algorithms
// 2, 3 and 5 for revision 3 with a key of 16 bytes).
func locked(password string) []byte {
	const padding = "\x28\xbf\x4e\x5e\x4e\x75\x8a\x41\x64\x00\x4e\x56\xff\xfa\x01\x08\x2e\x2e\x00\xb6\xd0\x68\x3e\x80\x2f\x0c\xa9\xfe\x64\x53\x69\x7a"
	const id, permissions = "0123456789abcdef", "\xfc\xff\xff\xff" // -4
	sum := func(s string) string { h := md5.Sum([]byte(s)); return string(h[:]) }
	rounds := func(s string) string {
		for range 50 {
			s = sum(s)
		}
		return s
	}
	twenty := func(key, s string) string { // RC4 with the key changed twenty times
		b := []byte(s)
		for i := range 20 {
			k := []byte(key)
			for j := range k {
				k[j] ^= byte(i)
			}
			c, err := rc4.NewCipher(k)
			if err != nil {
				panic(err)
			}
			c.XORKeyStream(b, b)
		}
		return string(b)
	}
	padded := (password + padding)[:32]
	owner := twenty(rounds(sum(padded)), padded)
	key := rounds(sum(padded + owner + permissions + id))
	user := twenty(key, sum(padding+id)) + strings.Repeat("\x00", 16)
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 100] >>",
		fmt.Sprintf("<< /Filter /Standard /V 2 /R 3 /Length 128 /P -4 /O <%x> /U <%x> >>", owner, user),
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	var at []int
	for i, o := range objects {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, n := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", n)
	}
	fmt.Fprintf(&b, "trailer << /Size %d /Root 1 0 R /Encrypt 4 0 R /ID [<%x> <%x>] >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, id, id, xref)
	return b.Bytes()
}

// TestOtherForms opens files that were locked with one form of a password by typing
// another.
func TestOtherForms(t *testing.T) {
	e := NewEngine(Config{CacheDir: filepath.Join(os.TempDir(), "smartretriever-test-wazero")})
	defer e.Close()
	for _, c := range []struct{ bytes, typed string }{
		{"plain", "plain"},
		{"Gr\xfc\xdfe", "Grüße"},       // PDFDocEncoding
		{"Gr\xfc\xdfe", "Gru\u0308ße"}, // and typed in pieces
		{"Grüße", "Grüße"},             // UTF-8, against the rules
		{"\xa012", "€12"},
		{"日本", "日本"},
	} {
		content := locked(c.bytes)
		if _, err := e.Extract(t.Context(), content, Options{Password: c.typed}); err != nil {
			t.Errorf("%q typed for %q: %v", c.typed, c.bytes, err)
		}
		for _, wrong := range []string{"", "Grusse", "12"} {
			if _, err := e.Extract(t.Context(), content, Options{Password: wrong}); !errors.Is(err, rag.ErrUnauthorized) {
				t.Errorf("%q typed for %q: %v", wrong, c.bytes, err)
			}
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
			if !strings.Contains(err.Error(), "not supported") {
				t.Errorf("%s does not open: %v", row[0], err)
			}
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
	// The strings of one are encrypted otherwise than its streams.
	t.Logf("%d of %d files opened", opened, tried)
	if opened < tried-1 {
		t.Error("too few")
	}
}

func TestMixedFilters(t *testing.T) {
	for content, want := range map[string]bool{
		"":                                 false,
		"/StmF /StdCF /StrF /StdCF":        false,
		"/StmF/StdCF\n/StrF /Identity":     true,
		"/V 4 /StmF /StdCF (strings: not)": false,
	} {
		if got := mixedFilters([]byte(content)); got != want {
			t.Errorf("%q: %v", content, got)
		}
	}
}
