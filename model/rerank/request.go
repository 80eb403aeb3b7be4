package rerank

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/smartretriever/smartretriever/model/batch"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// request makes one HTTP request for the scores of texts.
func (c *Client) request(caller context.Context, question string, texts []string, tokens *atomic.Int64) ([]float64, error) {
	request := c.protocol.Request(question, texts)
	data, err := json.Marshal(request.Body)
	if err != nil {
		return nil, rag.Wrap(rag.KindUnavailable, err, "rerank: encode the request")
	}
	// The wait for its turn is not part of the time that a request may take.
	admitted, done, err := c.server.Admit(remote.Urgent(caller), c.count(question, texts))
	switch {
	case err == nil:
		defer done()
	case caller.Err() != nil:
		return nil, rag.Wrap(rag.KindOf(caller.Err()), context.Cause(caller), "rerank: the call was given up")
	default:
		return nil, err
	}
	ctx, cancel := context.WithTimeout(admitted, c.cfg.Timeout)
	defer cancel()
	answer, err := c.call(ctx, request.Path, data, texts)
	switch {
	case err == nil:
	case caller.Err() != nil:
		return nil, rag.Wrap(rag.KindOf(caller.Err()), context.Cause(caller), "rerank: the call was given up")
	case ctx.Err() != nil:
		return nil, rag.Errorf(rag.KindExhausted, "rerank: the answer took longer than %s", c.cfg.Timeout)
	default:
		return nil, err
	}
	scores, err := answer.values(len(texts))
	if err == nil {
		tokens.Add(int64(max(0, answer.Tokens)))
	}
	return scores, err
}

// count returns the tokens that a request is counted as: the question is read with
// each text.
func (c *Client) count(question string, texts []string) int {
	n := c.cfg.CountTokens(question) * len(texts)
	for _, text := range texts {
		n += c.cfg.CountTokens(text)
	}
	return n
}

// call sends the body and reads the answer.
func (c *Client) call(ctx context.Context, path string, body []byte, texts []string) (Answer, error) {
	resp, err := c.server.Do(ctx, http.MethodPost, path, "application/json", bytes.NewReader(body))
	if err != nil {
		return Answer{}, c.server.Unreachable(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return Answer{}, c.refused(c.server.ReadRefusal(resp), len(texts))
	}
	// Some servers repeat the passages, as JSON that may escape every byte.
	limit := int64(1<<20 + 6*len(body) + 256*len(texts))
	data, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case int64(len(data)) > limit:
		return Answer{}, Unusable("it is larger than %d bytes", limit)
	case err != nil:
		return Answer{}, &remote.Temporary{Err: rag.Wrap(rag.KindUnavailable, err, "rerank: the answer was cut off")}
	}
	return c.protocol.Answer(data)
}

// refused returns the error of a response that is not 200, to a request with n
// texts. What the server does not take is no fault that a search could wait for.
func (c *Client) refused(r remote.Refusal, n int) error {
	size := batch.SizeOf(r, n)
	if size == batch.TooLong {
		return batch.Refused(size, r.Errorf(rag.KindUnavailable, "a passage is longer than the model takes; it is configured to take %d tokens with the question", c.cfg.MaxTokens))
	}
	if r.Status == 498 { // Cohere's for a key that is not accepted
		r.Status = http.StatusUnauthorized
	}
	if err := r.Err(); err != nil {
		return err
	}
	if r.Code() == "content_filter" || r.Code() == "content_policy_violation" {
		return r.Errorf(rag.KindUnavailable, "the provider declines a passage")
	}
	return batch.Refused(size, r.Errorf(rag.KindUnavailable, "the server does not accept the request"))
}
