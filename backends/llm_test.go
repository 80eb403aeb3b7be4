package backends_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/backends"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/model/embed/embedtest"
	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/llm/llmtest"
	"github.com/smartretriever/smartretriever/rag"
)

// chatModel returns settings of a model that has their defaults besides.
func chatModel(name, model, address string) config.ChatModel {
	m := config.Default().LLM.ChatModel
	m.Name, m.Model, m.BaseURL, m.APIKey, m.Retries = name, model, address, config.NewSecret(key), 0
	return m
}

// double serves a double of a provider that says the same to everything.
func double(t *testing.T, wire llmtest.Wire, script llmtest.Script) (string, *llmtest.Server) {
	t.Helper()
	d := &llmtest.Server{Wire: wire, Model: "m", Key: key, Answer: func(int, llmtest.Asked) llmtest.Script { return script }}
	srv := httptest.NewServer(d)
	t.Cleanup(srv.Close)
	return srv.URL, d
}

// library opens a Retriever with one document and these language models.
func library(t *testing.T, first config.ChatModel, more ...config.ChatModel) *root.Retriever {
	t.Helper()
	embed := httptest.NewServer(&embedtest.Server{Model: "m", Key: key})
	t.Cleanup(embed.Close)
	c := settings(t, embed.URL+"/v1")
	c.LLM.ChatModel, c.LLM.Fallbacks = first, more
	r := open(t, c)
	if _, err := r.AddDocument(t.Context(), rag.Scope{}, rag.Input{Title: "tower", Text: "The tower of iron was opened in 1889. It stands in Paris."}); err != nil {
		t.Fatal(err)
	}
	return r
}

