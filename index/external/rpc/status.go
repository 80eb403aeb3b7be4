package rpc

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// Code is a status of gRPC.
type Code int

// The codes of gRPC that adapters tell apart.
const (
	Cancelled          Code = 1
	Unknown            Code = 2
	InvalidArgument    Code = 3
	DeadlineExceeded   Code = 4
	NotFound           Code = 5
	AlreadyExists      Code = 6
	PermissionDenied   Code = 7
	ResourceExhausted  Code = 8
	FailedPrecondition Code = 9
	Aborted            Code = 10
	OutOfRange         Code = 11
	Unimplemented      Code = 12
	Internal           Code = 13
	Unavailable        Code = 14
	DataLoss           Code = 15
	Unauthenticated    Code = 16
)

// Status is what a server refused a call with. It is in the chain of Call's errors.
type Status struct {
	Code    Code
	Message string        // of the server, without the secrets, at most 300 bytes
	After   time.Duration // how long the server asks to wait, 0 if it does not say
}

// RetryAfter returns how long the server asks to wait before the next call, 0 if it does not say.
func (s *Status) RetryAfter() time.Duration { return s.After }

// Error returns the server's message.
func (s *Status) Error() string {
	if s.Message == "" {
		return "status " + strconv.Itoa(int(s.Code))
	}
	return s.Message
}

// StatusOf returns the status in err's chain, and whether there is one.
func StatusOf(err error) (Status, bool) {
	if s, ok := errors.AsType[*Status](err); ok {
		return *s, true
	}
	return Status{}, false
}

// kindOf returns the kind of a status.
func kindOf(code Code) (kind rag.Kind, says string) {
	switch code {
	case InvalidArgument, FailedPrecondition, OutOfRange:
		return rag.KindInvalid, "the server does not accept the request"
	case NotFound:
		return rag.KindNotFound, "not found"
	case AlreadyExists:
		return rag.KindConflict, "it exists already"
	case PermissionDenied, Unauthenticated:
		return rag.KindUnauthorized, "the server does not accept the key"
	case ResourceExhausted:
		return rag.KindExhausted, "the server is out of room or asks for fewer calls"
	case Cancelled, DeadlineExceeded, Aborted, Unavailable:
		return rag.KindUnavailable, "the server cannot answer now"
	case Unimplemented:
		return rag.KindInvalid, "the server does not know this call; it is too old, or another service"
	}
	return rag.KindInternal, "the server failed"
}

// maxAfter bounds how long a server can ask to wait.
const maxAfter = 24 * time.Hour

// refusal is the error of a status other than OK. Its message is percent-encoded.
func (c *Client) refusal(status string, header http.Header) error {
	code, err := strconv.Atoi(status)
	if err != nil || code < 0 {
		code = int(Unknown)
	}
	message := header.Get("Grpc-Message")
	if plain, err := url.PathUnescape(message); err == nil {
		message = plain
	}
	s := &Status{Code: Code(code), Message: c.cfg.Secrets.Clean(message)}
	if seconds, err := strconv.Atoi(header.Get("Retry-After")); err == nil && seconds > 0 {
		s.After = time.Duration(min(seconds, int(maxAfter/time.Second))) * time.Second
	}
	kind, says := kindOf(s.Code)
	return rag.Wrap(kind, s, c.cfg.Product+": "+says)
}

// strange is the error of an answer that is not one of gRPC: of a gateway before the server, or of another server.
func (c *Client) strange(resp *http.Response) error {
	kind := rag.KindInvalid
	switch resp.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		kind = rag.KindUnauthorized
	case http.StatusTooManyRequests:
		kind = rag.KindExhausted
	case http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		kind = rag.KindUnavailable
	}
	return rag.Wrap(kind, fmt.Errorf("HTTP status %d, type %q", resp.StatusCode, c.cfg.Secrets.Clean(resp.Header.Get("Content-Type"))), c.cfg.Product+": the answer is not one of gRPC")
}
