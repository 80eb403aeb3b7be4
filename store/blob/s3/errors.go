package s3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/smartretriever/smartretriever/rag"
)

// Reasons why a bucket cannot be used, for errors.Is. All but ErrLocked come with
// KindUnavailable: for whoever asked, originals cannot be had, and it is no fault of
// theirs.
var (
	ErrNoBucket    = errors.New("there is no such bucket")
	ErrCredentials = errors.New("the server does not accept the credentials")
	ErrDenied      = errors.New("the server refuses access: the credentials do not allow it, or the bucket is read-only")
	ErrElsewhere   = errors.New("the bucket is elsewhere; name its endpoint and region")
	ErrAway        = errors.New("the server cannot be reached, or fails")
	ErrLocked      = errors.New("object lock keeps the object") // KindRefused
)

// Error is what a bucket could not do. It holds nothing secret.
type Error struct {
	Doing  string // what was tried
	Bucket string
	Key    string // "" where it is about the bucket
	Kind   rag.Kind
	Reason error  // one of the above, or what else is known
	Code   string // of the protocol, "" if the server did not answer
	Status int    // of HTTP, 0 if the server did not answer
}

// Error names the bucket, the key, and what is wrong.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: bucket %s", e.Doing, e.Bucket)
	if e.Key != "" {
		fmt.Fprintf(&b, ", key %s", e.Key)
	}
	fmt.Fprintf(&b, ": %v", e.Reason)
	switch {
	case e.Code != "" && e.Status != 0:
		fmt.Fprintf(&b, " (%s, HTTP %d)", e.Code, e.Status)
	case e.Status != 0:
		fmt.Fprintf(&b, " (HTTP %d)", e.Status)
	}
	return b.String()
}

// Unwrap gives the kind and the reason.
func (e *Error) Unwrap() []error {
	return []error{&rag.Error{Kind: e.Kind, Message: e.Doing}, e.Reason}
}

// Is reports whether target is the sentinel of the kind.
func (e *Error) Is(target error) bool { return (&rag.Error{Kind: e.Kind, Message: e.Doing}).Is(target) }

// explain gives an error of the library a kind and says what it is about. An error of
// ctx keeps what it is.
func (s *Store) explain(ctx context.Context, err error, doing, key string) error {
	if err == nil {
		return nil
	}
	if ended := ctx.Err(); ended != nil {
		return rag.Wrap(rag.KindOf(ended), ended, doing)
	}
	e := &Error{Doing: doing, Bucket: s.cfg.Bucket, Key: key, Kind: rag.KindUnavailable}
	resp, answered := errors.AsType[minio.ErrorResponse](err)
	if !answered {
		e.Reason = away(err)
		return e
	}
	e.Code, e.Status = word(resp.Code), resp.StatusCode
	e.Kind, e.Reason = meaning(resp)
	return e
}

// away says why there was no answer, without the address of the request.
func away(err error) error {
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok || isTLS(err) {
		return fmt.Errorf("%w: its certificate is not trusted: %w", ErrAway, err)
	}
	return fmt.Errorf("%w: %w", ErrAway, err)
}

func isTLS(err error) bool {
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, host := errors.AsType[x509.HostnameError](err)
	return unknown || host
}

// word is a code of the protocol as long as it is one.
func word(code string) string {
	if len(code) > 64 || strings.ContainsFunc(code, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_')
	}) {
		return ""
	}
	return code
}

// meaning says what an error of the protocol stands for.
func meaning(resp minio.ErrorResponse) (rag.Kind, error) {
	switch resp.Code {
	case "NoSuchBucket":
		return rag.KindUnavailable, ErrNoBucket
	case "NoSuchKey", "NoSuchVersion":
		return rag.KindNotFound, errors.New("there is no such object")
	case "SignatureDoesNotMatch", "InvalidAccessKeyId", "InvalidTokenId", "ExpiredToken", "InvalidToken", "InvalidClientTokenId", "NotSignedUp", "XAdminUserNotFound":
		return rag.KindUnavailable, ErrCredentials
	case "RequestTimeTooSkewed":
		return rag.KindUnavailable, fmt.Errorf("%w: the clock of this machine differs from the server's", ErrCredentials)
	case "PermanentRedirect", "AuthorizationHeaderMalformed", "InvalidRegion", "IllegalLocationConstraintException":
		return rag.KindUnavailable, ErrElsewhere
	case "SlowDown", "SlowDownRead", "SlowDownWrite", "RequestLimitExceeded", "TooManyRequests":
		return rag.KindUnavailable, fmt.Errorf("%w: it asks for fewer requests", ErrAway)
	case "QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage":
		return rag.KindExhausted, errors.New("the bucket is full")
	case "EntityTooLarge":
		return rag.KindExhausted, errors.New("the server does not take so large an object")
	case "InvalidObjectState":
		return rag.KindUnavailable, errors.New("the object is archived and must be restored before it can be read")
	case "BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "InvalidDigest":
		return rag.KindUnavailable, errors.New("it was damaged on its way to the server")
	}
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusMethodNotAllowed:
		return rag.KindUnavailable, ErrDenied
	case code == http.StatusNotFound, code == http.StatusGone:
		return rag.KindNotFound, errors.New("there is no such object")
	case code == http.StatusRequestEntityTooLarge:
		return rag.KindExhausted, errors.New("the server does not take so large an object")
	case code == http.StatusInsufficientStorage:
		return rag.KindExhausted, errors.New("the bucket is full")
	case code == http.StatusTooManyRequests, code >= 500:
		return rag.KindUnavailable, ErrAway
	}
	return rag.KindUnavailable, errors.New("the server does not take the request")
}

// What the protocol says in ways that are no error here.

// missing: there is no such object. An answer without a body, that to a look, says no
// more than that there is nothing, also where there is no bucket.
func missing(err error) bool {
	resp, ok := errors.AsType[minio.ErrorResponse](err)
	return ok && (resp.Code == "NoSuchKey" || resp.Code == "NoSuchVersion")
}

// taken: an object is there already, or somebody else is about to store it.
func taken(err error) bool {
	resp, ok := errors.AsType[minio.ErrorResponse](err)
	return ok && (resp.StatusCode == http.StatusPreconditionFailed || resp.StatusCode == http.StatusConflict || resp.Code == "PreconditionFailed" || resp.Code == "ConditionalRequestConflict")
}

// unknown: the server does not know the header or the request.
func unknown(err error) bool {
	resp, ok := errors.AsType[minio.ErrorResponse](err)
	return ok && (resp.StatusCode == http.StatusNotImplemented || resp.Code == "NotImplemented")
}

func denied(err error) bool {
	resp, ok := errors.AsType[minio.ErrorResponse](err)
	return ok && (resp.StatusCode == http.StatusForbidden || resp.StatusCode == http.StatusMethodNotAllowed)
}

// malformed: the server does not take what it was given for a name.
func malformed(err error) bool {
	resp, ok := errors.AsType[minio.ErrorResponse](err)
	return ok && resp.StatusCode == http.StatusBadRequest && resp.Code == "InvalidArgument"
}

// answered: the server itself has dealt with the request, and will not any more. Of
// one that a gateway gave up, nobody knows.
func answered(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status != 0 && e.Status != http.StatusBadGateway && e.Status != http.StatusGatewayTimeout
}
