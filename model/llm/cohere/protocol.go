package cohere

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/model/remote/chat"
	"github.com/smartretriever/smartretriever/rag"
)

// protocol is a chat.Protocol.
type protocol struct{ model string }

// request is the body of a call.
type request struct {
	Model       string        `json:"model"`
	Messages    []rag.Message `json:"messages"`
	Stream      bool          `json:"stream"`
	MaxTokens   int           `json:"max_tokens,omitempty"`
	Temperature float64       `json:"temperature"`
	Stop        []string      `json:"stop_sequences,omitempty"`
}

// Request implements chat.Protocol.
func (p protocol) Request(r llm.Request, _ func(string) bool) (string, any) {
	system, turns := chat.Turns(r.Messages)
	if system != "" {
		turns = append([]rag.Message{{Role: "system", Content: system}}, turns...)
	}
	return "/v2/chat", request{p.model, turns, true, r.MaxTokens, r.Temperature, r.Stop}
}

// event is one event of a stream; which fields it has depends on its type.
type event struct {
	Type  string `json:"type"`
	Delta struct {
		Message struct {
			Content struct {
				Text string `json:"text"` // thoughts come in a field beside it
			} `json:"content"`
		} `json:"message"`
		FinishReason string `json:"finish_reason"`
		Error        string `json:"error"`
		Usage        struct {
			Tokens struct {
				Input  float64 `json:"input_tokens"`
				Output float64 `json:"output_tokens"`
			} `json:"tokens"`
			Cached float64 `json:"cached_tokens"`
		} `json:"usage"`
	} `json:"delta"`
	Message string `json:"message"` // of an event that is an error
}

// decode reads an event. Of one whose type carries nothing here only the type: its
// fields may be of any form.
func decode(data []byte, e *event) error {
	var kind struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(data, &kind); err != nil {
		return err
	}
	switch e.Type = kind.Type; kind.Type {
	case "content-delta", "message-end", "error", "stream-error", "":
		return json.Unmarshal(data, e)
	}
	return nil
}

// Event implements chat.Protocol.
func (p protocol) Event(a *chat.Answer, data []byte) error {
	if string(data) == "[DONE]" {
		a.Done()
		return nil
	}
	var e event
	if err := decode(data, &e); err != nil {
		return chat.Malformed(err)
	}
	switch e.Type {
	case "content-delta":
		return a.Write(e.Delta.Message.Content.Text)
	case "message-end":
		u := e.Delta.Usage
		a.Usage = llm.Usage{PromptTokens: int(u.Tokens.Input), CachedTokens: int(u.Cached), CompletionTokens: int(u.Tokens.Output)}
		return finish(a, e.Delta.FinishReason, e.Delta.Error)
	case "error", "stream-error", "":
		if e.Type != "" || e.Message != "" {
			return chat.Failed(remote.APIError{Message: e.Message})
		}
	}
	return nil
}

func finish(a *chat.Answer, reason, message string) error {
	switch reason {
	case "COMPLETE", "STOP_SEQUENCE":
		a.Finish = llm.FinishStop
	case "MAX_TOKENS":
		a.Finish = llm.FinishLength
	case "ERROR_TOXIC":
		a.Refuse("")
	case "ERROR", "TIMEOUT", "ERROR_LIMIT":
		return chat.Failed(remote.APIError{Message: strings.TrimSpace(reason + " " + message)})
	default:
		a.Finish = llm.FinishOther
	}
	a.Done()
	return nil
}

// statusBlocked is the provider's own status for text that its filter stopped.
const statusBlocked = 498

// Refused implements chat.Protocol. Errors are words without codes.
func (p protocol) Refused(r remote.Refusal) error {
	said := strings.ToLower(r.Message)
	switch {
	case r.Status == statusBlocked:
		return chat.Declined(r)
	case r.Status == http.StatusTooManyRequests && strings.Contains(said, "calls / month"): // of a trial key
		r.Status = http.StatusPaymentRequired
		return r.Err()
	case strings.Contains(said, "too many tokens"):
		return chat.TooLong(r)
	}
	return nil
}
