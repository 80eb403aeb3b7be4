package cohere_test

import (
	"net/http"
	"testing"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/llm/cohere"
	"github.com/smartretriever/smartretriever/model/llm/llmtest"
)

func open(t *testing.T, s llmtest.Setup) llmtest.Client {
	t.Helper()
	c, err := cohere.New(cfg(s))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func cfg(s llmtest.Setup) cohere.Config {
	c := cohere.Config{BaseURL: s.URL, Model: s.Model, Key: s.Key, FirstTokenTimeout: s.FirstTokenTimeout, Timeout: s.Timeout}
	if s.Transport != nil {
		c.Transport = s.Transport
	}
	return c
}

func TestSuite(t *testing.T) {
	llmtest.Run(t, llmtest.Provider{Wire: llmtest.Cohere(), Open: open, Name: "cohere"})
}

func FuzzStream(f *testing.F) {
	llmtest.Fuzz(f, llmtest.Cohere(), func(rt http.RoundTripper) (llm.Model, error) {
		return cohere.New(cohere.Config{BaseURL: "http://h", Model: "m", Transport: rt})
	})
}
