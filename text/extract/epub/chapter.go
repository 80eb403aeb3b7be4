package epub

import (
	"context"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/charset"
	"github.com/smartretriever/smartretriever/text/extract/html"
)

// readChapters reads the chapters in their order, each file once.
func (b *book) readChapters(ctx context.Context) error {
	chapters := b.chapters()
	if slices.ContainsFunc(chapters, func(part string) bool { return b.locked[part] }) {
		return rag.Errorf(rag.KindUnauthorized, "the book is protected by DRM and cannot be read without its reader")
	}
	missing := 0
	for _, part := range chapters {
		if !b.pkg.Has(part) {
			if missing++; missing <= 10 {
				b.pkg.Warn("the chapter " + part + " is missing")
			}
			continue
		}
		if err := b.readChapter(ctx, part); err != nil {
			return err
		}
	}
	if b.b.Blocks() == 0 && len(b.pkg.Warnings()) > 0 {
		return rag.Errorf(rag.KindInvalid, "the EPUB is damaged: %s", b.pkg.Warnings()[0])
	}
	return nil
}

// chapters returns the parts that are read: those of the reading order, or, if it leads
// nowhere, all pages in the order of the container. The navigation is no chapter.
func (b *book) chapters() []string {
	var out []string
	seen := map[string]bool{}
	for _, id := range b.order {
		it, ok := b.items[id]
		if !ok || it.nav || !page(it) || seen[it.part] {
			continue
		}
		seen[it.part] = true
		out = append(out, it.part)
	}
	if len(out) > 0 {
		return out
	}
	for _, part := range b.pkg.Names() {
		if page(item{part: part}) && !strings.HasPrefix(part, "meta-inf/") {
			out = append(out, part)
		}
	}
	return out
}

// page reports whether a file is a web page.
func page(it item) bool {
	switch it.kind {
	case "application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document":
		return it.part != ""
	}
	switch path.Ext(it.part) {
	case ".xhtml", ".html", ".htm":
		return true
	}
	return false
}

func (b *book) readChapter(ctx context.Context, part string) error {
	content, err := b.pkg.Bytes(part, maxChapter)
	if err != nil || len(content) == 0 {
		return err
	}
	page, _ := charset.Decode(content, declared(content))
	chapter := &clean.Builder{Limit: b.b.Limit}
	if err := html.Append(ctx, chapter, asHTML(page)); err != nil {
		return err
	}
	return b.add(chapter.Text(), b.entries[part])
}

var encodingDeclaration = regexp.MustCompile(`^\s*<\?xml[^>]{0,200}\sencoding\s*=\s*["']([A-Za-z0-9._-]+)`)

// declared returns the encoding that an XML declaration names, "" if none.
func declared(content []byte) string {
	if m := encodingDeclaration.FindSubmatch(content[:min(len(content), 512)]); m != nil {
		return string(m[1])
	}
	return ""
}

var selfClosed = regexp.MustCompile(`<([A-Za-z][A-Za-z0-9:]*)(\s[^<>]*)?/>`)

// voids are the elements that have no end tag in HTML.
var voids = map[string]bool{
	"area": true, "base": true, "br": true, "col": true, "embed": true, "hr": true, "img": true, "input": true, "link": true,
	"meta": true, "param": true, "source": true, "track": true, "wbr": true,
}

// asHTML writes XHTML so that it means the same as HTML: there, only few elements may
// be closed by a slash, and "<title/>" would swallow the page.
func asHTML(page string) string {
	if !strings.Contains(page, "/>") {
		return page
	}
	return selfClosed.ReplaceAllStringFunc(page, func(tag string) string {
		name := tag[1:]
		if i := strings.IndexAny(name, " \t\r\n/"); i >= 0 {
			name = name[:i]
		}
		if voids[strings.ToLower(name)] {
			return tag
		}
		return strings.TrimSuffix(tag, "/>") + "></" + name + ">"
	})
}

// add appends a chapter's blocks, with the navigation's title as a heading before them
// if they have none.
func (b *book) add(chapter rag.Text, nav entry) error {
	blocks := chapter.Blocks
	if len(blocks) == 0 {
		return nil
	}
	heading := slices.ContainsFunc(blocks, func(k rag.Block) bool { return k.Kind == rag.Heading })
	if !heading && nav.title != "" && !strings.EqualFold(nav.title, b.title) {
		level := min(nav.level, 6)
		if first := &blocks[0]; first.Kind == rag.Paragraph && strings.EqualFold(clean.Line(first.Span.Of(chapter.Content)), nav.title) {
			first.Kind, first.Level = rag.Heading, level // the title is there, as a paragraph set in large type
		} else if err := b.b.Add(rag.Block{Kind: rag.Heading, Level: level}, nav.title); err != nil {
			return err
		}
	}
	for _, k := range blocks {
		var err error
		switch text := k.Span.Of(chapter.Content); k.Kind {
		case rag.Table:
			header := strings.Count(chapter.Content[k.Span.Start:k.HeaderEnd], "\n")
			if k.HeaderEnd == k.Span.End {
				header++
			}
			err = b.b.AddPipeTable(0, text, header)
		case rag.Code:
			err = b.b.AddLines(k, text)
		default:
			err = b.b.Add(k, text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
