package remote

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
)

// maxErrorBytes bounds how much of an error response is read, and maxMessage how
// much of its message is passed on.
const (
	maxErrorBytes = 16 << 10
	maxMessage    = 300
)

// APIError is what the API answers on failure.
type APIError struct {
	Message string `json:"message"`
	Type    string `json:"type"`
	Param   string `json:"param"`
	Value   any    `json:"code"` // a string, a number, or null
}

// Code returns the code where it is a word.
func (e *APIError) Code() string {
	s, _ := e.Value.(string)
	return s
}

// UnmarshalJSON also takes {"error": "text"}, which some servers send.
func (e *APIError) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*e = APIError{Message: text}
		return nil
	}
	type plain APIError
	return json.Unmarshal(data, (*plain)(e))
}

// Refusal is a response that is not 200.
type Refusal struct {
	APIError
	Status   int
	Body     []byte        // as far as it was read
	After    time.Duration // how long the server asks to wait, 0 if it does not say
	Streamed bool          // it came inside an answer that had begun: Status is the nearest one, and there is no Body

	server *Server
}

// StreamedRefusal makes a Refusal of an error that the server sent inside resp,
// an answer that it had begun with the status 200.
func (s *Server) StreamedRefusal(resp *http.Response, e APIError) Refusal {
	r := Refusal{APIError: e, Status: e.nearestStatus(), Streamed: true, server: s}
	r.hide(s.sentToken(resp))
	return r
}

// hide takes a token that is not the configured key out of the message.
func (r *Refusal) hide(token string) {
	if token != "" {
		r.Message = strings.ReplaceAll(r.Message, token, "********")
	}
}

// nearestStatus is the HTTP status that says what the error's code or type says.
func (e *APIError) nearestStatus() int {
	if n, ok := e.Value.(float64); ok && n >= 400 && n < 600 {
		return int(n)
	}
	if n, err := strconv.Atoi(e.Code()); err == nil && n >= 400 && n < 600 {
		return n
	}
	words := e.Code() + " " + e.Type
	for _, known := range []struct {
		part   string
		status int
	}{
		{"overloaded", http.StatusServiceUnavailable},
		{"rate_limit", http.StatusTooManyRequests},
		{"quota", http.StatusTooManyRequests},
		{"authentication", http.StatusUnauthorized},
		{"permission", http.StatusForbidden},
		{"not_found", http.StatusNotFound},
		{"invalid_request", http.StatusBadRequest},
		{"context_length", http.StatusBadRequest},
		{"content_filter", http.StatusBadRequest},
	} {
		if strings.Contains(words, known.part) {
			return known.status
		}
	}
	return http.StatusInternalServerError
}

// ReadRefusal reads a response that is not 200. The caller closes its body.
func (s *Server) ReadRefusal(resp *http.Response) Refusal {
	data, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBytes))
	var body struct {
		Error   json.RawMessage `json:"error"`
		Message string          `json:"message"`
		Type    string          `json:"error_type"`
		Detail  json.RawMessage `json:"detail"` // of servers made with FastAPI: a text, or a list of faults
	}
	var list []json.RawMessage // Google's APIs may wrap the error in a list
	if json.Unmarshal(data, &list) == nil && len(list) > 0 {
		data = list[0]
	}
	r := Refusal{Status: resp.StatusCode, Body: data, After: retryAfter(resp.Header, time.Now()), server: s}
	if json.Unmarshal(data, &body) == nil {
		r.Message, r.Type = body.Message, body.Type
		if len(body.Error) > 0 {
			_ = json.Unmarshal(body.Error, &r.APIError) // of another form: what was read counts
		}
		if r.Message == "" {
			r.Message = detail(body.Detail)
		}
	}
	if r.Status == http.StatusBadRequest && bytes.Contains(r.Body, []byte(`"API_KEY_INVALID"`)) {
		r.Status = http.StatusUnauthorized // what Google's APIs mean by it
	}
	r.hide(s.sentToken(resp))
	return r
}

// detail returns the text of a detail, or the first fault in it.
func detail(raw json.RawMessage) string {
	var text string
	var faults []struct {
		Message string `json:"msg"`
	}
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	if json.Unmarshal(raw, &faults) == nil && len(faults) > 0 {
		return faults[0].Message
	}
	return ""
}

// Errorf returns an error that says what happened, the status, and what the
// server said, without the key.
func (r Refusal) Errorf(kind rag.Kind, format string, args ...any) error {
	said := Clean(r.Message, r.server.cfg.Key)
	if said != "" {
		said = ": " + said
	}
	where := "HTTP " + strconv.Itoa(r.Status)
	if r.Streamed {
		where = "while answering"
	}
	return rag.Errorf(kind, "%s: %s (%s)%s", r.server.cfg.Part, fmt.Sprintf(format, args...), where, said)
}

// Err returns the error of a refusal that does not depend on what was asked, and
// nil for one that does: those are for the protocol to explain.
func (r Refusal) Err() error {
	code, noun := r.Status, r.server.cfg.Noun
	switch {
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		r.Message = "" // providers repeat part of the key here
		err := r.Errorf(rag.KindUnavailable, "the %s's server does not accept the API key", noun)
		if code == http.StatusUnauthorized && r.server.renew() {
			return &Temporary{Err: err} // the token was good when it was fetched
		}
		return err
	case code == http.StatusPaymentRequired, code == http.StatusTooManyRequests && (r.Code() == "insufficient_quota" || r.Type == "insufficient_quota"):
		return r.Errorf(rag.KindExhausted, "the account at the %s's provider is used up", noun)
	case code == http.StatusTooManyRequests:
		return &Temporary{Err: r.Errorf(rag.KindExhausted, "the %s is busy", noun), After: r.After}
	case code >= 500, code == http.StatusRequestTimeout, code == http.StatusConflict, code == http.StatusTooEarly, code == http.StatusFailedDependency:
		return &Temporary{Err: r.Errorf(rag.KindUnavailable, "the %s's server failed", noun), After: r.After}
	case code == http.StatusNotFound:
		return r.Errorf(rag.KindUnavailable, "the server has no such address or no model %q", r.server.cfg.Model)
	case code >= 300 && code < 400:
		return r.Errorf(rag.KindUnavailable, "the server redirects elsewhere; configure the address it redirects to")
	}
	return nil
}

// retryAfter reads the header Retry-After (RFC 9110, 10.2.3): seconds or a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if ms, err := strconv.Atoi(h.Get("Retry-After-Ms")); err == nil && ms > 0 {
		return time.Duration(min(ms, 1<<31)) * time.Millisecond
	}
	v := strings.TrimSpace(h.Get("Retry-After"))
	if s, err := strconv.ParseFloat(v, 64); err == nil && s > 0 {
		return time.Duration(min(s, 1e6) * float64(time.Second))
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// Clean makes a message of the server fit for one line of a log: without the key,
// without control characters, and short.
func Clean(message, key string) string {
	if len(key) > 0 {
		message = strings.ReplaceAll(message, key, "********")
	}
	message = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), r == utf8.RuneError:
			return -1
		}
		return r
	}, message)
	message = strings.Join(strings.Fields(message), " ")
	if utf8.RuneCountInString(message) > maxMessage {
		message = string([]rune(message)[:maxMessage]) + "…"
	}
	return message
}
