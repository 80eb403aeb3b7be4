package odf_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
	"github.com/smartretriever/smartretriever/text/extract/odf"
)

var documents = filepath.Join("..", "..", "..", "..", "shared", "data", "documents")

// TestDocuments reads the real files: each ends in text or in an error that says whose
// fault it is, and what is known of their text is there.
func TestDocuments(t *testing.T) {
	var files []string
	for _, pattern := range []string{"odt", "ods", "odp"} {
		found, err := filepath.Glob(filepath.Join(documents, "other", pattern, "*"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		t.Skip("needs the real documents")
	}
	var failed []string
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		got, err := odf.Extract(t.Context(), content, odf.Options{Limit: 64 << 20})
		if err != nil {
			if kind := rag.KindOf(err); kind != rag.KindInvalid && kind != rag.KindUnauthorized {
				t.Errorf("%s: %v (%s)", name, err, kind)
			}
			failed = append(failed, name)
			continue
		}
		extracttest.Check(t, got)
		if got.Content == "" {
			t.Errorf("%s: no text", name)
		}
	}
	// One file is encrypted, one is a line of plain text.
	if want := []string{"tika-testODTEncrypted.odt", "tika-testODTnotaZipFile.odt"}; !slices.Equal(failed, want) {
		t.Errorf("of %d files %q could not be read, want %q", len(files), failed, want)
	}
}

// TestExpected compares with the text that is known of two files.
func TestExpected(t *testing.T) {
	for file, least := range map[string]float64{"odt/docling-text_document_01.odt": 0.98, "ods/docling-odf_table_with_title_01.ods": 0.97} {
		content, err := os.ReadFile(filepath.Join(documents, "other", filepath.FromSlash(file)))
		if err != nil {
			t.Skipf("needs the real documents: %v", err)
		}
		name := strings.TrimPrefix(filepath.Base(file), "docling-")
		want, err := os.ReadFile(filepath.Join(documents, "expected", "docling", name+".md"))
		if err != nil {
			t.Fatal(err)
		}
		got := extract(t, content, odf.Options{})
		expected := extracttest.Readable(string(want))
		f1, order := extracttest.F1(got.Content, expected), extracttest.Order(got.Content, expected)
		t.Logf("%s: F1 %.4f, order %.4f", name, f1, order)
		if f1 < least || order < least {
			t.Errorf("%s: F1 %.4f, order %.4f, want at least %.2f", name, f1, order, least)
		}
	}
}

// TestRealEncrypted opens a file that LibreOffice encrypted.
func TestRealEncrypted(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(documents, "other", "odt", "tika-testODTEncrypted.odt"))
	if err != nil {
		t.Skipf("needs the real documents: %v", err)
	}
	if got := extract(t, content, odf.Options{Password: "tika"}); !strings.Contains(got.Content, "This should be encrypted.") {
		t.Errorf("got %q", got.Content)
	}
	if _, err := odf.Extract(t.Context(), content, odf.Options{Password: "Tika"}); rag.KindOf(err) != rag.KindUnauthorized {
		t.Errorf("with a wrong password: %v", err)
	}
}
