package s3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/smartretriever/smartretriever/rag"
)

// newTransport returns what makes connections. Its errors name files, not what is in
// them.
func newTransport(c Config) (http.RoundTripper, error) {
	if c.Transport != nil {
		return c.Transport, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, rag.Wrap(rag.KindInvalid, err, "certificates of authorities for the bucket")
		}
		if config.RootCAs, err = x509.SystemCertPool(); err != nil {
			config.RootCAs = x509.NewCertPool() // a system that has none
		}
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, rag.Errorf(rag.KindInvalid, "%s holds no certificate of an authority", c.CAFile)
		}
	}
	if c.CertFile != "" {
		load := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			cert, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
			return &cert, err
		}
		if _, err := load(nil); err != nil {
			return nil, rag.Wrap(rag.KindInvalid, err, "client certificate for the bucket")
		}
		config.GetClientCertificate = load // which has certificates replaced without a restart
	}
	var proxy func(*http.Request) (*url.URL, error)
	if c.Proxy != "" {
		u, err := url.Parse(c.Proxy)
		if err != nil {
			return nil, rag.Errorf(rag.KindInvalid, "the proxy for the bucket is no address")
		}
		proxy = http.ProxyURL(u)
	}
	dialer := &net.Dialer{Timeout: c.Connect}
	return &http.Transport{
		Proxy: proxy,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &impatient{Conn: conn, silence: c.Timeout}, nil
		},
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    c.Connect,
		MaxResponseHeaderBytes: 256 << 10,
		MaxIdleConnsPerHost:    32,
		MaxIdleConns:           64,
		IdleConnTimeout:        min(30*time.Second, c.Timeout),
		DisableCompression:     true, // originals are taken as they are
	}, nil
}

// impatient is a connection that breaks when nothing moves for a while. A request has
// no other limit of time: that of a large file may take as long as it goes on.
type impatient struct {
	net.Conn
	silence time.Duration
}

// Read reads what comes within the time.
func (c *impatient) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.silence)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// Write writes a piece within the time. What is waited for afterwards is waited for
// from here on.
func (c *impatient) Write(p []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(c.silence)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// errLeftAlone is the error of a request that was not made.
var errLeftAlone = errors.New("it failed several times in a row and is left alone for a moment")

// circuit fails at once after several failures of the server in a row, instead of
// letting every request wait for one that is down.
type circuit struct {
	to      http.RoundTripper
	breaker *gobreaker.CircuitBreaker[*http.Response]
}

// failing is an answer that says that the server fails. It goes to the caller as an
// answer.
type failing struct{ resp *http.Response }

func (f *failing) Error() string { return f.resp.Status }

// failed reports whether a status says that the server is down or overrun. That of an
// internal error does not: it is about one request.
func failed(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

func newCircuit(to http.RoundTripper, host string, c Config) *circuit {
	return &circuit{to: to, breaker: gobreaker.NewCircuitBreaker[*http.Response](gobreaker.Settings{
		Name:        host,
		MaxRequests: 1,
		Timeout:     c.Pause,
		ReadyToTrip: func(n gobreaker.Counts) bool { return int(n.ConsecutiveFailures) >= c.Failures },
		IsExcluded:  func(err error) bool { return errors.Is(err, context.Canceled) },
	})}
}

// RoundTrip makes a request unless the circuit is open.
func (c *circuit) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.breaker.Execute(func() (*http.Response, error) {
		resp, err := c.to.RoundTrip(r)
		if err == nil && failed(resp.StatusCode) {
			return nil, &failing{resp}
		}
		return resp, err
	})
	if f, ok := errors.AsType[*failing](err); ok {
		return f.resp, nil
	}
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return nil, errLeftAlone
	}
	return resp, err
}
