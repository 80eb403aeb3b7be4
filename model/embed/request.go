package embed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// request makes one HTTP request for the vectors of texts.
func (c *Client) request(caller context.Context, kind rag.EmbedKind, prefix string, texts []string) ([][]float32, error) {
	whole := make([]string, len(texts))
	for i, text := range texts {
		whole[i] = prefix + text
	}
	request := c.protocol.Request(kind, whole)
	data, err := json.Marshal(request.Body)
	if err != nil {
		return nil, rag.Wrap(rag.KindInternal, err, "embedder: encode the request")
	}
	// The wait for its turn is not part of the time that a request may take.
	admitted, done, err := c.server.Admit(caller, int(c.count(whole)))
	switch {
	case err == nil:
		defer done()
	case caller.Err() != nil:
		return nil, rag.Wrap(rag.KindOf(caller.Err()), context.Cause(caller), "embedder: the call was given up")
	default:
		return nil, err
	}
	ctx, cancel := context.WithTimeout(admitted, c.cfg.Timeout)
	defer cancel()
	vectors, err := c.call(ctx, request.Path, data, whole)
	switch {
	case err == nil:
		return vectors, nil
	case caller.Err() != nil:
		return nil, rag.Wrap(rag.KindOf(caller.Err()), context.Cause(caller), "embedder: the call was given up")
	case ctx.Err() != nil:
		return nil, rag.Errorf(rag.KindExhausted, "embedder: the answer took longer than %s", c.cfg.Timeout)
	}
	return nil, err
}

// call sends the body and reads the vectors of the texts in it.
func (c *Client) call(ctx context.Context, path string, body []byte, texts []string) ([][]float32, error) {
	n := len(texts)
	ctx, billed := remote.BeginRequest(ctx, func() int64 { return c.count(texts) })
	resp, err := c.server.Do(ctx, http.MethodPost, path, "application/json", bytes.NewReader(body))
	if err != nil {
		return nil, c.server.Unreachable(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, c.refused(c.server.ReadRefusal(resp), n)
	}
	limit := c.maxAnswer(n)
	data, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case int64(len(data)) > limit:
		return nil, Unusable("it is larger than %d bytes", limit)
	case err != nil:
		return nil, &remote.Temporary{Err: rag.Wrap(rag.KindUnavailable, err, "embedder: the answer was cut off")}
	}
	answer, err := c.protocol.Answer(resp.Header, data, n)
	if failed, ok := errors.AsType[*failedError](err); ok {
		return nil, &remote.Temporary{Err: rag.Errorf(rag.KindUnavailable, "embedder: the server failed: %s", remote.Clean(failed.message, c.cfg.APIKey))}
	}
	if err != nil {
		return nil, err
	}
	c.tokens.Add(max(0, answer.Tokens))
	billed.Report(answer.Tokens)
	return answer.vectors(n, c.model.Dimensions)
}

// count returns the tokens of texts.
func (c *Client) count(texts []string) (n int64) {
	for _, t := range texts {
		n += int64(c.CountTokens(t))
	}
	return n
}

// maxAnswer bounds an answer of n vectors: a number is a line of up to 64 bytes
// where a server prints it at length and indents it.
func (c *Client) maxAnswer(n int) int64 {
	d := c.model.Dimensions
	if d == 0 {
		d = maxDimensions
	}
	return 1<<20 + 64*int64(n)*int64(d)
}
