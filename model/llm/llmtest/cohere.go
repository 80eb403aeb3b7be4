package llmtest

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/rag"
)

// Cohere is the second version of Cohere's chat protocol. Its events do not name the
// model.
func Cohere() Wire { return cohere{} }

type cohere struct{}

func (cohere) Key(h http.Header) string { return strings.TrimPrefix(h.Get("Authorization"), "Bearer ") }

func (cohere) Models(r *http.Request, model string) (string, bool) {
	return text(`{"name":%s,"endpoints":["chat"]}`, model), r.Method == http.MethodGet && r.URL.Path == "/v1/models/"+model
}

func (cohere) Read(r *http.Request, body []byte) (Asked, error) {
	var q struct {
		Model       string        `json:"model"`
		Messages    []rag.Message `json:"messages"`
		Stream      bool          `json:"stream"`
		MaxTokens   int           `json:"max_tokens"`
		Temperature *float64      `json:"temperature"`
		Stop        []string      `json:"stop_sequences"`
	}
	asked, err := decode(r, http.MethodPost, "/v2/chat", body, &q)
	switch {
	case err != nil:
		return asked, err
	case !q.Stream:
		return asked, fmt.Errorf("this double streams")
	}
	asked.Model, asked.MaxTokens, asked.Temperature, asked.Stop = q.Model, q.MaxTokens, q.Temperature, q.Stop
	for i, m := range q.Messages {
		if strings.TrimSpace(m.Content) == "" {
			return asked, fmt.Errorf("invalid request: all elements in messages must have more than 0 characters (%d)", i)
		}
	}
	return asked, asked.take(q.Messages)
}

func (cohere) Media() string { return "text/event-stream" }

func (cohere) Begin(string, *Script) string {
	return named("message-start", `{"id":"1","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}`) +
		named("tool-plan-delta", `{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"hm"}}}`) +
		named("content-delta", `{"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"hm"}}}}`) +
		named("content-start", `{"type":"content-start","index":1,"delta":{"message":{"content":{"type":"text","text":""}}}}`)
}

func (cohere) Piece(_, s string) string {
	return named("content-delta", `{"type":"content-delta","index":1,"delta":{"message":{"content":{"text":%s}}}}`, s)
}

func (cohere) End(_ string, r *Script) string {
	reason := map[llm.FinishReason]string{llm.FinishLength: "MAX_TOKENS", llm.FinishOther: "TOOL_CALL"}[r.Finish]
	if reason == "" {
		reason = "COMPLETE"
	}
	if r.Filtered {
		reason = "ERROR_TOXIC"
	}
	u := r.Usage
	return named("content-end", `{"type":"content-end","index":1}`) +
		named("message-end", `{"type":"message-end","delta":{"finish_reason":%s,"usage":{"billed_units":{"input_tokens":1,"output_tokens":1},"tokens":{"input_tokens":%s,"output_tokens":%s},"cached_tokens":%s}}}`,
			reason, u.PromptTokens, u.CompletionTokens, u.CachedTokens) + "data: [DONE]\n\n"
}

func (cohere) Failure(_ Problem, message string) string {
	return named("message-end", `{"type":"message-end","delta":{"finish_reason":"ERROR","error":%s}}`, message)
}

func (cohere) Refuse(p Problem, message string) (int, string) {
	status := http.StatusBadRequest
	switch p {
	case Busy:
		status = 429
	case UsedUp:
		status, message = 429, "You are using a Trial key, which is limited to 1000 API calls / month."
	case Failing:
		status = 500
	case Overloaded:
		status = 503
	case WrongKey:
		status = 401
	case NoModel:
		status = 404
	case TooLong:
		message = "too many tokens: the total number of tokens in the prompt exceeds the limit of 131072"
	case Declined:
		status = 498
	}
	return status, text(`{"id":"1","message":%s}`, message)
}
