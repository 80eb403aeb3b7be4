package backends_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/backends"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/model/embed/embedtest"
	"github.com/smartretriever/smartretriever/model/remote/remotetest"
	"github.com/smartretriever/smartretriever/rag"
)

// open returns a library over the configuration.
func open(t *testing.T, c config.Config) *root.Retriever {
	t.Helper()
	cfg, err := backends.Open(c, backends.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := root.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// Every name of an embedder behind an API becomes an embedder that speaks its
// protocol.
func TestEveryEmbeddingAPI(t *testing.T) {
	addresses := map[*embedtest.Dialect]string{
		embedtest.OpenAI: "/v1", embedtest.AzureV1: "/openai/v1", embedtest.Gemini: "/v1beta", embedtest.Voyage: "/v1", embedtest.Jina: "/v1",
	}
	for _, dialect := range embedtest.Dialects() {
		t.Run(dialect.Name, func(t *testing.T) {
			double := &embedtest.Server{Dialect: dialect, Model: "m", Key: key}
			srv := httptest.NewUnstartedServer(double)
			srv.Config.Protocols = remotetest.Protocols()
			srv.Start()
			t.Cleanup(srv.Close)
			c := settings(t, srv.URL+addresses[dialect])
			c.Embedder.Name = strings.TrimSuffix(dialect.Name, "-v1")
			if dialect == embedtest.TritonGRPC {
				c.Embedder.Name, c.Embedder.BaseURL = "triton", strings.Replace(srv.URL, "http", "grpc", 1)
			}
			r := open(t, c)
			if got, want := r.Model(), (rag.Model{ID: c.Embedder.Name + ":m", Dimensions: 64, MaxTokens: 512}); got != want {
				t.Errorf("model %+v, want %+v", got, want)
			}
			for title, text := range map[string]string{"tower": "A tower of iron stands in Paris.", "invoice": "The invoice is due within thirty days."} {
				if _, err := r.AddDocument(t.Context(), rag.Scope{}, rag.Input{Title: title, Text: text}); err != nil {
					t.Fatal(err)
				}
			}
			res, err := r.Search(t.Context(), rag.Scope{}, rag.Query{Text: "when is the invoice due", Mode: rag.ModeVector})
			if err != nil || len(res.Hits) == 0 || res.Hits[0].Document.Title != "invoice" {
				t.Errorf("%+v, %v", res, err)
			}
		})
	}
}

// A key of Azure is replaced by a token that is fetched with an application's secret.
func TestAzureWithATokenOfEntraID(t *testing.T) {
	double := &embedtest.Server{Dialect: embedtest.Azure, Model: "m", Key: "fetched-token"}
	srv := httptest.NewServer(double)
	t.Cleanup(srv.Close)
	authority := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/contoso/oauth2/v2.0/token" || r.FormValue("client_id") != "app" || r.FormValue("client_secret") != key {
			w.WriteHeader(401)
			return
		}
		_, _ = io.WriteString(w, `{"token_type":"Bearer","expires_in":3600,"access_token":"fetched-token"}`)
	}))
	t.Cleanup(authority.Close)
	c := settings(t, srv.URL)
	c.Embedder.Name, c.Embedder.APIKey = "azure", config.Secret{}
	c.Embedder.Azure.Tenant, c.Embedder.Azure.ClientID, c.Embedder.Azure.ClientSecret, c.Embedder.Azure.Authority = "contoso", "app", config.NewSecret(key), authority.URL
	if m := open(t, c).Model(); m.Dimensions != 64 {
		t.Errorf("model %+v", m)
	}
	c.Embedder.Azure.ClientSecret = config.NewSecret("wrong-" + key)
	if _, err := backends.Open(c, backends.Deps{}); rag.KindOf(err) != rag.KindUnavailable || strings.Contains(err.Error(), key) {
		t.Errorf("with a wrong secret: %v", err)
	}
}

// What the server has embedded is not sent again: not after a call that failed in
// its midst, and not once it is stored.
func TestNothingIsPaidForTwice(t *testing.T) {
	double := &embedtest.Server{Model: "m", Key: key, Schedule: func(n int) embedtest.Fault {
		if n == 3 {
			return embedtest.Failing
		}
		return embedtest.None
	}}
	srv := httptest.NewServer(double)
	t.Cleanup(srv.Close)
	c := settings(t, srv.URL)
	c.Embedder.Dimensions, c.Embedder.Batch, c.Embedder.Concurrency = 64, 2, 1
	var text strings.Builder
	for i := range 12 {
		fmt.Fprintf(&text, "# Part %d\n\n%s\n\n", i, strings.Repeat(fmt.Sprintf("The part with the number %d says something of its own. ", i), 25))
	}
	r := open(t, c)
	add := func(id, text string) (rag.AddResult, error) {
		return r.AddDocument(t.Context(), rag.Scope{}, rag.Input{ExternalID: id, Title: "Parts", Text: text})
	}
	if _, err := add("a", text.String()); rag.KindOf(err) != rag.KindUnavailable {
		t.Fatalf("the third request does not fail: %v", err)
	}
	before := double.Counts().Texts
	if before != 4 {
		t.Fatalf("%d texts embedded by then, want two batches", before)
	}
	if _, err := add("a", text.String()); err != nil {
		t.Fatal(err)
	}
	once(t, double)
	if n := double.Counts().Texts; n < 12 {
		t.Errorf("%d texts embedded; the document has twelve parts", n)
	}
	// Another process, in which nothing is kept but what is stored.
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = open(t, c)
	if _, err := add("b", text.String()+"# Part 12\n\nThis one is new.\n"); err != nil {
		t.Fatal(err)
	}
	once(t, double)
}

// once checks that no text was embedded twice.
func once(t *testing.T, s *embedtest.Server) {
	t.Helper()
	all := s.Inputs()
	slices.Sort(all)
	if n := len(slices.Compact(slices.Clone(all))); n != len(all) {
		t.Errorf("%d texts were embedded, of them %d different ones", len(all), n)
	}
}
