package ollama_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/llm/llmtest"
	"github.com/smartretriever/smartretriever/model/llm/ollama"
	"github.com/smartretriever/smartretriever/model/remote/chat"
	"github.com/smartretriever/smartretriever/rag"
)

func open(t *testing.T, s llmtest.Setup) llmtest.Client {
	t.Helper()
	c, err := ollama.New(cfg(s))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func cfg(s llmtest.Setup) ollama.Config {
	c := ollama.Config{Config: chat.Config{BaseURL: s.URL, Model: s.Model, Key: s.Key, FirstTokenTimeout: s.FirstTokenTimeout, Timeout: s.Timeout}}
	if s.Transport != nil {
		c.Transport = s.Transport
	}
	return c
}

func TestSuite(t *testing.T) {
	llmtest.Run(t, llmtest.Provider{Wire: llmtest.Ollama(), Open: open, Name: "ollama", NamesModel: true, NoCache: true, NoPolicy: true})
}

func TestKeepAliveAndContext(t *testing.T) {
	tests := []struct {
		keep   string
		numCtx int
		want   string // of the request's body, "" is a fault
	}{
		{"", 0, "<nil> <nil>"},
		{"5m", 8192, "5m 8192"},
		{"-1", 0, "-1 <nil>"},
		{"0", 0, "0 <nil>"},
		{"soon", 0, ""},
	}
	for _, tt := range tests {
		double := &llmtest.Server{Wire: llmtest.Ollama(), Model: "m", Answer: func(int, llmtest.Asked) llmtest.Script { return llmtest.Script{} }}
		c, err := ollama.New(ollama.Config{Config: chat.Config{Model: "m", Transport: double}, KeepAlive: tt.keep, NumCtx: tt.numCtx})
		if tt.want == "" {
			if rag.KindOf(err) != rag.KindInvalid {
				t.Errorf("%q: %v", tt.keep, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Chat(t.Context(), llm.Request{Messages: []rag.Message{{Role: "user", Content: "hi"}}}, func(string) error { return nil }); err != nil {
			t.Fatal(err)
		}
		body := double.Asked()[0].Body
		options := body["options"].(map[string]any)
		if got := fmt.Sprint(body["keep_alive"], " ", options["num_ctx"]); got != tt.want {
			t.Errorf("%q, %d: sent %s", tt.keep, tt.numCtx, got)
		}
		if body["truncate"] != false || body["shift"] != false {
			t.Errorf("the server may shorten the conversation: %v", body)
		}
	}
}

func FuzzStream(f *testing.F) {
	llmtest.Fuzz(f, llmtest.Ollama(), func(rt http.RoundTripper) (llm.Model, error) {
		return ollama.New(ollama.Config{Config: chat.Config{BaseURL: "http://h", Model: "m", Transport: rt}})
	})
}
