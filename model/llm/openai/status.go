package openai

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/rag"
)

// maxErrorBytes bounds how much of an error response is read, and maxMessage how
// much of its message is passed on.
const (
	maxErrorBytes = 16 << 10
	maxMessage    = 300
)

// apiError is what the API answers on failure.
type apiError struct {
	Message string `json:"message"`
	Type    string `json:"type"`
	Param   string `json:"param"`
	Code    any    `json:"code"` // a string, a number, or null
}

func (e *apiError) code() string {
	s, _ := e.Code.(string)
	return s
}

// streamed is the error of a server that fails after it has begun to answer.
func (e *apiError) streamed() error {
	return &llm.Temporary{Err: rag.Errorf(rag.KindUnavailable, "llm: the server failed while answering: %s", clean(e.Message, ""))}
}

// parameterError says that the server does not take one of the request's parameters.
type parameterError struct {
	parameter string
	err       error
}

func (e *parameterError) Error() string { return e.err.Error() }
func (e *parameterError) Unwrap() error { return e.err }

// status turns a response that is not 200 into an error.
func (c *Client) status(resp *http.Response) error {
	data, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBytes))
	var body struct {
		Error   json.RawMessage `json:"error"`
		Message string          `json:"message"`
	}
	var e apiError
	if json.Unmarshal(data, &body) == nil {
		e.Message = body.Message
		if json.Unmarshal(body.Error, &e) != nil {
			var text string // some servers send {"error": "text"}
			if json.Unmarshal(body.Error, &text) == nil {
				e.Message = text
			}
		}
	}
	code := resp.StatusCode
	said := ""
	if m := clean(e.Message, c.cfg.Key); m != "" {
		said = ": " + m
	}
	fault := func(kind rag.Kind, what string) error {
		return rag.Errorf(kind, "llm: %s (HTTP %d)%s", what, code, said)
	}
	after := retryAfter(resp.Header, time.Now())
	switch {
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		said = "" // providers repeat part of the key here
		return fault(rag.KindUnavailable, "the language model's server does not accept the API key")
	case code == http.StatusTooManyRequests && e.code() == "insufficient_quota":
		return fault(rag.KindExhausted, "the account at the language model's provider is used up")
	case code == http.StatusTooManyRequests:
		return &llm.Temporary{Err: fault(rag.KindExhausted, "the language model is busy"), After: after}
	case code >= 500, code == http.StatusRequestTimeout, code == http.StatusConflict, code == http.StatusTooEarly:
		return &llm.Temporary{Err: fault(rag.KindUnavailable, "the language model's server failed"), After: after}
	case code == http.StatusNotFound:
		return fault(rag.KindUnavailable, "the server has no such address or no model "+strconv.Quote(c.cfg.Model))
	case code >= 300 && code < 400:
		return fault(rag.KindUnavailable, "the server redirects elsewhere; configure the address it redirects to")
	case e.code() == "context_length_exceeded", code == http.StatusRequestEntityTooLarge:
		return fault(rag.KindExhausted, "the question with its sources is longer than the model takes")
	case e.code() == "content_filter", e.code() == "content_policy_violation":
		return fault(rag.KindRefused, "the provider declined the question or its sources")
	}
	err := fault(rag.KindInternal, "the server does not accept the request")
	for _, p := range []string{"max_tokens", "temperature", "stream_options"} {
		if e.Param == p || (e.Param == "" && strings.Contains(e.Message, p)) {
			return &parameterError{p, err}
		}
	}
	return err
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

// clean makes a message of the server fit for one line of a log: without the key,
// without control characters, and short.
func clean(message, key string) string {
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
