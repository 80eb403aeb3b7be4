// Package xmldoc extracts readable text from XML of any vocabulary.
//
// What an element is for is told by its name where it is one that DocBook, JATS,
// TEI, DITA and their like share (vocabulary.go): titles become headings of the
// depth of their section, then paragraphs, lists, tables, code, quotes, footnotes.
// Feeds (RSS, Atom) are documents of entries, and of a drawing (SVG) the words are
// kept. A file that has none of these is data: every element that holds text is a
// line "path.name: text", with its attributes, as in project files and settings.
//
// The file is read twice: first to learn which elements stand amid text and so
// divide nothing, then to write (walker.go). Entities that a file declares are not
// expanded, and nothing outside the file is looked at.
package xmldoc

import (
	"bytes"
	"context"
	"encoding/xml"
	"io"
	"regexp"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/charset"
	"github.com/smartretriever/smartretriever/text/extract/plain"
)

// Limits on a file. Crossing one is KindExhausted.
const (
	maxElements = 4_000_000
	maxDepth    = 512
)

// Options limit the extraction.
type Options struct {
	Limit int // most bytes of text, 0 for no limit
}

var declaration = regexp.MustCompile(`^\s*<\?xml[^>]*\sencoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']`)

// Extract returns the text of an XML file. The title is the first title in it;
// author, date and language are metadata where the file states them as its
// vocabulary wants it. A file that is damaged counts up to the damage, with a
// warning; one without a single sound element is read as code. The only errors are
// those of the limits (KindExhausted) and of ctx.
func Extract(ctx context.Context, content []byte, opt Options) (rag.Text, error) {
	declared := ""
	if m := declaration.FindSubmatch(content[:min(len(content), 1024)]); m != nil {
		declared = string(m[1])
	}
	source, _ := charset.Decode(content, declared)
	source = strings.TrimPrefix(source, "\ufeff")
	names, err := survey(ctx, source)
	if err != nil {
		return rag.Text{}, err
	}
	b := &clean.Builder{Limit: opt.Limit}
	if names.root == "" {
		if err := plain.Split(ctx, b, source, rag.Code); err != nil {
			return rag.Text{}, err
		}
		t := b.Text()
		if t.Content != "" {
			t.Warnings = append(t.Warnings, "it is no valid XML; read as code")
		}
		return t, nil
	}
	w := newWalker(ctx, b, names)
	damage, err := w.walk(source)
	if err != nil {
		return rag.Text{}, err
	}
	t := b.Text()
	t.Title, t.Metadata, t.Language = w.title, w.metadata, w.language
	if damage != "" {
		t.Warnings = append(t.Warnings, "the XML is damaged and was read as far as possible: "+damage)
	}
	return t, nil
}

// Is reports whether a text of which head is the beginning is XML, though not HTML.
func Is(head string) bool {
	head = strings.TrimLeft(strings.TrimPrefix(head, "\ufeff"), " \t\r\n")
	if webPage.MatchString(head) {
		return false
	}
	return strings.HasPrefix(head, "<?xml ") || strings.HasPrefix(head, "<!DOCTYPE ") || rooted.MatchString(head)
}

var (
	webPage = regexp.MustCompile(`(?is)^(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!doctype\s+html|html)[\s>]`)
	rooted  = regexp.MustCompile(`^(?s)(<!--.*?-->\s*)*<(?:[A-Za-z_][\w.-]*:)?[A-Za-z_][\w.-]*\s[^<>]*xmlns(:\w+)?=["']|^(?s)(<!--.*?-->\s*)*<(rss|feed|svg|project|book|article|TEI|rdf:RDF|configuration)[\s>]`)
)

// decoder returns a reader of tokens that takes all that can be taken for XML.
func decoder(source string) *xml.Decoder {
	d := xml.NewDecoder(strings.NewReader(source))
	d.Strict = false
	d.Entity = xml.HTMLEntity
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // it is UTF-8 by now
	return d
}

// textual are elements that only documents have.
var textual = map[string]bool{"p": true, "para": true, "simpara": true, "ab": true, "lg": true, "programlisting": true, "itemizedlist": true, "sect1": true}

// names is what the first reading learns.
type names struct {
	root   string
	inline map[string]bool // names of elements that stand amid text
	feed   bool            // there is a channel
	prose  bool            // there are elements of a document, not only of data
}

// survey reads the file for the first time. An error of the XML ends it.
func survey(ctx context.Context, source string) (names, error) {
	const mostChildren = 16 // names that are noted for one element
	type element struct {
		name     string
		text     bool
		children []string
	}
	found := names{inline: map[string]bool{}}
	var open []element
	elements := 0
	d := decoder(source)
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return names{}, ctx.Err()
		}
		raw, err := d.RawToken()
		if err != nil {
			return found, nil
		}
		switch x := raw.(type) {
		case xml.StartElement:
			name := strings.ToLower(x.Name.Local)
			if found.root == "" {
				found.root = name
			}
			if elements++; elements > maxElements {
				return names{}, rag.Errorf(rag.KindExhausted, "it holds more than %d XML elements", maxElements)
			}
			if len(open) >= maxDepth {
				return names{}, rag.Errorf(rag.KindExhausted, "it is nested deeper than %d XML elements", maxDepth)
			}
			found.prose = found.prose || textual[name]
			found.feed = found.feed || name == "channel"
			if top := len(open) - 1; top >= 0 && len(open[top].children) < mostChildren {
				open[top].children = append(open[top].children, name)
			}
			open = append(open, element{name: name})
		case xml.EndElement:
			if top := len(open) - 1; top >= 0 {
				if open[top].text {
					for _, c := range open[top].children {
						found.inline[c] = true
					}
				}
				open = open[:top]
			}
		case xml.CharData:
			if top := len(open) - 1; top >= 0 && !open[top].text {
				open[top].text = len(bytes.TrimSpace(x)) > 0
			}
		}
	}
}
