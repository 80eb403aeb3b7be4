package web

import (
	"context"
	"encoding/xml"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source/fetch/xmlstream"
)

// The limits of the protocol (sitemaps.org/protocol.html): bytes of a file
// decompressed, and entries.
const (
	maxSitemap        = 50 << 20
	maxSitemapEntries = 50_000
)

// sitemap is one file: of pages, or an index of further files.
type sitemap struct {
	index bool
	urls  []listed
	cut   bool // there were more than the protocol allows
}

// listed is one entry.
type listed struct {
	loc     string
	lastmod string // as it stands there, "" if it is no date
}

// parseSitemap reads a sitemap, an index of sitemaps, or a text file with an
// address a line. If the file is damaged it returns what stands before that, and an
// error of KindInvalid.
func parseSitemap(ctx context.Context, data []byte) (sitemap, error) {
	if !xmlstream.Is(data) {
		return parseList(data)
	}
	r := xmlstream.New(ctx, data, "")
	root, err := r.Root()
	if err != nil {
		return sitemap{}, err
	}
	var s sitemap
	entry := "url"
	switch strings.ToLower(root.Name.Local) {
	case "urlset":
	case "sitemapindex":
		s.index, entry = true, "sitemap"
	default:
		return s, rag.Errorf(rag.KindInvalid, "it is no sitemap: its outermost element is %.40q", root.Name.Local)
	}
	err = r.Children(func(e xml.StartElement) error {
		if !strings.EqualFold(e.Name.Local, entry) || s.cut {
			return r.Skip()
		}
		var l listed
		err := r.Children(func(e xml.StartElement) error {
			// Extensions (images, videos) have elements of these names, too, but deeper.
			text, err := r.Text(64 << 10)
			switch strings.ToLower(e.Name.Local) {
			case "loc":
				if l.loc == "" {
					l.loc = strings.TrimSpace(text)
				}
			case "lastmod":
				l.lastmod = date(text)
			}
			return err
		})
		if err == nil || l.loc != "" && l.lastmod != "" {
			s.add(l)
		}
		return err
	})
	return s, err
}

func (s *sitemap) add(l listed) {
	switch {
	case l.loc == "":
	case len(s.urls) >= maxSitemapEntries:
		s.cut = true
	default:
		s.urls = append(s.urls, l)
	}
}

// date returns a W3C date as it stands there, "" if it is none.
func date(s string) string {
	s = strings.TrimSpace(s)
	for _, layout := range []string{time.DateOnly, time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01", "2006"} {
		if _, err := time.Parse(layout, s); err == nil {
			return s
		}
	}
	return ""
}

// parseList reads a sitemap that is plain text.
func parseList(data []byte) (sitemap, error) {
	var s sitemap
	for line := range strings.Lines(string(data)) {
		line = strings.Trim(line, " \t\r\n\ufeff")
		switch {
		case line == "":
		case !strings.HasPrefix(line, "http://") && !strings.HasPrefix(line, "https://"):
			return s, rag.Errorf(rag.KindInvalid, "it is no sitemap: neither XML nor a list of addresses")
		default:
			s.add(listed{loc: line})
		}
		if s.cut {
			break
		}
	}
	return s, nil
}
