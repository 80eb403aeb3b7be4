package ollama_test

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/model/embed"
	"github.com/smartretriever/smartretriever/model/embed/embedtest"
	"github.com/smartretriever/smartretriever/model/embed/ollama"
	"github.com/smartretriever/smartretriever/rag"
)

// open returns an embedder of a server, without a network between.
func open(t *testing.T, s *embedtest.Server, change func(*embed.Config)) *embed.Client {
	t.Helper()
	cfg := ollama.Config{BaseURL: "http://host", Model: s.Model, APIKey: s.Key, Transport: s}
	if change != nil {
		change(&cfg)
	}
	e, err := ollama.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func TestSuite(t *testing.T) {
	s := &embedtest.Server{Dialect: embedtest.Ollama, Model: "m", Key: embedtest.Key, MaxTexts: 50}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	embedtest.Run(t, func(t *testing.T) embedtest.Embedder {
		return open(t, s, func(c *embed.Config) { c.BaseURL, c.Transport = srv.URL+"", nil })
	})
}

func TestSuiteOfFaults(t *testing.T) { embedtest.RunFaults(t, embedtest.Ollama, open) }

func TestRequests(t *testing.T) {
	s := &embedtest.Server{Dialect: embedtest.Ollama, Model: "m"}
	e := open(t, s, func(c *embed.Config) { c.Dimensions, c.SendDimensions = 16, true })
	for _, kind := range []rag.EmbedKind{rag.QuestionText, rag.PassageText} {
		if _, err := e.Embed(t.Context(), kind, []string{"one", ""}); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		`{"model":"m","input":["one"," "],"truncate":false,"dimensions":16}`,
		`{"model":"m","input":["one"," "],"truncate":false,"dimensions":16}`,
	}
	if got := s.Bodies(); !slices.Equal(got, want) {
		t.Errorf("sent\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestKnownModels(t *testing.T) {
	// Nothing is asked of the server: what is known need not be configured.
	s := &embedtest.Server{Dialect: embedtest.Ollama, Model: "nomic-embed-text:latest", Schedule: embedtest.Always(embedtest.Failing)}
	if got, want := open(t, s, nil).Model(), (rag.Model{ID: "ollama:nomic-embed-text:latest", Dimensions: 768, MaxTokens: 2048}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if _, err := ollama.New(t.Context(), ollama.Config{BaseURL: "http://host", Model: s.Model, Dimensions: 100}); rag.KindOf(err) != rag.KindInvalid || !strings.Contains(err.Error(), "send_dimensions") {
		t.Errorf("of other dimensions: %v", err)
	}
}
