package llmtest

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/rag"
)

// Ollama is Ollama's own protocol. It knows no content filter, no quota and no cache.
func Ollama() Wire { return ollama{} }

type ollama struct{}

func (ollama) Key(h http.Header) string { return strings.TrimPrefix(h.Get("Authorization"), "Bearer ") }

func (ollama) Models(r *http.Request, model string) (string, bool) {
	return text(`{"models":[{"name":"other:latest"},{"name":%s,"model":%s,"size":1}]}`, model+":latest", model+":latest"), r.Method == http.MethodGet && r.URL.Path == "/api/tags"
}

func (ollama) Read(r *http.Request, body []byte) (Asked, error) {
	var q struct {
		Model     string        `json:"model"`
		Messages  []rag.Message `json:"messages"`
		Stream    *bool         `json:"stream"`
		KeepAlive any           `json:"keep_alive"`
		Tools     []any         `json:"tools"` // which Ollama's own client always sends
		Truncate  *bool         `json:"truncate"`
		Shift     *bool         `json:"shift"`
		Options   struct {
			NumCtx      int      `json:"num_ctx"`
			NumPredict  int      `json:"num_predict"`
			Temperature *float64 `json:"temperature"`
			Stop        []string `json:"stop"`
		} `json:"options"`
	}
	asked, err := decode(r, http.MethodPost, "/api/chat", body, &q)
	switch {
	case err != nil:
		return asked, err
	case q.Stream != nil && !*q.Stream:
		return asked, fmt.Errorf("this double streams")
	}
	asked.Model, asked.MaxTokens, asked.Temperature, asked.Stop = q.Model, q.Options.NumPredict, q.Options.Temperature, q.Options.Stop
	return asked, asked.take(q.Messages)
}

func (ollama) Media() string { return "application/x-ndjson" }

func (ollama) Begin(model string, _ *Script) string {
	return text(`{"model":%s,"created_at":"2025-01-01T00:00:00Z","message":{"role":"assistant","content":"","thinking":"hm"},"done":false}`, model) + "\n"
}

func (ollama) Piece(model, s string) string {
	return text(`{"model":%s,"created_at":"2025-01-01T00:00:00Z","message":{"role":"assistant","content":%s},"done":false}`, model, s) + "\n"
}

func (ollama) End(model string, r *Script) string {
	reason := map[llm.FinishReason]string{llm.FinishLength: "length", llm.FinishOther: "unload"}[r.Finish]
	if reason == "" {
		reason = "stop"
	}
	return text(`{"model":%s,"message":{"role":"assistant","content":""},"done":true,"done_reason":%s,"total_duration":5,"prompt_eval_count":%s,"eval_count":%s}`,
		model, reason, r.Usage.PromptTokens, r.Usage.CompletionTokens) + "\n"
}

func (ollama) Failure(_ Problem, message string) string { return text(`{"error":%s}`, message) + "\n" }

func (ollama) Refuse(p Problem, message string) (int, string) {
	status := http.StatusBadRequest
	switch p {
	case Busy:
		status = 429
	case UsedUp:
		status = 402
	case Failing:
		status = 500
	case Overloaded:
		status, message = 503, "server busy, please try again.  maximum pending requests exceeded"
	case WrongKey:
		status = 401
	case NoModel:
		status = 404
	case TooLong:
		message = "the input length exceeds the context length"
	}
	return status, text(`{"error":%s}`, message)
}
