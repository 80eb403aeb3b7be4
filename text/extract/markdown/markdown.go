// Package markdown extracts Markdown (CommonMark with tables and front matter).
//
// The text stays the Markdown source, block by block: links, emphasis and
// inline code are as the author wrote them. What only marks the kind of a block
// is left out, since the block says it: the # and underlines of headings, the
// fences of code, the > of quotes, thematic breaks and link definitions. List
// items keep their marker. Raw HTML blocks are read as HTML.
//
// goldmark finds the blocks; its inline parsers and its link definitions are
// switched off, since nothing here needs them and they are where hostile input
// costs time.
package markdown

import (
	"context"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	yamlast "github.com/goccy/go-yaml/ast"
	yamlparser "github.com/goccy/go-yaml/parser"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/charset"
	"github.com/smartretriever/smartretriever/text/extract/html"
	"github.com/smartretriever/smartretriever/text/extract/plain"
)

const (
	maxFrontMatter = 16 << 10 // bytes; longer is no front matter
	maxMarkers     = 64       // container markers at the start of one line
	maxIndent      = 256      // bytes of white space before a marker
	maxCells       = 4 << 20  // of all tables, empty ones included
)

// Options limit the extraction.
type Options struct {
	Limit int // most bytes of text, 0 for no limit
}

// Extract returns the text of a Markdown file in any encoding. Title and, as
// metadata, author, date, tags and description come from the front matter; a
// missing title is the first heading of level 1. Any input is Markdown: there is
// no error but those of the limit (KindExhausted) and of ctx.
func Extract(ctx context.Context, content []byte, opt Options) (rag.Text, error) {
	source, _ := charset.Decode(content, "")
	source = tidy(source)
	b := &clean.Builder{Limit: opt.Limit}
	meta, source := frontMatter(source)
	if reason := costly(source); reason != "" {
		if err := plain.Split(ctx, b, source, rag.Paragraph); err != nil {
			return rag.Text{}, err
		}
		t := b.Text()
		t.Warnings = append(t.Warnings, reason+"; read as plain text")
		return t, nil
	}
	w := &walker{ctx: ctx, b: b, source: []byte(source)}
	if err := w.children(blockParser.Parse(text.NewReader(w.source)), place{}); err != nil {
		return rag.Text{}, err
	}
	t := b.Text()
	t.Title, t.Metadata = describe(meta)
	if t.Title == "" {
		t.Title = w.title
	}
	return t, nil
}

// tidy drops invisible characters, which would end up within lines.
func tidy(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	if strings.IndexFunc(s, stray) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if stray(r) {
			return -1
		}
		return r
	}, s)
}

func stray(r rune) bool { return r != '\n' && r != '\t' && clean.Invisible(r) }

var blockParser = parser.NewParser(
	parser.WithBlockParsers(parser.DefaultBlockParsers()...),
	parser.WithParagraphTransformers(util.Prioritized(extension.NewTableParagraphTransformer(), 200)),
)

// costly names what in a source would cost the parser time or memory out of
// proportion to its size, "" if nothing does: its time grows with the square of
// the depth of quotes and lists, and each row of a table gets all columns.
func costly(source string) string {
	var cells, columns, lines int // columns and lines of the block at hand
	for line := range strings.SplitSeq(source, "\n") {
		if nested(line) {
			return "quotes or lists are nested too deep"
		}
		if strings.Trim(line, " \t") == "" {
			columns, lines = 0, 0
			continue
		}
		if strings.Trim(line, "|-: \t") == "" {
			columns = max(columns, strings.Count(line, "|")+1)
			lines = 0
		}
		if lines++; columns > 1 {
			if cells += columns; cells > maxCells || columns > maxCells/64 {
				return "a table has too many cells"
			}
		}
	}
	return ""
}

// nested reports whether a line opens more quotes and lists, or stands deeper in
// them, than any author writes.
func nested(line string) bool {
	markers := 0
	for i := 0; i < len(line) && markers <= maxMarkers; i++ {
		switch c := line[i]; {
		case c == '>' || c == '-' || c == '*' || c == '+' || c == ')' || c == '.':
			if c != '>' && (i+1 >= len(line) || line[i+1] != ' ' && line[i+1] != '\t') {
				return false
			}
			if markers++; i > maxIndent {
				return strings.Trim(line, "-*_ \t") != ""
			}
		case c == ' ' || c == '\t' || c >= '0' && c <= '9':
		default:
			return false
		}
	}
	// A line of dashes and blanks is a thematic break and no list.
	return markers > maxMarkers && strings.Trim(line, "-*_ \t") != ""
}

// frontMatter splits off a YAML header between lines of three dashes.
func frontMatter(source string) (meta map[string]any, rest string) {
	body, is := strings.CutPrefix(strings.TrimPrefix(source, "\ufeff"), "---\n")
	if !is {
		return nil, source
	}
	head, _, found := strings.Cut(body[:min(len(body), maxFrontMatter)], "\n---\n")
	if found {
		rest = body[len(head)+len("\n---\n"):]
	} else if head, found = strings.CutSuffix(strings.TrimRight(body[:min(len(body), maxFrontMatter)], "\n"), "\n---"); !found {
		return nil, source
	}
	if aliased(head) {
		return nil, rest
	}
	if err := yaml.Unmarshal([]byte(head), &meta); err != nil || meta == nil {
		return nil, source
	}
	return meta, rest
}

