package embed

import (
	"github.com/smartretriever/smartretriever/model/batch"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// Failed is the error of an answer of status 200 that says that the server failed.
// The request is tried again.
func Failed(message string) error { return &failedError{message} }

type failedError struct{ message string }

func (e *failedError) Error() string { return "the server failed" }

// refused returns the error of a response that is not 200, to a request with n
// texts.
func (c *Client) refused(r remote.Refusal, n int) error {
	size := batch.SizeOf(r, n)
	if size == batch.TooLong {
		return batch.Refused(size, r.Errorf(rag.KindInvalid, "a text is longer than the model takes; it is configured to take %d tokens", c.cfg.MaxTokens))
	}
	if own, ok := c.protocol.(Refuser); ok {
		if err := own.Refused(r); err != nil {
			return err
		}
	}
	if err := r.Err(); err != nil {
		return err
	}
	if r.Code() == "content_filter" || r.Code() == "content_policy_violation" {
		return r.Errorf(rag.KindRefused, "the provider declines a text")
	}
	return batch.Refused(size, r.Errorf(rag.KindInternal, "the server does not accept the request"))
}
