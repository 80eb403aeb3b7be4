// Package problem says how an error of ours looks over HTTP: the one table from
// kinds of error to status codes, and the problem document of RFC 9457.
//
// The native API answers with the document itself; the OpenAI-compatible one
// takes status and text from here and wraps them in its own shape.
package problem

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// MediaType is the content type of a problem document.
const MediaType = "application/problem+json"

// statuses is the table: what a caller is told for each kind. A caller who is
// not known at all gets 401 from package auth; KindUnauthorized that comes from
// further inside is about someone who is known but may not, hence 403.
var statuses = map[rag.Kind]int{
	rag.KindInvalid:      http.StatusBadRequest,
	rag.KindNotFound:     http.StatusNotFound,
	rag.KindConflict:     http.StatusConflict,
	rag.KindUnauthorized: http.StatusForbidden,
	rag.KindRefused:      http.StatusForbidden,
	rag.KindExhausted:    http.StatusTooManyRequests,
	rag.KindUnavailable:  http.StatusServiceUnavailable,
	rag.KindInternal:     http.StatusInternalServerError,
}

// Problem is a problem document. Kind and RequestID are extension members.
type Problem struct {
	Type      string   `json:"type" example:"about:blank" doc:"URI of the problem type"`
	Title     string   `json:"title" example:"Not Found" doc:"The status in words"`
	Status    int      `json:"status" example:"404" doc:"HTTP status"`
	Detail    string   `json:"detail" doc:"What happened, for people"`
	Kind      rag.Kind `json:"kind" enum:"invalid,not_found,conflict,unauthorized,refused,exhausted,unavailable,internal" doc:"What the caller can do about it"`
	RequestID string   `json:"request_id,omitempty" doc:"As in the X-Request-ID header and the server's log"`
	Errors    []Fault  `json:"errors,omitempty" doc:"One entry for each fault of the request"`

	retryAt time.Time // when the same request may succeed, zero if that is not known
}

// Fault is one thing that is wrong with a request.
type Fault struct {
	Message  string `json:"message" doc:"What is wrong"`
	Location string `json:"location,omitempty" doc:"Where, e.g. body.filter.value"`
}

// Error returns the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus returns the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType turns JSON into the problem's own media type.
func (p *Problem) ContentType(ct string) string {
	if ct == "application/json" {
		return MediaType
	}
	return ct
}

// New returns a problem with a status and a text.
func New(status int, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: title(status), Status: status, Detail: detail, Kind: kindOf(status)}
}

// Of returns the problem that err is to a caller. A Problem in err's chain is
// returned as it is.
func Of(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	p = New(Status(err), Detail(err))
	p.Kind, p.retryAt = rag.KindOf(err), RetryAt(err)
	return p
}

// RetryAt returns when what met err may be tried again, zero if err does not say.
func RetryAt(err error) time.Time {
	var r interface{ RetryAt() time.Time }
	if errors.As(err, &r) {
		return r.RetryAt()
	}
	return time.Time{}
}

// RetryAfter returns the value of the header Retry-After (RFC 9110, 10.2.3) for a
// moment, "" for none. It is at least a second.
func RetryAfter(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return strconv.Itoa(int(max(1, math.Ceil(time.Until(at).Seconds()))))
}

// GetHeaders returns the headers that go with the problem.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if after := RetryAfter(p.retryAt); after != "" {
		h.Set("Retry-After", after)
	}
	return h
}

// OfDocument is Of for an error that is about the content of one document that
// was handed in: what would be "too many requests" or "may not" elsewhere is here
// too large a file, or one that cannot be read.
func OfDocument(err error) *Problem {
	p := Of(err)
	status := p.Status
	switch {
	case errors.Is(err, context.DeadlineExceeded), !p.retryAt.IsZero():
	case p.Kind == rag.KindExhausted:
		status = http.StatusRequestEntityTooLarge
	case p.Kind == rag.KindInvalid, p.Kind == rag.KindUnauthorized:
		status = http.StatusUnprocessableEntity
	}
	if status == p.Status {
		return p
	}
	q := *p
	q.Status, q.Title = status, title(status)
	return &q
}

// Status returns the HTTP status of err.
func Status(err error) int {
	var p *Problem
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &p):
		return p.Status
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout
	}
	if s, ok := statuses[rag.KindOf(err)]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// Detail returns what a caller may read of err: for faults of the request
// everything, for a dependency that is down our own sentence without the cause,
// which may name machines, and for faults of ours nothing but that.
func Detail(err error) string {
	switch rag.KindOf(err) {
	case rag.KindInternal:
		return "The server met an internal error. Its log says more under this request's id."
	case rag.KindUnavailable:
		// A message that repeats its cause (Errorf with %w) is not shown.
		var e *rag.Error
		if errors.As(err, &e) && e.Message != "" && (e.Err == nil || e.Error() != e.Message) {
			return e.Message
		}
		return "A part that this request needs is not available. Trying again later may help."
	}
	return err.Error()
}

// Write sends the problem.
func (p *Problem) Write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", MediaType)
	h.Set("Cache-Control", "no-store")
	maps.Copy(h, p.GetHeaders())
	w.WriteHeader(p.Status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(p) // the client is gone if this fails
}

func title(status int) string {
	if t := http.StatusText(status); t != "" {
		return t
	}
	return "Error"
}

// kindOf is the way back, for problems that begin as a status: those of the
// router and of request validation.
func kindOf(status int) rag.Kind {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusMisdirectedRequest:
		return rag.KindUnauthorized
	case http.StatusNotFound:
		return rag.KindNotFound
	case http.StatusConflict:
		return rag.KindConflict
	case http.StatusRequestEntityTooLarge, http.StatusTooManyRequests, http.StatusGatewayTimeout, http.StatusRequestTimeout:
		return rag.KindExhausted
	case http.StatusServiceUnavailable:
		return rag.KindUnavailable
	}
	if status < http.StatusInternalServerError {
		return rag.KindInvalid
	}
	return rag.KindInternal
}
