package llmtest

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/rag"
)

// Gemini is the protocol of Google's generative models. The stream has no last event.
func Gemini() Wire { return gemini{} }

type gemini struct{}

func (gemini) Key(h http.Header) string { return h.Get("X-Goog-Api-Key") }

func (gemini) Models(r *http.Request, model string) (string, bool) {
	return text(`{"name":%s}`, "models/"+model), r.Method == http.MethodGet && r.URL.Path == "/v1beta/models/"+model
}

func (gemini) Read(r *http.Request, body []byte) (Asked, error) {
	type content struct {
		Role  string `json:"role"`
		Parts []struct {
			Text string `json:"text"`
		} `json:"parts"`
	}
	var q struct {
		System     *content  `json:"systemInstruction"`
		Contents   []content `json:"contents"`
		Generation struct {
			MaxTokens   int      `json:"maxOutputTokens"`
			Temperature *float64 `json:"temperature"`
			Stop        []string `json:"stopSequences"`
		} `json:"generationConfig"`
	}
	asked, err := decode(r, http.MethodPost, r.URL.Path, body, &q)
	if err != nil {
		return asked, err
	}
	model, ok := strings.CutPrefix(r.URL.Path, "/v1beta/models/")
	model, streams := strings.CutSuffix(model, ":streamGenerateContent")
	if !ok || !streams || r.URL.RawQuery != "alt=sse" {
		return asked, errNoAddress
	}
	asked.Model, asked.MaxTokens, asked.Temperature, asked.Stop = model, q.Generation.MaxTokens, q.Generation.Temperature, q.Generation.Stop
	joined := func(c content) string {
		var b strings.Builder
		for _, p := range c.Parts {
			b.WriteString(p.Text)
		}
		return b.String()
	}
	if q.System != nil {
		asked.System = joined(*q.System)
	}
	roles := map[string]string{"user": "user", "model": "assistant"}
	for _, c := range q.Contents {
		if roles[c.Role] == "" {
			return asked, fmt.Errorf("the role %q is neither user nor model", c.Role)
		}
		asked.Turns = append(asked.Turns, rag.Message{Role: roles[c.Role], Content: joined(c)})
	}
	return asked, alternating(asked.Turns)
}

func (gemini) Media() string { return "text/event-stream" }

func (gemini) Begin(model string, r *Script) string {
	return data(`{"candidates":[{"content":{"role":"model","parts":[{"text":"hm","thought":true}]},"index":0}],"usageMetadata":{"promptTokenCount":%s},"modelVersion":%s}`, r.Usage.PromptTokens, model)
}

func (gemini) Piece(model, s string) string {
	return data(`{"candidates":[{"content":{"role":"model","parts":[{"text":%s}]},"index":0}],"modelVersion":%s}`, s, model)
}

func (gemini) End(model string, r *Script) string {
	reason := map[llm.FinishReason]string{llm.FinishLength: "MAX_TOKENS", llm.FinishOther: "MALFORMED_FUNCTION_CALL"}[r.Finish]
	if reason == "" {
		reason = "STOP"
	}
	if r.Filtered {
		reason = "SAFETY"
	}
	u := r.Usage
	return data(`{"candidates":[{"finishReason":%s,"index":0}],"usageMetadata":{"promptTokenCount":%s,"cachedContentTokenCount":%s,"candidatesTokenCount":%s,"thoughtsTokenCount":1},"modelVersion":%s}`,
		reason, u.PromptTokens, u.CachedTokens, max(0, u.CompletionTokens-1), model)
}

func (gemini) Failure(_ Problem, message string) string {
	return data(`{"error":{"code":503,"message":%s,"status":"UNAVAILABLE"}}`, message)
}

func (gemini) Refuse(p Problem, message string) (int, string) {
	status, name, details := http.StatusBadRequest, "INVALID_ARGUMENT", `[]`
	switch p {
	case Busy:
		status, name = 429, "RESOURCE_EXHAUSTED"
	case UsedUp:
		status, name = 429, "RESOURCE_EXHAUSTED"
		details = `[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":"m","quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34s"}]`
	case Failing:
		status, name = 500, "INTERNAL"
	case Overloaded:
		status, name = 503, "UNAVAILABLE"
	case WrongKey:
		details = `[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com"}]`
	case NoModel:
		status, name = 404, "NOT_FOUND"
	case TooLong:
		message = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
	case Declined:
		// Not a refusal but an answer without candidates.
		return 200, data(`{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":5}}`)
	}
	return status, text(`{"error":{"code":%s,"message":%s,"status":%s,"details":`, status, message, name) + details + "}}"
}
