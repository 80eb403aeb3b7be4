package llmtest

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/rag"
)

// Anthropic is the protocol of Anthropic's messages.
func Anthropic() Wire { return anthropic{} }

type anthropic struct{}

func (anthropic) Key(h http.Header) string { return h.Get("X-Api-Key") }

func (anthropic) Models(r *http.Request, model string) (string, bool) {
	return text(`{"type":"model","id":%s}`, model), r.Method == http.MethodGet && r.URL.Path == "/v1/models/"+model && r.Header.Get("Anthropic-Version") != ""
}

func (anthropic) Read(r *http.Request, body []byte) (Asked, error) {
	var q struct {
		Model       string        `json:"model"`
		System      string        `json:"system"`
		Messages    []rag.Message `json:"messages"`
		MaxTokens   int           `json:"max_tokens"`
		Temperature *float64      `json:"temperature"`
		Stop        []string      `json:"stop_sequences"`
		Stream      bool          `json:"stream"`
	}
	asked, err := decode(r, http.MethodPost, "/v1/messages", body, &q)
	switch {
	case err != nil:
		return asked, err
	case r.Header.Get("Anthropic-Version") != "2023-06-01":
		return asked, fmt.Errorf("anthropic-version: header is required")
	case q.MaxTokens < 1:
		return asked, fmt.Errorf("max_tokens: Field required")
	case !q.Stream:
		return asked, fmt.Errorf("this double streams")
	}
	asked.Model, asked.System, asked.Turns, asked.MaxTokens, asked.Temperature, asked.Stop = q.Model, q.System, q.Messages, q.MaxTokens, q.Temperature, q.Stop
	return asked, alternating(q.Messages)
}

// alternating holds turns to what strict protocols want.
func alternating(turns []rag.Message) error {
	for i, m := range turns {
		switch {
		case strings.TrimSpace(m.Content) == "":
			return fmt.Errorf("messages.%d: text must contain non-whitespace text", i)
		case m.Role != [2]string{"user", "assistant"}[i%2]:
			return fmt.Errorf("messages.%d: the role %q is out of turn", i, m.Role)
		}
	}
	if len(turns)%2 == 0 {
		return fmt.Errorf("messages: the last one must be the user's")
	}
	return nil
}

func (anthropic) Media() string { return "text/event-stream" }

func named(name, format string, values ...any) string {
	return "event: " + name + "\n" + data(format, values...)
}

func (anthropic) Begin(model string, r *Script) string {
	u := r.Usage
	return named("message_start", `{"type":"message_start","message":{"type":"message","role":"assistant","model":%s,"content":[],"usage":{"input_tokens":%s,"cache_read_input_tokens":%s,"cache_creation_input_tokens":2,"output_tokens":1}}}`,
		model, max(0, u.PromptTokens-u.CachedTokens-2), u.CachedTokens) +
		named("content_block_start", `{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}`) +
		named("content_block_delta", `{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}`) +
		named("content_block_start", `{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}`) +
		named("ping", `{"type":"ping"}`)
}

func (anthropic) Piece(_, s string) string {
	return named("content_block_delta", `{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":%s}}`, s)
}

func (anthropic) End(_ string, r *Script) string {
	reason := map[llm.FinishReason]string{llm.FinishLength: "max_tokens", llm.FinishOther: "tool_use"}[r.Finish]
	if reason == "" {
		reason = "end_turn"
	}
	if r.Filtered {
		reason = "refusal"
	}
	return named("content_block_stop", `{"type":"content_block_stop","index":1}`) +
		named("message_delta", `{"type":"message_delta","delta":{"stop_reason":%s,"stop_sequence":null,"stop_details":null},"usage":{"output_tokens":%s}}`, reason, r.Usage.CompletionTokens) +
		named("message_stop", `{"type":"message_stop"}`)
}

func (anthropic) Failure(_ Problem, message string) string {
	return named("error", `{"type":"error","error":{"type":"overloaded_error","message":%s}}`, message)
}

func (anthropic) Refuse(p Problem, message string) (int, string) {
	status, kind := http.StatusBadRequest, "invalid_request_error"
	switch p {
	case Busy:
		status, kind = 429, "rate_limit_error"
	case UsedUp:
		message = "Your credit balance is too low to access the API. " + message
	case Failing:
		status, kind = 500, "api_error"
	case Overloaded:
		status, kind = 529, "overloaded_error"
	case WrongKey:
		status, kind = 401, "authentication_error"
	case NoModel:
		status, kind = 404, "not_found_error"
	case TooLong:
		message = "prompt is too long: 210000 tokens > 200000 maximum"
	case Declined:
		message = "Output blocked by content filtering policy"
	}
	return status, text(`{"type":"error","error":{"type":%s,"message":%s},"request_id":"req_1"}`, kind, message)
}
