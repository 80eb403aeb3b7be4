package openai

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server/problem"
)

// Prefix is the path below which everything is OpenAI-shaped, errors included.
const Prefix = "/v1/"

// apiError is an error with what OpenAI's shape says beyond a message.
type apiError struct {
	err   error
	param string // the request's field, "" if none
	code  string // for programs, "" if none
}

func (e *apiError) Error() string { return e.err.Error() }
func (e *apiError) Unwrap() error { return e.err }

// invalid is an error about one field of the request.
func invalid(param, format string, args ...any) error {
	return &apiError{err: rag.Errorf(rag.KindInvalid, format, args...), param: param}
}

// coded is an error with a code that client libraries look for.
func coded(err error, param, code string) error { return &apiError{err, param, code} }

// errorBody is {"error": {...}}.
type errorBody struct {
	Error errorObject `json:"error"`
}

type errorObject struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

// errorOf returns the body for err and its status. The message and the status are
// those of package problem.
func errorOf(err error) (errorBody, int) {
	p := problem.Of(err)
	o := errorObject{Message: p.Detail, Type: errorType(p.Status)}
	var e *apiError
	if errors.As(err, &e) {
		o.Param, o.Code = orNull(e.param), orNull(e.code)
	}
	if o.Code == nil {
		o.Code = orNull(errorCode(p.Status))
	}
	return errorBody{o}, p.Status
}

func errorType(status int) string {
	switch {
	case status == http.StatusUnauthorized:
		return "authentication_error"
	case status == http.StatusForbidden:
		return "permission_error"
	case status == http.StatusTooManyRequests:
		return "rate_limit_error"
	case status >= http.StatusInternalServerError:
		return "server_error"
	}
	return "invalid_request_error"
}

func errorCode(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "invalid_api_key"
	case http.StatusNotFound:
		return "not_found"
	case http.StatusConflict:
		return "conflict"
	case http.StatusRequestEntityTooLarge:
		return "too_large"
	case http.StatusTooManyRequests:
		return "rate_limit_exceeded"
	case http.StatusServiceUnavailable:
		return "unavailable"
	}
	return ""
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// WriteError answers with err in OpenAI's shape.
func WriteError(w http.ResponseWriter, err error) {
	body, status := errorOf(err)
	w.Header().Set("Content-Type", "application/json")
	if after := problem.RetryAfter(problem.RetryAt(err)); after != "" {
		w.Header().Set("Retry-After", after)
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone if this fails
}
