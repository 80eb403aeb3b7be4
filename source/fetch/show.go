package fetch

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/text/clean"
)

const maxShown = 300 // bytes of a URL, or of what a server says, in an error

// Show returns a URL for people to read: without user name and password, with ***
// in the place of values of query parameters whose name sounds secret, and short.
func Show(u *url.URL) string {
	if u.Host == "" {
		return "a URL without a host" // in which a password could stand anywhere
	}
	v := *u
	v.User, v.Fragment, v.RawFragment = nil, "", ""
	if v.RawQuery != "" {
		parts := strings.Split(v.RawQuery, "&")
		for i, p := range parts {
			if key, _, ok := strings.Cut(p, "="); ok && secretKey(key) {
				parts[i] = key + "=***"
			}
		}
		v.RawQuery = strings.Join(parts, "&")
	}
	return short(v.String())
}

// ShowRaw is Show for a URL that is not parsed yet.
func ShowRaw(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "a malformed URL" // whose parts cannot be told apart
	}
	return Show(u)
}

// secretKey reports whether the value of a query parameter of that name may be a
// secret. It had better hide too much.
func secretKey(key string) bool {
	if k, err := url.QueryUnescape(key); err == nil {
		key = k
	}
	key = strings.ToLower(key)
	switch key {
	case "key", "sig", "sid", "code", "pass", "pwd", "auth", "jwt", "ticket":
		return true
	}
	for _, part := range []string{"token", "secret", "passw", "apikey", "api_key", "api-key", "access_key", "accesskey", "auth", "signature", "credential", "session"} {
		if strings.Contains(key, part) {
			return true
		}
	}
	return false
}

func short(s string) string {
	s = clean.Line(s)
	if len(s) <= maxShown {
		return s
	}
	s = s[:maxShown]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + "…"
}
