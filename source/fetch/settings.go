package fetch

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"golang.org/x/net/http/httpguts"

	"github.com/smartretriever/smartretriever/rag"
)

// Settings say how a source reaches its servers. They are kept as JSON, without
// secrets: those are named, and looked up when a client is made. The zero value is
// polite to a server on the internet.
type Settings struct {
	// Allow names what may be reached although it is not public: host names
	// ("wiki.corp", "*.corp" for all below it), addresses and networks
	// ("10.1.0.0/16"). A host name opens private, shared and loopback addresses;
	// link-local and metadata addresses open only by address or network.
	Allow []string `json:"allow,omitempty"`
	// Proxy is the address of an HTTP proxy, http://HOST:PORT. Without it there is
	// none, whatever the environment says. The proxy resolves the names, so behind
	// one only addresses that stand in a URL are checked.
	Proxy string `json:"proxy,omitempty"`
	// ProxySecret names a secret of the form USER:PASSWORD for the proxy.
	ProxySecret string `json:"proxy_secret,omitempty"`
	// Auth is what to show to which origin.
	Auth []Credential `json:"auth,omitempty"`
	// CAFile is a file of certificates (PEM) of authorities that are trusted besides the
	// system's, such as a company's own.
	CAFile string `json:"ca_file,omitempty"`
	// Contact is sent in the User-Agent, for the people who run the server: a URL or
	// an address of mail.
	Contact string `json:"contact,omitempty"`

	MaxBytes     int64 `json:"max_bytes,omitempty"`     // of one answer, decompressed; 0 is 32 MiB
	MaxRedirects int   `json:"max_redirects,omitempty"` // followed in a row; 0 is 5, negative none

	ConnectTimeout Duration `json:"connect_timeout,omitempty"` // of connecting, and of the TLS handshake; 0 is 10s
	HeaderTimeout  Duration `json:"header_timeout,omitempty"`  // until an answer begins; 0 is 30s
	IdleTimeout    Duration `json:"idle_timeout,omitempty"`    // between two pieces of an answer; 0 is 20s
	// Timeout bounds one try in all; 0 is 2m. It grows by what comes of the answer, at
	// MinRate: one that comes faster may take as long as its size needs.
	Timeout Duration `json:"timeout,omitempty"`
	MinRate int64    `json:"min_rate,omitempty"` // bytes a second; 0 is 32 KiB

	Tries   int      `json:"tries,omitempty"`    // of a request that fails for a reason that may pass, in all; 0 is 4, 1 never tries again
	MaxWait Duration `json:"max_wait,omitempty"` // longest wait before a try; a server that asks for more is not waited for; 0 is 1m

	RequestsPerSecond float64 `json:"requests_per_second,omitempty"` // to one host; 0 is 2
	Concurrency       int     `json:"concurrency,omitempty"`         // requests to one host at once; 0 is 2
}

// Credential is sent with requests to one origin, and never with others, be they
// redirects of the former.
type Credential struct {
	Origin string `json:"origin"`           // https://HOST or https://HOST:PORT
	Header string `json:"header,omitempty"` // that carries it; "" is Authorization
	// Scheme is "bearer" (the default for Authorization), "basic", or "plain" for the
	// secret as it is (the default for another header).
	Scheme string `json:"scheme,omitempty"`
	User   string `json:"user,omitempty"` // of basic
	Secret string `json:"secret"`         // names the token or password
}

// Deps is what a source that speaks HTTP needs from the program. It is not part
// of its settings and not stored.
type Deps struct {
	// Secret returns the secret of a name; nil refuses settings that name one.
	Secret func(name string) (string, error)
	// Allow is what the program's operator allows besides Settings.Allow.
	Allow []string
	// Locked refuses settings with an Allow, a Proxy or a CAFile of their own, for programs in
	// which those who write settings must not reach what the operator did not allow.
	Locked bool
	// Product begins the User-Agent, and is what robots.txt may call this program;
	// a version may follow after a slash. "" is SmartRetriever.
	Product string
	// RootCAs checks servers' certificates; nil takes the system's. Those of CAFile, a
	// file as in Settings, are added.
	RootCAs *x509.CertPool
	CAFile  string
	// Resolver looks up names; nil is the system's.
	Resolver *net.Resolver
	// Transport makes the requests; nil makes one that keeps to what is allowed.
	// It is for tests: what it connects to is not checked.
	Transport http.RoundTripper
	Logger    *slog.Logger     // of what a person should know and no event says; nil discards
	Now       func() time.Time // nil is time.Now
}

