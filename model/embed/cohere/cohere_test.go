package cohere_test

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/model/embed"
	"github.com/smartretriever/smartretriever/model/embed/cohere"
	"github.com/smartretriever/smartretriever/model/embed/embedtest"
	"github.com/smartretriever/smartretriever/rag"
)

// open returns an embedder of a server, without a network between.
func open(t *testing.T, s *embedtest.Server, change func(*embed.Config)) *embed.Client {
	t.Helper()
	cfg := cohere.Config{BaseURL: "http://host", Model: s.Model, APIKey: s.Key, Transport: s}
	if change != nil {
		change(&cfg)
	}
	e, err := cohere.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func TestSuite(t *testing.T) {
	s := &embedtest.Server{Dialect: embedtest.Cohere, Model: "m", Key: embedtest.Key, MaxTexts: 50}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	embedtest.Run(t, func(t *testing.T) embedtest.Embedder {
		return open(t, s, func(c *embed.Config) { c.BaseURL, c.Transport = srv.URL+"", nil })
	})
}

func TestSuiteOfFaults(t *testing.T) { embedtest.RunFaults(t, embedtest.Cohere, open) }

func TestRequests(t *testing.T) {
	s := &embedtest.Server{Dialect: embedtest.Cohere, Model: "m"}
	e := open(t, s, func(c *embed.Config) { c.Dimensions, c.SendDimensions = 16, true })
	for _, kind := range []rag.EmbedKind{rag.QuestionText, rag.PassageText} {
		if _, err := e.Embed(t.Context(), kind, []string{"one", ""}); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		`{"model":"m","texts":["one"," "],"input_type":"search_query","embedding_types":["float"],"truncate":"NONE","output_dimension":16}`,
		`{"model":"m","texts":["one"," "],"input_type":"search_document","embedding_types":["float"],"truncate":"NONE","output_dimension":16}`,
	}
	if got := s.Bodies(); !slices.Equal(got, want) {
		t.Errorf("sent\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestKnownModels(t *testing.T) {
	// Nothing is asked of the server: what is known need not be configured.
	s := &embedtest.Server{Dialect: embedtest.Cohere, Model: "embed-v4.0", Schedule: embedtest.Always(embedtest.Failing)}
	if got, want := open(t, s, nil).Model(), (rag.Model{ID: "cohere:embed-v4.0", Dimensions: 1536, MaxTokens: 128_000}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if _, err := cohere.New(t.Context(), cohere.Config{BaseURL: "http://host", Model: s.Model, Dimensions: 100}); rag.KindOf(err) != rag.KindInvalid || !strings.Contains(err.Error(), "send_dimensions") {
		t.Errorf("of other dimensions: %v", err)
	}
}

func TestLimits(t *testing.T) {
	s := &embedtest.Server{Dialect: embedtest.Cohere, Model: "m"}
	e := open(t, s, func(c *embed.Config) { c.Dimensions, c.BatchTexts = 64, 2048 })
	texts := strings.Fields(strings.Repeat("word ", 200))
	if _, err := e.Embed(t.Context(), rag.PassageText, texts); err != nil || s.Counts().Requests != 3 || e.Tokens() != 200 {
		t.Errorf("%d requests of at most 96 texts, %d tokens: %v", s.Counts().Requests, e.Tokens(), err)
	}
}

func TestStatusOfAKeyThatIsNotAccepted(t *testing.T) {
	s := &embedtest.Server{Dialect: embedtest.Cohere, Model: "m", Schedule: embedtest.Always(embedtest.Answering(498, `{"message":"invalid token"}`))}
	_, err := open(t, s, func(c *embed.Config) { c.Dimensions = 64 }).Embed(t.Context(), rag.PassageText, []string{"one"})
	if rag.KindOf(err) != rag.KindUnavailable || !strings.Contains(err.Error(), "API key") {
		t.Errorf("got %v", err)
	}
}
