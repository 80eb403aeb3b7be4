package openai

import (
	"net/http"
	"strings"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// streamed is the error of a server that fails after it has begun to answer.
func streamed(e *remote.APIError) error {
	return &llm.Temporary{Err: rag.Errorf(rag.KindUnavailable, "llm: the server failed while answering: %s", remote.Clean(e.Message, ""))}
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
	r := c.server.ReadRefusal(resp)
	if err := r.Err(); err != nil {
		return err
	}
	switch {
	case r.Code() == "context_length_exceeded", r.Status == http.StatusRequestEntityTooLarge:
		return r.Errorf(rag.KindExhausted, "the question with its sources is longer than the model takes")
	case r.Code() == "content_filter", r.Code() == "content_policy_violation":
		return r.Errorf(rag.KindRefused, "the provider declined the question or its sources")
	}
	err := r.Errorf(rag.KindInternal, "the server does not accept the request")
	for _, p := range []string{"max_tokens", "temperature", "stream_options"} {
		if r.Param == p || (r.Param == "" && strings.Contains(r.Message, p)) {
			return &parameterError{p, err}
		}
	}
	return err
}
