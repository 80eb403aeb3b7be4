package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// request is the body of a call. The form of the vectors is left to the server:
// some refuse encoding_format, and both forms are read.
type request struct {
	Model      string   `json:"model"`
	Input      []string `json:"input"`
	Dimensions int      `json:"dimensions,omitempty"`
}

// request makes one HTTP request for the vectors of a batch.
func (e *Embedder) request(caller context.Context, batch []string) ([][]float32, error) {
	body := request{Model: e.cfg.Model, Input: batch}
	if e.cfg.SendDimensions {
		body.Dimensions = e.cfg.Dimensions
	}
	data, err := json.Marshal(body)
	if err != nil {
		return nil, rag.Wrap(rag.KindInternal, err, "embedder: encode the request")
	}
	// The wait for its turn is not part of the time that a request may take.
	admitted, done, err := e.server.Admit(caller, e.tokensOf(batch))
	switch {
	case err == nil:
		defer done()
	case caller.Err() != nil:
		return nil, rag.Wrap(rag.KindOf(caller.Err()), context.Cause(caller), "embedder: the call was given up")
	default:
		return nil, err
	}
	ctx, cancel := context.WithTimeout(admitted, e.cfg.Timeout)
	defer cancel()
	vectors, err := e.call(ctx, data, len(batch))
	switch {
	case err == nil:
		return vectors, nil
	case caller.Err() != nil:
		return nil, rag.Wrap(rag.KindOf(caller.Err()), context.Cause(caller), "embedder: the call was given up")
	case ctx.Err() != nil:
		return nil, rag.Errorf(rag.KindExhausted, "embedder: the answer took longer than %s", e.cfg.Timeout)
	}
	return nil, err
}

// tokensOf returns the tokens of a batch.
func (e *Embedder) tokensOf(batch []string) int {
	n := 0
	for _, text := range batch {
		n += e.CountTokens(text)
	}
	return n
}

// call sends the body and reads the vectors of n texts.
func (e *Embedder) call(ctx context.Context, body []byte, n int) ([][]float32, error) {
	resp, err := e.server.Do(ctx, http.MethodPost, "/embeddings", "application/json", bytes.NewReader(body))
	if err != nil {
		return nil, e.server.Unreachable(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, e.refused(e.server.ReadRefusal(resp), n)
	}
	limit := e.maxAnswer(n)
	data, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case int64(len(data)) > limit:
		return nil, unusable("it is larger than %d bytes", limit)
	case err != nil:
		return nil, &remote.Temporary{Err: rag.Wrap(rag.KindUnavailable, err, "embedder: the answer was cut off")}
	}
	answer, err := parse(data)
	if err != nil {
		return nil, err
	}
	if answer.Error != nil {
		return nil, &remote.Temporary{Err: rag.Errorf(rag.KindUnavailable, "embedder: the server failed: %s", remote.Clean(answer.Error.Message, e.cfg.APIKey))}
	}
	e.tokens.Add(answer.tokens())
	return answer.vectors(n, e.model.Dimensions)
}

// maxAnswer bounds an answer of n vectors: a number is a line of up to 64 bytes
// where a server prints it at length and indents it.
func (e *Embedder) maxAnswer(n int) int64 {
	d := e.model.Dimensions
	if d == 0 {
		d = maxDimensions
	}
	return 1<<20 + 64*int64(n)*int64(d)
}

// tooManyError says that a request had more texts than the server takes at once.
type tooManyError struct{ error }

func (e *tooManyError) Unwrap() error { return e.error }

// refused returns the error of a response that is not 200, to a request with n texts.
func (e *Embedder) refused(r remote.Refusal, n int) error {
	if tooLong(r) {
		return r.Errorf(rag.KindInvalid, "a text is longer than the model takes; it is configured to take %d tokens", e.cfg.MaxTokens)
	}
	if err := r.Err(); err != nil {
		return err
	}
	err := r.Errorf(rag.KindInternal, "the server does not accept the request")
	said := strings.ToLower(r.Message)
	if n > 1 && (r.Status == http.StatusRequestEntityTooLarge || strings.Contains(said, "batch size") || strings.Contains(said, "too many inputs")) {
		return &tooManyError{err}
	}
	return err
}

// tooLong reports whether a server refuses the length of a text. They have no
// common way to say so: OpenAI and vLLM answer 400 with "maximum context length",
// Text Embeddings Inference 413 with "must have less than 512 tokens", Ollama 400
// or 500 with "exceeds the context length", llama.cpp 400 or 500 with "too large
// to process" or "exceeds the available context size".
func tooLong(r remote.Refusal) bool {
	switch r.Status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusInternalServerError:
	default:
		return false
	}
	if r.Code() == "context_length_exceeded" || r.Type == "exceed_context_size_error" {
		return true
	}
	said := strings.ToLower(r.Message)
	for _, words := range []string{"maximum context length", "context length", "context size", "input is too large to process", "must have less than", "maximum input length"} {
		if strings.Contains(said, words) {
			return true
		}
	}
	return false
}
