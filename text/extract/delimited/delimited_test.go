package delimited_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/chunk"
	"github.com/smartretriever/smartretriever/text/extract/delimited"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
)

func extract(t *testing.T, content string, opt delimited.Options) rag.Text {
	t.Helper()
	text, err := delimited.Extract(t.Context(), []byte(content), opt)
	return extracttest.Checked(t, text, err)
}

func TestExtract(t *testing.T) {
	for _, c := range []struct{ name, content, want string }{
		{"commas", "a,b\n1,x\n2,y\n", "| a | b |\n| --- | --- |\n| 1 | x |\n| 2 | y |"},
		{"tabs and CRLF", "a\tb\r\n1\tx\r\n", "| a | b |\n| --- | --- |\n| 1 | x |"},
		{"CR", "a;b\r1;x\r2;z", "| a | b |\n| --- | --- |\n| 1 | x |\n| 2 | z |"},
		{"semicolons with decimal commas", "n;p;q\na;1,5;2,5\nb;3,5;4,5\n", "| n | p | q |\n| --- | --- | --- |\n| a | 1,5 | 2,5 |\n| b | 3,5 | 4,5 |"},
		{"pipes", "a|b\n1|2,3\n3|\"4|5\"\n", "| a | b |\n| --- | --- |\n| 1 | 2,3 |\n| 3 | 4\\|5 |"},
		{"one column", "Name\nA, B\nC D\nE F\n", "| Name |\n| --- |\n| A, B |\n| C D |\n| E F |"},
		{"quotes", "a,b\n\"x, \"\"y\"\"\nz\",1\n\"\",2\n", "| a | b |\n| --- | --- |\n| x, \"y\" z | 1 |\n| | 2 |"},
		{"quotes after blanks", "a,b\n \"x,y\" ,1\n", "| a | b |\n| --- | --- |\n| x,y | 1 |"},
		{"a stray quote", "a,b\n12\",x\n\"13,y\n14,z\n", "| a | b |\n| --- | --- |\n| 12\" | x |\n| \"13 | y |\n| 14 | z |"},
		{"a quote within quotes", "a,b\n\"say \"hi\" now\",1\n", "| a | b |\n| --- | --- |\n| say \"hi\" now | 1 |"},
		{"ragged", "a,b\n1,2,3\n4,5\n6,7\n8\n", "| a | b | |\n| --- | --- | --- |\n| 1 | 2 | 3 |\n| 4 | 5 |\n| 6 | 7 |\n| 8 |"},
		{"no header", "1,2.5,x\n2,3.5,y\n3,4.5,z\n", "| | | |\n| --- | --- | --- |\n| 1 | 2.5 | x |\n| 2 | 3.5 | y |\n| 3 | 4.5 | z |"},
		{"years as names", "city,2020,2021\nA,5,6\nB,7,8\n", "| city | 2020 | 2021 |\n| --- | --- | --- |\n| A | 5 | 6 |\n| B | 7 | 8 |"},
		{"a title above", "Sales of 2026,,\n,,\nTeam,City,Cups\nBlues,STL,1\n", "Sales of 2026\n\n| | | |\n| --- | --- | --- |\n| Team | City | Cups |\n| Blues | STL | 1 |"},
		{"a comment above", "# made by hand\nTeam,City,Cups\nBlues,STL,1\nReds,NYC,2\n", "# made by hand\n\n| Team | City | Cups |\n| --- | --- | --- |\n| Blues | STL | 1 |\n| Reds | NYC | 2 |"},
		{"Excel's hint", "sep=;\na;b,c\n1;2,3\n", "| a | b,c |\n| --- | --- |\n| 1 | 2,3 |"},
		{"UTF-16", "\xff\xfea\x00,\x00b\x00\n\x001\x00,\x002\x00", "| a | b |\n| --- | --- |\n| 1 | 2 |"},
		{"Windows-1252", "Stra\xdfe,M\xfcnze\nGr\xfcn,1\n", "| Straße | Münze |\n| --- | --- |\n| Grün | 1 |"},
		{"empty cells only", ",,\n,,\n", ""},
		{"nothing", "", ""},
	} {
		text := extract(t, c.content, delimited.Options{})
		if text.Content != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, text.Content, c.want)
		}
	}
}

func TestDelimiterAsTold(t *testing.T) {
	text := extract(t, "a:b\n1:2\n", delimited.Options{Delimiter: ':'})
	if want := "| a | b |\n| --- | --- |\n| 1 | 2 |"; text.Content != want {
		t.Errorf("got\n%s", text.Content)
	}
}

