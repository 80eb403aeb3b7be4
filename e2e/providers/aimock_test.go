//go:build e2e

package providers

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/llm/anthropic"
	"github.com/smartretriever/smartretriever/model/llm/cohere"
	"github.com/smartretriever/smartretriever/model/llm/gemini"
	"github.com/smartretriever/smartretriever/model/llm/ollama"
	"github.com/smartretriever/smartretriever/model/llm/openai"
	"github.com/smartretriever/smartretriever/model/llm/openai/azure"
	"github.com/smartretriever/smartretriever/model/remote/chat"
	"github.com/smartretriever/smartretriever/rag"
)

const testKey = "sk-verysecret-0123"

// modelName is one that aimock lists.
const modelName = "gpt-4o"

// headers adds headers to every request.
type headers map[string]string

func (h headers) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for name, value := range h {
		r.Header.Set(name, value)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// provider is a client and what aimock's imitation of its provider cannot do.
type provider struct {
	name     string
	open     func(t *testing.T, url string, h headers) llm.Model
	noUsage  bool
	noPolicy bool
	noLength bool // does not say that the text was cut short
	noCheck  bool // does not have the address of the health check
}

func must[M llm.Model](m M, err error) llm.Model {
	if err != nil {
		panic(err)
	}
	return m
}

var all = []provider{
	{name: "openai", open: func(_ *testing.T, url string, h headers) llm.Model {
		return must(openai.New(openai.Config{Config: chat.Config{BaseURL: url + "/v1", Model: modelName, Key: testKey, Transport: h}}))
	}},
	{name: "azure", noCheck: true, open: func(_ *testing.T, url string, h headers) llm.Model {
		return must(azure.New(azure.Config{Config: chat.Config{BaseURL: url, Model: modelName, Key: testKey, Transport: h}, APIVersion: "2024-10-21"}))
	}},
	{name: "anthropic", noPolicy: true, noCheck: true, open: func(_ *testing.T, url string, h headers) llm.Model {
		return must(anthropic.New(anthropic.Config{BaseURL: url + "/v1", Model: modelName, Key: testKey, Transport: h}))
	}},
	{name: "gemini", noCheck: true, open: func(_ *testing.T, url string, h headers) llm.Model {
		return must(gemini.New(gemini.Config{BaseURL: url + "/v1beta", Model: modelName, Key: testKey, Transport: h}))
	}},
	{name: "cohere", noPolicy: true, noCheck: true, open: func(_ *testing.T, url string, h headers) llm.Model {
		return must(cohere.New(cohere.Config{BaseURL: url, Model: modelName, Key: testKey, Transport: h}))
	}},
	{name: "ollama", noUsage: true, noPolicy: true, noLength: true, open: func(_ *testing.T, url string, h headers) llm.Model {
		return must(ollama.New(ollama.Config{Config: chat.Config{BaseURL: url, Model: modelName, Key: testKey, Transport: h}, KeepAlive: "5m", NumCtx: 8192}))
	}},
}

// address returns where a server is, as the scripts that start it say.
func address(t *testing.T, variable string) string {
	t.Helper()
	url := os.Getenv(variable)
	if url == "" {
		t.Fatal(variable + " does not say where the server is: run the script that starts it")
	}
	return url
}

func request(text string) llm.Request {
	return llm.Request{Messages: []rag.Message{{Role: "user", Content: text}}, MaxTokens: 64}
}

func converse(t *testing.T, m llm.Model, r llm.Request) (pieces []string, res llm.Result, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	res, err = m.Chat(ctx, r, func(s string) error {
		pieces = append(pieces, s)
		return nil
	})
	return pieces, res, err
}

func TestAimock(t *testing.T) {
	url := address(t, "E2E_AIMOCK")
	for _, p := range all {
		t.Run(p.name, func(t *testing.T) {
			for name, run := range map[string]func(*testing.T, provider, string){
				"stream": testStream, "conversation": testConversation, "ends": testEnds, "refusals": testRefusals,
				"chaos": testChaos, "recovery": testRecovery, "giant": testGiant, "goroutines": testGoroutines, "check": testCheck,
			} {
				t.Run(name, func(t *testing.T) { run(t, p, url) })
			}
		})
	}
}

func testStream(t *testing.T, p provider, url string) {
	pieces, res, err := converse(t, p.open(t, url, nil), request("say hello"))
	if err != nil {
		t.Fatal(err)
	}
	if res.Text != "Hello, 世界! שלום" || strings.Join(pieces, "") != res.Text || len(pieces) < 3 || res.Finish != llm.FinishStop || res.Provider != p.name {
		t.Errorf("pieces %q, result %+v", pieces, res)
	}
	if want := (llm.Usage{PromptTokens: 12, CompletionTokens: 3}); !p.noUsage && res.Usage != want {
		t.Errorf("usage %+v, want %+v", res.Usage, want)
	}
}

// The journal tells how a server that others wrote has understood the request.
func testConversation(t *testing.T, p provider, url string) {
	id := "conversation-" + p.name
	r := llm.Request{Messages: []rag.Message{
		{Role: "system", Content: "Answer like a pirate."}, {Role: "user", Content: "say hello"},
		{Role: "assistant", Content: "Arr."}, {Role: "user", Content: "say hello again"},
	}, MaxTokens: 77, Temperature: 0.25, Stop: []string{"END"}}
	_, res, err := converse(t, p.open(t, url, headers{"X-Test-Id": id}), r)
	if err != nil || res.Text != "Arr, again." {
		t.Fatalf("%+v, %v", res, err)
	}
	var journal []struct {
		Body struct {
			Model       string        `json:"model"`
			Messages    []rag.Message `json:"messages"`
			Temperature float64       `json:"temperature"`
			MaxTokens   int           `json:"max_tokens"`
			Stream      bool          `json:"stream"`
		} `json:"body"`
	}
	resp, err := http.Get(url + "/__aimock/journal?testId=" + id)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&journal); err != nil || len(journal) != 1 {
		t.Fatalf("%d requests, %v", len(journal), err)
	}
	if b := journal[0].Body; b.Model != modelName || !slices.Equal(b.Messages, r.Messages) || b.Temperature != 0.25 || b.MaxTokens != 77 || !b.Stream {
		t.Errorf("understood as %+v", b)
	}
}

