package rest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/smartretriever/smartretriever/index/external/call"
	"github.com/smartretriever/smartretriever/rag"
)

// Config says where an API is and how it is called.
type Config struct {
	Product string // of the server, begins every error: "chroma"

	// Address is http://HOST:PORT or https://HOST:PORT, with a path if the API is below one. It holds no password.
	Address string
	Secrets call.Secrets
	Header  http.Header // sent with every call besides; may be nil
	TLS     *tls.Config // of https: own authorities, a client's certificate; nil trusts the authorities of the system

	ConnectTimeout time.Duration     // of connecting and of the TLS handshake; 0 is 5 s
	Timeout        time.Duration     // of a call; 0 is 30 s
	MaxAnswer      int64             // bytes of an answer; 0 is 64 MiB
	Transport      http.RoundTripper // nil makes one, with the fields above; for tests

	// Explain reads what the body of a refusal says: a code, which is a word that stands for the kind of the fault, and a message. nil knows the usual
	// forms: members "error", "message", "detail", "code" and "type".
	Explain func(body []byte) (code, message string)
}

// WithDefaults fills in the zero fields.
func (c Config) WithDefaults() Config {
	b := c.bounds().WithDefaults()
	c.ConnectTimeout, c.Timeout, c.MaxAnswer = b.Connect, b.Call, b.Answer
	if c.Explain == nil {
		c.Explain = explain
	}
	return c
}

func (c Config) bounds() call.Bounds {
	return call.Bounds{Connect: c.ConnectTimeout, Call: c.Timeout, Answer: c.MaxAnswer}
}

// Validate reports all that is wrong, as KindInvalid.
func (c Config) Validate() error {
	var faults []error
	u, err := url.Parse(c.Address)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https") || u.RawQuery != "" || u.Fragment != "":
		faults = append(faults, errors.New("the address must be http://HOST:PORT or https://HOST:PORT")) // which is not repeated: there may be a password in it
	case u.User != nil:
		faults = append(faults, errors.New("the address has a name or password in it; there are settings of their own for these"))
	}
	faults = append(faults, c.Secrets.Validate(), c.bounds().Validate())
	if err := errors.Join(faults...); err != nil {
		return rag.Errorf(rag.KindInvalid, "%s: %w", c.Product, err)
	}
	return nil
}

// Client calls one server. It is goroutine-safe.
type Client struct {
	cfg    Config
	http   *http.Client
	closed atomic.Bool
}

// New returns a client, or an error of KindInvalid. It does not call.
func New(cfg Config) (*Client, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.Address = strings.TrimRight(cfg.Address, "/")
	if cfg.Transport == nil {
		t := cfg.bounds().Transport(cfg.TLS)
		t.ForceAttemptHTTP2, t.MaxIdleConns, t.MaxIdleConnsPerHost = true, 32, 32
		cfg.Transport = t
	}
	return &Client{cfg: cfg, http: call.Client(cfg.Transport)}, nil
}

// Close ends idle connections. Later calls are KindUnavailable.
func (c *Client) Close() error {
	c.closed.Store(true)
	c.http.CloseIdleConnections()
	return nil
}

// Request is one call.
type Request struct {
	Method string
	Path   string     // below the address, escaped, beginning with "/"
	Query  url.Values // may be nil
	Header http.Header

	// Body is sent as JSON, or, if it is a []byte, as it is; nil is none.
	Body        any
	ContentType string // of the Body; "" is application/json

	// Private says that the body holds what no error may tell, as texts and vectors: of a refusal, whose message may repeat them, errors have the code only.
	Private bool

	Timeout time.Duration // instead of Config's, if it is not 0
}

// Do makes one call, and decodes an answer of the statuses 200 to 299 into what answer points to: as JSON, or, if it is a *[]byte, as it is; with nil
// nothing is decoded. It returns the header of the answer.
//
// Errors are of rag's kinds, with a *Refusal in the chain of those that the server gave; where ctx has ended, its error.
func (c *Client) Do(ctx context.Context, r Request, answer any) (header http.Header, err error) {
	if c.closed.Load() {
		return nil, call.Closed(c.cfg.Product)
	}
	err = call.Within(ctx, c.cfg.Product, cmp.Or(r.Timeout, c.cfg.Timeout), func(ctx context.Context) (err error) {
		header, err = c.try(ctx, r, answer)
		return err
	})
	if err != nil {
		return nil, err
	}
	return header, nil
}

func (c *Client) try(ctx context.Context, r Request, answer any) (http.Header, error) {
	req, err := c.request(ctx, r)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, rag.Wrap(rag.KindUnavailable, call.Cause(err), c.cfg.Product+": the server cannot be reached")
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, c.refusal(resp, r.Private)
	}
	body, err := c.readAll(resp.Body)
	if err != nil {
		return nil, err
	}
	return resp.Header, c.decode(body, answer)
}

func (c *Client) request(ctx context.Context, r Request) (*http.Request, error) {
	var body io.Reader
	switch b := r.Body.(type) {
	case nil:
	case []byte:
		body = bytes.NewReader(b)
	default:
		data, err := json.Marshal(b)
		if err != nil {
			return nil, rag.Errorf(rag.KindInvalid, "%s: the request cannot be written as JSON", c.cfg.Product) // the cause tells the value
		}
		body = bytes.NewReader(data)
	}
	address := c.cfg.Address + r.Path
	if len(r.Query) > 0 {
		address += "?" + r.Query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, address, body)
	if err != nil {
		return nil, rag.Wrap(rag.KindInvalid, call.Cause(err), c.cfg.Product+": address")
	}
	for _, header := range []http.Header{c.cfg.Header, r.Header} {
		for name, values := range header {
			req.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	c.cfg.Secrets.Set(req.Header)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "smartretriever")
	switch {
	case body == nil:
	case r.ContentType != "":
		req.Header.Set("Content-Type", r.ContentType)
	default:
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// readAll reads an answer to its end.
func (c *Client) readAll(body io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(body, c.cfg.MaxAnswer+1))
	switch {
	case err != nil:
		return nil, rag.Wrap(rag.KindUnavailable, call.Cause(err), c.cfg.Product+": the answer was cut off")
	case int64(len(data)) > c.cfg.MaxAnswer:
		return nil, rag.Errorf(rag.KindInternal, "%s: the answer is larger than %d bytes", c.cfg.Product, c.cfg.MaxAnswer)
	}
	return data, nil
}

func (c *Client) decode(body []byte, answer any) error {
	if raw, ok := answer.(*[]byte); ok {
		*raw = body
		return nil
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(body, answer); err != nil { // which refuses nothing at all, and anything after the value
		return rag.Errorf(rag.KindInternal, "%s: the answer is not what was expected: %s", c.cfg.Product, c.cfg.Secrets.Clean(err.Error()))
	}
	return nil
}
