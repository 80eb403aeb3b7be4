package jina_test

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/model/embed"
	"github.com/smartretriever/smartretriever/model/embed/embedtest"
	"github.com/smartretriever/smartretriever/model/embed/jina"
	"github.com/smartretriever/smartretriever/rag"
)

// open returns an embedder of a server, without a network between.
func open(t *testing.T, s *embedtest.Server, change func(*embed.Config)) *embed.Client {
	t.Helper()
	cfg := jina.Config{BaseURL: "http://host/v1", Model: s.Model, APIKey: s.Key, Transport: s}
	if change != nil {
		change(&cfg)
	}
	e, err := jina.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func TestSuite(t *testing.T) {
	s := &embedtest.Server{Dialect: embedtest.Jina, Model: "m", Key: embedtest.Key, MaxTexts: 50}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	embedtest.Run(t, func(t *testing.T) embedtest.Embedder {
		return open(t, s, func(c *embed.Config) { c.BaseURL, c.Transport = srv.URL+"/v1", nil })
	})
}

func TestSuiteOfFaults(t *testing.T) { embedtest.RunFaults(t, embedtest.Jina, open) }

func TestRequests(t *testing.T) {
	s := &embedtest.Server{Dialect: embedtest.Jina, Model: "m"}
	e := open(t, s, func(c *embed.Config) { c.Dimensions, c.SendDimensions = 16, true })
	for _, kind := range []rag.EmbedKind{rag.QuestionText, rag.PassageText} {
		if _, err := e.Embed(t.Context(), kind, []string{"one", ""}); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		`{"model":"m","input":["one"," "],"task":"retrieval.query","late_chunking":false,"truncate":false,"dimensions":16}`,
		`{"model":"m","input":["one"," "],"task":"retrieval.passage","late_chunking":false,"truncate":false,"dimensions":16}`,
	}
	if got := s.Bodies(); !slices.Equal(got, want) {
		t.Errorf("sent\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestKnownModels(t *testing.T) {
	// Nothing is asked of the server: what is known need not be configured.
	s := &embedtest.Server{Dialect: embedtest.Jina, Model: "jina-embeddings-v4", Schedule: embedtest.Always(embedtest.Failing)}
	if got, want := open(t, s, nil).Model(), (rag.Model{ID: "jina:jina-embeddings-v4", Dimensions: 2048, MaxTokens: 32_768}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if _, err := jina.New(t.Context(), jina.Config{BaseURL: "http://host", Model: s.Model, Dimensions: 100}); rag.KindOf(err) != rag.KindInvalid || !strings.Contains(err.Error(), "send_dimensions") {
		t.Errorf("of other dimensions: %v", err)
	}
}

func TestTasks(t *testing.T) {
	for model, want := range map[string]string{
		"jina-embeddings-v2-base-en": `{"model":"jina-embeddings-v2-base-en","input":["one"]}`,
		"jina-clip-v2":               `{"model":"jina-clip-v2","input":["one"]}`,
		"jina-code-embeddings-1.5b":  `{"model":"jina-code-embeddings-1.5b","input":["one"],"task":"nl2code.query","late_chunking":false,"truncate":false}`,
	} {
		s := &embedtest.Server{Dialect: embedtest.Jina, Model: model, Schedule: embedtest.Always(embedtest.Malformed)}
		dimensions := map[string]int{"jina-code-embeddings-1.5b": 1536}[model]
		e := open(t, s, func(c *embed.Config) { c.Dimensions = dimensions })
		_, _ = e.Embed(t.Context(), rag.QuestionText, []string{"one"}) // the double has no answer to it
		if got := s.Bodies()[0]; got != want {
			t.Errorf("sent %s, want %s", got, want)
		}
	}
}
