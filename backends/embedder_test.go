package backends_test

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/backends"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/model/embed/embedtest"
	"github.com/smartretriever/smartretriever/rag"
)

const key = "sk-verysecret-0123"

// settings returns a configuration with the embedder behind an API.
func settings(t *testing.T, address string) config.Config {
	t.Helper()
	c := config.Default()
	c.Data = t.TempDir()
	c.Embedder.Name, c.Embedder.Model, c.Embedder.BaseURL = "openai", "m", address
	c.Embedder.Retries, c.Embedder.Patience = 0, 0
	c.Embedder.APIKey = config.NewSecret(key)
	return c
}

func TestEmbeddingAPI(t *testing.T) {
	double := &embedtest.Server{Model: "m", Key: key}
	srv := httptest.NewServer(double)
	t.Cleanup(srv.Close)
	r := open(t, settings(t, srv.URL+"/v1"))
	if got, want := r.Model(), (rag.Model{ID: "openai:m", Dimensions: 64, MaxTokens: 512}); got != want {
		t.Errorf("model %+v", got)
	}
	for title, text := range map[string]string{"tower": "A tower of iron stands in Paris.", "invoice": "The invoice is due within thirty days."} {
		if _, err := r.AddDocument(t.Context(), rag.Scope{}, rag.Input{Title: title, Text: text}); err != nil {
			t.Fatal(err)
		}
	}
	find := func(q rag.Query) (rag.SearchResult, error) { return r.Search(t.Context(), rag.Scope{}, q) }
	res, err := find(rag.Query{Text: "when is the invoice due", Mode: rag.ModeVector})
	if err != nil || len(res.Hits) == 0 || res.Hits[0].Document.Title != "invoice" || len(res.Degraded) != 0 {
		t.Errorf("by vectors: %+v, %v", res, err)
	}
	healthy := func() bool {
		i := slices.IndexFunc(r.Health(t.Context()), func(h rag.Health) bool { return h.Name == "embed server" && h.OK && !h.Needed })
		return i >= 0
	}
	if !healthy() {
		t.Errorf("health %+v", r.Health(t.Context()))
	}

	srv.Close() // a model that is down costs the vectors, not the search
	res, err = find(rag.Query{Text: "tower in paris"})
	if err != nil || len(res.Hits) == 0 || res.Hits[0].Document.Title != "tower" || !slices.Contains(res.Degraded, "embedder") {
		t.Errorf("hybrid without the model: %+v, %v", res, err)
	}
	if _, err := find(rag.Query{Text: "tower", Mode: rag.ModeVector}); rag.KindOf(err) != rag.KindUnavailable || strings.Contains(err.Error(), key) {
		t.Errorf("by vectors without the model: %v", err)
	}
	if _, err := r.AddDocument(t.Context(), rag.Scope{}, rag.Input{Title: "new", Text: "Not embedded yet."}); rag.KindOf(err) != rag.KindUnavailable {
		t.Errorf("adding without the model: %v", err)
	}
}

// A server that says nothing must not take the search's whole time with it.
func TestEmbeddingAPIThatIsSilent(t *testing.T) {
	double := &embedtest.Server{Model: "m", Schedule: func(n int) embedtest.Fault {
		if n <= 1 {
			return embedtest.None // the passage
		}
		return embedtest.Silent
	}}
	srv := httptest.NewServer(double)
	t.Cleanup(srv.Close)
	c := settings(t, srv.URL)
	c.Embedder.Dimensions, c.Embedder.QueryTimeout = 64, 20*time.Millisecond
	cfg, err := backends.Open(c, backends.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := root.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.AddDocument(t.Context(), rag.Scope{}, rag.Input{Title: "tower", Text: "A tower of iron stands in Paris."}); err != nil {
		t.Fatal(err)
	}
	res, err := r.Search(t.Context(), rag.Scope{}, rag.Query{Text: "tower"})
	if err != nil || len(res.Hits) != 1 || !slices.Contains(res.Degraded, "embedder") {
		t.Errorf("%+v, %v", res, err)
	}
}

func TestEmbeddingAPIThatIsDownAtTheStart(t *testing.T) {
	srv := httptest.NewServer(nil)
	srv.Close()
	cfg := settings(t, srv.URL+"/v1")
	if _, err := backends.Open(cfg, backends.Deps{}); rag.KindOf(err) != rag.KindUnavailable || !strings.Contains(err.Error(), "embedder.dimensions") {
		t.Errorf("without dimensions: %v", err)
	}
	cfg.Embedder.Dimensions = 64
	if _, err := backends.Open(cfg, backends.Deps{}); err != nil {
		t.Errorf("with dimensions: %v", err)
	}
	cfg.Embedder.BaseURL = "here"
	if _, err := backends.Open(cfg, backends.Deps{}); rag.KindOf(err) != rag.KindInvalid {
		t.Errorf("without an address: %v", err)
	}
}

// A question that is not answered in time is asked again, and the search does not
// do without its vector.
func TestAQuestionIsAskedTwice(t *testing.T) {
	double := &embedtest.Server{Model: "m", Schedule: func(n int) embedtest.Fault {
		if n == 2 {
			return embedtest.Silent // to the question's first request
		}
		return embedtest.None
	}}
	srv := httptest.NewServer(double)
	t.Cleanup(srv.Close)
	c := settings(t, srv.URL+"/v1")
	c.Embedder.APIKey = config.Secret{}
	c.Embedder.Dimensions, c.Embedder.HedgeAfter = 64, "10ms"
	cfg, err := backends.Open(c, backends.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := root.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.AddDocument(t.Context(), rag.Scope{}, rag.Input{Title: "tower", Text: "A tower of iron stands in Paris."}); err != nil {
		t.Fatal(err)
	}
	res, err := r.Search(t.Context(), rag.Scope{}, rag.Query{Text: "tower", Mode: rag.ModeVector})
	if err != nil || len(res.Hits) != 1 || double.Counts().Requests != 3 {
		t.Errorf("%+v, %v; %d requests", res, err, double.Counts().Requests)
	}
	if !slices.ContainsFunc(r.Health(t.Context()), func(h rag.Health) bool { return h.Name == "embed server" }) {
		t.Error("the server's health is not reported")
	}
}

// Documents that are being added wait for a model that is down for a moment, and go
// on by themselves; what waits is told.
func TestAddingOutlivesAnOutage(t *testing.T) {
	double := &embedtest.Server{Model: "m", Schedule: embedtest.First(1, embedtest.Failing)}
	srv := httptest.NewServer(double)
	t.Cleanup(srv.Close)
	c := settings(t, srv.URL+"/v1")
	c.Embedder.Dimensions, c.Embedder.Patience = 64, time.Minute
	var told []string
	cfg, err := backends.Open(c, backends.Deps{Waiting: func(err error, wait time.Duration) {
		told = append(told, err.Error())
		if wait > 2*time.Second {
			t.Errorf("the first wait is %s", wait)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := root.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if res, err := r.AddDocument(t.Context(), rag.Scope{}, rag.Input{Title: "tower", Text: "A tower of iron stands in Paris."}); err != nil || res.State != rag.Added {
		t.Errorf("%+v, %v", res, err)
	}
	if len(told) != 1 || strings.Contains(told[0], key) {
		t.Errorf("told %q", told)
	}
	if n := double.Counts().Requests; n != 2 {
		t.Errorf("%d requests", n)
	}
}
