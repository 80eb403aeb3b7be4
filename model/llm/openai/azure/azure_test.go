package azure_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/llm/llmtest"
	"github.com/smartretriever/smartretriever/model/llm/openai/azure"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/model/remote/chat"
	"github.com/smartretriever/smartretriever/rag"
)

// opener returns how a client of this version is made, with a key or a token.
func opener(version string, token bool) func(*testing.T, llmtest.Setup) llmtest.Client {
	return func(t *testing.T, s llmtest.Setup) llmtest.Client {
		t.Helper()
		cfg := azure.Config{Config: chat.Config{BaseURL: s.URL, Model: s.Model, FirstTokenTimeout: s.FirstTokenTimeout, Timeout: s.Timeout}, APIVersion: version}
		if token {
			cfg.Tokens = remote.StaticToken(s.Key)
		} else {
			cfg.Key = s.Key
		}
		if s.Transport != nil {
			cfg.Transport = s.Transport
		}
		c, err := azure.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

func TestSuite(t *testing.T) {
	for _, tt := range []struct {
		name, version string
		token         bool
	}{{"dated, with a key", "2024-10-21", false}, {"undated, with a token", "", true}} {
		t.Run(tt.name, func(t *testing.T) {
			llmtest.Run(t, llmtest.Provider{Wire: llmtest.Azure("model-1", tt.version, tt.token), Open: opener(tt.version, tt.token), Name: "azure", NamesModel: true})
		})
	}
}

func question() llm.Request {
	return llm.Request{Messages: []rag.Message{{Role: "user", Content: "hi"}}}
}

func discard(string) error { return nil }

// renewing is a source whose first token has been withdrawn.
type renewing struct{ fetched atomic.Int32 }

func (r *renewing) Token(context.Context) (string, error) {
	return []string{"withdrawn-0123", "good-4567"}[min(r.fetched.Load(), 1)], nil
}

func (r *renewing) Forget() bool { return r.fetched.Add(1) == 1 }

func TestWithdrawnTokenIsRenewed(t *testing.T) {
	double := &llmtest.Server{Wire: llmtest.Azure("d", "", true), Model: "d", Key: "good-4567", Answer: func(int, llmtest.Asked) llmtest.Script {
		return llmtest.Script{Pieces: []string{"ok"}}
	}}
	srv := httptest.NewServer(double)
	t.Cleanup(srv.Close)
	c, err := azure.New(azure.Config{Config: chat.Config{BaseURL: srv.URL, Model: "d"}, Tokens: &renewing{}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Chat(t.Context(), question(), discard); err == nil || strings.Contains(err.Error(), "withdrawn-0123") {
		t.Errorf("with the token that was withdrawn: %v", err)
	}
	if res, err := llm.Retry(c, llm.RetryConfig{}).Chat(t.Context(), question(), discard); err != nil || res.Text != "ok" {
		t.Errorf("%+v, %v", res, err)
	}
}

func TestFilterNamesWhatItFound(t *testing.T) {
	for name, script := range map[string]llmtest.Script{"question": {Problem: llmtest.Declined}, "answer": {Pieces: []string{"So"}, Filtered: true}} {
		double := &llmtest.Server{Wire: llmtest.Azure("d", "", false), Model: "d", Answer: func(int, llmtest.Asked) llmtest.Script { return script }}
		c, err := azure.New(azure.Config{Config: chat.Config{BaseURL: "http://double", Model: "d", Key: "k", Transport: double}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Chat(t.Context(), question(), discard)
		if rag.KindOf(err) != rag.KindRefused || !strings.Contains(err.Error(), "violence high") || strings.Contains(err.Error(), "hate") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	for _, tt := range []struct{ address, version, want string }{
		{"http://double", "", ""}, {"http://double/", "", ""}, {"http://double/openai", "", ""}, {"http://double/openai/v1/", "", ""},
		{"http://double/openai/v1", "2024-10-21", ""}, // the newer API takes no version
		{"http://double/openai/", "2025-04-01-preview", "2025-04-01-preview"},
	} {
		for _, token := range []bool{false, true} {
			double := &llmtest.Server{Wire: llmtest.Azure("d", tt.want, token), Model: "d", Key: "k", Answer: func(int, llmtest.Asked) llmtest.Script {
				return llmtest.Script{Pieces: []string{"ok"}}
			}}
			c := opener(tt.version, token)(t, llmtest.Setup{URL: tt.address, Model: "d", Key: "k", Transport: double})
			if res, err := c.Chat(t.Context(), question(), discard); err != nil || res.Text != "ok" {
				t.Errorf("%+v: %+v, %v", tt, res, err)
			}
			if err := c.Check(t.Context()); err != nil {
				t.Errorf("%+v: %v", tt, err)
			}
		}
	}
}

func TestConfigFaults(t *testing.T) {
	for _, cfg := range []azure.Config{
		{}, {Config: chat.Config{BaseURL: "http://x", Model: "d"}}, {Config: chat.Config{BaseURL: "http://x", Key: "k"}}, {Config: chat.Config{Model: "d", Key: "k"}},
		{Config: chat.Config{BaseURL: "http://x", Model: "d", Key: "k"}, Tokens: remote.StaticToken("t")},
		{Config: chat.Config{BaseURL: "http://x", Model: "d", Key: "k"}, APIVersion: "newest"},
	} {
		if _, err := azure.New(cfg); rag.KindOf(err) != rag.KindInvalid {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}
