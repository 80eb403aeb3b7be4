package openai_test

import (
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/model/embed/embedtest"
	"github.com/smartretriever/smartretriever/model/embed/openai"
	"github.com/smartretriever/smartretriever/rag"
)

// open returns an embedder of a server, without a network between.
func open(t *testing.T, s *embedtest.Server, change func(*openai.Config)) *openai.Embedder {
	t.Helper()
	cfg := openai.Config{BaseURL: "http://host/v1", Model: s.Model, APIKey: s.Key, Transport: s}
	if change != nil {
		change(&cfg)
	}
	e, err := openai.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func TestSuiteOfFaults(t *testing.T) { embedtest.RunFaults(t, embedtest.OpenAI, open) }

func TestKnownModels(t *testing.T) {
	// Nothing is asked of the server: what is known need not be configured.
	s := &embedtest.Server{Dialect: embedtest.OpenAI, Model: "text-embedding-3-large", Schedule: embedtest.Always(embedtest.Failing)}
	if got, want := open(t, s, nil).Model(), (rag.Model{ID: "openai:text-embedding-3-large", Dimensions: 3072, MaxTokens: 8191}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if _, err := openai.New(t.Context(), openai.Config{BaseURL: "http://host", Model: s.Model, Dimensions: 100}); rag.KindOf(err) != rag.KindInvalid || !strings.Contains(err.Error(), "send_dimensions") {
		t.Errorf("of other dimensions: %v", err)
	}
}
