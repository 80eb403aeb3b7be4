package gemini_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/llm/gemini"
	"github.com/smartretriever/smartretriever/model/llm/llmtest"
	"github.com/smartretriever/smartretriever/rag"
)

func open(t *testing.T, s llmtest.Setup) llmtest.Client {
	t.Helper()
	c, err := gemini.New(cfg(s))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func cfg(s llmtest.Setup) gemini.Config {
	c := gemini.Config{BaseURL: s.URL + "/v1beta", Model: s.Model, Key: s.Key, FirstTokenTimeout: s.FirstTokenTimeout, Timeout: s.Timeout}
	if s.Transport != nil {
		c.Transport = s.Transport
	}
	return c
}

func TestSuite(t *testing.T) {
	llmtest.Run(t, llmtest.Provider{Wire: llmtest.Gemini(), Open: open, Name: "gemini", NamesModel: true})
}

// ask asks a server that answers so.
func ask(t *testing.T, script llmtest.Script) (llm.Result, error) {
	t.Helper()
	double := &llmtest.Server{Wire: llmtest.Gemini(), Model: "m", Answer: func(int, llmtest.Asked) llmtest.Script { return script }}
	c := open(t, llmtest.Setup{URL: "http://double", Model: "models/m", Transport: double})
	return c.Chat(t.Context(), llm.Request{Messages: []rag.Message{{Role: "user", Content: "hi"}}}, func(string) error { return nil })
}

func TestWaitThatStandsInTheBody(t *testing.T) {
	for name, body := range map[string]string{
		"an object": `{"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34s"}]}}`,
		"a list":    `[{"error":{"code":429,"message":"slow","details":[{"retryDelay":"34s"}]}}]`,
	} {
		_, err := ask(t, llmtest.Script{Status: 429, Media: "application/json", Body: body})
		if again, ok := errors.AsType[*llm.Temporary](err); !ok || again.After != 34*time.Second || rag.KindOf(err) != rag.KindExhausted {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ask(t, llmtest.Script{Status: 503, Media: "application/json", Body: `{"error":{"message":"m","details":"of another form"}}`}); rag.KindOf(err) != rag.KindUnavailable {
		t.Error(err)
	}
}

func TestBlocks(t *testing.T) {
	for reason, where := range map[string]string{
		`{"promptFeedback":{"blockReason":"SAFETY"}}`:                                                          "SAFETY, of the question",
		`{"candidates":[{"finishReason":"RECITATION","content":{"parts":[{"text":"Call me"}]}}]}`:              "(RECITATION)",
		`{"candidates":[{"finishReason":"PROHIBITED_CONTENT"}],"usageMetadata":{"promptTokenCount":3}}`:        "(PROHIBITED_CONTENT)",
		`{"promptFeedback":{"blockReason":"BLOCK_REASON_UNSPECIFIED"},"candidates":[{"finishReason":"SPII"}]}`: "(SPII)",
	} {
		_, err := ask(t, llmtest.Script{Body: "data: " + reason + "\n\n"})
		if rag.KindOf(err) != rag.KindRefused || !strings.Contains(err.Error(), where) {
			t.Errorf("%s: %v", reason, err)
		}
	}
}

func FuzzStream(f *testing.F) {
	llmtest.Fuzz(f, llmtest.Gemini(), func(rt http.RoundTripper) (llm.Model, error) {
		return gemini.New(gemini.Config{BaseURL: "http://h", Model: "m", Transport: rt})
	})
}
