package web

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source/fetch"
)

const (
	maxRobots  = 500 << 10 // bytes that are read (RFC 9309, 2.5)
	maxRules   = 10_000
	maxPattern = 2 << 10
)

// robots is a robots.txt (RFC 9309) as it concerns one crawler.
type robots struct {
	rules    []rule
	delay    time.Duration // Crawl-delay, which is no part of the RFC
	sitemaps []string
}

type rule struct {
	allow   bool
	pattern string // with canonical escapes
}

// parseRobots reads the groups of a robots.txt that are for product, a name
// without version, or failing these the ones for everybody. It never fails: lines
// that make no sense are passed over.
func parseRobots(data []byte, product string) robots {
	if len(data) > maxRobots { // the line that is cut off says something else than it did
		data = data[:1+bytes.LastIndexAny(data[:maxRobots], "\r\n")]
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	product, _, _ = strings.Cut(strings.ToLower(product), "/")
	var ours, all group
	var sitemaps []string
	agents := false        // the line before named an agent, too
	var forUs, forAll bool // whom the current group is for
	for line := range bytes.FieldsFuncSeq(data, func(r rune) bool { return r == '\n' || r == '\r' }) {
		text, _, _ := strings.Cut(string(line), "#")
		key, value, ok := strings.Cut(text, ":")
		if !ok {
			continue
		}
		key, value = strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value)
		switch key {
		case "user-agent", "useragent", "user agent":
			if !agents {
				forUs, forAll = false, false
			}
			agents = true
			name, _, _ := strings.Cut(strings.ToLower(value), "/")
			if name == "*" {
				forAll, all.named = true, true
			} else if name == product {
				forUs, ours.named = true, true
			}
			continue
		case "sitemap":
			if len(sitemaps) < 100 {
				sitemaps = append(sitemaps, value)
			}
			continue // belongs to no group
		case "allow", "disallow", "crawl-delay":
			if forUs {
				ours.add(key, value)
			}
			if forAll {
				all.add(key, value)
			}
		}
		agents = false
	}
	r := all
	if ours.named {
		r = ours
	}
	return robots{rules: r.rules, delay: r.delay, sitemaps: sitemaps}
}

type group struct {
	named bool
	rules []rule
	delay time.Duration
}

func (g *group) add(key, value string) {
	if key == "crawl-delay" {
		if s, err := strconv.ParseFloat(value, 64); err == nil && s > 0 {
			g.delay = time.Duration(min(s, 3600) * float64(time.Second))
		}
		return
	}
	if value == "" || len(value) > maxPattern || len(g.rules) >= maxRules {
		return
	}
	if value[0] != '/' && value[0] != '*' {
		value = "/" + value
	}
	g.rules = append(g.rules, rule{key == "allow", asciiOnly(canonicalEscapes(value))})
}

// allows reports whether an address may be read: the longest rule that matches
// counts, and of an allowing and a forbidding one the allowing.
func (r *robots) allows(u *url.URL) bool {
	path := u.RequestURI()
	if path == "/robots.txt" {
		return true
	}
	longest, allow := -1, true
	for _, rule := range r.rules {
		n := len(rule.pattern)
		if (n > longest || n == longest && rule.allow) && matches(rule.pattern, path) {
			longest, allow = n, rule.allow
		}
	}
	return allow
}

// everything forbids all.
var everything = robots{rules: []rule{{pattern: "/"}}}

// fetchRobots returns what an origin's robots.txt says. Without one everything is
// allowed; if it cannot be had, the error is of KindUnavailable and the origin is to
// be left alone (RFC 9309, 2.3.1.4).
func fetchRobots(ctx context.Context, client *fetch.Client, u *url.URL) (robots, error) {
	resp, err := client.Do(ctx, fetch.Request{URL: u.Scheme + "://" + u.Host + "/robots.txt", Accept: "text/plain", Limit: maxRobots + 1, Cut: true})
	switch {
	case err == nil:
		return parseRobots(resp.Body, client.Deps().Product), nil
	case ctx.Err() != nil:
		return everything, ctx.Err()
	case fetch.Final(err), errors.Is(err, rag.ErrExhausted) && fetch.Status(err) == 0:
		// A redirect without end counts as no file.
		return robots{}, nil
	case errors.Is(err, rag.ErrRefused):
		return everything, err
	}
	return everything, rag.Wrap(rag.KindUnavailable, err, "robots.txt cannot be read, so that nothing may be")
}
