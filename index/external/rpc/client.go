package rpc

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/smartretriever/smartretriever/index/external/call"
	"github.com/smartretriever/smartretriever/rag"
)

// Config says where a service is and how it is called.
type Config struct {
	Product string // of the server, begins every error: "qdrant"

	// Address is grpc://HOST:PORT or, with TLS, grpcs://HOST:PORT.
	Address string
	Secrets call.Secrets
	TLS     *tls.Config // of grpcs; nil trusts the authorities of the system

	ConnectTimeout time.Duration     // of connecting and of the TLS handshake; 0 is 5 s
	Timeout        time.Duration     // of a call; 0 is 30 s
	MaxAnswer      int64             // bytes of an answer; 0 is 64 MiB
	Transport      http.RoundTripper // speaks HTTP/2; nil makes one, with the fields above; for tests
}

// WithDefaults fills in the zero fields.
func (c Config) WithDefaults() Config {
	b := c.bounds().WithDefaults()
	c.ConnectTimeout, c.Timeout, c.MaxAnswer = b.Connect, b.Call, b.Answer
	return c
}

func (c Config) bounds() call.Bounds {
	return call.Bounds{Connect: c.ConnectTimeout, Call: c.Timeout, Answer: c.MaxAnswer}
}

// Validate reports all that is wrong, as KindInvalid.
func (c Config) Validate() error {
	_, _, err := c.base()
	if err := errors.Join(err, c.Secrets.Validate(), c.bounds().Validate()); err != nil {
		return rag.Errorf(rag.KindInvalid, "%s: %w", c.Product, err)
	}
	return nil
}

// base returns the address as one of HTTP, and whether it is with TLS.
func (c Config) base() (address string, secure bool, err error) {
	scheme, host, _ := strings.Cut(c.Address, "://")
	host = strings.TrimSuffix(host, "/")
	u, err := url.Parse("http://" + host)
	if (scheme != "grpc" && scheme != "grpcs") || err != nil || u.Host != host || u.Port() == "" || u.Hostname() == "" {
		return "", false, errors.New("the address must be grpc://HOST:PORT or grpcs://HOST:PORT")
	}
	return strings.Replace(scheme, "grpc", "http", 1) + "://" + host, scheme == "grpcs", nil
}

// Client calls one server. It is goroutine-safe.
type Client struct {
	cfg    Config
	base   string
	http   *http.Client
	closed atomic.Bool
}

// New returns a client, or an error of KindInvalid. It does not call.
func New(cfg Config) (*Client, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	base, secure, _ := cfg.base()
	if cfg.Transport == nil {
		cfg.Transport = newTransport(cfg, secure)
	}
	return &Client{cfg: cfg, base: base, http: call.Client(cfg.Transport)}, nil
}

func newTransport(cfg Config, secure bool) *http.Transport {
	t := cfg.bounds().Transport(cfg.TLS)
	// All calls share a connection: one whose other end is gone must be noticed.
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 20 * time.Second, PingTimeout: 10 * time.Second}
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP2(secure)
	t.Protocols.SetUnencryptedHTTP2(!secure)
	return t
}

// Close ends idle connections. Later calls are KindUnavailable.
func (c *Client) Close() error {
	c.closed.Store(true)
	c.http.CloseIdleConnections()
	return nil
}

// Call calls a method, as "qdrant.Points/Upsert", with a message, and returns the message of the answer. It makes one try, of Config.Timeout at most.
// Errors are of rag's kinds; that of ctx where ctx has ended. StatusOf tells the status of one that the server gave.
func (c *Client) Call(ctx context.Context, method string, message []byte) (answer []byte, err error) {
	if c.closed.Load() {
		return nil, call.Closed(c.cfg.Product)
	}
	err = call.Within(ctx, c.cfg.Product, c.cfg.Timeout, func(ctx context.Context) (err error) {
		answer, err = c.try(ctx, method, message)
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

func (c *Client) try(ctx context.Context, method string, message []byte) ([]byte, error) {
	req, err := c.request(ctx, method, message)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, rag.Wrap(rag.KindUnavailable, call.Cause(err), c.cfg.Product+": the server cannot be reached")
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/grpc") {
		return nil, c.strange(resp)
	}
	answer, err := c.readMessage(resp.Body)
	header := resp.Header
	if len(resp.Trailer) > 0 { // it is there once the body has ended
		header = header.Clone()
		maps.Copy(header, resp.Trailer)
	}
	switch status := header.Get("Grpc-Status"); {
	case status != "" && status != "0":
		return nil, c.refusal(status, header)
	case err != nil:
		return nil, err
	case status == "":
		return nil, rag.Errorf(rag.KindUnavailable, "%s: the answer was cut off", c.cfg.Product)
	}
	return answer, nil
}

// request frames a message: a byte that says that it is not compressed, its length, and itself.
func (c *Client) request(ctx context.Context, method string, message []byte) (*http.Request, error) {
	frame := make([]byte, 5, 5+len(message))
	binary.BigEndian.PutUint32(frame[1:], uint32(len(message)))
	frame = append(frame, message...)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/"+method, bytes.NewReader(frame))
	if err != nil {
		return nil, rag.Wrap(rag.KindInvalid, err, c.cfg.Product+": address")
	}
	c.cfg.Secrets.Set(req.Header)
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("Grpc-Accept-Encoding", "identity")
	req.Header.Set("Accept-Encoding", "identity") // else the transport asks for gzip itself
	req.Header.Set("Te", "trailers")
	req.Header.Set("User-Agent", "smartretriever")
	if end, ok := ctx.Deadline(); ok { // the server ends a little later than this side, whose end is told as what it is
		left := max(1, min((time.Until(end)+time.Second).Milliseconds(), 99_999_999)) // eight digits
		req.Header.Set("Grpc-Timeout", strconv.FormatInt(left, 10)+"m")
	}
	return req, nil
}

// readMessage reads the only message of an answer, to the end. A refusal has none.
func (c *Client) readMessage(body io.Reader) ([]byte, error) {
	cut := func(err error) error {
		return rag.Wrap(rag.KindUnavailable, call.Cause(err), c.cfg.Product+": the answer was cut off")
	}
	malformed := func(what string) error {
		return rag.Errorf(rag.KindInternal, "%s: the answer is malformed: %s", c.cfg.Product, what)
	}
	var prefix [5]byte
	switch _, err := io.ReadFull(body, prefix[:]); {
	case err == io.EOF:
		return nil, malformed("it has no message")
	case err != nil:
		return nil, cut(err)
	case prefix[0] != 0:
		return nil, malformed("it is compressed, which was not asked for")
	}
	n := int64(binary.BigEndian.Uint32(prefix[1:]))
	if n > c.cfg.MaxAnswer {
		return nil, rag.Errorf(rag.KindInternal, "%s: the answer is larger than %d bytes", c.cfg.Product, c.cfg.MaxAnswer)
	}
	message, err := io.ReadAll(io.LimitReader(body, n)) // grows with what comes, not with what is promised
	switch {
	case err != nil:
		return nil, cut(err)
	case int64(len(message)) < n:
		return nil, cut(io.ErrUnexpectedEOF)
	}
	switch more, err := body.Read(prefix[:]); {
	case more > 0:
		return nil, malformed("it has more than one message")
	case err != nil && err != io.EOF:
		return nil, cut(err)
	}
	return message, nil
}
