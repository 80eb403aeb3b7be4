package tei_test

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/smartretriever/smartretriever/model/embed"
	"github.com/smartretriever/smartretriever/model/embed/embedtest"
	"github.com/smartretriever/smartretriever/model/embed/tei"
	"github.com/smartretriever/smartretriever/rag"
)

// open returns an embedder of a server, without a network between.
func open(t *testing.T, s *embedtest.Server, change func(*embed.Config)) *embed.Client {
	t.Helper()
	cfg := tei.Config{BaseURL: "http://host", Model: s.Model, APIKey: s.Key, Transport: s}
	if change != nil {
		change(&cfg)
	}
	e, err := tei.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func TestSuite(t *testing.T) {
	s := &embedtest.Server{Dialect: embedtest.TEI, Model: "m", Key: embedtest.Key, MaxTexts: 50}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	embedtest.Run(t, func(t *testing.T) embedtest.Embedder {
		return open(t, s, func(c *embed.Config) { c.BaseURL, c.Transport = srv.URL+"", nil })
	})
}

func TestSuiteOfFaults(t *testing.T) { embedtest.RunFaults(t, embedtest.TEI, open) }

func TestRequests(t *testing.T) {
	s := &embedtest.Server{Dialect: embedtest.TEI, Model: "m"}
	e := open(t, s, func(c *embed.Config) { c.Dimensions, c.SendDimensions = 16, true })
	for _, kind := range []rag.EmbedKind{rag.QuestionText, rag.PassageText} {
		if _, err := e.Embed(t.Context(), kind, []string{"one", ""}); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		`{"inputs":["one"," "],"normalize":true,"truncate":false,"dimensions":16}`,
		`{"inputs":["one"," "],"normalize":true,"truncate":false,"dimensions":16}`,
	}
	if got := s.Bodies(); !slices.Equal(got, want) {
		t.Errorf("sent\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestLimitsOfTheServer(t *testing.T) {
	s := &embedtest.Server{Dialect: embedtest.TEI, Model: "m"}
	e := open(t, s, func(c *embed.Config) { c.Dimensions = 64 })
	texts := strings.Fields(strings.Repeat("word ", 70))
	if _, err := e.Embed(t.Context(), rag.PassageText, texts); err != nil || s.Counts().Requests != 3 {
		t.Errorf("%d requests of at most 32 texts: %v", s.Counts().Requests, err)
	}
}

// A server that is down at the start is none of New's business where the
// dimensions are configured.
func TestWithoutTheServer(t *testing.T) {
	down := httptest.NewServer(nil)
	down.Close()
	cfg := tei.Config{BaseURL: down.URL, Model: "m", Retries: -1}
	if _, err := tei.New(t.Context(), cfg); rag.KindOf(err) != rag.KindUnavailable {
		t.Errorf("without dimensions: %v", err)
	}
	cfg.Dimensions = 64
	e, err := tei.New(t.Context(), cfg)
	if err != nil || e.Model() != (rag.Model{ID: "tei:m", Dimensions: 64, MaxTokens: 512}) {
		t.Errorf("with dimensions: %v", err)
	}
}

func TestStatuses(t *testing.T) {
	for name, tt := range map[string]struct {
		fault embedtest.Fault
		kind  rag.Kind
		tries int
	}{
		"the backend fails":       {embedtest.Answering(424, `{"error":"Backend error","error_type":"Backend"}`), rag.KindUnavailable, 3},
		"the model is overloaded": {embedtest.Answering(429, `{"error":"Model is overloaded","error_type":"Overloaded"}`), rag.KindExhausted, 3},
		"a text is no text":       {embedtest.Answering(422, `{"error":"Tokenization error","error_type":"Tokenizer"}`), rag.KindInternal, 1},
		"one text is too large":   {embedtest.Answering(413, `{"error":"length limit exceeded"}`), rag.KindInvalid, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &embedtest.Server{Dialect: embedtest.TEI, Model: "m", Schedule: embedtest.Always(tt.fault)}
				_, err := open(t, s, func(c *embed.Config) { c.Dimensions = 64 }).Embed(t.Context(), rag.PassageText, []string{"ab"})
				if rag.KindOf(err) != tt.kind || s.Counts().Requests != tt.tries {
					t.Errorf("kind %s after %d requests: %v", rag.KindOf(err), s.Counts().Requests, err)
				}
			})
		})
	}
}
