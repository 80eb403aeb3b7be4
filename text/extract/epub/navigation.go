package epub

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/text/extract/parts"
)

// entry is what the navigation says of a chapter.
type entry struct {
	title string
	level int // from 1
}

const (
	maxEntries = 50_000
	maxTitle   = 1000 // bytes
)

// readNavigation reads the navigation document, or, where there is none, the NCX of
// version 2. The first entry that leads to a file names the file.
func (b *book) readNavigation() error {
	b.entries = map[string]entry{}
	ids := slices.Sorted(maps.Keys(b.items))
	for _, id := range ids {
		if it := b.items[id]; it.nav && it.part != "" {
			if err := b.pkg.Read(it.part, func(t *parts.Tokens) error { return b.readNav(t, path.Dir(it.part)) }); err != nil {
				return err
			}
			break
		}
	}
	if len(b.entries) > 0 {
		return nil
	}
	part := b.items[b.ncx].part
	if part == "" {
		for _, id := range ids {
			if it := b.items[id]; it.kind == "application/x-dtbncx+xml" && part == "" {
				part = it.part
			}
		}
	}
	return b.pkg.Read(part, func(t *parts.Tokens) error { return b.readNCX(t, path.Dir(part)) })
}

// name gives the file that href leads to a title, unless it has one.
func (b *book) name(dir, href, title string, level int) {
	part := resolve(dir, href)
	if _, named := b.entries[part]; named || part == "" || title == "" || len(b.entries) >= maxEntries {
		return
	}
	b.entries[part] = entry{title, max(1, level)}
}

// readNav reads the table of contents of a navigation document (EPUB 3.3, 7): lists of
// links, one in another. Lists of pages and landmarks are passed over.
func (b *book) readNav(t *parts.Tokens, dir string) error {
	level := 0
	for {
		e, err := t.Next()
		if err != nil {
			return parts.Ended(err)
		}
		switch {
		case e.Start("nav"):
			if kind := e.Attr("type"); kind != "" && !strings.Contains(kind, "toc") {
				if err := t.Skip(); err != nil {
					return err
				}
			}
		case e.Start("ol"):
			level++
		case e.End("ol"):
			level--
		case e.Start("a"):
			href := e.Attr("href")
			title, err := t.Line(maxTitle)
			b.name(dir, href, title, level)
			if err != nil {
				return err
			}
		}
	}
}

// readNCX reads the navigation of version 2 (ANSI/NISO Z39.86): points with a label and
// a target, one in another.
func (b *book) readNCX(t *parts.Tokens, dir string) error {
	level, title, labelled := 0, "", false
	for {
		e, err := t.Next()
		if err != nil {
			return parts.Ended(err)
		}
		switch {
		case e.Start("navpoint"):
			level++
			title, labelled = "", false
		case e.End("navpoint"):
			level--
		case e.Start("navlabel"):
			value, err := t.Line(maxTitle)
			if err != nil {
				return err
			}
			if !labelled {
				title, labelled = value, true
			}
		case e.Start("content") && level > 0:
			b.name(dir, e.Attr("src"), title, level)
		case e.Start("pagelist"), e.Start("navlist"):
			if err := t.Skip(); err != nil {
				return err
			}
		}
	}
}
