// Package html extracts the text of a web page: headings, paragraphs, lists,
// tables, code, quotes and captions in the order of the source; of the whole page,
// or of its main content only, which go-readability finds (main.go).
//
// It walks the token stream of golang.org/x/net/html and not the parser's tree:
// the tokenizer never fails, takes memory in proportion to its longest token,
// and is not stopped by the nesting that the parser refuses. What the tree would
// have known (which elements end by implication, what a hidden element covers)
// is kept in a stack of open block elements.
package html

import (
	"bytes"
	"context"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	netcharset "golang.org/x/net/html/charset"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/charset"
)

// Options say what is extracted.
type Options struct {
	Limit int // most bytes of text, 0 for no limit

	// Main leaves out what surrounds the main content of a page: navigation,
	// advertisements, comments, footers. A page in which no main content is
	// found, or hardly any, is read whole, and so is one of more than 5 MiB.
	Main bool
}

// Extract returns the text of an HTML page in any encoding. The page's title,
// author, date and description are returned as such; Language is the lang
// attribute of the page. Any input is HTML: there is no error but those of the
// limit (KindExhausted) and of ctx.
func Extract(ctx context.Context, content []byte, opt Options) (rag.Text, error) {
	page, _ := charset.Decode(content, declared(content))
	b := &clean.Builder{Limit: opt.Limit}
	w := newWalker(b)
	if err := w.walk(ctx, page); err != nil {
		return rag.Text{}, err
	}
	text := b.Text()
	text.Title = clean.Line(w.title)
	text.Language = w.language
	text.Metadata = w.metadata
	if !opt.Main {
		return text, nil
	}
	found, err := article(ctx, b, page, &text)
	if err != nil || !found {
		return text, err
	}
	main := b.Text()
	text.Content, text.Blocks = main.Content, main.Blocks
	return text, nil
}

// Append adds the text of a piece of HTML to b.
func Append(ctx context.Context, b *clean.Builder, fragment string) error {
	return newWalker(b).walk(ctx, fragment)
}

// declared returns the encoding that a page names in its head, "" if none.
func declared(content []byte) string {
	head := content[:min(len(content), 4096)]
	// DetermineEncoding looks at the first 1,024 bytes only.
	for range 4 {
		if _, name, certain := netcharset.DetermineEncoding(head, "text/html"); certain {
			return name
		}
		i := bytes.Index(head[min(1, len(head)):], []byte("<meta"))
		if i < 0 {
			break
		}
		head = head[i+1:]
	}
	return ""
}

// walk reads the tokens of page to their end.
func (w *walker) walk(ctx context.Context, page string) error {
	z := html.NewTokenizer(strings.NewReader(page))
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		switch z.Next() {
		case html.ErrorToken:
			w.closeTo(0)
			return w.err
		case html.TextToken:
			w.text(z.Text())
		case html.StartTagToken:
			w.start(z, false)
		case html.SelfClosingTagToken:
			w.start(z, true)
		case html.EndTagToken:
			name, _ := z.TagName()
			w.end(atom.Lookup(name))
		}
		if w.err != nil {
			return w.err
		}
	}
}

// attributes returns those that matter here.
func attributes(z *html.Tokenizer, more bool) map[string]string {
	if !more {
		return nil
	}
	out := map[string]string{}
	for more {
		var key, value []byte
		key, value, more = z.TagAttr()
		switch string(key) {
		case "hidden", "style", "lang", "xml:lang", "name", "property", "itemprop", "content", "colspan", "rowspan", "role", "start", "http-equiv":
			if _, twice := out[string(key)]; !twice && len(value) <= 4096 {
				out[string(key)] = string(value)
			}
		}
	}
	return out
}
