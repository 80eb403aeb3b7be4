package ollama_test

import (
	"testing"

	"github.com/smartretriever/smartretriever/model/llm/llmtest"
	"github.com/smartretriever/smartretriever/model/llm/ollama"
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
	c := ollama.Config{BaseURL: s.URL, Model: s.Model, Key: s.Key, FirstTokenTimeout: s.FirstTokenTimeout, Timeout: s.Timeout}
	if s.Transport != nil {
		c.Transport = s.Transport
	}
	return c
}

func TestSuite(t *testing.T) {
	llmtest.Run(t, llmtest.Provider{Wire: llmtest.Ollama(), Open: open, Name: "ollama", NamesModel: true, NoCache: true, NoPolicy: true})
}
