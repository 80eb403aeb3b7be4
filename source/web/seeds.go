package web

import (
	"context"
	"net/url"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
	"github.com/smartretriever/smartretriever/source/fetch"
)

const (
	maxSitemaps     = 1000 // files that are read in one Sync
	maxSitemapDepth = 3    // of indexes in indexes; the protocol has one level
)

// begin fills the first level of the crawl. An error is one of the whole: there is
// nothing to begin with.
func (c *crawl) begin(ctx context.Context) error {
	if c.s.set.Mode == Sitemap {
		if err := c.readSitemaps(ctx, c.s.seeds); err != nil {
			return err
		}
		if len(c.next) == 0 && c.first == nil {
			return rag.Errorf(rag.KindInvalid, "%s lists no page that this source may read", fetch.Show(c.s.seeds[0]))
		}
		return nil
	}
	for _, u := range c.s.seeds {
		c.enqueue(visit{u: u, id: u.String(), seed: true})
	}
	if c.s.set.Mode != Site || c.s.set.SkipSitemaps {
		return nil
	}
	var sitemaps []*url.URL
	asked := map[string]bool{}
	for _, u := range c.s.seeds {
		origin := fetch.Origin(u)
		if asked[origin] {
			continue
		}
		asked[origin] = true
		r, err := c.robotsOf(ctx, u)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			continue // the page itself says so
		}
		for _, loc := range r.sitemaps {
			if v, ok := c.s.n.resolve(u, loc); ok && c.s.hosted(v) {
				sitemaps = append(sitemaps, v)
			}
		}
	}
	return c.readSitemaps(ctx, sitemaps)
}

// readSitemaps enqueues what sitemaps list, indexes included. A sitemap that cannot
// be read is told as broken under its own address. The error is that of tell or ctx.
func (c *crawl) readSitemaps(ctx context.Context, sitemaps []*url.URL) error {
	type file struct {
		u     *url.URL
		depth int
	}
	var queue []file
	known := map[string]bool{}
	add := func(u *url.URL, depth int) {
		switch {
		case known[u.String()]:
		case len(known) >= maxSitemaps, depth > maxSitemapDepth:
			c.cut(maxSitemapsCut)
		default:
			known[u.String()] = true
			queue = append(queue, file{u, depth})
		}
	}
	for _, u := range sitemaps {
		add(u, 0)
	}
	for len(queue) > 0 && len(c.seen) < c.s.set.MaxPages {
		f := queue[0]
		queue = queue[1:]
		m, err := c.readSitemap(ctx, f.u)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := c.tellSitemap(ctx, f.u, err); err != nil {
			return err
		}
		if m.cut {
			c.cut("a sitemap lists more than the protocol allows")
		}
		for _, l := range m.urls {
			u, ok := c.s.n.resolve(f.u, l.loc)
			if !ok || !c.s.hosted(u) {
				continue
			}
			if m.index {
				add(u, f.depth+1)
			} else if chosen(u, c.s.set.Include, c.s.set.Exclude) {
				c.enqueue(visit{u: u, id: u.String(), depth: min(1, max(0, c.s.set.MaxDepth)), listed: l.lastmod})
			}
		}
	}
	if len(queue) > 0 {
		c.cut(maxPagesCut)
	}
	return nil
}

func (c *crawl) readSitemap(ctx context.Context, u *url.URL) (sitemap, error) {
	if r, err := c.robotsOf(ctx, u); err != nil {
		return sitemap{}, err
	} else if !r.allows(u) {
		return sitemap{}, rag.Errorf(rag.KindRefused, "%s: robots.txt asks not to read it (ignore_robots)", fetch.Show(u))
	}
	resp, err := c.s.client.Do(ctx, fetch.Request{
		URL: u.String(), Accept: "application/xml, text/xml, text/plain;q=0.5, */*;q=0.1", Limit: maxSitemap, Within: c.s.hosted,
	})
	if err != nil {
		return sitemap{}, err
	}
	data, err := fetch.Gunzip(resp.Body, maxSitemap)
	if err != nil {
		return sitemap{}, rag.Wrap(rag.KindOf(err), err, fetch.Show(u))
	}
	m, err := parseSitemap(ctx, data)
	if err != nil && ctx.Err() == nil {
		err = rag.Wrap(rag.KindOf(err), err, fetch.Show(u))
	}
	return m, err
}

// tellSitemap tells of a sitemap that cannot be read, and when it can be again.
func (c *crawl) tellSitemap(ctx context.Context, u *url.URL, err error) error {
	if err != nil {
		c.fail(err)
		c.incomplete = true
		return c.tell(source.Event{Change: source.Broken, ID: u.String(), Err: err})
	}
	return c.goneIfKnown(ctx, u.String())
}

// robotsOf returns what the robots.txt of an address's origin says, asked for once
// a Sync.
func (c *crawl) robotsOf(ctx context.Context, u *url.URL) (*robots, error) {
	if c.s.set.IgnoreRobots {
		return &robots{}, nil
	}
	origin := fetch.Origin(u)
	c.mu.Lock()
	entry := c.robots[origin]
	if entry == nil {
		entry = &robotsEntry{}
		c.robots[origin] = entry
	}
	c.mu.Unlock()
	entry.once.Do(func() {
		entry.robots, entry.err = fetchRobots(ctx, c.s.client, u)
		if entry.robots.delay > 0 {
			c.s.client.Slow(origin, entry.robots.delay)
		}
	})
	return &entry.robots, entry.err
}
