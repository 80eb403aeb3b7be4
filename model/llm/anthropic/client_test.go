package anthropic_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/llm/anthropic"
	"github.com/smartretriever/smartretriever/model/llm/llmtest"
	"github.com/smartretriever/smartretriever/rag"
)

func open(t *testing.T, s llmtest.Setup) llmtest.Client {
	t.Helper()
	c, err := anthropic.New(cfg(s))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func cfg(s llmtest.Setup) anthropic.Config {
	c := anthropic.Config{BaseURL: s.URL + "/v1", Model: s.Model, Key: s.Key, FirstTokenTimeout: s.FirstTokenTimeout, Timeout: s.Timeout}
	if s.Transport != nil {
		c.Transport = s.Transport
	}
	return c
}

func TestSuite(t *testing.T) {
	llmtest.Run(t, llmtest.Provider{Wire: llmtest.Anthropic(), Open: open, Name: "anthropic", NamesModel: true})
}

// serve returns a client of a server with this handler.
func serve(t *testing.T, h http.HandlerFunc) llmtest.Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return open(t, llmtest.Setup{URL: srv.URL, Model: "m"})
}

func question(tokens int) llm.Request {
	return llm.Request{Messages: []rag.Message{{Role: "user", Content: "hi"}}, MaxTokens: tokens}
}

func discard(string) error { return nil }

func stream(events ...string) string { return "data: " + strings.Join(events, "\n\ndata: ") + "\n\n" }

func TestUsage(t *testing.T) {
	tests := []struct {
		name, start, end string
		want             llm.Usage
	}{
		{"nothing cached", `{"input_tokens":10,"output_tokens":1}`, `{"output_tokens":5}`, llm.Usage{PromptTokens: 10, CompletionTokens: 5}},
		{"read and written", `{"input_tokens":10,"cache_read_input_tokens":100,"cache_creation_input_tokens":30,"output_tokens":1}`, `{"output_tokens":5}`,
			llm.Usage{PromptTokens: 140, CachedTokens: 100, CompletionTokens: 5}},
		{"counted again at the end", `{"input_tokens":1}`, `{"input_tokens":10,"cache_read_input_tokens":100,"cache_creation_input_tokens":0,"output_tokens":5}`,
			llm.Usage{PromptTokens: 110, CachedTokens: 100, CompletionTokens: 5}},
		{"null", `{"input_tokens":10,"cache_read_input_tokens":null}`, `{"output_tokens":5,"input_tokens":null}`, llm.Usage{PromptTokens: 10, CompletionTokens: 5}},
	}
	for _, tt := range tests {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, stream(`{"type":"message_start","message":{"model":"m","usage":`+tt.start+`}}`,
				`{"type":"something_new","delta":"of another form"}`,
				`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":`+tt.end+`}`, `{"type":"message_stop"}`))
		})
		if res, err := c.Chat(t.Context(), question(1), discard); err != nil || res.Usage != tt.want {
			t.Errorf("%s: %+v, %v", tt.name, res.Usage, err)
		}
	}
}

func TestRefusalNamesThePolicy(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, stream(`{"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":{"type":"refusal","category":"bio","explanation":null}}}`, `{"type":"message_stop"}`))
	})
	if _, err := c.Chat(t.Context(), question(1), discard); rag.KindOf(err) != rag.KindRefused || !strings.Contains(err.Error(), "bio") {
		t.Errorf("got %v", err)
	}
}

func TestLengthIsAlwaysLimited(t *testing.T) {
	double := &llmtest.Server{Wire: llmtest.Anthropic(), Model: "m", Answer: func(int, llmtest.Asked) llmtest.Script { return llmtest.Script{} }}
	c := open(t, llmtest.Setup{URL: "http://double", Model: "m", Transport: double})
	if _, err := c.Chat(t.Context(), question(0), discard); err != nil {
		t.Fatal(err)
	}
	if got := double.Asked()[0].MaxTokens; got != 1024 {
		t.Errorf("%d tokens", got)
	}
}

func TestTemperatureIsLeftOutWhereItIsNotTaken(t *testing.T) {
	calls := 0
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls++
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "temperature") {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"type":"error","error":{"type":"invalid_request_error","message":"temperature: this model does not take it"}}`)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, stream(`{"type":"content_block_delta","delta":{"type":"text_delta","text":"ok"}}`, `{"type":"message_delta","delta":{"stop_reason":"end_turn"}}`, `{"type":"message_stop"}`))
	})
	for range 2 {
		if res, err := c.Chat(t.Context(), question(1), discard); err != nil || res.Text != "ok" {
			t.Fatalf("%+v, %v", res, err)
		}
	}
	if calls != 3 {
		t.Errorf("%d calls, want one to learn and two that know", calls)
	}
}

func FuzzStream(f *testing.F) {
	llmtest.Fuzz(f, llmtest.Anthropic(), func(rt http.RoundTripper) (llm.Model, error) {
		return anthropic.New(anthropic.Config{BaseURL: "http://h", Model: "m", Transport: rt})
	})
}
