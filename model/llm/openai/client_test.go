package openai

import (
	"context"
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
	"testing/synctest"
	"time"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

const testKey = "sk-verysecret-0123"

// event writes one server-sent event.
func event(w io.Writer, data string) {
	fmt.Fprintf(w, "data: %s\n\n", data)
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}

func delta(text string) string {
	return fmt.Sprintf(`{"model":"m-1","choices":[{"index":0,"delta":{"content":%q}}]}`, text)
}

const (
	finishStop = `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`
	usageEvent = `{"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":3}}`
)

// serve returns a client of a server with this handler.
func serve(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	c, err := New(Config{BaseURL: srv.URL + "/v1/", Model: "m", Key: testKey})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
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

func TestChatStreams(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/chat/completions" || r.Header.Get("Authorization") != "Bearer "+testKey {
			t.Errorf("%s, %q", r.URL.Path, r.Header.Get("Authorization"))
		}
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		if body["model"] != "m" || body["stream"] != true || body["temperature"] != 0.0 || body["max_tokens"] != 50.0 {
			t.Errorf("request %v", body)
		}
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		io.WriteString(w, ": welcome\r\nevent: message\r\n")
		event(w, delta("Hello"))
		event(w, delta(", 世界"))
		event(w, finishStop)
		event(w, usageEvent)
		event(w, "[DONE]")
	})
	pieces, res, err := ask(t, c)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(pieces, "|") != "Hello|, 世界" || res.Text != "Hello, 世界" || res.Finish != llm.FinishStop ||
		res.Usage != (llm.Usage{PromptTokens: 12, CompletionTokens: 3}) || res.Model != "m-1" {
		t.Errorf("pieces %q, result %+v", pieces, res)
	}
}

