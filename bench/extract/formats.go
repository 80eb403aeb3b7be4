package main

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html"

	"github.com/smartretriever/smartretriever/bench/machine"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
	"github.com/smartretriever/smartretriever/text/extract/format"
	"github.com/smartretriever/smartretriever/text/extract/pdf"
)

// group is what is measured of the files of one kind.
type group struct {
	files, opened int
	bytes         int64
	cpu           time.Duration
	f1            map[string][]float64 // by the set of expected texts
}

// formats measures the reading of all formats but PDF: how many files can be read, how
// fast, and how much of the texts that others made of them comes out. Files of mixed
// folders are told apart by their suffix.
func formats(ctx context.Context, data, only string) ([]row, error) {
	f, err := os.Open(filepath.Join(data, "manifest.tsv"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	reader := &format.Reader{PDF: pdf.NewEngine(pdf.Config{})}
	groups := map[string]*group{}
	s := bufio.NewScanner(f)
	for s.Scan() {
		fields := strings.Split(strings.TrimRight(s.Text(), "\r"), "\t")
		if len(fields) < 9 || fields[0] == "path" || fields[1] == "pdf" || !strings.Contains(fields[0], only) {
			continue
		}
		kind := fields[1]
		if kind == "other" || kind == "xlsx" {
			kind = strings.TrimPrefix(filepath.Ext(fields[0]), ".")
		}
		g := groups[kind]
		if g == nil {
			g = &group{f1: map[string][]float64{}}
			groups[kind] = g
		}
		if err := g.read(ctx, reader, data, fields[0], fields[8]); err != nil {
			return nil, err
		}
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	var rows []row
	for _, kind := range keys(groups) {
		g := groups[kind]
		rows = append(rows, row{kind, "files read", float64(g.opened), g.files})
		if g.opened > 0 && g.cpu > 0 {
			rows = append(rows, row{kind, "MB per CPU second", float64(g.bytes) / 1e6 / g.cpu.Seconds(), g.files})
		}
		for _, set := range keys(g.f1) {
			rows = append(rows, row{kind + " against " + set, "mean F1", mean(g.f1[set]), len(g.f1[set])},
				row{kind + " against " + set, "minimum F1", slices.Min(g.f1[set]), len(g.f1[set])})
		}
	}
	return rows, nil
}

// read reads one file, as the product would: the main content too where that is what is
// expected of a page.
func (g *group) read(ctx context.Context, reader *format.Reader, data, name, expected string) error {
	content, err := os.ReadFile(filepath.Join(data, name))
	if err != nil {
		return err
	}
	set := ""
	if expected != "" {
		set = strings.Split(expected, "/")[1]
	}
	g.files++
	g.bytes += int64(len(content))
	before := machine.CPUTime()
	id, err := format.Detect(name, content)
	var text rag.Text
	if err == nil {
		text, err = reader.Read(ctx, format.Request{Format: id, Name: name, Content: content})
	}
	g.cpu += machine.CPUTime() - before
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return nil
	}
	g.opened++
	if set == "" {
		return nil
	}
	if set == "readability" {
		if text, err = reader.Read(ctx, format.Request{Format: id, Name: name, Content: content, MainContent: true}); err != nil {
			return err
		}
	}
	want, err := os.ReadFile(filepath.Join(data, expected))
	if err != nil {
		return err
	}
	g.f1[set] = append(g.f1[set], extracttest.F1(text.Content, words(expected, want)))
	return nil
}

// words is the text of an expected file.
func words(name string, content []byte) string {
	switch filepath.Ext(name) {
	case ".md":
		return extracttest.Readable(string(content))
	case ".html":
		root, err := html.Parse(bytes.NewReader(content))
		if err != nil {
			return ""
		}
		var b strings.Builder
		pageText(&b, root)
		return b.String()
	}
	return string(content)
}

// inline elements do not end a word.
var inline = func() map[string]bool {
	m := map[string]bool{}
	for name := range strings.FieldsSeq("a abbr b bdi bdo cite code data dfn em font i ins kbd mark q s samp small span strong sub sup time tt u var wbr") {
		m[name] = true
	}
	return m
}()

// pageText collects the text of a page from its tree.
func pageText(b *strings.Builder, n *html.Node) {
	if n.Type == html.TextNode {
		b.WriteString(n.Data)
		return
	}
	if n.Data == "script" || n.Data == "style" {
		return
	}
	for c := range n.ChildNodes() {
		pageText(b, c)
	}
	if n.Type == html.ElementNode && !inline[n.Data] {
		b.WriteByte('\n')
	}
}

func keys[V any](m map[string]V) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}
