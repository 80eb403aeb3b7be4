package extract_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
)

func open(t testing.TB, config extract.Config) *extract.Extractor {
	t.Helper()
	e, err := extract.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func TestFormats(t *testing.T) {
	e := open(t, extract.Config{})
	for _, c := range []struct {
		name, content, mediaType, want string
	}{
		{"a.md", "# Title\n\nSome *text*.", "text/markdown", "Title\n\nSome *text*."},
		{"a.txt", "one\n\n\n\ntwo", "text/plain", "one\n\ntwo"},
		{"a.go", "package a\n\n\tfunc b() {}\n", "text/plain", "package a\n\n\tfunc b() {}"},
		{"a.html", "<p>one<p>two", "text/html", "one\n\ntwo"},
		{"a.txt", "<!DOCTYPE html><h1>x</h1>", "text/html", "x"},
		{"", "", "text/plain", ""},
		{"a.pdf", "", "application/pdf", ""},
	} {
		text, err := e.Extract(t.Context(), c.name, []byte(c.content), "")
		if err != nil {
			t.Errorf("%s %q: %v", c.name, c.content, err)
			continue
		}
		extracttest.Check(t, text)
		if text.Content != c.want || text.MediaType != c.mediaType {
			t.Errorf("%s %q: got %q as %s, want %q as %s", c.name, c.content, text.Content, text.MediaType, c.want, c.mediaType)
		}
	}
}

func TestRefusals(t *testing.T) {
	e := open(t, extract.Config{MaxBytes: 1 << 20})
	for _, c := range []struct {
		name, content string
		kind          *rag.Error
		says          string
	}{
		{"a.txt", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x00", rag.ErrInvalid, "Images (image/png) are not supported yet"},
		{"a.docx", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00", rag.ErrUnauthorized, "encrypted"},
		{"a.doc", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1W\x00o\x00r\x00d\x00D\x00o\x00c\x00u\x00m\x00e\x00n\x00t\x00", rag.ErrInvalid, "Old Word files (DOC) are not supported yet"},
		{"a.rtf", `{\rtf1\ansi x}`, rag.ErrInvalid, "RTF documents are not supported yet"},
		{"a.bin", strings.Repeat("\x00\x01\x02\x03\x90", 100), rag.ErrInvalid, "not a text document"},
		{"a.docx", "PK\x03\x04 cut off", rag.ErrInvalid, "DOCX file is damaged"},
		{"big.txt", strings.Repeat("x", 2<<20), rag.ErrExhausted, "big.txt: the file has 2097152 bytes; at most 1048576 are read"},
		{"a.pdf", "%PDF-1.4\nnothing", rag.ErrInvalid, "the PDF is damaged"},
	} {
		_, err := e.Extract(t.Context(), c.name, []byte(c.content), "")
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v (%s), want %s %q", c.name, err, rag.KindOf(err), c.kind.Kind, c.says)
		}
	}
}
