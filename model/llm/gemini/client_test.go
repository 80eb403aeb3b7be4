package gemini_test

import (
	"testing"

	"github.com/smartretriever/smartretriever/model/llm/gemini"
	"github.com/smartretriever/smartretriever/model/llm/llmtest"
)

func open(t *testing.T, s llmtest.Setup) llmtest.Client {
	t.Helper()
	c, err := gemini.New(cfg(s))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func cfg(s llmtest.Setup) gemini.Config {
	c := gemini.Config{BaseURL: s.URL + "/v1beta", Model: s.Model, Key: s.Key, FirstTokenTimeout: s.FirstTokenTimeout, Timeout: s.Timeout}
	if s.Transport != nil {
		c.Transport = s.Transport
	}
	return c
}

func TestSuite(t *testing.T) {
	llmtest.Run(t, llmtest.Provider{Wire: llmtest.Gemini(), Open: open, Name: "gemini", NamesModel: true})
}
