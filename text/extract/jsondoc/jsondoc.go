// Package jsondoc extracts readable text from JSON (RFC 8259), from JSON Lines,
// and from Jupyter notebooks, which are JSON.
//
// A value becomes what a reader would write down of it (render.go): members as
// "path.key: value" lines, arrays of like objects as tables, long strings as
// paragraphs. A record of JSON Lines is a group of blocks of its own. A notebook
// (notebook.go) is read as the document that it is: its prose, its code, and what
// the code printed. What is no valid JSON is kept as it stands, as code.
package jsondoc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/charset"
	"github.com/smartretriever/smartretriever/text/extract/plain"
)

// Options limit the extraction.
type Options struct {
	Limit int // most bytes of text, 0 for no limit
}

// Extract returns the text of a JSON file in any encoding; whether it is one value
// or lines of values is told by its first line. The title is a short member title
// or name of the outermost object, or a notebook's first heading; a notebook's
// programming language is the metadata code_language. Values of more than 2,000,000
// parts or nested deeper than 200 are KindExhausted, as is text beyond the limit.
// What is not valid is read as code, with a warning that says where.
func Extract(ctx context.Context, content []byte, opt Options) (rag.Text, error) {
	source, _ := charset.Decode(content, "")
	source = strings.TrimPrefix(source, "\ufeff")
	w := &writer{ctx: ctx, b: &clean.Builder{Limit: opt.Limit}}
	if areLines(source) {
		return w.lines(source)
	}
	top, err := parse(ctx, source)
	if syntax := (*syntaxError)(nil); errors.As(err, &syntax) {
		if err := plain.Split(ctx, w.b, source, rag.Code); err != nil {
			return rag.Text{}, err
		}
		t := w.b.Text()
		t.Warnings = append(t.Warnings, syntax.Error()+"; read as code")
		return t, nil
	}
	if err != nil {
		return rag.Text{}, err
	}
	for _, value := range top {
		if cells := notebook(value); len(top) == 1 && cells != nil {
			return w.notebook(value, cells)
		}
		if err := w.record(value); err != nil {
			return rag.Text{}, err
		}
	}
	t := w.done()
	if len(top) == 1 {
		t.Title = title(top[0])
	}
	return t, nil
}

// title returns what an object calls itself.
func title(v node) string {
	for _, name := range []string{"title", "name", "displayName"} {
		if s := v.member(name); s.kind == text && len(s.text) <= maxTitle {
			if line := clean.Line(s.text); line != "" {
				return line
			}
		}
	}
	if info := v.member("info"); info.kind == object { // OpenAPI
		return title(info)
	}
	return ""
}

const maxTitle = 200 // bytes

// areLines reports whether a source is one value a line: its first line is one by
// itself, and there is another line.
func areLines(source string) bool {
	source = strings.TrimLeft(source, " \t\r\n")
	first, rest, _ := strings.Cut(source, "\n")
	return strings.TrimSpace(rest) != "" && first != "" && (first[0] == '{' || first[0] == '[') && json.Valid([]byte(first))
}

// lines reads one record a line.
func (w *writer) lines(source string) (rag.Text, error) {
	broken, line, firstBroken := 0, 0, 0
	for l := range strings.SplitSeq(source, "\n") {
		line++
		if l = strings.TrimSpace(l); l == "" {
			continue
		}
		values, err := parse(w.ctx, l)
		if syntax := (*syntaxError)(nil); errors.As(err, &syntax) {
			if broken++; broken == 1 {
				firstBroken = line
			}
			if err := w.b.Add(rag.Block{Kind: rag.Code}, l); err != nil {
				return rag.Text{}, err
			}
			continue
		}
		if err != nil {
			return rag.Text{}, err
		}
		for _, v := range values {
			if err := w.record(v); err != nil {
				return rag.Text{}, err
			}
		}
	}
	t := w.done()
	if broken > 0 {
		t.Warnings = append(t.Warnings, fmt.Sprintf("%d lines, the first of them line %d, are no valid JSON; read as code", broken, firstBroken))
	}
	return t, nil
}

// done returns the text with its warnings.
func (w *writer) done() rag.Text {
	t := w.b.Text()
	if w.encoded > 0 {
		t.Warnings = append(t.Warnings, fmt.Sprintf("%d values hold encoded data and were left out", w.encoded))
	}
	return t
}

// Is reports whether a text of which head is the beginning looks like JSON although
// its name does not say so.
func Is(head string) bool {
	head = strings.TrimLeft(strings.TrimPrefix(head, "\ufeff"), " \t\r\n")
	if head == "" || head[0] != '{' && head[0] != '[' {
		return false
	}
	in := strings.TrimLeft(head[1:], " \t\r\n")
	if in == "" {
		return false
	}
	if head[0] == '[' {
		return in[0] == '{' && Is(in) || in[0] == '[' && Is(in) || in[0] == '"' && strings.Contains(in, `",`)
	}
	name, after, found := strings.Cut(in[1:], `"`)
	return in[0] == '"' && found && !strings.Contains(name, "\n") && strings.HasPrefix(strings.TrimLeft(after, " \t\r\n"), ":") || in == "}"
}
