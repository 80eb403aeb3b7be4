package enrich

import (
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/smartretriever/smartretriever/rag"
)

// Keys that Addresses writes.
const (
	KeyEmails  = "emails"  // list of strings, lower case
	KeyDomains = "domains" // list of strings: hosts of the web addresses in the text, without www.
)

// maxListed bounds the lists of what was found in a text.
const maxListed = 100

// Emails lists the e-mail addresses in the text.
func Emails() Stage {
	return stage{"emails", "1", func(d *Document) rag.Metadata {
		return listed(KeyEmails, emails(d.Text.Content))
	}}
}

// Domains lists the hosts of the web addresses in the text.
func Domains() Stage {
	return stage{"domains", "1", func(d *Document) rag.Metadata {
		return listed(KeyDomains, domains(d.Text.Content))
	}}
}

// listed makes metadata of the distinct values, in order, "" and more than fit left out.
func listed(key string, values []string) rag.Metadata {
	slices.Sort(values)
	values = slices.Compact(values)
	if len(values) == 0 {
		return nil
	}
	return rag.Metadata{key: rag.Strs(values[:min(len(values), maxListed)]...)}
}

// Lengths of RFC 5321, section 4.5.3.1.
const (
	maxLocal  = 64
	maxDomain = 255
)

// emails returns the addresses of a text: a dot-atom (RFC 5322) at a host name with a
// known top-level domain. Each @ is looked at once, with a bounded look to both sides.
func emails(text string) []string {
	var out []string
	for at := 0; ; at++ {
		i := strings.IndexByte(text[at:], '@')
		if i < 0 {
			return out
		}
		at += i
		start := at
		for start > 0 && at-start <= maxLocal && localByte(text[start-1]) {
			start--
		}
		local := strings.TrimLeft(text[start:at], ".'-+&/=*")
		if local == "" || at-start > maxLocal || strings.HasSuffix(local, ".") || strings.Contains(local, "..") || wordBefore(text, at-len(local)) || userinfo(text, at-len(local)) {
			continue
		}
		if host, end := hostAt(text, at+1); host != "" && (end >= len(text) || text[end] != '@') {
			out = append(out, strings.ToLower(local)+"@"+host)
		}
	}
}

// userinfo reports whether i stands in the user and password of a web address.
func userinfo(text string, i int) bool {
	from := max(0, i-maxLocal)
	before := text[from:i]
	return strings.LastIndex(before, "://") >= 0 && !strings.ContainsAny(before[strings.LastIndex(before, "://")+3:], "/ \t\n?")
}

func localByte(c byte) bool { return isAlnum(c) || strings.IndexByte(".!#$%&'*+-/=^_`{|}~", c) >= 0 }

// hostAt reads the host name at i, in lower case: labels of letters, digits and hyphens,
// the last being a top-level domain that is listed. "" is none.
func hostAt(text string, i int) (host string, end int) {
	end = i
	for end < len(text) && end-i <= maxDomain && (isAlnum(text[end]) || text[end] == '-' || text[end] == '.') {
		end++
	}
	if end-i > maxDomain || wordAfter(text, end) || end < len(text) && text[end] == '_' {
		return "", i
	}
	trimmed := strings.TrimRight(text[i:end], ".-")
	end = i + len(trimmed)
	host = strings.ToLower(trimmed)
	dot := strings.LastIndexByte(host, '.')
	if dot < 0 {
		return "", i
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return "", i
		}
	}
	if _, known := publicsuffix.PublicSuffix(host); !known && !strings.Contains(suffixOf(host), ".") {
		return "", i
	}
	return host, end
}

func suffixOf(host string) string {
	s, _ := publicsuffix.PublicSuffix(host)
	return s
}

// domains returns the hosts of addresses that begin with http://, https://, ftp:// or
// www. Hosts that are numbers are left out.
func domains(text string) []string {
	var out []string
	for i := 0; i < len(text); {
		j := strings.IndexAny(text[i:], "hHfFwW")
		if j < 0 {
			break
		}
		i += j
		n := addressPrefix(text[i:])
		if n == 0 || wordBefore(text, i) {
			i++
			continue
		}
		at := i + n
		if n > 4 { // with a scheme: a user name may come first
			if k := strings.IndexAny(text[at:min(len(text), at+maxDomain)], "@/ \n"); k >= 0 && text[at+k] == '@' {
				at += k + 1
			}
		} else {
			at = i // www. belongs to the name
		}
		host, end := hostAt(text, at)
		if host == "" {
			i += n
			continue
		}
		i = end
		host = strings.TrimPrefix(host, "www.")
		if _, err := netip.ParseAddr(host); err != nil && strings.Contains(host, ".") {
			out = append(out, host)
		}
	}
	return out
}

// addressPrefix returns the length of the beginning of a web address, 0 for none.
func addressPrefix(s string) int {
	for _, p := range [...]string{"https://", "http://", "ftp://", "www."} {
		if len(s) > len(p) && strings.EqualFold(s[:len(p)], p) {
			return len(p)
		}
	}
	return 0
}
