package s3

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"

	"github.com/minio/minio-go/v7"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source/fetch"
)

const (
	maxPage  = 16 << 20 // bytes of a page of a list: 1,000 keys of 1 KiB, escaped, and what stands around them
	maxPages = 20_000   // of a list
)

// pages counts those of one list, in the context of its requests: a server that sends
// one empty page after the other would keep the library busy for ever.
type pages struct{ n atomic.Int64 }

type pagesKey struct{}

// wire makes the library's requests by the transport of fetch. A page of a list is
// read whole before the library sees it, and once more if the connection breaks; what
// is no list at all is an error, since it would pass for the list of an empty bucket.
type wire struct {
	to  http.RoundTripper
	set Settings
}

// RoundTrip makes a request.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Query().Get("list-type") != "2" {
		return w.to.RoundTrip(r)
	}
	if p, ok := r.Context().Value(pagesKey{}).(*pages); ok && p.n.Add(1) > w.pages() {
		return nil, rag.Errorf(rag.KindExhausted, "%s: the list has no end", fetch.Show(r.URL))
	}
	for try := 1; ; try++ {
		resp, err := w.to.RoundTrip(r)
		if err != nil || resp.StatusCode != http.StatusOK {
			return resp, err
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxPage+1))
		resp.Body.Close()
		switch {
		case err != nil && (try >= w.set.Tries || rag.KindOf(err) != rag.KindUnavailable || r.Context().Err() != nil):
			return nil, err
		case err != nil:
			continue
		case len(body) > maxPage:
			return nil, rag.Errorf(rag.KindExhausted, "%s: a page of the list is larger than %d bytes", fetch.Show(r.URL), maxPage)
		}
		if err := isList(body); err != nil {
			return nil, rag.Wrap(rag.KindInvalid, err, fetch.Show(r.URL))
		}
		resp.Body = io.NopCloser(bytes.NewReader(body))
		return resp, nil
	}
}

// pages is how many a list may have: one an object, up to a limit at which pages hold
// fifty objects of the million that a list may have.
func (w *wire) pages() int64 { return min(maxPages, int64(w.set.MaxObjects)+100) }

// isList returns an error unless the first element of a page is the list's.
func isList(body []byte) error {
	d := xml.NewDecoder(bytes.NewReader(body))
	for {
		token, err := d.Token()
		if err != nil {
			return errors.New("the server's answer is no list of objects")
		}
		if first, ok := token.(xml.StartElement); ok {
			if first.Name.Local != "ListBucketResult" {
				return errors.New("the server's answer is no list of objects; the endpoint may be wrong")
			}
			return nil
		}
	}
}

// explain gives an error of the library a kind and says what it is about.
func (s *Source) explain(ctx context.Context, err error, about string) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if ours, ok := errors.AsType[*rag.Error](err); ok {
		return rag.Wrap(ours.Kind, ours, about)
	}
	if _, ok := errors.AsType[*url.Error](err); ok { // the library's own word for a connection that breaks
		return rag.Errorf(rag.KindUnavailable, "%s: %s", about, s.client.Hide(err.Error()))
	}
	resp, ok := errors.AsType[minio.ErrorResponse](err)
	if !ok {
		return rag.Errorf(rag.KindInvalid, "%s: %s", about, s.client.Hide(err.Error()))
	}
	kind, what := meaning(resp)
	if resp.Region != "" && resp.Region != s.set.Region {
		what += "; the bucket is in the region " + s.client.Hide(resp.Region)
	}
	return rag.Errorf(kind, "%s: %s (%s, HTTP %d)", about, what, s.client.Hide(resp.Code), resp.StatusCode)
}

// meaning says what an error of the protocol stands for.
func meaning(resp minio.ErrorResponse) (rag.Kind, string) {
	switch resp.Code {
	case "NoSuchBucket":
		return rag.KindNotFound, "there is no such bucket"
	case "NoSuchKey":
		return rag.KindNotFound, "the object is not there any more"
	case "InvalidObjectState":
		return rag.KindInvalid, "the object is archived and must be restored before it can be read"
	case "SignatureDoesNotMatch":
		return rag.KindUnauthorized, "the server does not accept the secret key"
	case "InvalidAccessKeyId", "InvalidTokenId", "ExpiredToken", "InvalidToken":
		return rag.KindUnauthorized, "the server does not accept the credentials"
	case "RequestTimeTooSkewed":
		return rag.KindUnauthorized, "the clock of this machine differs from the server's"
	case "PermanentRedirect", "AuthorizationHeaderMalformed", "InvalidRegion", "IllegalLocationConstraintException":
		return rag.KindInvalid, "the bucket is elsewhere; name its endpoint and region"
	case "SlowDown", "RequestLimitExceeded", "TooManyRequests":
		return rag.KindExhausted, "the server asks for fewer requests"
	}
	switch code := resp.StatusCode; {
	case code == http.StatusPreconditionFailed:
		return rag.KindConflict, "the object has changed since it was listed; the next reading has it"
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return rag.KindUnauthorized, "the server refuses access"
	case code == http.StatusNotFound, code == http.StatusGone:
		return rag.KindNotFound, "there is nothing"
	case code == http.StatusTooManyRequests:
		return rag.KindExhausted, "the server asks for fewer requests"
	case code >= 500:
		return rag.KindUnavailable, "the server failed"
	}
	return rag.KindInvalid, "the server does not take the request"
}
