package html

import (
	"context"
	"strings"
	"time"

	"github.com/go-shiori/go-readability"
	"golang.org/x/net/html"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
)

// When the main content of a page is looked for, and when what was found is
// believed. readability keeps a tree of the page several times over, and what it
// does to an element costs time in proportion to all that stands in the element;
// a page beyond these bounds is read whole.
const (
	maxMain      = 5 << 20   // bytes of the page
	maxMainNodes = 200_000   // nodes of its tree
	maxMainCost  = 256 << 20 // bytes of text, each counted once for every element around it
	minKept      = 140       // bytes of text: less is a caption or a cookie notice, not an article
	minShare     = 20        // the page's text over what was kept: more means that the content was missed (real articles: up to 7)
)

// article adds the main content of a page to b, as blocks, and reports whether
// there is one to be believed. whole is the text of the whole page.
func article(ctx context.Context, b *clean.Builder, page string, whole *rag.Text) (found bool, err error) {
	if len(page) > maxMain {
		return false, nil
	}
	tree, err := html.Parse(strings.NewReader(page))
	if err != nil { // nested deeper than the parser goes
		return false, nil
	}
	if costly(tree) {
		return false, nil
	}
	main, ok := readable(tree)
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if !ok {
		return false, nil
	}
	w := newWalker(b)
	if err := w.walk(ctx, main.Content); err != nil {
		return false, err
	}
	if b.Len() < minKept && b.Len()*10 < len(whole.Content)*9 || b.Len()*minShare < len(whole.Content) {
		return false, nil
	}
	complete(whole, main)
	return true, nil
}

// readable looks for the main content. A page that makes readability panic has
// none.
func readable(tree *html.Node) (a readability.Article, ok bool) {
	defer func() {
		if recover() != nil {
			a, ok = readability.Article{}, false
		}
	}()
	p := readability.NewParser()
	a, err := p.ParseDocument(tree, nil)
	return a, err == nil && a.Node != nil
}

// complete adds to what the page's head says what readability found elsewhere: in
// JSON-LD, in a byline.
func complete(t *rag.Text, a readability.Article) {
	set := func(key, value string) {
		value = clean.Cut(clean.Line(value), rag.MaxMetadataString)
		if _, said := t.Metadata[key]; said || value == "" {
			return
		}
		if t.Metadata == nil {
			t.Metadata = rag.Metadata{}
		}
		t.Metadata[key] = rag.Str(value)
	}
	if title := clean.Line(a.Title); title != "" {
		t.Title = clean.Cut(title, 1000)
	}
	set("author", a.Byline)
	if a.PublishedTime != nil {
		set("date", a.PublishedTime.Format(time.RFC3339))
	}
	if a.ModifiedTime != nil {
		set("modified", a.ModifiedTime.Format(time.RFC3339))
	}
	if t.Language == "" {
		t.Language = primary(a.Language)
	}
}

// costly reports whether a tree is too large for readability.
func costly(root *html.Node) bool {
	nodes, cost, depth := 0, 0, 0
	for n := root; n != nil; {
		nodes++
		if n.Type == html.TextNode {
			cost += len(n.Data) * depth
		}
		if nodes > maxMainNodes || cost > maxMainCost {
			return true
		}
		if n.FirstChild != nil {
			n = n.FirstChild
			depth++
			continue
		}
		for n != nil && n.NextSibling == nil {
			n = n.Parent
			depth--
		}
		if n != nil {
			n = n.NextSibling
		}
	}
	return false
}
