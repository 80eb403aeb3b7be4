package azure_test

import (
	"net/http/httptest"
	"testing"

	"github.com/smartretriever/smartretriever/model/embed"
	"github.com/smartretriever/smartretriever/model/embed/azure"
	"github.com/smartretriever/smartretriever/model/embed/embedtest"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// forms are the two forms of addresses.
var forms = map[*embedtest.Dialect]string{embedtest.Azure: "", embedtest.AzureV1: "/openai/v1"}

// at returns what opens an embedder of a server below an address.
func at(address string) embedtest.Remote {
	return func(t *testing.T, s *embedtest.Server, change func(*embed.Config)) *embed.Client {
		t.Helper()
		cfg := azure.Config{Config: embed.Config{BaseURL: address, Model: s.Model, APIKey: s.Key, Transport: s}}
		if change != nil {
			change(&cfg.Config)
		}
		e, err := azure.New(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { e.Close() })
		return e
	}
}

func TestSuite(t *testing.T) {
	for dialect, path := range forms {
		t.Run(dialect.Name, func(t *testing.T) {
			s := &embedtest.Server{Dialect: dialect, Model: "m", Key: embedtest.Key, MaxTexts: 50}
			srv := httptest.NewServer(s)
			t.Cleanup(srv.Close)
			embedtest.Run(t, func(t *testing.T) embedtest.Embedder {
				return at(srv.URL+path)(t, s, func(c *embed.Config) { c.Transport = nil })
			})
		})
	}
}

func TestSuiteOfFaults(t *testing.T) {
	for dialect, path := range forms {
		t.Run(dialect.Name, func(t *testing.T) { embedtest.RunFaults(t, dialect, at("https://host"+path)) })
	}
}

func TestTokenInsteadOfTheKey(t *testing.T) {
	s := &embedtest.Server{Dialect: embedtest.Azure, Model: "m", Key: embedtest.Key}
	e := at("https://host")(t, s, func(c *embed.Config) { c.APIKey, c.Tokens = "", remote.StaticToken(embedtest.Key) })
	if _, err := e.Embed(t.Context(), rag.PassageText, []string{"one"}); err != nil {
		t.Error(err)
	}
}
