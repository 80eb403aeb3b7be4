package openai

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/model/remote/chat"
	"github.com/smartretriever/smartretriever/rag"
)

// protocol is a chat.Protocol.
type protocol struct{ model, path string }

// request is the body of a call.
type request struct {
	Model               string         `json:"model"`
	Messages            []rag.Message  `json:"messages"`
	Temperature         *float64       `json:"temperature,omitempty"`
	MaxTokens           int            `json:"max_tokens,omitempty"`
	MaxCompletionTokens int            `json:"max_completion_tokens,omitempty"`
	Stop                []string       `json:"stop,omitempty"`
	Stream              bool           `json:"stream"`
	StreamOptions       *streamOptions `json:"stream_options,omitempty"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

// Request implements chat.Protocol.
func (p protocol) Request(r llm.Request, lacks func(string) bool) (string, any) {
	b := request{Model: p.model, Messages: r.Messages, Stop: r.Stop, Stream: true}
	if !lacks("temperature") {
		b.Temperature = &r.Temperature
	}
	if lacks("max_tokens") { // newer models want it under another name
		b.MaxCompletionTokens = r.MaxTokens
	} else {
		b.MaxTokens = r.MaxTokens
	}
	if !lacks("stream_options") {
		b.StreamOptions = &streamOptions{IncludeUsage: true}
	}
	return p.path, b
}

// completion is a whole answer, or one event of a streamed one.
type completion struct {
	Model   string `json:"model"`
	Choices []struct {
		Delta        message `json:"delta"`
		Message      message `json:"message"`
		FinishReason string  `json:"finish_reason"`
		Filtered     filter  `json:"content_filter_results"` // of Azure
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

// filter is what a content filter of Azure found, by category ("violence"). Entries
// are of more than one form; what is of another one is left out.
type filter map[string]json.RawMessage

// UnmarshalJSON takes what is of another form for nothing found.
func (f *filter) UnmarshalJSON(data []byte) error {
	var found map[string]json.RawMessage
	_ = json.Unmarshal(data, &found)
	*f = found
	return nil
}

// stopped lists the categories for which text was withheld.
func (f filter) stopped() string {
	var names []string
	for name, data := range f {
		var found struct {
			Filtered bool   `json:"filtered"`
			Severity string `json:"severity"`
		}
		if json.Unmarshal(data, &found) == nil && found.Filtered {
			names = append(names, strings.TrimSpace(name+" "+found.Severity))
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// inQuestion returns what a filter of Azure found in a question, from the body of
// the refusal.
func inQuestion(body []byte) filter {
	var refusal struct {
		Error struct {
			Inner struct {
				Result filter `json:"content_filter_result"`
			} `json:"innererror"`
		} `json:"error"`
	}
	_ = json.Unmarshal(body, &refusal) // of another form: what was read counts
	return refusal.Error.Inner.Result
}

// Event implements chat.Protocol. The event [DONE] is the last; servers that leave
// it out end with the connection, after a finish reason.
func (p protocol) Event(a *chat.Answer, data []byte) error {
	if string(data) == "[DONE]" {
		a.Done()
		return nil
	}
	var c completion
	if err := json.Unmarshal(data, &c); err != nil {
		return chat.Malformed(err)
	}
	return take(a, &c)
}

// Whole implements chat.Whole.
func (p protocol) Whole(a *chat.Answer, data []byte) error {
	var c completion
	if err := json.Unmarshal(data, &c); err != nil {
		return chat.Malformed(err)
	}
	if len(c.Choices) == 0 && c.Error == nil {
		return chat.Malformed(errors.New("it has no choices"))
	}
	return take(a, &c)
}

// take adds what c holds.
func take(a *chat.Answer, c *completion) error {
	if c.Error != nil {
		return chat.Failed(*c.Error)
	}
	if c.Model != "" {
		a.Model = c.Model
	}
	if u := c.Usage; u != nil {
		a.Usage = llm.Usage{PromptTokens: u.PromptTokens, CachedTokens: u.Details.CachedTokens, CompletionTokens: u.CompletionTokens}
	}
	if len(c.Choices) == 0 {
		return nil
	}
	choice := &c.Choices[0]
	switch choice.FinishReason {
	case "":
	case "stop":
		a.Finish = llm.FinishStop
	case "length":
		a.Finish = llm.FinishLength
	case "content_filter":
		a.Refuse(choice.Filtered.stopped())
	default:
		a.Finish = llm.FinishOther
	}
	a.Decline(choice.Delta.Refusal + choice.Message.Refusal)
	return a.Write(choice.Delta.Content + choice.Message.Content)
}

// Refused implements chat.Protocol.
func (p protocol) Refused(r remote.Refusal) error {
	switch {
	case r.Code() == "context_length_exceeded", r.Type == "exceed_context_size_error", // OpenAI, llama.cpp
		r.Status == http.StatusRequestEntityTooLarge,
		r.Status == http.StatusBadRequest && strings.Contains(r.Message, "maximum context length"): // vLLM
		return chat.TooLong(r)
	case r.Code() == "content_filter", r.Code() == "content_policy_violation":
		if why := inQuestion(r.Body).stopped(); why != "" {
			r.Message = why
		}
		return chat.Declined(r)
	}
	return chat.Unsupported(r, "max_tokens", "temperature", "stream_options")
}
