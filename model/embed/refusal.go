package embed

import (
	"net/http"
	"strings"

	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// Failed is the error of an answer of status 200 that says that the server failed.
// The request is tried again.
func Failed(message string) error { return &failedError{message} }

type failedError struct{ message string }

func (e *failedError) Error() string { return "the server failed" }

// tooManyError says that a request had more texts than the server takes at once.
type tooManyError struct{ error }

func (e *tooManyError) Unwrap() error { return e.error }

// tooLongError says that a text is longer than the model takes.
type tooLongError struct{ error }

func (e *tooLongError) Unwrap() error { return e.error }

// refused returns the error of a response that is not 200, to a request with n
// texts. Servers have no common way to say what they refuse, so their words are
// looked at.
func (c *Client) refused(r remote.Refusal, n int) error {
	said := strings.ToLower(r.Message)
	if tooLong(r, said) || (n == 1 && r.Status == http.StatusRequestEntityTooLarge) {
		return &tooLongError{r.Errorf(rag.KindInvalid, "a text is longer than the model takes; it is configured to take %d tokens", c.cfg.MaxTokens)}
	}
	if own, ok := c.protocol.(Refuser); ok {
		if err := own.Refused(r); err != nil {
			return err
		}
	}
	if err := r.Err(); err != nil {
		return err
	}
	switch {
	case n > 1 && (r.Status == http.StatusRequestEntityTooLarge || contains(said, manyWords)):
		return &tooManyError{r.Errorf(rag.KindInternal, "the server does not accept the request")}
	case r.Code() == "content_filter", r.Code() == "content_policy_violation":
		return r.Errorf(rag.KindRefused, "the provider declines a text")
	}
	return r.Errorf(rag.KindInternal, "the server does not accept the request")
}

// manyWords are in a refusal of the number of texts, or of their tokens together:
// of Text Embeddings Inference and Voyage, Triton, OpenAI twice, Voyage, Gemini,
// Cohere.
var manyWords = []string{
	"batch size", "batch-size", "too many inputs", "tokens per request", "per submitted batch", "can be in one batch", "number of texts must be at most",
}

// longWords are in a refusal of the length of one text: of OpenAI and vLLM ("maximum
// context length"), Ollama ("exceeds the context length"), llama.cpp ("exceeds the
// available context size", "input is too large to process"), Text Embeddings
// Inference ("must have less than 512 tokens"), Voyage ("has too many tokens and does
// not fit into the model's context window"), Cohere ("too many tokens"), Gemini
// ("exceeds the maximum number of tokens"), Jina ("single text cannot exceed").
var longWords = []string{
	"context length", "context size", "context window", "input is too large to process", "must have less than", "maximum input length",
	"too many tokens", "exceeds the maximum number of tokens", "single text cannot exceed",
}

// tooLong reports whether a server refuses the length of a text; said is its
// message in small letters.
func tooLong(r remote.Refusal, said string) bool {
	switch r.Status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusInternalServerError:
	default:
		return false
	}
	return r.Code() == "context_length_exceeded" || r.Type == "exceed_context_size_error" || contains(said, longWords)
}

func contains(said string, words []string) bool {
	for _, w := range words {
		if strings.Contains(said, w) {
			return true
		}
	}
	return false
}
