package openai_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/llm/llmtest"
	"github.com/smartretriever/smartretriever/model/llm/openai"
	"github.com/smartretriever/smartretriever/model/remote/chat"
	"github.com/smartretriever/smartretriever/rag"
)

func open(t *testing.T, s llmtest.Setup) llmtest.Client {
	t.Helper()
	cfg := openai.Config{Config: chat.Config{BaseURL: s.URL + "/v1/", Model: s.Model, Key: s.Key, FirstTokenTimeout: s.FirstTokenTimeout, Timeout: s.Timeout}}
	if s.Transport != nil {
		cfg.Transport = s.Transport
	}
	c, err := openai.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSuite(t *testing.T) {
	llmtest.Run(t, llmtest.Provider{Wire: llmtest.OpenAI(), Open: open, Name: "openai", NamesModel: true})
}

// serve returns a client of a server with this handler.
func serve(t *testing.T, h http.HandlerFunc) llmtest.Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return open(t, llmtest.Setup{URL: srv.URL, Model: "m", Key: "sk-verysecret-0123"})
}

func ask(t *testing.T, m llm.Model) (pieces []string, res llm.Result, err error) {
	t.Helper()
	res, err = m.Chat(t.Context(), llm.Request{
		Messages: []rag.Message{{Role: "user", Content: "hi"}}, MaxTokens: 50,
	}, func(s string) error {
		pieces = append(pieces, s)
		return nil
	})
	return pieces, res, err
}

func answer(media, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", media)
		_, _ = io.WriteString(w, body)
	}
}

func TestAnswerThatIsNotStreamed(t *testing.T) {
	c := serve(t, answer("application/json", `{"model":"x","choices":[{"message":{"role":"assistant","content":"all at once"},"finish_reason":"length"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}`))
	pieces, res, err := ask(t, c)
	if err != nil || len(pieces) != 1 || res.Text != "all at once" || res.Finish != llm.FinishLength || res.Usage.CompletionTokens != 2 {
		t.Errorf("%q, %+v, %v", pieces, res, err)
	}
	for _, body := range []string{`{}`, `{"choices":[]}`, strings.Repeat(" ", 17<<20) + `{"choices":[{}]}`} {
		if _, _, err := ask(t, serve(t, answer("application/json", body))); rag.KindOf(err) != rag.KindUnavailable || !strings.Contains(err.Error(), "malformed") {
			t.Errorf("%.20s: %v", body, err)
		}
	}
	if _, _, err := ask(t, serve(t, answer("application/json", `{"error":{"message":"no memory","code":503}}`))); rag.KindOf(err) != rag.KindUnavailable || !strings.Contains(err.Error(), "no memory") {
		t.Errorf("an error with the status 200: %v", err)
	}
}

// What servers of this protocol vary in.
func TestDialects(t *testing.T) {
	delta := `data: {"choices":[{"delta":{"content":"So"}}]}` + "\n\n"
	tests := []struct {
		name, media, body string
		kind              rag.Kind // "" is a result
		again             bool
		says              string
	}{
		{"ends without [DONE]", "text/event-stream", delta + `data: {"choices":[{"delta":{},"finish_reason":"stop"}]}` + "\n\n", "", false, ""},
		{"filter results of another form", "text/event-stream", delta + `data: {"choices":[{"delta":{},"finish_reason":"stop","content_filter_results":[]}],"usage":{"prompt_tokens_details":null}}` + "\n\n", "", false, ""},
		{"ends without an empty line", "text/event-stream", delta + `data: {"choices":[{"delta":{},"finish_reason":"stop"}]}`, "", false, ""},
		{"only [DONE], as of a server that was interrupted", "text/event-stream", delta + "data: [DONE]\n\n", rag.KindUnavailable, true, "cut off"},
		{"carriage returns, no space, a byte order mark", "text/event-stream;charset=utf-8", "\ufeffevent: x\r\ndata:{\"choices\":[{\"delta\":\r\ndata:{\"content\":\"So\"}}]}\r\n\r\ndata:{\"choices\":[{\"finish_reason\":\"stop\"}]}\r\n\r\ndata:[DONE]\r\n\r\n", "", false, ""},
		{"does not say what it is", "application/octet-stream", delta + `data: {"choices":[{"finish_reason":"stop"}]}` + "\n\n", "", false, ""},
		{"declines by a field", "text/event-stream", `data: {"choices":[{"delta":{"refusal":"I will "}}]}` + "\n\n" + `data: {"choices":[{"delta":{"refusal":"not."},"finish_reason":"stop"}]}` + "\n\n", rag.KindRefused, false, "I will not."},
		{"used up while answering", "text/event-stream", `data: {"error":{"message":"pay","code":"insufficient_quota"}}` + "\n\n", rag.KindExhausted, false, "used up"},
		{"busy while answering", "text/event-stream", `data: {"error":{"message":"slow","type":"rate_limit_error"}}` + "\n\n", rag.KindExhausted, true, "is busy"},
		{"fails with a number", "text/event-stream", `data: {"error":{"message":"oom","code":503}}` + "\n\n", rag.KindUnavailable, true, "oom"},
		{"refuses a parameter when it has begun", "text/event-stream", delta + `data: {"error":{"message":"temperature","type":"invalid_request_error"}}` + "\n\n", rag.KindInternal, false, "does not accept"},
		{"an error that is a text", "text/event-stream", `data: {"error":"oom"}` + "\n\n", rag.KindUnavailable, true, "oom"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, res, err := ask(t, serve(t, answer(tt.media, tt.body)))
			if tt.kind == "" {
				if err != nil || res.Text != "So" {
					t.Errorf("%+v, %v", res, err)
				}
				return
			}
			if _, again := errors.AsType[*llm.Temporary](err); rag.KindOf(err) != tt.kind || again != tt.again || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s, temporary %v: %v", rag.KindOf(err), again, err)
			}
		})
	}
}

