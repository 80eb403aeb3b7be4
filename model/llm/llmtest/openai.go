package llmtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/rag"
)

// OpenAI is the protocol of OpenAI's chat completions.
func OpenAI() Wire { return openAI{} }

// Azure is the same as Azure speaks it: at the path of a deployment for a version of
// the API, at /openai/v1 for none. Token is the Entra token that is taken instead of
// a key, "" for none.
func Azure(deployment, version string, token bool) Wire {
	return azure{openAI{}, deployment, version, token}
}

type openAI struct{}

func (openAI) Key(h http.Header) string { return strings.TrimPrefix(h.Get("Authorization"), "Bearer ") }

func (openAI) Models(r *http.Request, model string) (string, bool) {
	return fmt.Sprintf(`{"object":"list","data":[{"id":"other"},{"id":%q}]}`, model), r.Method == http.MethodGet && r.URL.Path == "/v1/models"
}

func (w openAI) Read(r *http.Request, body []byte) (Asked, error) {
	return w.read(r, body, "/v1/chat/completions")
}

func (openAI) read(r *http.Request, body []byte, path string) (Asked, error) {
	var q struct {
		Model         string        `json:"model"`
		Messages      []rag.Message `json:"messages"`
		MaxTokens     int           `json:"max_tokens"`
		Temperature   *float64      `json:"temperature"`
		Stop          []string      `json:"stop"`
		Stream        bool          `json:"stream"`
		StreamOptions struct {
			IncludeUsage bool `json:"include_usage"`
		} `json:"stream_options"`
	}
	asked, err := decode(r, http.MethodPost, path, body, &q)
	if err != nil {
		return asked, err
	}
	if !q.Stream || !q.StreamOptions.IncludeUsage {
		return asked, fmt.Errorf("this double streams, with usage")
	}
	asked.Model, asked.MaxTokens, asked.Temperature, asked.Stop = q.Model, q.MaxTokens, q.Temperature, q.Stop
	return asked, asked.take(q.Messages)
}

func (openAI) Media() string { return "text/event-stream" }

func (openAI) Begin(model string, _ *Script) string {
	return ": welcome\n\n" + data(`{"model":%s,"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}`, model)
}

func (openAI) Piece(model, text string) string {
	return data(`{"model":%s,"choices":[{"index":0,"delta":{"content":%s},"finish_reason":null}],"usage":null}`, model, text)
}

func (openAI) End(model string, r *Script) string {
	reason := map[llm.FinishReason]string{llm.FinishLength: "length", llm.FinishOther: "tool_calls"}[r.Finish]
	if reason == "" {
		reason = "stop"
	}
	if r.Filtered {
		reason = "content_filter"
	}
	return data(`{"model":%s,"choices":[{"index":0,"delta":{},"finish_reason":%s,"content_filter_results":{"violence":{"filtered":true,"severity":"high"},"hate":{"filtered":false}}}]}`, model, reason) +
		data(`{"model":%s,"choices":[],"usage":{"prompt_tokens":%s,"completion_tokens":%s,"prompt_tokens_details":{"cached_tokens":%s}}}`,
			model, r.Usage.PromptTokens, r.Usage.CompletionTokens, r.Usage.CachedTokens) + "data: [DONE]\n\n"
}

func (openAI) Failure(_ Problem, message string) string {
	return data(`{"error":{"message":%s,"type":"server_error","code":null}}`, message)
}

func (openAI) Refuse(p Problem, message string) (int, string) {
	status, code := http.StatusBadRequest, ""
	switch p {
	case Busy:
		status, code = 429, "rate_limit_exceeded"
	case UsedUp:
		status, code = 429, "insufficient_quota"
	case Failing:
		status = 500
	case Overloaded:
		status = 503
	case WrongKey:
		status, code = 401, "invalid_api_key"
	case NoModel:
		status, code = 404, "model_not_found"
	case TooLong:
		code = "context_length_exceeded"
	case Declined:
		code = "content_filter"
	}
	return status, text(`{"error":{"message":%s,"type":"t","param":null,"code":%s,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"violence":{"filtered":true,"severity":"high"},"jailbreak":{"filtered":false,"detected":false}}}}}`, message, code)
}

type azure struct {
	openAI
	deployment, version string
	token               bool
}

func (w azure) Key(h http.Header) string {
	if w.token {
		return strings.TrimPrefix(h.Get("Authorization"), "Bearer ")
	}
	return h.Get("Api-Key")
}

// here reports whether a request is to the part of the API below /openai or /openai/v1.
func (w azure) here(r *http.Request, dated, undated string) bool {
	if w.version != "" {
		return r.URL.Path == "/openai"+dated && r.URL.Query().Get("api-version") == w.version
	}
	return r.URL.Path == "/openai/v1"+undated && r.URL.RawQuery == ""
}

func (w azure) Models(r *http.Request, model string) (string, bool) {
	return `{"data":[{"id":"gpt-4o-2024-11-20"}]}`, r.Method == http.MethodGet && w.here(r, "/models", "/models")
}

func (w azure) Read(r *http.Request, body []byte) (Asked, error) {
	if !w.here(r, "/deployments/"+w.deployment+"/chat/completions", "/chat/completions") {
		return Asked{}, errNoAddress
	}
	return w.read(r, body, r.URL.Path)
}

func (w azure) Begin(model string, r *Script) string {
	return data(`{"choices":[],"prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]}`) + w.openAI.Begin(model, r)
}

// decode reads a request whose fields must be those of q.
func decode(r *http.Request, method, path string, body []byte, q any) (Asked, error) {
	if r.Method != method || r.URL.Path != path {
		return Asked{}, errNoAddress
	}
	if media := r.Header.Get("Content-Type"); media != "application/json" {
		return Asked{}, fmt.Errorf("the body is %q", media)
	}
	strict := json.NewDecoder(strings.NewReader(string(body)))
	strict.DisallowUnknownFields()
	if err := strict.Decode(q); err != nil {
		return Asked{}, err
	}
	var asked Asked
	return asked, json.Unmarshal(body, &asked.Body)
}

// take sorts messages into rules and turns.
func (a *Asked) take(messages []rag.Message) error {
	for _, m := range messages {
		switch m.Role {
		case "system":
			a.System = strings.TrimPrefix(a.System+"\n\n"+m.Content, "\n\n")
		case "user", "assistant":
			a.Turns = append(a.Turns, m)
		default:
			return fmt.Errorf("the role %q is not known", m.Role)
		}
	}
	return nil
}

// text fills JSON values into the places marked %s.
func text(format string, values ...any) string {
	parts := make([]any, len(values))
	for i, v := range values {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		parts[i] = string(b)
	}
	return fmt.Sprintf(format, parts...)
}

// data is text as one server-sent event.
func data(format string, values ...any) string { return "data: " + text(format, values...) + "\n\n" }
