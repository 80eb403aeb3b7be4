package fetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
	"golang.org/x/net/http/httpguts"

	"github.com/smartretriever/smartretriever/rag"
)

// Client makes requests as its settings say. It is goroutine-safe.
type Client struct {
	set         Settings
	deps        Deps
	guard       guard
	transport   http.RoundTripper
	agent       string
	credentials map[string]http.Header // by origin
	secrets     []string               // to be kept out of errors

	mu    sync.Mutex
	hosts map[string]*host // by origin
}

// New returns a client, or an error of KindInvalid that names all faults of the
// settings, of KindRefused where they ask for what Deps does not let them have, or
// that of Deps.Secret. It connects to nothing.
func New(settings Settings, deps Deps) (*Client, error) {
	if err := settings.Validate(); err != nil {
		return nil, err
	}
	deps = deps.WithDefaults()
	if deps.Locked && (len(settings.Allow) > 0 || settings.Proxy != "" || settings.CAFile != "") {
		return nil, rag.Errorf(rag.KindRefused, "allow, proxy and ca_file are set by whoever runs this server, not by a source")
	}
	set := settings.WithDefaults()
	allow, bad := parseAllow(append(set.Allow[:len(set.Allow):len(set.Allow)], deps.Allow...))
	if len(bad) > 0 {
		return nil, Faults(bad).Err()
	}
	c := &Client{
		set: set, deps: deps, guard: guard{allow: allow, proxied: set.Proxy != ""},
		transport: deps.Transport, agent: agent(deps.Product, set.Contact),
		credentials: map[string]http.Header{}, hosts: map[string]*host{},
	}
	for i, cred := range set.Auth {
		if err := c.remember(cred, "auth["+strconv.Itoa(i)+"]"); err != nil {
			return nil, err
		}
	}
	proxy, err := c.proxy()
	if err != nil {
		return nil, err
	}
	if deps.RootCAs, err = withCAs(deps.RootCAs, deps.CAFile, set.CAFile); err != nil {
		return nil, err
	}
	if c.transport == nil {
		c.transport = &http.Transport{
			Proxy:                  proxy,
			DialContext:            c.guard.dial(deps.Resolver, time.Duration(set.ConnectTimeout)),
			TLSClientConfig:        &tls.Config{RootCAs: deps.RootCAs},
			TLSHandshakeTimeout:    time.Duration(set.ConnectTimeout),
			ResponseHeaderTimeout:  time.Duration(set.HeaderTimeout),
			MaxResponseHeaderBytes: 256 << 10,
			MaxIdleConnsPerHost:    set.Concurrency,
			MaxIdleConns:           64,
			IdleConnTimeout:        30 * time.Second,
			DisableCompression:     true, // body.go does it, with limits
			ForceAttemptHTTP2:      true,
		}
	}
	return c, nil
}

// agent is the User-Agent: product, and where to complain.
func agent(product, contact string) string {
	if contact != "" {
		return product + " (+" + contact + ")"
	}
	return product
}

// Secret returns the secret that a setting names, as KindInvalid where there is
// none. It is kept out of the client's errors from then on.
func (c *Client) Secret(setting, name string) (string, error) {
	if c.deps.Secret == nil {
		return "", rag.Errorf(rag.KindInvalid, "%s names the secret %q, and no secrets are configured", setting, name)
	}
	value, err := c.deps.Secret(name)
	if err != nil {
		return "", rag.Wrap(rag.KindInvalid, err, setting+" names the secret "+strconv.Quote(name)+", which cannot be had")
	}
	value = strings.TrimSpace(value)
	if value == "" || !httpguts.ValidHeaderFieldValue(value) {
		return "", rag.Errorf(rag.KindInvalid, "%s: the secret %q is empty or holds control characters", setting, name)
	}
	c.secrets = append(c.secrets, value)
	return value, nil
}

func (c *Client) remember(cred Credential, at string) error {
	secret, err := c.Secret(at+".secret", cred.Secret)
	if err != nil {
		return err
	}
	header := http.CanonicalHeaderKey(cred.Header)
	if header == "" {
		header = "Authorization"
	}
	scheme := cred.Scheme
	if scheme == "" && header == "Authorization" {
		scheme = "bearer"
	}
	switch scheme {
	case "basic":
		secret = "Basic " + base64.StdEncoding.EncodeToString([]byte(cred.User+":"+secret))
	case "bearer":
		secret = "Bearer " + secret
	}
	origin, err := originOf(cred.Origin)
	if err != nil {
		return err
	}
	if c.credentials[origin] == nil {
		c.credentials[origin] = http.Header{}
	}
	c.credentials[origin].Set(header, secret)
	return nil
}