// aliased reports whether a header uses YAML aliases: no author does, and a few of
// them unfold to gigabytes.
func aliased(head string) bool {
	file, err := yamlparser.ParseBytes([]byte(head), 0)
	if err != nil {
		return false // Unmarshal will say so
	}
	var found aliasFinder
	for _, doc := range file.Docs {
		if doc.Body != nil {
			yamlast.Walk(&found, doc.Body)
		}
	}
	return bool(found)
}

type aliasFinder bool

func (f *aliasFinder) Visit(n yamlast.Node) yamlast.Visitor {
	if n.Type() == yamlast.AliasType {
		*f = true
	}
	return f
}

// describe picks title and metadata from a front matter.
func describe(front map[string]any) (title string, meta rag.Metadata) {
	for key, value := range front {
		key = strings.ToLower(key)
		switch key {
		case "title", "author", "authors", "date", "tags", "categories", "keywords", "description", "lang", "language":
		default:
			continue
		}
		if key == "title" {
			if s, is := value.(string); is {
				title = clean.Line(s)
			}
			continue
		}
		v, ok := scalar(value)
		if !ok {
			continue
		}
		if meta == nil {
			meta = rag.Metadata{}
		}
		meta[key] = v
	}
	return title, meta
}

func scalar(value any) (rag.Value, bool) {
	switch x := value.(type) {
	case string:
		s := clean.Cut(clean.Paragraph(x), rag.MaxMetadataString)
		return rag.Str(s), s != ""
	case []any:
		var items []rag.Value
		for _, e := range x[:min(len(x), rag.MaxMetadataItems)] {
			if v, ok := scalar(e); ok && v.Kind() != rag.ListValue {
				items = append(items, v)
			}
		}
		return rag.List(items...), len(items) > 0
	case uint64:
		return rag.Num(float64(x)), true
	}
	v, err := rag.ValueOf(value)
	return v, err == nil && v.Kind() != rag.NullValue
}

// walker turns the syntax tree into blocks.
type walker struct {
	ctx    context.Context
	b      *clean.Builder
	source []byte
	title  string
}

// place is where a block stands.
type place struct {
	list   int    // depth of lists
	marker string // of the item whose first block this is
	inItem bool
	quote  bool
}

func (w *walker) children(n ast.Node, at place) error {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		if err := w.node(c, at); err != nil {
			return err
		}
		at.marker = ""
	}
	return nil
}

func (w *walker) node(n ast.Node, at place) error {
	switch n := n.(type) {
	case *ast.Heading:
		title := headingText(w.lines(n))
		if w.title == "" && n.Level == 1 {
			w.title = clean.Line(title)
		}
		return w.b.Add(rag.Block{Kind: rag.Heading, Level: n.Level}, title)
	case *ast.FencedCodeBlock, *ast.CodeBlock:
		return w.b.Add(rag.Block{Kind: rag.Code}, w.lines(n))
	case *ast.HTMLBlock:
		return html.Append(w.ctx, w.b, w.lines(n)+closure(n, w.source))
	case *ast.Blockquote:
		at.quote = true
		return w.children(n, at)
	case *ast.List:
		at.list++
		return w.items(n, at)
	case *east.Table:
		return w.b.AddTable(0, w.rows(n))
	case *ast.Paragraph, *ast.TextBlock:
		block := rag.Block{Kind: rag.Paragraph}
		switch {
		case at.inItem:
			block.Kind, block.Level = rag.ListItem, at.list
		case at.quote:
			block.Kind = rag.Quote
		}
		return w.b.Add(block, at.marker+comments.ReplaceAllString(w.lines(n), ""))
	}
	return nil
}

var comments = regexp.MustCompile(`(?s)<!--.*?-->`)

// items adds the items of a list, each first block with its marker.
func (w *walker) items(list *ast.List, at place) error {
	number := list.Start
	at.inItem = true
	for c := list.FirstChild(); c != nil; c = c.NextSibling() {
		at.marker = "- "
		if list.IsOrdered() {
			at.marker = strconv.Itoa(number) + ". "
			number++
		}
		if err := w.children(c, at); err != nil {
			return err
		}
	}
	return nil
}

// lines returns the source of a leaf block without the marks of what it is in.
func (w *walker) lines(n ast.Node) string {
	var b strings.Builder
	segments := n.Lines()
	for i := range segments.Len() {
		s := segments.At(i)
		b.Write(s.Value(w.source))
	}
	return b.String()
}

// closure returns the line that ends a raw HTML block.
func closure(n *ast.HTMLBlock, source []byte) string {
	if !n.HasClosure() {
		return ""
	}
	return string(n.ClosureLine.Value(source))
}

// rows returns the cells of a table as their source.
func (w *walker) rows(table *east.Table) [][]string {
	var rows [][]string
	for r := table.FirstChild(); r != nil; r = r.NextSibling() {
		var row []string
		for c := r.FirstChild(); c != nil; c = c.NextSibling() {
			row = append(row, strings.ReplaceAll(w.lines(c), `\|`, "|"))
		}
		rows = append(rows, row)
	}
	return rows
}

var (
	anchor   = regexp.MustCompile(`\s*\{#[^}]*\}\s*$`)
	link     = regexp.MustCompile(`!?\[([^\[\]]*)\](\([^()\s]*\)|\[[^\[\]]*\])`)
	emphasis = regexp.MustCompile("(^|[\\s(])(\\*{1,3}|_{1,3}|`+)([^*_`]+)(\\*{1,3}|_{1,3}|`+)")
)

// headingText returns a heading without marks: it is shown by itself, as a path
// and as a title.
func headingText(s string) string {
	s = anchor.ReplaceAllString(s, "")
	s = link.ReplaceAllString(s, "$1")
	return emphasis.ReplaceAllString(s, "$1$3")
}