func testEnds(t *testing.T, p provider, url string) {
	m := p.open(t, url, nil)
	if _, res, err := converse(t, m, request("be cut short")); err != nil || !p.noLength && res.Finish != llm.FinishLength {
		t.Errorf("length: %+v, %v", res, err)
	}
	if _, _, err := converse(t, m, request("be filtered")); !p.noPolicy && rag.KindOf(err) != rag.KindRefused {
		t.Errorf("filtered: %v", err)
	}
	pieces, res, err := converse(t, m, request("break off"))
	if _, again := errors.AsType[*llm.Temporary](err); !again || rag.KindOf(err) != rag.KindUnavailable || res.Text == "" || res.Text != strings.Join(pieces, "") {
		t.Errorf("cut: %v after %q", err, pieces)
	}
}

// fails holds an error to what it should be.
func fails(t *testing.T, name string, err error, kind rag.Kind, again bool) {
	t.Helper()
	if _, temporary := errors.AsType[*llm.Temporary](err); rag.KindOf(err) != kind || temporary != again {
		t.Errorf("%s: %s, temporary %v: %v", name, rag.KindOf(err), temporary, err)
	}
	if err != nil && strings.Contains(err.Error(), testKey) {
		t.Errorf("%s: the error shows the key: %v", name, err)
	}
}

func testRefusals(t *testing.T, p provider, url string) {
	for _, tt := range []struct {
		text  string
		kind  rag.Kind
		again bool
	}{
		{"be busy", rag.KindExhausted, true},
		{"break down", rag.KindUnavailable, true},
		{"be overloaded", rag.KindUnavailable, true},
		{"ask for a key", rag.KindUnavailable, false},
		{"be gone", rag.KindUnavailable, false},
	} {
		_, _, err := converse(t, p.open(t, url, nil), request(tt.text))
		fails(t, tt.text, err, tt.kind, tt.again)
		if temporary, ok := errors.AsType[*llm.Temporary](err); tt.text == "be busy" && (!ok || temporary.After != 7*time.Second) {
			t.Errorf("asked to wait 7 s: %v", err)
		}
	}
}

func testChaos(t *testing.T, p provider, url string) {
	for _, tt := range []struct {
		fault string
		kind  rag.Kind
		again bool
	}{
		{"ratelimit", rag.KindExhausted, true},
		{"drop", rag.KindUnavailable, true},
		{"disconnect", rag.KindUnavailable, true},
		{"malformed", rag.KindUnavailable, false},
	} {
		_, _, err := converse(t, p.open(t, url, headers{"X-Aimock-Chaos-" + tt.fault: "1"}), request("say hello"))
		fails(t, tt.fault, err, tt.kind, tt.again)
	}
}

func testRecovery(t *testing.T, p provider, url string) {
	m := llm.Retry(p.open(t, url, headers{"X-Test-Id": "recovery-" + p.name}), llm.RetryConfig{Base: time.Millisecond})
	if _, res, err := converse(t, m, request("recover")); err != nil || res.Text != "Now." {
		t.Errorf("%+v, %v", res, err)
	}
	down := p.open(t, url, headers{"X-Aimock-Chaos-Drop": "1"})
	chain := llm.Chain(llm.ChainConfig{Links: []llm.Link{{Name: "first", Model: down}, {Name: "second", Model: p.open(t, url, nil)}}})
	if _, res, err := converse(t, chain, request("say hello")); err != nil || res.Answered != "second" || !slices.Equal(res.Skipped, []string{"first"}) {
		t.Errorf("%+v, %v", res, err)
	}
}

func testGiant(t *testing.T, p provider, url string) {
	text := strings.Repeat("The quick brown fox jumps over 世界. ", 10_000) + "say hello"
	if _, res, err := converse(t, p.open(t, url, nil), request(text)); err != nil || res.Finish != llm.FinishStop {
		t.Errorf("%+v, %v", res, err)
	}
}

func testGoroutines(t *testing.T, p provider, url string) {
	m := p.open(t, url, nil)
	var callers sync.WaitGroup
	for range 16 {
		callers.Go(func() {
			if res, err := m.Chat(t.Context(), request("say hello"), func(string) error { return nil }); err != nil || res.Text != "Hello, 世界! שלום" {
				t.Errorf("%+v, %v", res, err)
			}
		})
	}
	callers.Wait()
}

func testCheck(t *testing.T, p provider, url string) {
	m := p.open(t, url, nil).(interface{ Check(context.Context) error })
	if err := m.Check(t.Context()); err != nil && !p.noCheck {
		t.Error(err)
	}
}
