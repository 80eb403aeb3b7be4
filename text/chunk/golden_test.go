package chunk

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

var update = flag.Bool("update", false, "rewrite the expected part of testdata/*.txt")

// TestGolden cuts the documents of testdata/*.txt. A file holds the options of the
// chunker as a line of JSON, a document in the small notation of parse, a line of
// four dashes, and the chunks.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatal("no testdata", err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			in, want, _ := strings.Cut(string(data), "\n----\n")
			settings, doc, _ := strings.Cut(in, "\n")
			var head struct {
				rag.ChunkerOptions
				Plain     bool   `json:"plain"`      // the document is text without blocks
				Language  string `json:"language"`   // of source code
				MediaType string `json:"media_type"` // of the document
			}
			if err := json.Unmarshal([]byte(settings), &head); err != nil {
				t.Fatal(err)
			}
			text := parse(doc)
			if head.Plain {
				text.Blocks = nil
			}
			if head.Language != "" {
				text.Metadata = rag.Metadata{"code_language": rag.Str(head.Language)}
			}
			text.MediaType = head.MediaType
			opt := head.ChunkerOptions
			chunks := cut(t, opt, text)
			check(t, opt, text, chunks)
			got := print(chunks)
			if *update {
				if err := os.WriteFile(name, []byte(in+"\n----\n"+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("chunks differ; see with -update and git diff\n got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// parse reads a document whose lines say what they are: "# " a heading, "- " a list
// item, "|" a table row, "> " a quotation, "^" a running header, "~" a footer, and
// a page number alone in brackets begins a page. A listing stands between lines of
// three backquotes; anything else is a paragraph. The marks stay in the text.
func parse(doc string) rag.Text {
	t := rag.Text{Content: doc}
	page, pos := 0, 0
	var open *rag.Block
	code := false
	for line := range strings.Lines(doc) {
		start := pos
		pos += len(line)
		body := strings.TrimSpace(line)
		var kind rag.BlockKind
		lvl := 0
		switch {
		case code || strings.HasPrefix(body, "```"):
			kind = rag.Code
			if strings.HasPrefix(body, "```") {
				code = !code
			}
		case body == "":
			open = nil
			continue
		case strings.HasPrefix(body, "#"):
			kind, lvl = rag.Heading, strings.Index(body, " ")
		case strings.HasPrefix(body, "- "):
			kind, open = rag.ListItem, nil
		case strings.HasPrefix(body, "|"):
			kind = rag.Table
		case strings.HasPrefix(body, "> "):
			kind = rag.Quote
		case strings.HasPrefix(body, "^"):
			kind = rag.Header
		case strings.HasPrefix(body, "~"):
			kind = rag.Footer
		case strings.HasPrefix(body, "["):
			fmt.Sscanf(body, "[%d]", &page)
			kind = rag.Header
		default:
			kind = rag.Paragraph
		}
		if open != nil && open.Kind == kind && kind != rag.Heading {
			open.Span.End = pos
			if kind == rag.Table && strings.HasPrefix(body, "|-") {
				open.HeaderEnd = pos
			}
			continue
		}
		t.Blocks = append(t.Blocks, rag.Block{Kind: kind, Level: lvl, Page: page, Span: rag.Span{Start: start, End: pos}})
		open = &t.Blocks[len(t.Blocks)-1]
	}
	return t
}

func print(chunks []rag.Chunk) string {
	var b strings.Builder
	for _, c := range chunks {
		fmt.Fprintf(&b, "== %d: bytes %d-%d, %d tokens", c.Ordinal, c.Span.Start, c.Span.End, c.Tokens)
		if c.Page > 0 {
			fmt.Fprintf(&b, ", page %d", c.Page)
		}
		if len(c.Heading) > 0 {
			fmt.Fprintf(&b, ", under %s", strings.Join(c.Heading, " > "))
		}
		if c.Parent.Len() > 0 {
			fmt.Fprintf(&b, ", parent %d-%d", c.Parent.Start, c.Parent.End)
		}
		b.WriteByte('\n')
		if c.Prefix != "" {
			fmt.Fprintf(&b, "(prefix) %s\n", strings.ReplaceAll(c.Prefix, "\n", "\n(prefix) "))
		}
		b.WriteString(c.Text)
		b.WriteByte('\n')
	}
	return b.String()
}