func (c *Client) proxy() (func(*http.Request) (*url.URL, error), error) {
	if c.set.Proxy == "" {
		return nil, nil
	}
	u, err := url.Parse(c.set.Proxy)
	if err != nil {
		return nil, err
	}
	if c.set.ProxySecret != "" {
		secret, err := c.Secret("proxy_secret", c.set.ProxySecret)
		if err != nil {
			return nil, err
		}
		user, password, _ := strings.Cut(secret, ":")
		u.User = url.UserPassword(user, password)
	}
	return http.ProxyURL(u), nil
}

// Settings returns the settings with their defaults.
func (c *Client) Settings() Settings { return c.set }

// Deps returns what the client was made with, with its defaults.
func (c *Client) Deps() Deps { return c.deps }

// CloseIdle closes connections that nobody uses. A source calls it when a Sync
// ends; the client can be used afterwards.
func (c *Client) CloseIdle() {
	if t, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// Request is one request. It is tried again where it fails for a reason that may
// pass, so it must not change anything.
type Request struct {
	Method string // "" is GET
	URL    string
	Accept string      // "" is anything
	Header http.Header // sent to the URL's own origin only; may be nil
	Body   []byte      // sent to the URL's own origin only
	// ETag and LastModified are what an earlier Response had, so that an answer that
	// has not changed is not sent again.
	ETag, LastModified string
	Limit              int64 // bytes of the answer; 0 is Settings.MaxBytes
	Cut                bool  // an answer that is larger than Limit is cut off there, and no error
	// Stay returns a redirect as a Response instead of following it.
	Stay bool
	// Want is asked, where it is not nil, before the body of an answer of status 200
	// is read. Without its consent the Response comes back Unwanted and without body.
	Want func(http.Header) bool
	// Within is asked, where it is not nil, before a redirect is followed; false is
	// KindRefused.
	Within func(*url.URL) bool
}

// Response is an answer of status 2xx or 304, or with Request.Stay 3xx.
type Response struct {
	URL         *url.URL // that answered, after redirects; without credentials
	Status      int
	Header      http.Header
	Body        []byte
	NotModified bool     // what ETag and LastModified of the request say is still so
	Unwanted    bool     // Request.Want declined
	Location    *url.URL // where a redirect leads
}

// ETag returns the entity tag, "" if there is none that can be sent back.
func (r *Response) ETag() string {
	tag := strings.TrimSpace(r.Header.Get("ETag"))
	if len(tag) > 256 || !httpguts.ValidHeaderFieldValue(tag) {
		return ""
	}
	return tag
}

// LastModified returns the header as it came, "" if it is no date.
func (r *Response) LastModified() string {
	v := strings.TrimSpace(r.Header.Get("Last-Modified"))
	if _, err := http.ParseTime(v); err != nil {
		return ""
	}
	return v
}

// Modified returns the time of LastModified, zero if there is none.
func (r *Response) Modified() time.Time {
	t, _ := http.ParseTime(r.LastModified())
	return t
}

// statusError tells the status of an answer that is an error.
type statusError struct {
	error
	status int
}

func (e *statusError) Unwrap() error { return e.error }

// Status returns the HTTP status that err comes from, 0 if it does not come from
// an answer.
func Status(err error) int {
	if s, ok := errors.AsType[*statusError](err); ok {
		return s.status
	}
	return 0
}

// Final reports whether err is an answer that trying again does not change: 4xx,
// but not 408, 425 and 429.
func Final(err error) bool {
	code := Status(err)
	return code >= 400 && code < 500 && code != http.StatusRequestTimeout && code != http.StatusTooEarly && code != http.StatusTooManyRequests
}

// Do makes a request. Errors name the URL, without secrets, and are
//
//   - KindInvalid: the URL is malformed or no http, the answer damaged, or the server does not take the request (400 and others)
//   - KindRefused: the address is none that may be reached, or a redirect leads where it must not
//   - KindNotFound: 404, 410
//   - KindUnauthorized: 401, 403, 407
//   - KindExhausted: the answer is too large, redirects are too many, or the server refuses more requests (429)
//   - KindUnavailable: the server is down, too slow, or fails (5xx), or is left alone since it did so several times
//   - that of ctx
func (c *Client) Do(ctx context.Context, req Request) (*Response, error) {
	u, err := url.Parse(req.URL)
	if err != nil || u.Hostname() == "" {
		return nil, rag.Errorf(rag.KindInvalid, "%s: the URL is malformed", ShowRaw(req.URL))
	}
	u.User = nil
	own := Origin(u)
	for hop := 0; ; hop++ {
		if u.Scheme != "http" && u.Scheme != "https" {
			return nil, rag.Errorf(rag.KindInvalid, "%s: only http and https are fetched", Show(u))
		}
		if err := c.guard.literal(u.Hostname()); err != nil {
			return nil, rag.Wrap(rag.KindRefused, err, Show(u))
		}
		resp, err := c.hop(ctx, req, u, Origin(u) == own)
		if err != nil || resp.Location == nil || req.Stay {
			return resp, err
		}
		to := resp.Location
		switch {
		case hop >= c.set.MaxRedirects:
			return nil, rag.Errorf(rag.KindExhausted, "%s: more than %d redirects (max_redirects)", ShowRaw(req.URL), max(0, c.set.MaxRedirects))
		case req.Within != nil && !req.Within(to):
			return nil, rag.Errorf(rag.KindRefused, "%s redirects to %s, which is outside of what this source may read", Show(u), Show(to))
		case req.Body != nil && Origin(to) != own:
			return nil, rag.Errorf(rag.KindRefused, "%s redirects a request with a body to %s", Show(u), Show(to))
		}
		if resp.Status == http.StatusSeeOther || req.Method == http.MethodPost && resp.Status != http.StatusTemporaryRedirect && resp.Status != http.StatusPermanentRedirect {
			req.Method, req.Body = http.MethodGet, nil
		}
		u = to
	}
}

// hop asks one URL, with the patience that its host deserves.
func (c *Client) hop(ctx context.Context, req Request, u *url.URL, own bool) (*Response, error) {
	h, end := c.use(Origin(u))
	defer end()
	ask := func() (*Response, error) {
		return patiently(ctx, c.set, func() (*Response, error) { return c.try(ctx, h, req, u, own) })
	}
	resp, err := h.breaker.Execute(ask)
	for errors.Is(err, gobreaker.ErrTooManyRequests) && sleep(ctx, lookAgain) {
		resp, err = h.breaker.Execute(ask) // another request sees whether the host is back
	}
	switch {
	case errors.Is(err, gobreaker.ErrOpenState), errors.Is(err, gobreaker.ErrTooManyRequests):
		return nil, &leftAlone{rag.Errorf(rag.KindUnavailable, "%s: the server failed several times in a row and is left alone for a moment", Show(u))}
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	}
	return resp, err
}

// try makes one request.
func (c *Client) try(ctx context.Context, h *host, req Request, u *url.URL, own bool) (*Response, error) {
	release, err := h.admit(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	begun := time.Now()
	slow := time.AfterFunc(time.Duration(c.set.Timeout), func() { cancel(errSlow) })
	resp, err := c.transport.RoundTrip(c.request(ctx, req, u, own))
	slow.Stop()
	if err != nil {
		return nil, c.unreached(ctx, u, err)
	}
	defer resp.Body.Close()
	got := &Response{URL: u, Status: resp.StatusCode, Header: resp.Header}
	switch code := resp.StatusCode; {
	case code == http.StatusNotModified && (req.ETag != "" || req.LastModified != ""):
		got.NotModified = true
		return got, nil
	case code == http.StatusMovedPermanently, code == http.StatusFound, code == http.StatusSeeOther, code == http.StatusTemporaryRedirect, code == http.StatusPermanentRedirect:
		got.Location, err = u.Parse(resp.Header.Get("Location"))
		if err != nil || resp.Header.Get("Location") == "" || got.Location.Hostname() == "" {
			return nil, rag.Errorf(rag.KindInvalid, "%s: the server redirects to nowhere (HTTP %d)", Show(u), code)
		}
		got.Location.User = nil
		return got, nil
	case code < 200 || code > 299 || code == http.StatusPartialContent:
		return nil, c.refused(h, u, resp)
	}
	if req.Want != nil && !req.Want(resp.Header) {
		got.Unwanted = true
		return got, nil
	}
	limit := req.Limit
	if limit == 0 {
		limit = c.set.MaxBytes
	}
	got.Body, err = readBody(resp, c.paced(resp.Body, begun, cancel), limit, req.Cut)
	if err == nil {
		return got, nil
	}
	if ours, ok := errors.AsType[*rag.Error](err); ok {
		return nil, rag.Errorf(ours.Kind, "%s: %w", Show(u), err)
	}
	return nil, c.unreached(ctx, u, err)
}

func (c *Client) request(ctx context.Context, req Request, u *url.URL, own bool) *http.Request {
	r := (&http.Request{
		Method: req.Method, URL: u, Host: u.Host, Header: http.Header{},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	if r.Method == "" {
		r.Method = http.MethodGet
	}
	if own {
		for name, values := range req.Header {
			r.Header[name] = values
		}
		if req.Body != nil {
			r.ContentLength = int64(len(req.Body))
			r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(req.Body)), nil }
			r.Body, _ = r.GetBody() // which is ours and cannot fail
		}
	}
	for name, values := range c.credentials[Origin(u)] {
		r.Header[name] = values
	}
	accept := req.Accept
	if accept == "" {
		accept = "*/*"
	}
	r.Header.Set("Accept", accept)
	r.Header.Set("Accept-Encoding", encodings)
	r.Header.Set("User-Agent", c.agent)
	if req.ETag != "" {
		r.Header.Set("If-None-Match", req.ETag)
	}
	if req.LastModified != "" {
		r.Header.Set("If-Modified-Since", req.LastModified)
	}
	return r
}

// unreached is the error of a request that got no whole answer.
func (c *Client) unreached(ctx context.Context, u *url.URL, err error) error {
	if ours, ok := errors.AsType[*rag.Error](err); ok {
		return rag.Wrap(ours.Kind, ours, Show(u)) // the guard's
	}
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, errIdle), errors.Is(cause, errSlow):
		err = cause
	case cause != nil:
		return cause
	}
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
		return rag.Errorf(rag.KindUnavailable, "%s cannot be read: %s; if the authority is one of your own, name its certificate in ca_file", Show(u), c.hide(err.Error()))
	}
	said := rag.Errorf(rag.KindUnavailable, "%s cannot be read: %s", Show(u), c.hide(err.Error()))
	if certificate(err) {
		return said
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return &downError{said}
	}
	return &passing{error: &downError{said}}
}

