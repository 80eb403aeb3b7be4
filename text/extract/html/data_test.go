package html_test

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	xhtml "golang.org/x/net/html"

	"github.com/smartretriever/smartretriever/text/extract/extracttest"
	"github.com/smartretriever/smartretriever/text/extract/html"
)

var documents = filepath.Join("..", "..", "..", "..", "shared", "data", "documents")

// pages returns the paths of the real pages and of what is expected of them.
func pages(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join(documents, "manifest.tsv"))
	if err != nil {
		t.Skipf("needs the real documents: %v", err)
	}
	defer f.Close()
	found := map[string]string{}
	for s := bufio.NewScanner(f); s.Scan(); {
		if row := strings.Split(s.Text(), "\t"); len(row) > 8 && row[1] == "html" {
			found[row[0]] = row[8]
		}
	}
	return found
}

func load(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(documents, path))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// words returns the text of a page as its tree has it, without any of our code.
func words(t *testing.T, page []byte) string {
	t.Helper()
	root, err := xhtml.Parse(strings.NewReader(string(page)))
	if err != nil {
		t.Fatal(err)
	}
	inline := []string{"a", "abbr", "b", "bdi", "bdo", "code", "em", "font", "i", "kbd", "mark", "q", "s", "small", "span", "strong", "sub", "sup", "time", "u", "var", "cite", "tt"}
	var b strings.Builder
	for n := range root.Descendants() {
		switch {
		case n.Type == xhtml.TextNode && !slices.Contains([]string{"script", "style", "noscript", "iframe", "svg"}, n.Parent.Data):
			b.WriteString(n.Data)
		case n.Type == xhtml.ElementNode && !slices.Contains(inline, n.Data):
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func mean(xs []float64) float64 {
	sum := 0.0
	for _, x := range xs {
		sum += x
	}
	return sum / float64(len(xs))
}

func TestRealPages(t *testing.T) {
	var whole, main []float64
	for path, expected := range pages(t) {
		page := load(t, path)
		text, err := html.Extract(t.Context(), page, html.Options{})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		extracttest.Check(t, text)
		article, err := html.Extract(t.Context(), page, html.Options{Main: true})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		extracttest.Check(t, article)
		if article.Content == "" && text.Content != "" {
			t.Errorf("%s: no main content, and the whole page was not put in its place", path)
		}
		switch {
		case strings.Contains(expected, "docling"):
			f1 := extracttest.F1(text.Content, extracttest.Readable(string(load(t, expected))))
			whole = append(whole, f1)
		case strings.Contains(expected, "readability"):
			f1 := extracttest.F1(article.Content, words(t, load(t, expected)))
			main = append(main, f1)
			t.Logf("%.4f kept %d of %d %s", f1, len(article.Content), len(text.Content), path)
		}
	}
	t.Logf("whole page against docling: %.4f, %d pages", mean(whole), len(whole))
	t.Logf("main content against readability: %.4f, %d pages", mean(main), len(main))
	if mean(whole) < .97 {
		t.Errorf("whole page: mean F1 %.4f, want at least .97", mean(whole))
	}
	if mean(main) < .985 {
		t.Errorf("main content: mean F1 %.4f, want at least .985", mean(main))
	}
}
