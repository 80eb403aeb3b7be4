package web

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
	"github.com/smartretriever/smartretriever/source/fetch"
)

const (
	maxPagesCut    = "more than max_pages addresses were found"
	maxSitemapsCut = "there are more sitemaps than are read"
	maxLinksCut    = "a page holds more links than are looked at"
)

// Sync reads what is there.
//
// The IDs of items are addresses: the listed ones of pages and sitemaps, whatever
// they redirect to; of a site those that answer. A page that is gone (404, 410) is
// told as Gone if it is known; one that cannot be read as Broken, and where it led
// last time is still followed.
//
// Complete is true unless something that could have led to an item was not seen:
// max_pages was reached, or a page whose links are not known, a sitemap or a start
// could not be read. If nothing at all could be read the error is that of the first
// failure, so that a site that is down is not taken for an empty one.
func (s *Source) Sync(ctx context.Context, have source.State, tell func(source.Event) error) (source.Result, error) {
	defer s.client.CloseIdle()
	now := s.client.Deps().Now()
	c := &crawl{
		s: s, have: have, tell: tell, seen: map[string]bool{}, there: map[string]bool{}, robots: map[string]*robotsEntry{},
		learned: memory{links: map[string]outlinks{}},
	}
	if old, err := decodeCursor(have.Cursor(), s.shape); err == nil {
		c.old = old
	}
	c.recheck = s.set.Recheck < 0 || now.Sub(c.old.checked) >= time.Duration(s.set.Recheck)
	c.learned.checked = c.old.checked
	if c.recheck {
		c.learned.checked = now
	}
	if err := c.run(ctx); err != nil {
		return source.Result{}, err
	}
	if c.alive == 0 && c.first != nil && s.set.Mode != Pages {
		return source.Result{}, c.first
	}
	if c.why != "" {
		s.client.Deps().Logger.Warn("a source was not read to its end", "url", fetch.Show(s.seeds[0]), "reason", c.why, "addresses", len(c.seen))
	}
	cursor, err := encodeCursor(s.shape, c.learned, c.order)
	if err != nil {
		return source.Result{}, err
	}
	return source.Result{Cursor: cursor, Complete: !c.incomplete}, nil
}

// crawl is one Sync. Its fields belong to the goroutine of Sync, but for those
// below mu.
type crawl struct {
	s       *Source
	have    source.State
	tell    func(source.Event) error
	old     memory
	recheck bool // what a sitemap says about pages does not count this time

	level, next []visit
	seen        map[string]bool // addresses that are or were in the queue
	there       map[string]bool // items told as Put or Same
	copies      []visit         // pages that say that they are a copy of another

	learned memory
	order   []string // pages of learned
	edges   int

	alive      int   // addresses that answered as they should
	first      error // the first failure
	incomplete bool
	why        string // it is cut off

	mu     sync.Mutex
	robots map[string]*robotsEntry // by origin
}

type robotsEntry struct {
	once   sync.Once
	robots robots
	err    error
}

// visit is an address to be read.
type visit struct {
	u      *url.URL
	id     string // u as text
	depth  int    // links from a start
	listed string // what a sitemap says of its last change
	seed   bool   // somebody named it, or it stands in for one that somebody named
	again  bool   // it was put off once, since its host was left alone
	orphan bool   // the page that it is a copy of is not there
	copyOf string
}