func TestChatTakesAnAnswerThatIsNotStreamed(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"model":"x","choices":[{"message":{"role":"assistant","content":"all at once"},"finish_reason":"length"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}`)
	})
	pieces, res, err := ask(t, c)
	if err != nil || len(pieces) != 1 || res.Text != "all at once" || res.Finish != llm.FinishLength || res.Usage.CompletionTokens != 2 {
		t.Errorf("%q, %+v, %v", pieces, res, err)
	}
}

func TestChatFailures(t *testing.T) {
	body := func(status int, header, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if name, value, ok := strings.Cut(header, ": "); ok {
				w.Header().Set(name, value)
			}
			w.WriteHeader(status)
			io.WriteString(w, text)
		}
	}
	stream := func(events ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			for _, e := range events {
				event(w, e)
			}
		}
	}
	tests := []struct {
		name      string
		handler   http.HandlerFunc
		kind      rag.Kind
		temporary bool
		after     time.Duration
		says      string
	}{
		{"429 with header", body(429, "Retry-After: 7", `{"error":{"message":"slow down"}}`), rag.KindExhausted, true, 7 * time.Second, "busy (HTTP 429): slow down"},
		{"429 without header", body(429, "", `{"error":{"message":"slow down"}}`), rag.KindExhausted, true, 0, "busy"},
		{"429 quota", body(429, "", `{"error":{"code":"insufficient_quota","message":"pay"}}`), rag.KindExhausted, false, 0, "used up"},
		{"500", body(500, "", `oops`), rag.KindUnavailable, true, 0, "server failed (HTTP 500)"},
		{"503 with a date", body(503, "Retry-After: Mon, 02 Jan 2006 15:04:05 GMT", ``), rag.KindUnavailable, true, 0, "HTTP 503"},
		{"wrong key", body(401, "", `{"error":{"message":"Incorrect API key provided: `+testKey+`"}}`), rag.KindUnavailable, false, 0, "does not accept the API key (HTTP 401)"},
		{"key repeated elsewhere", body(400, "", `{"error":"bad header `+testKey+`"}`), rag.KindInternal, false, 0, "bad header ********"},
		{"unknown model", body(404, "", `{"error":{"message":"no model m"}}`), rag.KindUnavailable, false, 0, `no model "m"`},
		{"redirect", body(302, "Location: http://elsewhere.example/", ``), rag.KindUnavailable, false, 0, "redirects"},
		{"too long", body(400, "", `{"error":{"code":"context_length_exceeded","message":"8192 tokens"}}`), rag.KindExhausted, false, 0, "longer than the model takes"},
		{"content refused", body(400, "", `{"error":{"code":"content_filter","message":"no"}}`), rag.KindRefused, false, 0, "declined"},
		{"content refused while writing", stream(delta("So"), `{"choices":[{"delta":{},"finish_reason":"content_filter"}]}`, "[DONE]"), rag.KindRefused, false, 0, "content filter"},
		{"model declines", stream(`{"choices":[{"delta":{"refusal":"I will not."},"finish_reason":"stop"}]}`, "[DONE]"), rag.KindRefused, false, 0, "I will not."},
		{"cut stream", stream(delta("Hel")), rag.KindUnavailable, true, 0, "cut off"},
		{"malformed event", stream(`{"choices":[{`), rag.KindUnavailable, false, 0, "malformed"},
		{"malformed body", body(200, "Content-Type: application/json", `<html>`), rag.KindUnavailable, false, 0, "malformed"},
		{"body without choices", body(200, "Content-Type: application/json", `{}`), rag.KindUnavailable, false, 0, "malformed"},
		{"error inside the stream", stream(delta("a"), `{"error":{"message":"GPU on fire"}}`), rag.KindUnavailable, true, 0, "GPU on fire"},
		{"endless line", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "data: "+strings.Repeat("x", 2*maxLineBytes)+"\n\n")
		}, rag.KindUnavailable, true, 0, "too long"},
		{"control characters in a message", body(400, "", `{"error":{"message":"a\u001b[31m\nb"}}`), rag.KindInternal, false, 0, "a[31m b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := ask(t, serve(t, tt.handler))
			if err == nil {
				t.Fatal("no error")
			}
			if rag.KindOf(err) != tt.kind {
				t.Errorf("kind %s, want %s: %v", rag.KindOf(err), tt.kind, err)
			}
			tmp, temporary := errors.AsType[*llm.Temporary](err)
			if temporary != tt.temporary {
				t.Errorf("temporary is %v: %v", temporary, err)
			}
			if temporary && tmp.After != tt.after {
				t.Errorf("wait %s, want %s", tmp.After, tt.after)
			}
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("no %q in %q", tt.says, err)
			}
			if strings.Contains(err.Error(), testKey) || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("the error shows the key or is not one clean line: %q", err)
			}
		})
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
		w.Header().Set("Content-Type", "text/event-stream")
		event(w, delta("ok"))
		event(w, "[DONE]")
	})
	for range 2 {
		if _, res, err := ask(t, c); err != nil || res.Text != "ok" {
			t.Fatalf("%+v, %v", res, err)
		}
	}
	if n := calls.Load(); n != 5 {
		t.Errorf("%d calls, want 4 to learn and 1 that knows", n)
	}
}

func TestAnErrorOfTheReaderComesBackAsItIs(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		event(w, delta("a"))
		event(w, delta("b"))
		event(w, "[DONE]")
	})
	stop := errors.New("reader has gone")
	n := 0
	_, err := c.Chat(t.Context(), llm.Request{}, func(string) error { n++; return stop })
	if err != stop || n != 1 {
		t.Errorf("got %v after %d pieces", err, n)
	}
}

func TestConnectionRefused(t *testing.T) {
	srv := httptest.NewServer(nil)
	srv.Close()
	c, err := New(Config{BaseURL: srv.URL, Model: "m", Key: testKey})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = ask(t, c)
	if _, temporary := errors.AsType[*llm.Temporary](err); !temporary || rag.KindOf(err) != rag.KindUnavailable {
		t.Errorf("got %v", err)
	}
}

// pipeTransport answers every request with a stream that the test writes.
type pipeTransport struct{ body io.ReadCloser }

func (p pipeTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	context.AfterFunc(r.Context(), func() { p.body.Close() })
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: p.body, Request: r}, nil
}

// In these tests time passes only when every goroutine waits, so a silence of a
// minute takes none.
func TestSilenceAndLength(t *testing.T) {
	tests := []struct {
		name string
		pace time.Duration // between events; 0 writes nothing at all
		kind rag.Kind
		says string
	}{
		{"nothing comes", 0, rag.KindUnavailable, "said nothing for 30s"},
		{"too long between pieces", 40 * time.Second, rag.KindUnavailable, "said nothing for 30s"},
		{"goes on for ever", 20 * time.Second, rag.KindExhausted, "longer than 2m0s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, w := io.Pipe()
				var writer sync.WaitGroup
				defer writer.Wait()
				if tt.pace > 0 {
					writer.Go(func() {
						for {
							if _, err := io.WriteString(w, "data: "+delta("x")+"\n\n"); err != nil {
								return
							}
							time.Sleep(tt.pace)
						}
					})
				}
				c, err := New(Config{BaseURL: "http://h/v1", Model: "m", Transport: pipeTransport{r}, FirstTokenTimeout: 30 * time.Second})
				if err != nil {
					t.Fatal(err)
				}
				_, _, err = ask(t, c)
				if rag.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("kind %s: %v", rag.KindOf(err), err)
				}
				r.Close()
				w.Close()
			})
		})
	}
}

// A wait for its turn is not the model's silence, and is not begun where the caller
// has less time.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answering := roundTrip(func(r *http.Request) (*http.Response, error) {
			body := "data: " + delta("hi") + "\n\ndata: " + finishStop + "\n\ndata: [DONE]\n\n"
			return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
		})
		c, err := New(Config{BaseURL: "http://h/v1", Model: "m", Transport: answering, FirstTokenTimeout: 5 * time.Second, Limit: remote.LimitConfig{RequestsPerMinute: 1}})
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		for range 2 {
			if _, _, err := ask(t, c); err != nil {
				t.Fatal(err)
			}
		}
		if waited := time.Since(begun); waited < time.Minute || waited > 62*time.Second {
			t.Errorf("the second call came after %s", waited)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err = c.Chat(ctx, llm.Request{}, func(string) error { return nil })
		if rag.KindOf(err) != rag.KindExhausted || !strings.Contains(err.Error(), "1 requests a minute are allowed; come back in 1m") {
			t.Errorf("got %v", err)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestCancelledByTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		defer w.Close()
		c, err := New(Config{BaseURL: "http://h/v1", Model: "m", Transport: pipeTransport{r}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err = c.Chat(ctx, llm.Request{}, func(string) error { return nil })
		if _, temporary := errors.AsType[*llm.Temporary](err); temporary || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name, answer string
		status       int
		says         string
	}{
		{"there", `{"data":[{"id":"a"},{"id":"m"}]}`, 200, ""},
		{"there as latest", `{"data":[{"id":"m:latest"}]}`, 200, ""},
		{"no list", ``, 404, ""},
		{"not there", `{"data":[{"id":"a"},{"id":"b"}]}`, 200, `no model "m"; it has a, b`},
		{"wrong key", `{}`, 401, "API key"},
		{"something else", `<html>`, 200, "does not answer like the OpenAI API"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/v1/models" {
					t.Errorf("asked for %s", r.URL.Path)
				}
				w.WriteHeader(tt.status)
				io.WriteString(w, tt.answer)
			})
			err := c.Check(t.Context())
			if (err == nil) != (tt.says == "") || (err != nil && !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("got %v, want %q", err, tt.says)
			}
		})
	}
}

func TestConfigFaults(t *testing.T) {
	for _, cfg := range []Config{{}, {BaseURL: "localhost:80", Model: "m"}, {BaseURL: "ftp://x/v1", Model: "m"}, {BaseURL: "http://x/v1"}, {BaseURL: "http://x", Model: "m", Proxy: "::"}} {
		if _, err := New(cfg); rag.KindOf(err) != rag.KindInvalid {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}

func FuzzReadStream(f *testing.F) {
	f.Add("data: " + delta("x") + "\n\ndata: [DONE]\n\n")
	f.Add("data: {\ndata: }\n\n")
	f.Add(":\n\ndata:\r\n\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		var got strings.Builder
		res, err := readStream(strings.NewReader(text), func() {}, func(s string) error { got.WriteString(s); return nil })
		if err == nil && res.Text != got.String() {
			t.Errorf("result %q, pieces %q", res.Text, got.String())
		}
	})
}
