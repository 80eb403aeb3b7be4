package backends

import (
	"net/http/httptest"
	"testing"

	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/model/rerank/reranktest"
	"github.com/smartretriever/smartretriever/rag"
)

// Every name of a reranker behind an API becomes a reranker that speaks its protocol.
func TestEveryRerankAPI(t *testing.T) {
	const key = "sk-verysecret-0123"
	for name, tt := range map[string]struct {
		dialect *reranktest.Dialect
		path    string
	}{
		"cohere": {reranktest.Cohere, ""}, "jina": {reranktest.Jina, "/v1"}, "voyage": {reranktest.Voyage, "/v1"},
		"tei": {reranktest.TEI, ""}, "compatible": {reranktest.Compatible, "/v1"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(&reranktest.Server{Dialect: tt.dialect, Model: "m", Key: key})
			t.Cleanup(srv.Close)
			c := config.Default().Rerank
			c.Name, c.Model, c.BaseURL, c.APIKey = name, "m", srv.URL+tt.path, config.NewSecret(key)
			r, err := openRerankAPI(c, Deps{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { r.Close() })
			res, err := r.Rerank(t.Context(), rag.RerankQuery{Text: "invoice", Passages: []rag.Passage{{Text: "a tower"}, {Text: "an invoice"}}})
			if err != nil || len(res.Scores) != 2 || res.Scores[1] <= res.Scores[0] || r.Name() != name+":m" {
				t.Errorf("%s: %+v, %v", r.Name(), res, err)
			}
		})
	}
	c := config.Default().Rerank
	if _, err := openRerankAPI(c, Deps{}); rag.KindOf(err) != rag.KindInvalid {
		t.Errorf("none is no API: %v", err)
	}
}
