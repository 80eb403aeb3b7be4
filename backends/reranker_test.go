package backends_test

import (
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/backends"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/model/bert/convert"
	"github.com/smartretriever/smartretriever/model/rerank/reranktest"
	"github.com/smartretriever/smartretriever/rag"
)

// opened is a Retriever with two documents that reranks as change says.
func opened(t *testing.T, change func(c *config.Config)) *root.Retriever {
	t.Helper()
	c := config.Default()
	c.Data = t.TempDir()
	if change != nil {
		change(&c)
	}
	r := open(t, c)
	for title, text := range map[string]string{"tower": "A tower of iron stands in Paris.", "invoice": "The invoice is due within thirty days."} {
		if _, err := r.AddDocument(t.Context(), rag.Scope{}, rag.Input{Title: title, Text: text}); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func search(t *testing.T, r *root.Retriever, q rag.Query) rag.SearchResult {
	t.Helper()
	q.Text = "when is the invoice due"
	res, err := r.Search(t.Context(), rag.Scope{}, q)
	if err != nil || len(res.Hits) != 2 || res.Hits[0].Document.Title != "invoice" {
		t.Fatalf("%+v, %v", res, err)
	}
	return res
}

func stage(res rag.SearchResult) string {
	if i := slices.IndexFunc(res.Trace.Stages, func(s rag.Stage) bool { return s.Name == "rerank" }); i >= 0 {
		return res.Trace.Stages[i].Note
	}
	return ""
}

func TestNoReranker(t *testing.T) {
	if res := search(t, opened(t, nil), rag.Query{}); stage(res) != "" || res.Hits[0].Rerank != 0 {
		t.Errorf("%+v", res)
	}
}

func TestLateReranker(t *testing.T) {
	r := opened(t, func(c *config.Config) { c.Rerank.Name = "late" })
	if !slices.ContainsFunc(r.Health(t.Context()), func(h rag.Health) bool { return h.Name == "reranker" && h.OK && strings.HasPrefix(h.Detail, "late:") }) {
		t.Error("the reranker is not among what is checked")
	}
	res := search(t, r, rag.Query{})
	if !strings.HasPrefix(stage(res), "late:bge-small") || !(res.Hits[0].Rerank > res.Hits[1].Rerank) || len(res.Degraded) != 0 {
		t.Errorf("%q, %+v", stage(res), res)
	}
	if res := search(t, r, rag.Query{NoRerank: true}); stage(res) != "" {
		t.Errorf("not wanted, but made: %q", stage(res))
	}
}

func TestLocalReranker(t *testing.T) {
	path := filepath.Join("..", "cmd", "smartretriever", "testdata", "tiny-reranker.zip")
	m, err := convert.Read(t.Context(), path, convert.Options{Name: "order"})
	if err != nil {
		t.Fatal(err)
	}
	r := opened(t, func(c *config.Config) {
		if _, err := backends.Models(c.Data).Put(m.Data); err != nil {
			t.Fatal(err)
		}
		c.Rerank.Name, c.Rerank.Model, c.Rerank.Weight = "local", "order", .01 // its weights are random
	})
	if res := search(t, r, rag.Query{}); stage(res) != "order" || res.Hits[0].Rerank == 0 {
		t.Errorf("%q, %+v", stage(res), res)
	}

	for model, want := range map[string]rag.Kind{"order2": rag.KindNotFound, "../order": rag.KindInvalid} {
		c := config.Default()
		c.Data, c.Rerank.Name, c.Rerank.Model = t.TempDir(), "local", model
		if _, err := backends.Open(c, backends.Deps{}); rag.KindOf(err) != want || !strings.Contains(err.Error(), "rerank.model") {
			t.Errorf("%s: %v", model, err)
		}
	}
}

// A reranker that is down costs its order, and says so; what is degraded is not kept.
func TestRerankerThatIsDown(t *testing.T) {
	srv := httptest.NewServer(&reranktest.Server{Dialect: reranktest.Jina, Model: "m", Key: key})
	t.Cleanup(srv.Close)
	r := opened(t, func(c *config.Config) {
		c.Rerank.Name, c.Rerank.Model, c.Rerank.BaseURL, c.Rerank.Retries = "jina", "m", srv.URL+"/v1", 0
		c.Rerank.APIKey = config.NewSecret(key)
	})
	if res := search(t, r, rag.Query{}); stage(res) != "jina:m" || len(res.Degraded) != 0 {
		t.Errorf("%q, degraded %q", stage(res), res.Degraded)
	}
	srv.Close()
	if res := search(t, r, rag.Query{K: 2}); !slices.Equal(res.Degraded, []string{"reranker"}) {
		t.Errorf("degraded %q", res.Degraded)
	}
	if !slices.ContainsFunc(r.Health(t.Context()), func(h rag.Health) bool { return !h.OK && !h.Needed && strings.Contains(h.Detail, "cannot be reached") }) {
		t.Errorf("health %+v", r.Health(t.Context()))
	}
}
