package chat

import (
	"net/http"
	"strings"

	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// TooLong is the error of a request that the model has no room for. It says
// nothing about the server, so no breaker counts it; a model with more room may
// take it.
func TooLong(r remote.Refusal) error {
	return remote.CallerError(r.Errorf(rag.KindExhausted, "the question with its sources is longer than the model takes"))
}

// Declined is the error of a question or source that the provider's policy does
// not let through.
func Declined(r remote.Refusal) error {
	return r.Errorf(rag.KindRefused, "the provider declined the question or its sources")
}

// unsupported is the error of a parameter that the server does not take.
type unsupported struct {
	parameter string
	err       error
}

func (e *unsupported) Error() string { return e.err.Error() }
func (e *unsupported) Unwrap() error { return e.err }

// Unsupported returns the error of a request that was refused for one of these
// parameters, nil if it was not. The request is made again without it. Models of one
// provider differ in what they take, and say so only when asked.
func Unsupported(r remote.Refusal, parameters ...string) error {
	if r.Streamed || r.Status != http.StatusBadRequest && r.Status != http.StatusUnprocessableEntity {
		return nil
	}
	for _, p := range parameters {
		if r.Param == p || (r.Param == "" && strings.Contains(r.Message, p)) {
			return &unsupported{p, unacceptable(r)}
		}
	}
	return nil
}

func unacceptable(r remote.Refusal) error {
	return r.Errorf(rag.KindInternal, "the server does not accept the request")
}
