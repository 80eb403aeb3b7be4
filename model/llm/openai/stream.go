package openai

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// Bounds on what a server may send, so that a broken one cannot fill the memory.
const (
	maxResponseBytes = 16 << 20
	maxLineBytes     = 1 << 20
)

func bounded(r io.Reader) io.Reader { return io.LimitReader(r, maxResponseBytes) }

// completion is a whole answer, or one event of a streamed one.
type completion struct {
	Model   string `json:"model"`
	Choices []struct {
		Delta        message `json:"delta"`
		Message      message `json:"message"`
		FinishReason string  `json:"finish_reason"`
	} `json:"choices"`
	Usage *struct {
		PromptTokens     int `json:"prompt_tokens"`
		CompletionTokens int `json:"completion_tokens"`
		Details          struct {
			CachedTokens int `json:"cached_tokens"`
		} `json:"prompt_tokens_details"`
	} `json:"usage"`
	Error *remote.APIError `json:"error"`
}

type message struct {
	Content string `json:"content"`
	Refusal string `json:"refusal"`
}

// reading gathers the result while events come in.
type reading struct {
	res     llm.Result
	text    strings.Builder
	finish  string
	refusal strings.Builder
	onDelta func(string) error
}

// take adds one event.
func (r *reading) take(c *completion) error {
	if c.Error != nil {
		return streamed(c.Error)
	}
	if c.Model != "" {
		r.res.Model = c.Model
	}
	if c.Usage != nil {
		u := c.Usage
		r.res.Usage = llm.Usage{PromptTokens: u.PromptTokens, CachedTokens: u.Details.CachedTokens, CompletionTokens: u.CompletionTokens}.Clamped()
	}
	if len(c.Choices) == 0 {
		return nil
	}
	choice := &c.Choices[0]
	if choice.FinishReason != "" {
		r.finish = choice.FinishReason
	}
	r.refusal.WriteString(choice.Delta.Refusal + choice.Message.Refusal)
	if s := choice.Delta.Content + choice.Message.Content; s != "" {
		r.text.WriteString(s)
		if err := r.onDelta(s); err != nil {
			return &emitError{err}
		}
	}
	return nil
}

// result returns what was read, or KindRefused when the provider declined.
func (r *reading) result() (llm.Result, error) {
	r.res.Text = r.text.String()
	switch r.finish {
	case "stop", "":
		r.res.Finish = llm.FinishStop
	case "length":
		r.res.Finish = llm.FinishLength
	case "content_filter":
		return r.res, rag.Errorf(rag.KindRefused, "llm: the provider's content filter stopped the answer")
	default:
		r.res.Finish = llm.FinishOther
	}
	if r.refusal.Len() > 0 && r.res.Text == "" {
		return r.res, rag.Errorf(rag.KindRefused, "llm: the model declined: %s", remote.Clean(r.refusal.String(), ""))
	}
	return r.res, nil
}

// readWhole reads an answer of a server that does not stream.
func readWhole(body io.Reader, onDelta func(string) error) (llm.Result, error) {
	var c completion
	if err := json.NewDecoder(bounded(body)).Decode(&c); err != nil {
		return llm.Result{}, malformed(err)
	}
	r := reading{onDelta: onDelta}
	if err := r.take(&c); err != nil {
		return r.res, err
	}
	if len(c.Choices) == 0 {
		return r.res, malformed(errors.New("it has no choices"))
	}
	return r.result()
}

// readStream reads server-sent events (WHATWG HTML, 9.2) until the event [DONE]
// or, from servers that leave it out, the end after a finish reason. An end
// before either is a cut connection. alive is called for every event, also for
// those without text: a model that thinks before it writes is not silent.
func readStream(body io.Reader, alive func(), onDelta func(string) error) (llm.Result, error) {
	r := reading{onDelta: onDelta}
	lines := bufio.NewScanner(bounded(body))
	lines.Buffer(make([]byte, 0, 16<<10), maxLineBytes)
	var data []byte
	for lines.Scan() {
		line := bytes.TrimSuffix(lines.Bytes(), []byte("\r"))
		if len(line) > 0 {
			if value, ok := bytes.CutPrefix(line, []byte("data:")); ok {
				if len(data) > 0 {
					data = append(data, '\n')
				}
				data = append(data, bytes.TrimPrefix(value, []byte(" "))...)
			}
			continue // comments, event names and ids carry nothing here
		}
		alive()
		done, err := r.event(data)
		if err != nil {
			res, _ := r.result()
			return res, err
		}
		if done {
			return r.result()
		}
		data = data[:0]
	}
	if err := lines.Err(); err != nil {
		return r.res, &llm.Temporary{Err: rag.Wrap(rag.KindUnavailable, err, "llm: the answer was cut off")}
	}
	if len(data) > 0 { // the last event lacks its empty line
		if _, err := r.event(data); err != nil {
			return r.res, err
		}
	}
	if r.finish == "" {
		return r.res, &llm.Temporary{Err: rag.Errorf(rag.KindUnavailable, "llm: the answer was cut off: the connection ended early")}
	}
	return r.result()
}

// event takes the data of one event and reports whether it was the last.
func (r *reading) event(data []byte) (done bool, err error) {
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		return false, nil
	}
	if string(data) == "[DONE]" {
		return true, nil
	}
	var c completion
	if err := json.Unmarshal(data, &c); err != nil {
		return false, malformed(err)
	}
	return false, r.take(&c)
}

// malformed is an answer that is not of the protocol.
func malformed(err error) error {
	return rag.Wrap(rag.KindUnavailable, err, "llm: the server's answer is malformed")
}