func ask(t *testing.T, r *root.Retriever) rag.Answer {
	t.Helper()
	a, err := r.Query(t.Context(), rag.Scope{}, rag.Question{Text: "when was the tower of iron opened?"})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func healthOf(t *testing.T, r *root.Retriever) rag.Health {
	t.Helper()
	all := r.Health(t.Context())
	i := slices.IndexFunc(all, func(h rag.Health) bool { return h.Name == "llm" })
	if i < 0 {
		t.Fatalf("no health of the language model in %+v", all)
	}
	return all[i]
}

var opened1889 = llmtest.Script{Pieces: []string{"The tower was opened ", "in 1889 [1]."}, Usage: llm.Usage{PromptTokens: 100, CompletionTokens: 9}}

// entra is a double of the endpoint that gives tokens.
func entra(t *testing.T, given *atomic.Int32) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/tenant/oauth2/v2.0/token" || r.FormValue("client_id") != "client" || r.FormValue("client_secret") != "secret" || r.FormValue("scope") != "https://ai.azure.com/.default" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		given.Add(1)
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": key, "token_type": "Bearer", "expires_in": 3600})
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestLanguageModels(t *testing.T) {
	var tokens atomic.Int32
	tests := []struct {
		name, path string
		wire       llmtest.Wire
		change     func(m *config.ChatModel)
	}{
		{"openai", "/v1", llmtest.OpenAI(), nil},
		{"anthropic", "/v1", llmtest.Anthropic(), nil},
		{"gemini", "/v1beta", llmtest.Gemini(), nil},
		{"cohere", "", llmtest.Cohere(), nil},
		{"ollama", "", llmtest.Ollama(), func(m *config.ChatModel) { m.KeepAlive, m.NumCtx = "5m", 8192 }},
		{"azure", "", llmtest.Azure("m", "2024-10-21", false), nil},
		{"azure", "/openai/v1", llmtest.Azure("m", "", true), func(m *config.ChatModel) { m.Azure.Token, m.APIKey = m.APIKey, config.Secret{} }},
		{"azure", "/openai/v1", llmtest.Azure("m", "", true), func(m *config.ChatModel) {
			m.APIKey = config.Secret{}
			m.Azure = config.Azure{Tenant: "tenant", ClientID: "client", ClientSecret: config.NewSecret("secret"), Scope: "https://ai.azure.com/.default", Authority: entra(t, &tokens)}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			url, d := double(t, tt.wire, opened1889)
			m := chatModel(tt.name, "m", url+tt.path)
			if tt.change != nil {
				tt.change(&m)
			}
			r := library(t, m)
			a := ask(t, r)
			if len(a.Citations) != 1 || !strings.Contains(a.Text, "1889") || len(a.Degraded) != 0 || a.Usage.PromptTokens != 100 || a.Usage.Model != "m" {
				t.Errorf("answer %+v", a)
			}
			if asked := d.Asked(); len(asked) != 1 || asked[0].MaxTokens != 1024 || !strings.Contains(asked[0].System, rag.Refusal) || !strings.Contains(asked[0].Turns[0].Content, "1889") {
				t.Errorf("asked %+v", asked)
			}
			if h := healthOf(t, r); !h.OK || h.Needed || !strings.Contains(h.Detail, tt.name+"/m") {
				t.Errorf("health %+v", h)
			}
		})
	}
	if n := tokens.Load(); n != 1 {
		t.Errorf("%d tokens were fetched for one answer and a check", n)
	}
}

func TestFallbackModels(t *testing.T) {
	busy, _ := double(t, llmtest.OpenAI(), llmtest.Script{Problem: llmtest.UsedUp})
	good, second := double(t, llmtest.Anthropic(), opened1889)
	gone := httptest.NewServer(nil)
	gone.Close()
	spare := chatModel("anthropic", "m", good+"/v1")
	spare.MaxTokens, spare.Temperature = 333, 0.5
	r := library(t, chatModel("ollama", "m", gone.URL), chatModel("openai", "m", busy+"/v1"), spare)
	for range 2 {
		a := ask(t, r)
		if len(a.Citations) != 1 || a.Cached || !slices.Equal(a.Degraded, []string{"llm:ollama/m", "llm:openai/m"}) {
			t.Errorf("answer %+v", a)
		}
	}
	if asked := second.Asked(); len(asked) != 2 || asked[0].MaxTokens != 333 || *asked[0].Temperature != 0.5 {
		t.Errorf("a fallback has settings of its own: %+v", asked)
	}
	h := healthOf(t, r)
	if h.OK || !strings.Contains(h.Detail, "ollama/m is down: ") || !strings.Contains(h.Detail, "; openai/m at ") || strings.Contains(h.Detail, key) {
		t.Errorf("health %+v", h)
	}

	// One that asks for a longer wait than the reader should have is not waited for.
	later, busyOne := double(t, llmtest.OpenAI(), llmtest.Script{Problem: llmtest.Busy, Header: http.Header{"Retry-After": {"15"}}})
	patient := chatModel("openai", "m", later+"/v1")
	patient.Retries = 2
	if a := ask(t, library(t, patient, spare)); len(a.Citations) != 1 || !slices.Equal(a.Degraded, []string{"llm:openai/m"}) || len(busyOne.Asked()) != 1 {
		t.Errorf("answer %+v after %d calls of the busy one", a, len(busyOne.Asked()))
	}

	// When all are down the answer is quoted.
	r = library(t, chatModel("ollama", "m", gone.URL), chatModel("ollama", "m", gone.URL))
	if a := ask(t, r); !slices.Equal(a.Degraded, []string{"llm"}) || len(a.Citations) == 0 {
		t.Errorf("answer %+v", a)
	}
	if h := healthOf(t, r); !strings.Contains(h.Detail, "ollama/m#2 is down") {
		t.Errorf("health %+v", h)
	}
}

func TestLanguageModelThatIsNotKnown(t *testing.T) {
	for name, m := range map[string]config.ChatModel{
		"provider": chatModel("psychic", "m", "http://h"), "address": chatModel("openai", "m", "here"), "azure": chatModel("azure", "m", ""),
		"keep_alive": func() config.ChatModel { m := chatModel("ollama", "m", ""); m.KeepAlive = "soon"; return m }(),
	} {
		c := config.Default()
		c.Data, c.LLM.ChatModel = t.TempDir(), m
		if _, err := backends.Open(c, backends.Deps{}); rag.KindOf(err) != rag.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
		c.LLM.ChatModel, c.LLM.Fallbacks = chatModel("openai", "m", ""), []config.ChatModel{m}
		if _, err := backends.Open(c, backends.Deps{}); rag.KindOf(err) != rag.KindInvalid {
			t.Errorf("%s as a fallback: %v", name, err)
		}
	}
}