// certificate reports whether err is one of trust, which trying again does not mend.
func certificate(err error) bool {
	_, verify := errors.AsType[*tls.CertificateVerificationError](err)
	_, name := errors.AsType[x509.HostnameError](err)
	return verify || name
}

// hide makes what came from elsewhere fit for an error: short, and without secrets.
func (c *Client) hide(s string) string {
	for _, secret := range c.secrets {
		s = strings.ReplaceAll(s, secret, "***")
	}
	return short(s)
}

// refused is the error of an answer that is none.
func (c *Client) refused(h *host, u *url.URL, resp *http.Response) error {
	code := resp.StatusCode
	kind, what := meaning(code)
	var err error = &statusError{rag.Errorf(kind, "%s: %s (HTTP %d)", Show(u), what, code), code}
	after := askedWait(resp.Header, time.Now())
	switch {
	case kind == rag.KindExhausted, code == http.StatusServiceUnavailable && after > 0:
		h.pause(min(max(after, time.Second), time.Duration(c.set.MaxWait)))
	}
	switch code {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		err = &downError{err}
	}
	if kind == rag.KindExhausted || kind == rag.KindUnavailable && code != http.StatusNotImplemented && code != http.StatusHTTPVersionNotSupported {
		return &passing{error: err, after: after}
	}
	return err
}

// meaning says what a status that is an error stands for.
func meaning(code int) (kind rag.Kind, what string) {
	kind, what = rag.KindInvalid, "the server does not take the request"
	switch {
	case code == http.StatusNotFound, code == http.StatusGone:
		kind, what = rag.KindNotFound, "there is nothing"
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusProxyAuthRequired, code == http.StatusUnavailableForLegalReasons:
		kind, what = rag.KindUnauthorized, "the server refuses access"
	case code == http.StatusTooManyRequests:
		kind, what = rag.KindExhausted, "the server asks for fewer requests"
	case code >= 500, code == http.StatusRequestTimeout, code == http.StatusTooEarly:
		kind, what = rag.KindUnavailable, "the server failed"
	}
	return kind, what
}
