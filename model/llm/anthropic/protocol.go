package anthropic

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/model/remote/chat"
	"github.com/smartretriever/smartretriever/rag"
)

// defaultTokens is the limit of an answer's length where none is asked for.
const defaultTokens = 1024

// protocol is a chat.Protocol.
type protocol struct{ model string }

// request is the body of a call.
type request struct {
	Model       string        `json:"model"`
	System      string        `json:"system,omitempty"`
	Messages    []rag.Message `json:"messages"`
	MaxTokens   int           `json:"max_tokens"`
	Temperature *float64      `json:"temperature,omitempty"`
	Stop        []string      `json:"stop_sequences,omitempty"`
	Stream      bool          `json:"stream"`
}

// Request implements chat.Protocol.
func (p protocol) Request(r llm.Request, lacks func(string) bool) (string, any) {
	b := request{Model: p.model, MaxTokens: r.MaxTokens, Stop: r.Stop, Stream: true}
	b.System, b.Messages = chat.Turns(r.Messages)
	if b.MaxTokens == 0 {
		b.MaxTokens = defaultTokens
	}
	if !lacks("temperature") { // some models take none
		b.Temperature = &r.Temperature
	}
	return "/messages", b
}

// event is one event of a stream; which fields it has depends on its type.
type event struct {
	Type    string `json:"type"`
	Message struct {
		Model string `json:"model"`
		Usage usage  `json:"usage"`
	} `json:"message"`
	Delta struct {
		Type       string `json:"type"`
		Text       string `json:"text"`
		StopReason string `json:"stop_reason"`
		Details    struct {
			Category string `json:"category"` // of the policy that a refusal rests on
		} `json:"stop_details"`
	} `json:"delta"`
	Usage usage            `json:"usage"`
	Error *remote.APIError `json:"error"`
}

// usage counts input in three parts that do not overlap: what was new, what was
// read from the cache and what was put into it. Later events may leave parts out.
type usage struct {
	Input   *int `json:"input_tokens"`
	Read    *int `json:"cache_read_input_tokens"`
	Created *int `json:"cache_creation_input_tokens"`
	Output  *int `json:"output_tokens"` // so far
}

// update puts what u counts in the place of what was counted before.
func (u usage) update(to *llm.Usage) {
	if u.Input != nil {
		fresh := *u.Input
		if u.Created != nil {
			fresh += *u.Created
		}
		to.CachedTokens = 0
		if u.Read != nil {
			to.CachedTokens = *u.Read
		}
		to.PromptTokens = fresh + to.CachedTokens
	}
	if u.Output != nil {
		to.CompletionTokens = *u.Output
	}
}

// Event implements chat.Protocol. Events of types that are not known, which the
// provider may add at any time, are left out.
func (p protocol) Event(a *chat.Answer, data []byte) error {
	var e event
	if err := decode(data, &e); err != nil {
		return chat.Malformed(err)
	}
	switch e.Type {
	case "message_start":
		a.Model = e.Message.Model
		e.Message.Usage.update(&a.Usage)
	case "content_block_delta":
		if e.Delta.Type == "text_delta" {
			return a.Write(e.Delta.Text)
		}
	case "message_delta":
		e.Usage.update(&a.Usage)
		finish(a, e.Delta.StopReason, e.Delta.Details.Category)
	case "message_stop":
		a.Done()
	case "error":
		if e.Error == nil {
			e.Error = &remote.APIError{}
		}
		return chat.Failed(*e.Error)
	}
	return nil
}

// decode reads an event. Of one whose type is not known only the type: its fields
// may be of any form.
func decode(data []byte, e *event) error {
	var kind struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(data, &kind); err != nil {
		return err
	}
	switch e.Type = kind.Type; kind.Type {
	case "message_start", "content_block_delta", "message_delta", "error":
		return json.Unmarshal(data, e)
	}
	return nil
}

func finish(a *chat.Answer, reason, category string) {
	switch reason {
	case "":
	case "end_turn", "stop_sequence":
		a.Finish = llm.FinishStop
	case "max_tokens", "model_context_window_exceeded":
		a.Finish = llm.FinishLength
	case "refusal":
		a.Refuse(category)
	default:
		a.Finish = llm.FinishOther
	}
}

// Refused implements chat.Protocol. The provider has no codes for these; its words
// are what there is.
func (p protocol) Refused(r remote.Refusal) error {
	said := strings.ToLower(r.Message)
	switch {
	case r.Status == http.StatusRequestEntityTooLarge, strings.Contains(said, "prompt is too long"):
		return chat.TooLong(r)
	case strings.Contains(said, "content filtering policy"):
		return chat.Declined(r)
	case r.Status == http.StatusBadRequest && strings.Contains(said, "credit balance is too low"):
		r.Status = http.StatusPaymentRequired
		return r.Err()
	}
	return chat.Unsupported(r, "temperature")
}
