package batch

import (
	"net/http"
	"strings"

	"github.com/smartretriever/smartretriever/model/remote"
)

// tooManyError says that a request had more texts than the server takes at once.
type tooManyError struct{ error }

func (e *tooManyError) Unwrap() error { return e.error }

// tooLongError says that a text is longer than the model takes.
type tooLongError struct{ error }

func (e *tooLongError) Unwrap() error { return e.error }

// Size is what a refusal says of the size of a request.
type Size int

// A request is of the right size, has a text that is too long, or too many texts.
const (
	Fits Size = iota
	TooLong
	TooMany
)

// SizeOf returns what a refusal of a request with n texts says of its size. Servers
// have no common way to say so, so their words are looked at.
func SizeOf(r remote.Refusal, n int) Size {
	said := strings.ToLower(r.Message)
	switch {
	case tooLong(r, said), n == 1 && r.Status == http.StatusRequestEntityTooLarge:
		return TooLong
	case n > 1 && r.Status == http.StatusRequestEntityTooLarge, n > 1 && r.Status >= 400 && r.Status < 500 && contains(said, manyWords):
		return TooMany
	}
	return Fits
}

// Refused returns err, the error of a refusal, in a form in which Send knows what
// it says of the size.
func Refused(size Size, err error) error {
	switch size {
	case TooLong:
		return &tooLongError{err}
	case TooMany:
		return &tooManyError{err}
	}
	return err
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
