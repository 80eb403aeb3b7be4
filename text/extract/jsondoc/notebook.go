package jsondoc

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/markdown"
)

// What is kept of one output of a cell.
const (
	maxOutput      = 1500 // bytes
	maxOutputLines = 30
)

// notebook returns the cells of a Jupyter notebook (nbformat 3 and 4), nil if v is
// none.
func notebook(v node) []node {
	if v.member("nbformat").kind != scalar {
		return nil
	}
	cells := v.member("cells").items
	for _, sheet := range v.member("worksheets").items { // nbformat 3
		cells = append(cells, sheet.member("cells").items...)
	}
	return cells
}

// notebook writes the cells of a notebook.
func (w *writer) notebook(v node, cells []node) (rag.Text, error) {
	var title string
	for _, c := range cells {
		if err := w.ctx.Err(); err != nil {
			return rag.Text{}, err
		}
		found, err := w.cell(c)
		if err != nil {
			return rag.Text{}, err
		}
		if title == "" {
			title = found
		}
	}
	t := w.done()
	about := v.member("metadata")
	if s := about.member("title"); s.kind == text {
		title = clean.Line(s.text)
	}
	t.Title = clean.Cut(title, maxTitle)
	language := about.member("language_info").member("name")
	if language.kind != text {
		language = about.member("kernelspec").member("language")
	}
	if s := strings.ToLower(clean.Line(language.text)); s != "" && len(s) <= 40 {
		t.Metadata = rag.Metadata{"code_language": rag.Str(s)}
	}
	return t, nil
}

// cell writes a cell and returns the title in it, if it has one.
func (w *writer) cell(c node) (title string, err error) {
	source := joined(c.member("source"))
	switch c.member("cell_type").text {
	case "markdown":
		return w.markdown(source)
	case "heading": // nbformat 3
		level, _ := strconv.Atoi(c.member("level").text)
		level = min(max(level, 1), 6)
		if level == 1 {
			title = clean.Line(source)
		}
		return title, w.b.Add(rag.Block{Kind: rag.Heading, Level: level}, source)
	case "code":
		if source == "" {
			source = joined(c.member("input")) // nbformat 3
		}
		if err := w.b.Add(rag.Block{Kind: rag.Code}, source); err != nil {
			return "", err
		}
		for _, o := range c.member("outputs").items {
			if err := w.b.Add(rag.Block{Kind: rag.Code}, short(output(o))); err != nil {
				return "", err
			}
		}
		return "", nil
	}
	return "", w.b.Add(rag.Block{Kind: rag.Paragraph}, source)
}

// joined returns a text that may be written as an array of lines.
func joined(v node) string {
	if v.kind == text {
		return v.text
	}
	var b strings.Builder
	for _, l := range v.items {
		b.WriteString(l.text)
	}
	return b.String()
}

// output returns what an output shows as text, "" for pictures.
func output(o node) string {
	if o.member("output_type").text == "error" || o.member("output_type").text == "pyerr" {
		return o.member("ename").text + ": " + o.member("evalue").text
	}
	for _, v := range []node{o.member("text"), o.member("data").member("text/plain"), o.member("data").member("text/markdown")} {
		if s := joined(v); strings.TrimSpace(s) != "" && !isEncoded(s) {
			return s
		}
	}
	return ""
}

// short returns the beginning of an output.
func short(s string) string {
	s = escapes.ReplaceAllString(s, "")
	end, lines := 0, 0
	for end < len(s) && lines < maxOutputLines {
		i := strings.IndexByte(s[end:], '\n')
		if i < 0 {
			i = len(s) - end - 1
		}
		if end+i > maxOutput {
			break
		}
		end += i + 1
		lines++
	}
	switch {
	case end == 0:
		return clean.Cut(s, maxOutput)
	case end < len(s):
		return s[:end] + "…"
	}
	return s
}

// escapes are what colours a terminal (ECMA-48, 5.4).
var escapes = regexp.MustCompile(`\x1b\[[0-9;]*[A-Za-z]`)

// markdown writes a cell of Markdown.
func (w *writer) markdown(source string) (title string, err error) {
	t, err := markdown.Extract(w.ctx, []byte(source), markdown.Options{Limit: w.b.Limit})
	if err != nil {
		return "", err
	}
	for _, block := range t.Blocks {
		s := block.Span.Of(t.Content)
		switch block.Kind {
		case rag.Table:
			err = w.b.AddPipeTable(0, s, strings.Count(t.Content[block.Span.Start:block.HeaderEnd], "\n"))
		default:
			err = w.b.AddLines(block, s)
		}
		if err != nil {
			return "", err
		}
	}
	return t.Title, nil
}
