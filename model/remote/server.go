package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/observe"
	"github.com/smartretriever/smartretriever/rag"
)

// Config says where a model is and how it is reached.
type Config struct {
	Part string // of this program that calls, begins every error: "llm"
	Noun string // what is called, in words: "language model"

	BaseURL string // up to and with /v1
	Model   string
	Key     string // "" sends none
	// KeyHeader carries the key. "" is Authorization, with "Bearer " before it.
	KeyHeader string
	Tokens    TokenSource // gives the bearer token, instead of Key; may be nil
	Header    http.Header // sent with every request besides; may be nil
	Proxy     string      // address of an HTTP proxy, "" for none

	ConnectTimeout time.Duration     // of connecting and of the TLS handshake
	Transport      http.RoundTripper // nil makes one; for tests and proxies

	Limit   LimitConfig       // of the requests with a body
	Observe *observe.Observer // counts how they wait; may be nil
}

// Validate reports what is wrong, as KindInvalid.
func (c Config) Validate() error {
	u, err := url.Parse(c.BaseURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return rag.Errorf(rag.KindInvalid, "%s: the address must be http://HOST/v1 or https://HOST/v1", c.Part)
	}
	if p, err := url.Parse(c.Proxy); c.Proxy != "" && (err != nil || p.Host == "") {
		return rag.Errorf(rag.KindInvalid, "%s: the proxy must be http://HOST:PORT", c.Part)
	}
	if c.Model == "" {
		return rag.Errorf(rag.KindInvalid, "%s: the name of the model is missing", c.Part)
	}
	if err := c.Limit.Validate(); err != nil {
		return rag.Errorf(rag.KindInvalid, "%s: %w", c.Part, err)
	}
	return nil
}

// Server is one model of one server. It is goroutine-safe.
type Server struct {
	cfg     Config
	http    *http.Client
	limiter *Limiter
	unshare func() // ends the use of the limiter
}

// NewServer returns a client, or an error of KindInvalid. It does not call.
func NewServer(cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.BaseURL = strings.TrimRight(cfg.BaseURL, "/")
	limiter, unshare := shareLimiter(cfg)
	if cfg.Transport == nil {
		cfg.Transport = NewTransport(cfg.Proxy, cfg.ConnectTimeout)
	}
	return &Server{cfg: cfg, limiter: limiter, unshare: unshare, http: &http.Client{Transport: cfg.Transport, CheckRedirect: stay}}, nil
}

// NewTransport returns a transport through the proxy, "" for none, whose address
// has been checked.
func NewTransport(address string, connect time.Duration) *http.Transport {
	var proxy func(*http.Request) (*url.URL, error)
	if address != "" {
		u, _ := url.Parse(address)
		proxy = http.ProxyURL(u)
	}
	return &http.Transport{
		Proxy:                 proxy, // not from the environment: only config reads that
		DialContext:           (&net.Dialer{Timeout: connect, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   connect,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          16,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       90 * time.Second,
		ResponseHeaderTimeout: 0, // the callers' timers hold it
	}
}

// stay follows no redirect, which could carry the key to another host.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Close drops idle connections.
func (s *Server) Close() error {
	s.unshare()
	s.http.CloseIdleConnections()
	return nil
}

// Do makes one request to the path below the address, with the key, when its turn
// has come; see Limiter. An error of it is of the transport, or a *Limited; see
// Unreachable.
func (s *Server) Do(ctx context.Context, method, path, accept string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.cfg.BaseURL+path, body)
	if err != nil {
		return nil, rag.Wrap(rag.KindInvalid, err, s.cfg.Part+": address")
	}
	for name, values := range s.cfg.Header {
		req.Header[name] = values
	}
	req.Header.Set("Accept", accept)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if err := s.authorize(req); err != nil {
		return nil, err
	}
	return s.limitedDo(req, body)
}

// Unreachable is the error of a call that the transport failed. One that has a
// kind, as that of a TokenSource, and one that was not made for the sake of a limit
// are returned as they are.
func (s *Server) Unreachable(err error) error {
	if _, limited := errors.AsType[*Limited](err); limited {
		return err
	}
	if _, ours := errors.AsType[*rag.Error](err); ours {
		return transportCause(err)
	}
	return &Temporary{Err: rag.Wrap(rag.KindUnavailable, transportCause(err), fmt.Sprintf("%s: the %s cannot be reached", s.cfg.Part, s.cfg.Noun))}
}

// transportCause leaves out what url.Error repeats, method and address; the cause
// is what matters.
func transportCause(err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		return ue.Err
	}
	return err
}

// maxListBytes bounds the list of models that is read.
const maxListBytes = 16 << 20

// Check asks the server for its models, which costs nothing, and reports whether
// the configured one is among them. A server without that list is taken at its
// word.
func (s *Server) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.ConnectTimeout)
	defer cancel()
	resp, err := s.Do(ctx, http.MethodGet, "/models", "application/json", nil)
	if err != nil {
		return s.Unreachable(err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return nil
	default:
		refusal := s.ReadRefusal(resp)
		if err := refusal.Err(); err != nil {
			return err
		}
		return refusal.Errorf(rag.KindInternal, "the server does not accept the request")
	}
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxListBytes)).Decode(&list); err != nil {
		return rag.Errorf(rag.KindUnavailable, "%s: %s does not answer like the OpenAI API", s.cfg.Part, s.cfg.BaseURL)
	}
	known := make([]string, len(list.Data))
	for i, m := range list.Data {
		known[i] = m.ID
	}
	return s.Among(known)
}

// Among returns nil when the configured model is one of those that the server
// has, and an error of KindNotFound that names some of them otherwise.
func (s *Server) Among(known []string) error {
	for _, name := range known {
		if name == s.cfg.Model || strings.TrimSuffix(name, ":latest") == s.cfg.Model {
			return nil
		}
	}
	if len(known) > 8 {
		known = append(known[:8:8], fmt.Sprintf("and %d more", len(known)-8))
	}
	return rag.Errorf(rag.KindNotFound, "%s: the server has no model %q; it has %s", s.cfg.Part, s.cfg.Model, Clean(strings.Join(known, ", "), s.cfg.Key))
}
