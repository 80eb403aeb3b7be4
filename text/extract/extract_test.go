package extract_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
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
		{"a.rtf", `{\rtf1\ansi one\par two}`, "application/rtf", "one\n\ntwo"},
		{"a.txt", `{\rtf1\ansi one\par two}`, "application/rtf", "one\n\ntwo"},
		{"a.csv", "a;b\n1;2\n", "text/csv", "| a | b |\n| --- | --- |\n| 1 | 2 |"},
		{"a.tsv", "a\tb\n1\t2\n", "text/tab-separated-values", "| a | b |\n| --- | --- |\n| 1 | 2 |"},
		{"a.rst", "Title\n=====\n\nSome *text*.", "text/x-rst", "Title\n\nSome text."},
		{"a.org", "* Head\nSome /text/.", "text/org", "Head\n\nSome text."},
		{"a.txt", "#+TITLE: T\n* Head\nSome text.", "text/org", "Head\n\nSome text."},
		{"a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ann>Hello.", "text/vtt", "[00:00:01] Ann: Hello."},
		{"talk.txt", "1\n00:00:01,000 --> 00:00:02,000\nHello.\n", "application/x-subrip", "[00:00:01] Hello."},
		{"a.json", `{"name":"Ann","age":3}`, "application/json", "name: Ann\nage: 3"},
		{"a.xml", "<?xml version=\"1.0\"?><doc><p>one</p><p>two</p></doc>", "text/xml", "one\n\ntwo"},
		{"a.eml", "From: a@b.c\nTo: d@e.f\nSubject: Hi\nDate: Mon, 2 Jan 2006 15:04:05 +0000\n\nHello.", "message/rfc822", "Hi\n\nFrom: a@b.c\nTo: d@e.f\nDate: 2006-01-02 15:04 UTC\n\nHello."},
		{"a.fb2", `<?xml version="1.0"?><FictionBook><body><section><title><p>One</p></title><p>two</p></section></body></FictionBook>`, "application/x-fictionbook+xml", "One\n\ntwo"},
	} {
		text, err := e.Extract(t.Context(), rag.File{Name: c.name, Content: []byte(c.content)})
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
		{"a.txt", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x00", rag.ErrInvalid, "a.txt: "},
		{"a.ico", "\x00\x00\x01\x00\x01\x00\x10\x10\x00\x00\x01\x00\x20\x00\x00\x00\x00\x00\x16\x00\x00\x00", rag.ErrInvalid, "Images (image/x-icon) are not supported yet"},
		{"a.docx", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00", rag.ErrUnauthorized, "encrypted"},
		{"a.doc", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1W\x00o\x00r\x00d\x00D\x00o\x00c\x00u\x00m\x00e\x00n\x00t\x00", rag.ErrInvalid, "Old Word files (DOC) are not supported yet"},
		{"a.zip", "PK\x05\x06" + strings.Repeat("\x00", 18), rag.ErrInvalid, "a ZIP archive is read file by file"},
		{"a.bin", strings.Repeat("\x00\x01\x02\x03\x90", 100), rag.ErrInvalid, "not a text document"},
		{"a.docx", "PK\x03\x04 cut off", rag.ErrInvalid, "DOCX file is damaged"},
		{"big.txt", strings.Repeat("x", 2<<20), rag.ErrExhausted, "big.txt: the file has 2097152 bytes; at most 1048576 are read"},
		{"a.pdf", "%PDF-1.4\nnothing", rag.ErrInvalid, "the PDF is damaged"},
	} {
		_, err := e.Extract(t.Context(), rag.File{Name: c.name, Content: []byte(c.content)})
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v (%s), want %s %q", c.name, err, rag.KindOf(err), c.kind.Kind, c.says)
		}
	}
}

// upper is a format of the program's own: files that begin with UPPER.
type upper struct{}

func (upper) Recognise(_ string, content []byte) bool {
	return strings.HasPrefix(string(content), "UPPER ")
}

func (upper) Read(_ context.Context, file rag.File) (rag.Text, error) {
	switch body := string(file.Content[6:]); body {
	case "panic":
		panic("a fault of the reader")
	case "error":
		return rag.Text{}, errors.New("cannot be read")
	case "password":
		return rag.Text{Content: file.Password}, nil
	default:
		b := clean.Builder{}
		err := b.Add(rag.Block{Kind: rag.Paragraph}, strings.ToUpper(body))
		t := b.Text()
		t.MediaType = "text/x-upper"
		return t, err
	}
}

func TestRecogniser(t *testing.T) {
	e := open(t, extract.Config{Recognisers: []extract.Recogniser{upper{}}})
	for _, c := range []struct{ content, want, mediaType, err string }{
		{"UPPER case", "CASE", "text/x-upper", ""},
		{"lower case", "lower case", "text/plain", ""},
		{"UPPER password", "secret", "", ""},
		{"UPPER panic", "", "", "a.txt: the file is damaged: its reader failed: a fault of the reader"},
		{"UPPER error", "", "", "a.txt: read the file: cannot be read"},
	} {
		text, err := e.Extract(t.Context(), rag.File{Name: "a.txt", Content: []byte(c.content), Password: "secret"})
		got := ""
		if err != nil {
			got = err.Error()
			if rag.KindOf(err) != rag.KindInvalid {
				t.Errorf("%s: %s", c.content, rag.KindOf(err))
			}
		}
		if text.Content != c.want || text.MediaType != c.mediaType || got != c.err {
			t.Errorf("%s: %q as %q, error %q", c.content, text.Content, text.MediaType, got)
		}
	}
}
