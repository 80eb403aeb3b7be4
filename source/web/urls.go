package web

import (
	"net/url"
	"path"
	"strings"

	"golang.org/x/net/idna"
)

// maxURL is the length of an item's ID, and so of an address that is read.
const maxURL = 1024

// DefaultDrop are the query parameters that say who follows a link or in which
// visit, and not what to show. A * at the end stands for any rest.
var DefaultDrop = []string{
	"utm_*", "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "fbclid", "msclkid", "yclid", "twclid", "ttclid", "igshid", "li_fat_id",
	"mc_cid", "mc_eid", "_ga", "_gl", "_hsenc", "_hsmi", "__hssc", "__hstc", "__hsfp", "mkt_tok", "oly_anon_id", "oly_enc_id", "vero_id", "wickedid",
	"phpsessid", "jsessionid", "aspsessionid*", "sessionid", "session_id", "cfid", "cftoken",
}

// normalizer writes addresses of the same thing the same way (RFC 3986, 6.2.2 and
// 6.2.3): scheme and host in lower case, the host in its ASCII form, no default
// port, no dot segments, no escapes of characters that need none, no fragment. Query
// parameters keep their order, since servers may mind it.
type normalizer struct {
	drop     map[string]bool
	prefixes []string
}

func newNormalizer(drop []string) normalizer {
	n := normalizer{drop: map[string]bool{}}
	for _, d := range drop {
		d = strings.ToLower(d)
		if p, ok := strings.CutSuffix(d, "*"); ok {
			n.prefixes = append(n.prefixes, p)
		} else {
			n.drop[d] = true
		}
	}
	return n
}

// resolve returns the normal form of a link as it stands in a page, ok false if it
// is none that can be read.
func (n normalizer) resolve(base *url.URL, link string) (*url.URL, bool) {
	link = strings.Map(func(r rune) rune { // as browsers do
		if r == '\t' || r == '\n' || r == '\r' {
			return -1
		}
		return r
	}, strings.TrimSpace(link))
	if len(link) > 4*maxURL {
		return nil, false
	}
	u, err := url.Parse(link)
	if err != nil {
		return nil, false
	}
	if base != nil {
		u = base.ResolveReference(u)
	}
	return n.normal(u)
}

// normal returns the normal form of u.
func (n normalizer) normal(u *url.URL) (*url.URL, bool) {
	u = (&url.URL{Scheme: "http", Host: "x"}).ResolveReference(u) // takes dot segments out
	u.Scheme = strings.ToLower(u.Scheme)
	if u.Scheme != "http" && u.Scheme != "https" || u.Opaque != "" {
		return nil, false
	}
	host, ok := normalHost(u)
	if !ok {
		return nil, false
	}
	p := canonicalEscapes(u.EscapedPath())
	p = dropPathSession(p)
	if p == "" {
		p = "/"
	}
	query := n.query(u.RawQuery)
	out := u.Scheme + "://" + host + p
	if query != "" {
		out += "?" + query
	}
	if len(out) > maxURL {
		return nil, false
	}
	v, err := url.Parse(out)
	return v, err == nil && v.Host != ""
}

func normalHost(u *url.URL) (string, bool) {
	name := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if name == "" {
		return "", false
	}
	if strings.Contains(name, ":") { // IPv6
		if strings.Contains(name, "%") {
			return "", false
		}
		name = "[" + name + "]"
	} else if ascii, err := idna.Lookup.ToASCII(name); err == nil {
		name = ascii
	} else if strings.ContainsFunc(name, func(r rune) bool { return r > 0x7e || r <= ' ' || strings.ContainsRune(`"<>\^{}|%`, r) }) {
		return "", false
	}
	port := u.Port()
	if port == "" || port == "80" && u.Scheme == "http" || port == "443" && u.Scheme == "https" {
		return name, true
	}
	return name + ":" + port, true
}

// canonicalEscapes undoes escapes of unreserved characters and writes the others
// in upper case.
func canonicalEscapes(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		hi, lo := -1, -1
		if s[i] == '%' && i+2 < len(s) {
			hi, lo = unhex(s[i+1]), unhex(s[i+2])
		}
		if hi < 0 || lo < 0 {
			b.WriteByte(s[i])
			continue
		}
		if c := byte(hi<<4 | lo); unreserved(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', digits[hi], digits[lo]})
		}
		i += 2
	}
	return b.String()
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// dropPathSession takes ";jsessionid=..." off a path.
func dropPathSession(p string) string {
	const mark = ";jsessionid="
	i := strings.LastIndexByte(p, ';')
	if i < 0 || len(p)-i < len(mark) || !strings.EqualFold(p[i:i+len(mark)], mark) || strings.Contains(p[i:], "/") {
		return p
	}
	return p[:i]
}

func (n normalizer) query(raw string) string {
	if raw == "" {
		return ""
	}
	kept := make([]string, 0, 8)
	for p := range strings.SplitSeq(raw, "&") {
		if p != "" && !n.drops(p) {
			kept = append(kept, strings.ReplaceAll(canonicalEscapes(p), " ", "%20"))
		}
	}
	return strings.Join(kept, "&")
}

func (n normalizer) drops(parameter string) bool {
	key, _, _ := strings.Cut(parameter, "=")
	if k, err := url.QueryUnescape(key); err == nil {
		key = k
	}
	key = strings.ToLower(key)
	if n.drop[key] {
		return true
	}
	for _, p := range n.prefixes {
		if strings.HasPrefix(key, p) {
			return true
		}
	}
	return false
}

// matches reports whether s matches a pattern of robots.txt (RFC 9309, 2.2.3): the
// beginning of s, * for any characters, $ at the end for the end of s. It takes
// time in proportion to the lengths: what stands between two * may be taken where
// it is found first.
func matches(pattern, s string) bool {
	pattern, toEnd := strings.CutSuffix(pattern, "$")
	part, rest, more := strings.Cut(pattern, "*")
	s, ok := strings.CutPrefix(s, part)
	if !ok {
		return false
	}
	for more {
		part, rest, more = strings.Cut(rest, "*")
		if !more && toEnd {
			return strings.HasSuffix(s, part)
		}
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return !toEnd || s == ""
}

// asciiOnly escapes what is not ASCII, as it stands in requests.
func asciiOnly(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r > 0x7e }) {
		return s
	}
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c > 0x7e {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// chosen reports whether a page is wanted by the patterns of the settings. A
// pattern that begins with / is held against path and query, another against the
// whole address.
func chosen(u *url.URL, include, exclude []string) bool {
	fits := func(patterns []string) bool {
		for _, p := range patterns {
			s := u.RequestURI()
			if !strings.HasPrefix(p, "/") {
				s = u.String()
			}
			if matches(p, s) {
				return true
			}
		}
		return false
	}
	return (len(include) == 0 || fits(include)) && !fits(exclude)
}

// extension returns the lower-case ending of an address's path, with its dot.
func extension(u *url.URL) string { return strings.ToLower(path.Ext(u.Path)) }
