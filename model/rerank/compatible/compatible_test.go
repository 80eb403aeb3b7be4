package compatible_test

import (
	"net/http/httptest"
	"testing"

	"github.com/smartretriever/smartretriever/model/rerank"
	"github.com/smartretriever/smartretriever/model/rerank/compatible"
	"github.com/smartretriever/smartretriever/model/rerank/reranktest"
	"github.com/smartretriever/smartretriever/rag"
)

// open returns a reranker of a server, without a network between.
func open(t *testing.T, s *reranktest.Server, change func(*rerank.Config)) *rerank.Client {
	t.Helper()
	cfg := compatible.Config{BaseURL: "http://host/v1", Model: s.Model, APIKey: s.Key, Transport: s}
	if change != nil {
		change(&cfg)
	}
	r, err := compatible.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func TestSuite(t *testing.T) {
	s := &reranktest.Server{Dialect: reranktest.Compatible, Model: "m", Key: reranktest.Key, MaxTexts: 20}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	connect := func(t *testing.T) reranktest.Reranker {
		return open(t, s, func(c *rerank.Config) { c.BaseURL, c.Transport = srv.URL+"/v1", nil })
	}
	reranktest.Run(t, connect)
	reranktest.RunRelevance(t, connect)
}

func TestSuiteOfFaults(t *testing.T) { reranktest.RunFaults(t, reranktest.Compatible, open) }

func TestRequest(t *testing.T) {
	s := &reranktest.Server{Dialect: reranktest.Compatible, Model: "m"}
	res, err := open(t, s, nil).Rerank(t.Context(), rag.RerankQuery{Text: " why? ", Passages: []rag.Passage{{Text: "so"}, {Text: "a\xff"}}})
	if err != nil || res.Tokens != 4 {
		t.Errorf("%+v, %v", res, err)
	}
	if got, want := s.Bodies()[0], `{"model":"m","query":"why?","documents":["so","a�"]}`; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
}