func TestLimits(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		opt     delimited.Options
		says    string
	}{
		"rows":    {strings.Repeat("a,b\n", 100), delimited.Options{Rows: 99}, "more than 99 rows"},
		"columns": {"a,b\n" + strings.Repeat(",", 20_000), delimited.Options{}, "row 2 of the table has more than 16384 columns"},
		"bytes":   {strings.Repeat("a,b\n", 100), delimited.Options{Limit: 200}, "more than 1 MiB of text"},
	} {
		_, err := delimited.Extract(t.Context(), []byte(c.content), c.opt)
		if !errors.Is(err, rag.ErrExhausted) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestStrayQuotes reads what would take time by the square of its length if every
// quote were followed to the end of the file.
func TestStrayQuotes(t *testing.T) {
	text := extract(t, "a,b\n"+strings.Repeat("\"x,y z\n", 200_000), delimited.Options{})
	if n := strings.Count(text.Content, "\n"); n != 200_001 {
		t.Errorf("%d lines", n)
	}
}

// words is a model whose tokens are words.
type words struct{}

func (words) Model() rag.Model            { return rag.Model{MaxTokens: 512} }
func (words) CountTokens(text string) int { return len(strings.Fields(text)) }
func (words) Embed(context.Context, rag.EmbedKind, []string) ([][]float32, error) {
	return nil, errors.New("nobody asks for vectors")
}

// TestLongTableIsCutByRows shows that one block of 200,000 rows is no chunk that
// cannot be cut, and that every chunk repeats the header.
func TestLongTableIsCutByRows(t *testing.T) {
	var b strings.Builder
	b.WriteString("Number,Name,Remark\n")
	for i := range 200_000 {
		fmt.Fprintf(&b, "%d,name of %d,a remark about it\n", i, i)
	}
	text := extract(t, b.String(), delimited.Options{})
	if len(text.Blocks) != 1 || text.Blocks[0].Kind != rag.Table {
		t.Fatalf("%d blocks", len(text.Blocks))
	}
	c, err := chunk.New(rag.ChunkerOptions{}, words{})
	if err != nil {
		t.Fatal(err)
	}
	chunks, err := c.Chunk(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	if len(chunks) < 1000 {
		t.Errorf("%d chunks", len(chunks))
	}
	for i, chunk := range chunks {
		if i > 0 && !strings.HasPrefix(chunk.Prefix, "| Number | Name | Remark |") || chunk.Tokens > 320 || !strings.HasPrefix(chunk.Text, "|") {
			t.Fatalf("chunk %d of %d tokens: %q above %.40q", i, chunk.Tokens, chunk.Prefix, chunk.Text)
		}
	}
}

func TestIs(t *testing.T) {
	for content, want := range map[string]bool{
		"a\tb\n1\t2\n3\t4\n":                        true,
		"id,name,age\n1,x,3\n2,y,4\n3,z,5\n4,w,6\n": true,
		"a;b\n1;2\n3;4\n":                           true,
		"One, two.\nThree, four.\nFive, six.\n":     false,
		"| a | b |\n| - | - |\n| 1 | 2 |\n":         false,
		"just text\nin lines\nwithout anything\n":   false,
		"f(a, b, c);\nf(a, b, c);\ng();\n":          false,
		"{\"a\":1,\"b\":2,\"c\":3}\n{\"a\":1,\"b\":2,\"c\":3}\n{\"a\":1,\"b\":2,\"c\":3}\n{\"a\":1,\"b\":2,\"c\":3}\n{\"a\":1,\"b\":2,\"c\":3}\n": false,
		"": false,
	} {
		if got := delimited.Is(content); got != want {
			t.Errorf("%.40q: got %v", content, got)
		}
	}
}

var documents = filepath.Join("..", "..", "..", "..", "shared", "data", "documents")

func TestRealTables(t *testing.T) {
	var files []string
	for _, pattern := range []string{"other/csv/*", "other/tsv/*"} {
		found, err := filepath.Glob(filepath.Join(documents, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		t.Skip("needs the real documents")
	}
	for _, path := range files {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text := extract(t, string(content), delimited.Options{})
		if text.Content == "" {
			t.Errorf("%s: no text", path)
		}
		name := strings.TrimPrefix(filepath.Base(path), "docling-")
		want, err := os.ReadFile(filepath.Join(documents, "expected", "docling", name+".md"))
		if err != nil {
			continue
		}
		f1 := extracttest.F1(text.Content, extracttest.Readable(string(want)))
		t.Logf("F1 %.4f %s", f1, name)
		if f1 < 1 {
			t.Errorf("%s: F1 %.4f, want 1", name, f1)
		}
	}
}

func FuzzExtract(f *testing.F) {
	f.Add("a,b\n1,\"x\"\"y\nz\"\n")
	f.Add("sep=;\r\na;b\r\n\"1;2\r\n")
	f.Add("Title\n\na|b\n\"\"\"|\"\"\n")
	f.Fuzz(func(t *testing.T, content string) {
		text, err := delimited.Extract(t.Context(), []byte(content), delimited.Options{})
		if err != nil && !errors.Is(err, rag.ErrExhausted) {
			t.Fatal(err)
		}
		extracttest.Check(t, text)
		delimited.Is(content)
	})
}