// run reads level after level: pages that are one link away from those before.
func (c *crawl) run(ctx context.Context) error {
	if err := c.begin(ctx); err != nil {
		return err
	}
	for {
		c.level, c.next = c.next, nil
		if len(c.level) == 0 {
			if c.level = c.orphans(); len(c.level) == 0 {
				break
			}
		}
		if err := c.rest(ctx); err != nil {
			return err
		}
		if err := fetch.InOrder(ctx, c.level, c.width(), c.read, func(v visit, out outcome) error { return c.settle(ctx, v, out) }); err != nil {
			return err
		}
	}
	for _, v := range c.copies {
		if c.there[v.copyOf] && !c.there[v.id] {
			if err := c.goneIfKnown(ctx, v.id); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// width is how many pages are read at once: as many as each of the hosts takes.
func (c *crawl) width() int {
	hosts := map[string]bool{}
	for _, v := range c.level {
		if hosts[v.u.Host] = true; len(hosts) == 8 {
			break
		}
	}
	return len(hosts) * c.s.client.Settings().Concurrency
}

// rest waits where something is to be read on a host that was left alone.
func (c *crawl) rest(ctx context.Context) error {
	if !slices.ContainsFunc(c.level, func(v visit) bool { return v.again }) {
		return nil
	}
	pause, _ := fetch.LeftAlone(nil)
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// orphans returns the copies of pages that turned out not to be there, one of each.
func (c *crawl) orphans() []visit {
	var found []visit
	for i := range c.copies {
		v := &c.copies[i]
		if v.orphan || c.there[v.copyOf] {
			continue
		}
		v.orphan = true
		c.there[v.copyOf] = true // for others that are copies of it, and only for them
		links := c.learned.links[v.id]
		c.learned.links[v.id] = outlinks{to: links.to} // of no version: it is read whole next time
		revisit := *v
		revisit.again = false
		found = append(found, revisit)
		v.copyOf = v.id // it is none any more
	}
	return found
}

// enqueue puts an address into the next level, unless it was there before. It
// returns false when there are too many.
func (c *crawl) enqueue(v visit) bool {
	if c.seen[v.id] {
		return true
	}
	if len(c.seen) >= c.s.set.MaxPages {
		c.cut(maxPagesCut)
		return false
	}
	c.seen[v.id] = true
	c.next = append(c.next, v)
	return true
}

func (c *crawl) cut(why string) {
	c.incomplete = true
	if c.why == "" {
		c.why = why
	}
}

func (c *crawl) fail(err error) {
	if c.first == nil {
		c.first = err
	}
}

// hosted reports whether an address lies on a host that this source reads.
func (s *Source) hosted(u *url.URL) bool {
	for _, h := range s.hosts {
		if below, ok := strings.CutPrefix(h, "*"); u.Host == h || ok && strings.HasSuffix(u.Host, below) {
			return true
		}
	}
	return false
}

// within reports whether a link of a site is followed.
func (s *Source) within(u *url.URL) bool {
	return s.hosted(u) && s.worthAsking(u) && chosen(u, s.set.Include, s.set.Exclude)
}

func (s *Source) follows() bool { return s.set.Mode == Site }

// outcome is what came of a visit. One of its fields from skipped to err says what.
type outcome struct {
	known bool // it is an item that is kept
	print fingerprint

	forbidden bool            // by robots.txt
	same      bool            // it is as it was
	links     []string        // of the same page, as they were
	resp      *fetch.Response // it is new, or may have changed
	html      bool
	page      page
	err       error

	fatal error // of the store
}

// read asks for one address. It runs beside others.
func (c *crawl) read(ctx context.Context, v visit) (out outcome) {
	s := c.s
	r, err := c.robotsOf(ctx, v.u)
	if err != nil {
		return outcome{err: err}
	}
	if !r.allows(v.u) {
		return outcome{forbidden: true}
	}
	item, known, err := c.have.Item(ctx, v.id)
	if err != nil {
		return outcome{fatal: err}
	}
	req := fetch.Request{URL: v.id, Accept: "text/html, application/xhtml+xml, application/pdf;q=0.9, */*;q=0.8"}
	switch s.set.Mode {
	case Site:
		req.Stay, req.Want = true, s.wants
	case Sitemap:
		req.Within = s.hosted
	}
	was := readFingerprint(item.Fingerprint)
	links, remembered := c.old.links[v.id]
	remembered = remembered && links.content == short(was.content)
	mayStay := known && !item.Failed && s.ours(was) && !v.orphan && (remembered || !s.follows() || v.depth >= s.set.MaxDepth)
	if mayStay && v.listed != "" && v.listed == was.listed && !c.recheck {
		return outcome{known: true, same: true, print: was, links: links.to}
	}
	if mayStay {
		req.ETag, req.LastModified = was.etag, was.modified
	}
	resp, err := s.client.Do(ctx, req)
	switch {
	case err != nil:
		return outcome{known: known, err: err}
	case resp.NotModified:
		was.listed = v.listed
		return outcome{known: true, same: true, print: was, links: links.to}
	}
	out = outcome{known: known, resp: resp}
	if resp.Location != nil || resp.Unwanted {
		return out
	}
	out.print = fingerprint{s.sum(resp.Body), v.listed, resp.LastModified(), resp.ETag()}
	out.same = known && !item.Failed && was.content == out.print.content
	if out.html = isHTML(resp.Header, resp.Body); out.html {
		product, _, _ := strings.Cut(s.client.Deps().Product, "/")
		out.page = s.readPage(resp, product)
	}
	return out
}

// readPage reads the page of an answer with what its header says to robots.
func (s *Source) readPage(resp *fetch.Response, product string) page {
	p := readPage(resp.Page(), resp.URL, s.n, product, s.set.IgnoreRobots)
	noIndex, noFollow := headerDirectives(resp.Header, product)
	if s.set.IgnoreRobots {
		p.noIndex = false
		return p
	}
	p.noIndex = p.noIndex || noIndex
	if noFollow {
		p.links, p.cut = nil, false
	}
	return p
}

// settle tells what came of a visit, and puts what it leads to into the queue.
func (c *crawl) settle(ctx context.Context, v visit, out outcome) error {
	switch {
	case out.fatal != nil:
		return out.fatal
	case out.forbidden:
		return c.forbidden(ctx, v)
	case out.err != nil:
		return c.failed(ctx, v, out)
	}
	c.alive++
	switch {
	case out.resp == nil:
		c.follow(v, out.print.content, parsed(out.links))
		return c.same(v, out.print)
	case out.resp.Location != nil:
		return c.redirected(ctx, v, out.resp.Location)
	case out.resp.Unwanted && v.seed:
		c.alive-- // a start that leads nowhere is no site without pages
		return c.failed(ctx, v, outcome{err: rag.Errorf(rag.KindInvalid, "%s is of type %.80q, neither a page nor a document that is wanted (media_types)", fetch.Show(v.u), out.resp.Header.Get("Content-Type"))})
	case out.resp.Unwanted:
		return c.goneIf(out.known, v.id)
	}
	if out.html {
		if out.page.cut {
			c.cut(maxLinksCut)
		}
	}
	c.follow(v, out.print.content, out.page.links)
	unchosen := v.seed && c.s.follows() && !chosen(v.u, c.s.set.Include, c.s.set.Exclude)
	if unchosen || c.s.set.Mode != Pages && out.noIndex(c.s) {
		return c.goneIf(out.known, v.id)
	}
	if c.isCopy(v, out) {
		return nil
	}
	if out.same {
		return c.same(v, out.print)
	}
	c.there[v.id] = true
	return c.tell(source.Event{Change: source.Put, ID: v.id, Fingerprint: out.print.String(), Input: c.s.input(v.u, out.resp, out.html)})
}

// noIndex reports whether an answer asks not to be kept.
func (out outcome) noIndex(s *Source) bool {
	if out.html || s.set.IgnoreRobots {
		return out.page.noIndex
	}
	product, _, _ := strings.Cut(s.client.Deps().Product, "/")
	noIndex, _ := headerDirectives(out.resp.Header, product)
	return noIndex
}

func (c *crawl) same(v visit, print fingerprint) error {
	c.there[v.id] = true
	return c.tell(source.Event{Change: source.Same, ID: v.id, Fingerprint: print.String()})
}

// goneIf tells that what is known as an item is none any more.
func (c *crawl) goneIf(known bool, id string) error {
	if !known {
		return nil
	}
	return c.tell(source.Event{Change: source.Gone, ID: id})
}

func (c *crawl) goneIfKnown(ctx context.Context, id string) error {
	_, known, err := c.have.Item(ctx, id)
	if err != nil {
		return err
	}
	return c.goneIf(known, id)
}

// forbidden is a page that robots.txt asks not to read. Where somebody named it,
// he is told; within a site it is no part of it.
func (c *crawl) forbidden(ctx context.Context, v visit) error {
	err := rag.Errorf(rag.KindRefused, "%s: robots.txt asks not to read it (ignore_robots)", fetch.Show(v.u))
	if v.seed {
		c.fail(err)
		c.incomplete = c.incomplete || c.s.follows()
	}
	if c.s.follows() && !v.seed {
		return c.goneIfKnown(ctx, v.id)
	}
	return c.tell(source.Event{Change: source.Broken, ID: v.id, Err: err})
}

// failed is a page that could not be read.
func (c *crawl) failed(ctx context.Context, v visit, out outcome) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if _, left := fetch.LeftAlone(out.err); left && !v.again {
		v.again = true
		c.next = append(c.next, v)
		return nil
	}
	missing := errors.Is(out.err, rag.ErrNotFound)
	if !missing || v.seed {
		c.fail(out.err)
	}
	old, remembered := c.old.links[v.id]
	switch {
	case c.s.set.Mode == Pages:
	case v.seed:
		c.incomplete = true
	case missing, !c.s.follows(), final(out.err):
	case !remembered:
		c.incomplete = true // who knows where it leads
	}
	if missing && (out.known && !c.s.follows() || !v.seed) {
		return c.goneIf(out.known, v.id)
	}
	if remembered && !missing {
		c.enqueueAll(v, parsed(old.to))
		c.remember(v.id, old)
	}
	return c.tell(source.Event{Change: source.Broken, ID: v.id, Err: out.err})
}

// final reports whether an error is what the server has to say, and not one that
// may hide a page with links.
func final(err error) bool {
	return fetch.Final(err) || fetch.Status(err) == 0 && (errors.Is(err, rag.ErrExhausted) || errors.Is(err, rag.ErrInvalid))
}

// redirected is an address of a site that is none of a page.
func (c *crawl) redirected(ctx context.Context, v visit, to *url.URL) error {
	u, ok := c.s.n.normal(to)
	switch {
	case ok && u.String() == v.id:
		return c.failed(ctx, v, outcome{err: rag.Errorf(rag.KindExhausted, "%s redirects to itself", fetch.Show(v.u))})
	case ok && (c.s.within(u) || v.seed && c.s.hosted(u)):
		c.enqueue(visit{u: u, id: u.String(), depth: v.depth, seed: v.seed})
	case v.seed:
		c.alive--
		return c.failed(ctx, v, outcome{err: rag.Errorf(rag.KindRefused, "%s redirects to %s, which lies outside of this site; add its host to hosts", fetch.Show(v.u), fetch.Show(to))})
	}
	return c.goneIfKnown(ctx, v.id)
}

// isCopy reports whether a page says that it is a copy of another one that this
// source reads, and sees to it that the other is read.
func (c *crawl) isCopy(v visit, out outcome) bool {
	of := out.page.canonical
	if of == nil || of.String() == v.id || v.orphan || c.s.set.IgnoreCanonical || c.s.set.Mode == Pages {
		return false
	}
	id := of.String()
	if !c.seen[id] && !(c.s.follows() && c.s.within(of) && c.enqueue(visit{u: of, id: id, depth: v.depth})) {
		return false
	}
	v.copyOf = id
	c.copies = append(c.copies, v)
	return true
}

// follow enqueues the links of a page, and remembers them for its version.
func (c *crawl) follow(v visit, content string, links []*url.URL) {
	if !c.s.follows() {
		return
	}
	to, whole := c.enqueueAll(v, links)
	if whole && !v.orphan {
		c.remember(v.id, outlinks{content: short(content), to: to})
	}
}

// enqueueAll enqueues those of links that belong to the site and returns them. It
// returns false if one was not enqueued.
func (c *crawl) enqueueAll(v visit, links []*url.URL) (to []string, whole bool) {
	if !c.s.follows() || v.depth >= c.s.set.MaxDepth {
		return nil, false
	}
	whole = true
	for _, u := range links {
		if !c.s.within(u) {
			continue
		}
		id := u.String()
		to = append(to, id)
		whole = c.enqueue(visit{u: u, id: id, depth: v.depth + 1}) && whole
	}
	return to, whole
}

func (c *crawl) remember(id string, links outlinks) {
	if _, twice := c.learned.links[id]; twice || c.edges+len(links.to) > maxEdges {
		return
	}
	c.edges += len(links.to) + 1
	c.learned.links[id] = links
	c.order = append(c.order, id)
}

// parsed turns addresses of the cursor back.
func parsed(links []string) []*url.URL {
	out := make([]*url.URL, 0, len(links))
	for _, l := range links {
		if u, err := url.Parse(l); err == nil {
			out = append(out, u)
		}
	}
	return out
}
