// Package call holds what calls of JSON APIs (rest) and of gRPC services (rpc) have in common: bounds of time and size, the keys that are sent, and what an
// error may tell.
package call

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// Bounds are those of a client's calls.
type Bounds struct {
	Connect time.Duration // of connecting and of the TLS handshake; 0 is 5 s
	Call    time.Duration // 0 is 30 s
	Answer  int64         // bytes; 0 is 64 MiB
}

// WithDefaults fills in the zero fields.
func (b Bounds) WithDefaults() Bounds {
	return Bounds{cmp.Or(b.Connect, 5*time.Second), cmp.Or(b.Call, 30*time.Second), cmp.Or(b.Answer, 64<<20)}
}

// Validate reports a bound that is none.
func (b Bounds) Validate() error {
	if b.Connect < 0 || b.Call < 0 || b.Answer < 0 {
		return errors.New("a timeout or bound is negative")
	}
	return nil
}

// Transport returns connections with these bounds. It asks no proxy of the environment: only config reads that.
func (b Bounds) Transport(secure *tls.Config) *http.Transport {
	return &http.Transport{
		DialContext:         (&net.Dialer{Timeout: b.Connect, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: b.Connect,
		TLSClientConfig:     secure.Clone(),
		IdleConnTimeout:     90 * time.Second,
	}
}

// Client returns a client that follows no redirect, which could carry a key elsewhere.
func Client(t http.RoundTripper) *http.Client {
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Within makes a call of at most timeout. One that takes longer is KindUnavailable; where ctx has ended, the error is its error.
func Within(ctx context.Context, product string, timeout time.Duration, call func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := call(bounded)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", product, ctx.Err())
	case bounded.Err() != nil:
		return rag.Errorf(rag.KindUnavailable, "%s: no answer within %s", product, timeout)
	}
	return err
}

// Closed is the error of a call after its client was closed.
func Closed(product string) error {
	return rag.Errorf(rag.KindUnavailable, "%s: the connection has been closed", product)
}

// Cause leaves out what url.Error repeats, method and address.
func Cause(err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		return ue.Err
	}
	return err
}
