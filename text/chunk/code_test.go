package chunk

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

var codeLanguages = []string{"go", "python", "ruby", "javascript", "typescript", "java", "c", "cpp", "csharp", "rust", "php", "sql", "braces"}

// FuzzCode hands arbitrary text to the readers of every language.
func FuzzCode(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "code-*.txt"))
	if err != nil || len(files) == 0 {
		f.Fatal("no testdata", err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		in, _, _ := strings.Cut(string(data), "\n----\n")
		_, source, _ := strings.Cut(in, "\n")
		f.Add(source)
	}
	f.Add("a{b{c{}}}class x{d(){}}}}}{{{'\"`/*")
	f.Add("R\"x( <<<EOT r#\" $$ @\" \"\"\" =begin\n")
	f.Fuzz(func(t *testing.T, source string) {
		source = source[:min(len(source), 2<<10)]
		for _, lang := range codeLanguages {
			for _, u := range unitsOf(lang, source) {
				if u.start < 0 || u.start > len(source) || u.end < 0 || u.end > len(source) {
					t.Fatalf("%s: unit %+v of %d bytes", lang, u, len(source))
				}
			}
			text := rag.Text{Content: source, Metadata: rag.Metadata{"code_language": rag.Str(lang)}}
			opt := rag.ChunkerOptions{Name: Code, Size: 40}
			check(t, opt, text, cut(t, opt, text))
		}
	})
}

// TestHostileCode reads sources that take forever, or all memory, where any step is
// more than linear.
func TestHostileCode(t *testing.T) {
	size := 1 << 19
	if testing.Short() {
		size = 1 << 16
	}
	for name, part := range map[string]string{
		"open braces": "{", "closed braces": "}", "blocks": "a(){}", "blocks on one line": "x = {} {} ", "classes on one line": "class a{b(){}}", "nested classes": "class a{",
		"angles": "a<", "attributes": "#![", "annotations": "@a(", "brackets": "(", "quotes": "\"", "templates": "`${", "comments": "/*", "heredocs": "<<<A\n", "ruby heredocs": "<<~A\n",
		"raw strings": "R\"(", "rust strings": "r#\"", "dollars": "$a$ ", "regexps": "=/[", "one-letter lines": "a\n", "comment lines": "// a\n", "begins": "CREATE FUNCTION a BEGIN ",
		"defs": "def a\n", "deeper and deeper": "class A:\n ", "statements": "select 1;\n", "funcs": "func (a", "labels": "(a) ", "assignments": "a = b = ",
	} {
		source := strings.Repeat(part, size/len(part))
		t.Run(name, func(t *testing.T) {
			for _, lang := range codeLanguages {
				text := rag.Text{Content: source, Metadata: rag.Metadata{"code_language": rag.Str(lang)}}
				if len(cut(t, rag.ChunkerOptions{Name: Code}, text)) == 0 {
					t.Errorf("%s: no chunks", lang)
				}
			}
		})
	}
}

// TestGuessLanguage tells the sources of the golden files apart, and prose from them.
func TestGuessLanguage(t *testing.T) {
	for file, want := range map[string]string{
		"code-go": "go", "code-python": "python", "code-ruby": "ruby", "code-javascript": "javascript", "code-typescript": "typescript", "code-java": "java",
		"code-c": "c", "code-cpp": "cpp", "code-csharp": "csharp", "code-rust": "rust", "code-php": "php", "code-sql": "sql",
		"legal-en": "", "legal-de": "", "medical-en": "", "medical-de": "", "conversation-mail": "", "conversation-transcript": "", "paragraph": "", "structure": "",
	} {
		data, err := os.ReadFile(filepath.Join("testdata", file+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		in, _, _ := strings.Cut(string(data), "\n----\n")
		_, source, _ := strings.Cut(in, "\n")
		if got := guessLanguage(source); got != want {
			t.Errorf("%s: %q, want %q", file, got, want)
		}
	}
}

// TestPick has auto choose for the documents of the golden files.
func TestPick(t *testing.T) {
	for file, want := range map[string]string{
		"legal-en": Legal, "legal-de": Legal, "medical-en": Medical, "medical-de": Medical, "conversation-mail": Conversation, "conversation-transcript": Conversation,
		"paragraph": Structure, "structure": Structure, "structure-pages": Structure, "table": Table, "sentence": Structure, "code-markdown": Code,
	} {
		data, err := os.ReadFile(filepath.Join("testdata", file+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		in, _, _ := strings.Cut(string(data), "\n----\n")
		_, doc, _ := strings.Cut(in, "\n")
		text := parse(doc)
		if strings.Contains(in[:80], `"plain": true`) {
			text.Blocks = nil
		}
		if got := Pick(text); got != want {
			t.Errorf("%s: %s, want %s", file, got, want)
		}
	}
	for _, tt := range []struct {
		text rag.Text
		want string
	}{
		{rag.Text{}, Structure},
		{rag.Text{Content: "x = 1", MediaType: "text/x-python"}, Code},
		{rag.Text{Content: "x", Metadata: rag.Metadata{"code_language": rag.Str("Go")}}, Code},
		{rag.Text{Content: "a,b\n1,2\n", MediaType: "text/csv; charset=utf-8"}, Table},
		{rag.Text{Content: "Hello", MediaType: "message/rfc822"}, Conversation},
	} {
		if got := Pick(tt.text); got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.text, got, tt.want)
		}
	}
}

// TestSemanticBreaks has three subjects, whose borders are found.
func TestSemanticBreaks(t *testing.T) {
	var b strings.Builder
	var borders []int
	for _, words := range []string{"cat mat fur paw", "bank rate loan debt", "rain hill lake snow"} {
		borders = append(borders, b.Len())
		for i := range 12 {
			w := strings.Fields(words)
			b.WriteString("The " + w[i%4] + " and the " + w[(i+1)%4] + " or the " + w[(i+2)%4] + ". ")
		}
	}
	embedded := 0
	for _, way := range []string{ByPercentile, ByGradient} {
		c, err := New(rag.ChunkerOptions{Name: Semantic, Size: 300, Min: 20, Break: way, Percentile: 95}, fake{count: count, texts: &embedded})
		if err != nil {
			t.Fatal(err)
		}
		chunks, err := c.Chunk(t.Context(), rag.Text{Content: b.String()})
		if err != nil {
			t.Fatal(err)
		}
		var starts []int
		for _, ch := range chunks {
			starts = append(starts, ch.Span.Start)
		}
		near := func(border int) bool { // within one sentence
			return slices.ContainsFunc(starts, func(s int) bool { return s-border < 40 && border-s < 40 })
		}
		if !near(borders[1]) || !near(borders[2]) {
			t.Errorf("%s: chunks begin at %v, subjects at %v", way, starts, borders)
		}
	}
	if embedded != 2*36 {
		t.Errorf("%d sentences were embedded, want each once", embedded)
	}
	c, err := New(rag.ChunkerOptions{Name: Semantic}, fake{count: count, err: rag.Errorf(rag.KindExhausted, "no budget")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Chunk(t.Context(), rag.Text{Content: "One sentence of several words. And another one, which is long enough."}); !errors.Is(err, rag.ErrExhausted) {
		t.Errorf("%v", err)
	}
}