// WithDefaults fills in the optional fields.
func (d Deps) WithDefaults() Deps {
	if d.Product == "" {
		d.Product = "SmartRetriever"
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	return d
}

// Duration is a time.Duration that is written as text, "1m30s".
type Duration time.Duration

// MarshalText writes it as time.Duration does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration takes.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%.40q is no duration; write it like 90s or 1h30m", text)
	}
	*d = Duration(v)
	return nil
}

// WithDefaults fills in the zero fields.
func (s Settings) WithDefaults() Settings {
	s.MaxBytes = cmp.Or(s.MaxBytes, 32<<20)
	s.MaxRedirects = cmp.Or(s.MaxRedirects, 5)
	s.ConnectTimeout = cmp.Or(s.ConnectTimeout, Duration(10*time.Second))
	s.HeaderTimeout = cmp.Or(s.HeaderTimeout, Duration(30*time.Second))
	s.IdleTimeout = cmp.Or(s.IdleTimeout, Duration(20*time.Second))
	s.Timeout = cmp.Or(s.Timeout, Duration(2*time.Minute))
	s.MinRate = cmp.Or(s.MinRate, 32<<10)
	s.Tries = cmp.Or(s.Tries, 4)
	s.MaxWait = cmp.Or(s.MaxWait, Duration(time.Minute))
	s.RequestsPerSecond = cmp.Or(s.RequestsPerSecond, 2)
	s.Concurrency = cmp.Or(s.Concurrency, 2)
	return s
}

// Faults lists what is wrong, a sentence each, for the Validate of a source.
func (s Settings) Faults() []string {
	var f Faults
	s = s.WithDefaults()
	_, bad := parseAllow(s.Allow)
	f = append(f, bad...)
	if s.Proxy != "" {
		u, err := url.Parse(s.Proxy)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
			f.Add("proxy must be http://HOST:PORT")
		} else if u.User != nil {
			f.Add("proxy holds a password; name a secret in proxy_secret instead")
		}
	} else if s.ProxySecret != "" {
		f.Add("proxy_secret is given without a proxy")
	}
	for i, c := range s.Auth {
		f = append(f, c.faults(fmt.Sprintf("auth[%d]", i))...)
	}
	if strings.ContainsFunc(s.Contact, func(r rune) bool { return r > unicode.MaxASCII || unicode.IsControl(r) || r == '(' || r == ')' }) {
		f.Add("contact must be plain ASCII without parentheses")
	}
	f.Between("max_bytes", s.MaxBytes, 1, 1<<30)
	if s.MaxRedirects > 20 {
		f.Add("max_redirects must be at most 20")
	}
	for _, d := range []struct {
		name string
		d    Duration
	}{{"connect_timeout", s.ConnectTimeout}, {"header_timeout", s.HeaderTimeout}, {"idle_timeout", s.IdleTimeout}, {"timeout", s.Timeout}, {"max_wait", s.MaxWait}} {
		if d.d < 0 || d.d > Duration(time.Hour) {
			f.Add("%s must be between 0 and 1h", d.name)
		}
	}
	f.Between("min_rate", s.MinRate, 1, 1<<30)
	if s.CAFile != "" && !filepath.IsAbs(s.CAFile) {
		f.Add("ca_file must be an absolute path")
	}
	f.Between("tries", int64(s.Tries), 1, 20)
	if !(s.RequestsPerSecond > 0 && s.RequestsPerSecond <= 1e6) {
		f.Add("requests_per_second must be positive")
	}
	f.Between("concurrency", int64(s.Concurrency), 1, 64)
	return f
}

