package org_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
	"github.com/smartretriever/smartretriever/text/extract/org"
)

func extract(t testing.TB, content string) rag.Text {
	t.Helper()
	text, err := org.Extract(t.Context(), []byte(content), org.Options{})
	return extracttest.Checked(t, text, err)
}

func TestBlocks(t *testing.T) {
	for _, c := range []struct{ name, content, want string }{
		{"headlines", "* TODO [#A] One [1/2] :work:home:\n:PROPERTIES:\n:ID: 1\n:END:\nSCHEDULED: <2026-01-01 Thu>\nText\nmore.\n** DONE Two\n* Plain TODO\n*bold* start", "heading 1: One\nparagraph: Text / more.\nheading 2: Two\nheading 1: Plain TODO\nparagraph: bold start"},
		{"own keywords", "#+TODO: OPEN(o) | SHUT\n* OPEN x\n* TODO y", "heading 1: x\nheading 1: y"},
		{"lists", "- one\n  more\n\n  second\n  - in\n  1. num\n- [X] two\n- term :: what\n\nafter", "list_item 1: - one / more\nlist_item 1: second\nlist_item 2: - in\nlist_item 2: 1. num\nlist_item 1: - [X] two\nlist_item 1: - term: what\nparagraph: after"},
		{"blocks", "#+CAPTION: Code\n#+BEGIN_SRC go :results\n  func f() {\n  ,* x\n  }\n#+END_SRC\n#+begin_quote\na\n\nb\n#+end_quote\n#+begin_example\nx\n#+end_example\n#+begin_comment\nno\n#+end_comment\n#+begin_center\nmid\n#+end_center\n#+begin_export html\n<b>\n#+end_export\n: fixed\n: lines", "caption: Code\ncode: func f() { / * x / }\nquote: a\nquote: b\ncode: x\nparagraph: mid\ncode: fixed / lines"},
		{"a table", "| a | b |\n|---+---|\n| 1 | [[x][y]] |\n#+TBLFM: $1=2", "table: | a | b | / | --- | --- | / | 1 | y |"},
		{"comments and drawers", "# comment\n#not one\n:LOGBOOK:\nCLOCK: [2026-01-01]\n:END:\n-----\nend", "paragraph: #not one\nparagraph: end"},
		{"footnotes", "See[fn:1] and[fn::inline].\n\n[fn:1] The note\ngoes on.\n", "paragraph: See[1] and (inline).\nfootnote: [1] The note / goes on."},
		{"open ends", "#+BEGIN_SRC\ncode\n* H\n:DRAWER:\ntext", "paragraph: code\nheading 1: H\nparagraph: :DRAWER: / text"},
	} {
		if got := extracttest.Outline(extract(t, c.content)); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

func TestInline(t *testing.T) {
	for content, want := range map[string]string{
		"[[http://x][A link]] [[http://y]] [[file:a.org]]": "A link http://y a.org",
		"*bold* /italic/ _under_ +struck+ =code= ~verb~":   "bold italic under struck code verb",
		"2 * 3 / 4 a/b/c snake_case_name":                  "2 * 3 / 4 a/b/c snake_case_name",
		"on <2026-01-02 Fri> <<target>>here":               "on 2026-01-02 Fri targethere",
		"(*b*), /i/.":                                      "(b), i.",
	} {
		if got := extract(t, content).Content; got != want {
			t.Errorf("%q: got %q, want %q", content, got, want)
		}
	}
}

func TestHead(t *testing.T) {
	text := extract(t, "#+TITLE: The *T*\n#+AUTHOR: A. Writer\n#+DATE: <2026-01-02>\n#+FILETAGS: :a:b:\n#+LANGUAGE: de\n#+OPTIONS: x\n\n* H\n")
	if text.Title != "The T" || text.Language != "de" || text.Metadata["author"].Text() != "A. Writer" || text.Metadata["date"].Text() != "2026-01-02" || text.Metadata["keywords"].Text() != "a, b" {
		t.Errorf("title %q, language %q, metadata %v", text.Title, text.Language, text.Metadata)
	}
	if text := extract(t, "* H\ntext"); text.Title != "H" {
		t.Errorf("title %q", text.Title)
	}
}

// TestHostile reads what would take time by the square of its length.
func TestHostile(t *testing.T) {
	for name, content := range map[string]string{
		"open blocks":  strings.Repeat("#+begin_src\n", 200_000) + "#+end_quote",
		"ended blocks": strings.Repeat("#+begin_center\n", 100_000) + strings.Repeat("#+end_center\n", 100_000),
		"open drawers": strings.Repeat(":A:\n", 200_000),
		"deep lists":   strings.Repeat(" ", 5000) + "- a\n" + strings.Repeat("- a\n - b\n", 100_000),
		"open marks":   strings.Repeat("*a ", 300_000),
		"open links":   strings.Repeat("[[a", 300_000),
	} {
		t.Run(name, func(t *testing.T) { extract(t, content) })
	}
}

func TestLimit(t *testing.T) {
	if _, err := org.Extract(t.Context(), []byte("A long text"), org.Options{Limit: 5}); !errors.Is(err, rag.ErrExhausted) {
		t.Errorf("got %v", err)
	}
}

func TestIs(t *testing.T) {
	for head, want := range map[string]bool{
		"#+TITLE: x\n": true, "* H\n:PROPERTIES:\n:ID: x\n:END:\n": true, "* list\n* of Markdown\n": false, "text": false, "#+begin_src go\n": true,
	} {
		if org.Is(head) != want {
			t.Errorf("%q: got %v", head, !want)
		}
	}
}

func TestRealFiles(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "..", "shared", "data", "documents", "other", "org", "*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("needs the real documents")
	}
	for _, path := range files {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text := extract(t, string(content))
		if text.Title == "" || len(text.Blocks) < 5 {
			t.Errorf("%s: title %q, %d blocks", path, text.Title, len(text.Blocks))
		}
	}
}

func FuzzExtract(f *testing.F) {
	f.Add("#+TITLE: a\n* TODO b :c:\n:D:\n:END:\n- [ ] e :: f\n  1. g\n\n[fn:1] h\n")
	f.Add("#+begin_src x\n,* y\n#+end_src\n| a | [[b][c]] |\n|-\n: d\n# e\n*f* =g= <2026-01-01>\n")
	f.Fuzz(func(t *testing.T, content string) {
		extract(t, content)
		org.Is(content)
	})
}
