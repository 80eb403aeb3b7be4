package gemini_test

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smartretriever/smartretriever/model/embed"
	"github.com/smartretriever/smartretriever/model/embed/embedtest"
	"github.com/smartretriever/smartretriever/model/embed/gemini"
	"github.com/smartretriever/smartretriever/rag"
)

// open returns an embedder of a server, without a network between.
func open(t *testing.T, s *embedtest.Server, change func(*embed.Config)) *embed.Client {
	t.Helper()
	cfg := gemini.Config{BaseURL: "http://host/v1beta", Model: s.Model, APIKey: s.Key, Transport: s}
	if change != nil {
		change(&cfg)
	}
	e, err := gemini.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func TestSuite(t *testing.T) {
	s := &embedtest.Server{Dialect: embedtest.Gemini, Model: "m", Key: embedtest.Key, MaxTexts: 50}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	embedtest.Run(t, func(t *testing.T) embedtest.Embedder {
		return open(t, s, func(c *embed.Config) { c.BaseURL, c.Transport = srv.URL+"/v1beta", nil })
	})
}

func TestSuiteOfFaults(t *testing.T) { embedtest.RunFaults(t, embedtest.Gemini, open) }

func TestRequests(t *testing.T) {
	s := &embedtest.Server{Dialect: embedtest.Gemini, Model: "m"}
	e := open(t, s, func(c *embed.Config) { c.Dimensions, c.SendDimensions = 16, true })
	for _, kind := range []rag.EmbedKind{rag.QuestionText, rag.PassageText} {
		if _, err := e.Embed(t.Context(), kind, []string{"one", ""}); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		`{"requests":[{"model":"models/m","content":{"parts":[{"text":"one"}]},"taskType":"RETRIEVAL_QUERY","outputDimensionality":16},{"model":"models/m","content":{"parts":[{"text":" "}]},"taskType":"RETRIEVAL_QUERY","outputDimensionality":16}]}`,
		`{"requests":[{"model":"models/m","content":{"parts":[{"text":"one"}]},"taskType":"RETRIEVAL_DOCUMENT","outputDimensionality":16},{"model":"models/m","content":{"parts":[{"text":" "}]},"taskType":"RETRIEVAL_DOCUMENT","outputDimensionality":16}]}`,
	}
	if got := s.Bodies(); !slices.Equal(got, want) {
		t.Errorf("sent\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestKnownModels(t *testing.T) {
	// Nothing is asked of the server: what is known need not be configured.
	s := &embedtest.Server{Dialect: embedtest.Gemini, Model: "gemini-embedding-001", Schedule: embedtest.Always(embedtest.Failing)}
	if got, want := open(t, s, nil).Model(), (rag.Model{ID: "gemini:gemini-embedding-001", Dimensions: 3072, MaxTokens: 2048}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if _, err := gemini.New(t.Context(), gemini.Config{BaseURL: "http://host", Model: s.Model, Dimensions: 100}); rag.KindOf(err) != rag.KindInvalid || !strings.Contains(err.Error(), "send_dimensions") {
		t.Errorf("of other dimensions: %v", err)
	}
}

func TestOtherModels(t *testing.T) {
	s := &embedtest.Server{Dialect: embedtest.Gemini, Model: "gemini-embedding-2"}
	_, err := open(t, s, func(c *embed.Config) { c.Model, c.Dimensions = "models/gemini-embedding-2", 64 }).Embed(t.Context(), rag.PassageText, []string{"one"})
	if err == nil || strings.Contains(s.Bodies()[0], "taskType") {
		t.Errorf("the second generation has no task types: sent %s", s.Bodies()[0])
	}
}

// How long to wait stands in the body.
func TestRetryInfo(t *testing.T) {
	for delay, tries := range map[string]int{"17s": 2, "3600s": 1} {
		synctest.Test(t, func(t *testing.T) {
			body := `{"error":{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure"},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"` + delay + `"}]}}`
			s := &embedtest.Server{Dialect: embedtest.Gemini, Model: "m", Schedule: embedtest.First(1, embedtest.Answering(429, body))}
			e := open(t, s, func(c *embed.Config) { c.Dimensions = 64 })
			begun := time.Now()
			_, err := e.Embed(t.Context(), rag.PassageText, []string{"one"})
			if n := s.Counts().Requests; n != tries || (err == nil) != (tries == 2) || (tries == 2 && time.Since(begun) < 17*time.Second) {
				t.Errorf("%s: %d tries in %s: %v", delay, n, time.Since(begun), err)
			}
		})
	}
}