func TestTooLongInOtherWords(t *testing.T) {
	for name, body := range map[string]string{
		"vLLM":      `{"object":"error","message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","code":400}`,
		"llama.cpp": `{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}`,
	} {
		_, _, err := ask(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, body)
		}))
		if rag.KindOf(err) != rag.KindExhausted || !strings.Contains(err.Error(), "longer than the model takes") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestChatLearnsWhatTheModelTakes(t *testing.T) {
	var calls atomic.Int32
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		for _, p := range []string{"max_tokens", "temperature", "stream_options"} {
			if _, has := body[p]; has {
				w.WriteHeader(400)
				fmt.Fprintf(w, `{"error":{"message":"Unsupported parameter","param":%q}}`, p)
				return
			}
		}
		if body["max_completion_tokens"] != 50.0 {
			t.Errorf("request %v", body)
		}
		answer("text/event-stream", `data: {"choices":[{"delta":{"content":"ok"},"finish_reason":"stop"}]}`+"\n\ndata: [DONE]\n\n")(w, r)
	})
	for range 2 {
		if _, res, err := ask(t, c); err != nil || res.Text != "ok" {
			t.Fatalf("%+v, %v", res, err)
		}
	}
	if n := calls.Load(); n != 5 {
		t.Errorf("%d calls, want 4 to learn and 1 that knows", n)
	}
	// Callers that learn the same at the same time all get their answers.
	var before sync.WaitGroup
	before.Add(4)
	fresh := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "temperature") {
			before.Done()
			before.Wait()
			w.WriteHeader(400)
			_, _ = io.WriteString(w, `{"error":{"message":"temperature is not taken"}}`)
			return
		}
		answer("text/event-stream", `data: {"choices":[{"delta":{"content":"ok"},"finish_reason":"stop"}]}`+"\n\n")(w, r)
	})
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			if _, res, err := ask(t, fresh); err != nil || res.Text != "ok" {
				t.Errorf("%+v, %v", res, err)
			}
		})
	}
	callers.Wait()

	refusing := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(400)
		_, _ = io.WriteString(w, `{"error":{"message":"temperature is a nuisance"}}`)
	})
	if _, _, err := ask(t, refusing); rag.KindOf(err) != rag.KindInternal {
		t.Errorf("a server that refuses all the same: %v", err)
	}
}

func TestCheckNamesWhatThereIs(t *testing.T) {
	tests := []struct {
		name, body string
		status     int
		says       string
	}{
		{"there", `{"data":[{"id":"a"},{"id":"m"}]}`, 200, ""},
		{"there as latest", `{"data":[{"id":"m:latest"}]}`, 200, ""},
		{"no list", ``, 404, ""},
		{"not there", `{"data":[{"id":"a"},{"id":"b"}]}`, 200, `no model "m"; it has a, b`},
		{"something else", `<html>`, 200, "does not answer like the OpenAI API"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			err := c.Check(t.Context())
			if (err == nil) != (tt.says == "") || (err != nil && !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("got %v, want %q", err, tt.says)
			}
		})
	}
}

func TestConfigFaults(t *testing.T) {
	for _, cfg := range []chat.Config{{}, {BaseURL: "localhost:80", Model: "m"}, {BaseURL: "ftp://x/v1", Model: "m"}, {BaseURL: "http://x/v1"}, {BaseURL: "http://x", Model: "m", Proxy: "::"}} {
		if _, err := openai.New(openai.Config{Config: cfg}); rag.KindOf(err) != rag.KindInvalid {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}

func FuzzStream(f *testing.F) {
	llmtest.Fuzz(f, llmtest.OpenAI(), func(rt http.RoundTripper) (llm.Model, error) {
		return openai.New(openai.Config{Config: chat.Config{BaseURL: "http://h/v1", Model: "m", Transport: rt}})
	})
}