// Validate reports all faults together, as KindInvalid.
func (s Settings) Validate() error { return Faults(s.Faults()).Err() }

func (c Credential) faults(at string) []string {
	var f Faults
	if _, err := originOf(c.Origin); err != nil {
		f.Add("%s.origin must be https://HOST or https://HOST:PORT, without a path", at)
	}
	if c.Header != "" && !httpguts.ValidHeaderFieldName(c.Header) {
		f.Add("%s.header %.40q is no name of a header", at, c.Header)
	}
	switch c.Scheme {
	case "", "bearer", "plain":
		if c.User != "" {
			f.Add("%s.user goes with the scheme basic only", at)
		}
	case "basic":
	default:
		f.Add("%s.scheme must be bearer, basic or plain", at)
	}
	if c.Secret == "" {
		f.Add("%s.secret is missing: the name of a secret", at)
	}
	return f
}

// Faults collects what is wrong with settings.
type Faults []string

// Add adds one.
func (f *Faults) Add(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

// Between adds one if v is out of bounds.
func (f *Faults) Between(name string, v, least, most int64) {
	if v < least || v > most {
		f.Add("%s must be between %d and %d", name, least, most)
	}
}

// URL adds one unless raw is an http or https URL with a host and without
// credentials. Its text does not repeat credentials.
func (f *Faults) URL(name, raw string) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https"):
		f.Add("%s must be an http or https URL", name)
	case u.User != nil:
		f.Add("%s holds a user name or password; give them in auth instead", name)
	}
}

// Err returns all as one error of KindInvalid, nil if there is none.
func (f Faults) Err() error {
	if len(f) == 0 {
		return nil
	}
	return rag.Errorf(rag.KindInvalid, "%s", strings.Join(f, "; "))
}

// originOf returns SCHEME://HOST:PORT of a URL that holds nothing else.
func originOf(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil ||
		(u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "" {
		return "", rag.Errorf(rag.KindInvalid, "not an origin")
	}
	return Origin(u), nil
}

// Origin returns scheme, host and port of a URL, the port always named.
func Origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[strings.ToLower(u.Scheme)]
	}
	return strings.ToLower(u.Scheme) + "://" + net.JoinHostPort(strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), port)
}

// allowed is what may be reached although it is not public.
type allowed struct {
	hosts    map[string]bool
	suffixes []string // ".corp"
	nets     []netip.Prefix
}

func parseAllow(entries []string) (a allowed, bad []string) {
	a.hosts = map[string]bool{}
	for _, e := range entries {
		e = strings.ToLower(strings.TrimSpace(e))
		if p, err := netip.ParsePrefix(e); err == nil {
			a.nets = append(a.nets, unmapped(p.Masked()))
			continue
		}
		if ip, err := netip.ParseAddr(strings.Trim(e, "[]")); err == nil {
			ip = ip.Unmap().WithZone("")
			a.nets = append(a.nets, netip.PrefixFrom(ip, ip.BitLen()))
			continue
		}
		name, below := strings.CutPrefix(strings.TrimSuffix(e, "."), "*.")
		if name == "" || strings.ContainsAny(name, "*/:@ []?#") {
			bad = append(bad, fmt.Sprintf("allow: %.80q is no host name, address or network", e))
			continue
		}
		if below {
			a.suffixes = append(a.suffixes, "."+name)
		} else {
			a.hosts[name] = true
		}
	}
	return a, bad
}

// unmapped turns a network of IPv4-mapped IPv6 addresses into one of IPv4.
func unmapped(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p
}

func (a *allowed) host(name string) bool {
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	if a.hosts[name] {
		return true
	}
	for _, s := range a.suffixes {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	return false
}

func (a *allowed) address(ip netip.Addr) bool {
	for _, n := range a.nets {
		if n.Contains(ip) {
			return true
		}
	}
	return false
}
