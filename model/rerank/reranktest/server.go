package reranktest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/smartretriever/smartretriever/model/remote/remotetest"
)

// Server is a double of a server that reranks, in one of the dialects that providers
// have. It is a http.Handler, for a real connection, and a http.RoundTripper, for
// tests in which time is not to pass. It refuses what strict servers refuse: blank
// questions and passages, a wrong key, another model. It is goroutine-safe; fields
// are set before its first use.
//
// The score of a passage is the part of the question's words that it holds, less a
// little for each word that it has beside them.
type Server struct {
	Dialect   *Dialect
	Model     string
	Key       string // "" takes requests with any key or none
	MaxTexts  int    // in one request, 0 for any number
	MaxTokens int    // of question and passage together, 0 for any number; a word is a token

	// Schedule returns the fault of the n-th request for scores, counted from 1; nil
	// has none.
	Schedule func(n int) Fault

	log   remotetest.Log // of requests for scores
	texts atomic.Int64
}

// Counts is what a Server has seen.
type Counts struct {
	remotetest.Counts
	Texts int // scored
}

// Counts returns what the server has seen so far.
func (s *Server) Counts() Counts {
	return Counts{Counts: s.log.Seen(), Texts: int(s.texts.Load())}
}

// Bodies returns the bodies of the requests for scores so far.
func (s *Server) Bodies() []string { return s.log.Bodies() }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.route(r).Serve(w, r) }

// RoundTrip implements http.RoundTripper.
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	return remotetest.RoundTrip(r, s.route)
}

func (s *Server) fail(status int, format string, args ...any) remotetest.Response {
	return remotetest.Response{Status: status, Body: s.Dialect.say(fmt.Sprintf(format, args...))}
}

func (s *Server) route(r *http.Request) remotetest.Response {
	key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if s.Key != "" && key != s.Key {
		return s.fail(401, "the key %s is not valid", key)
	}
	if r.Method == http.MethodPost && r.URL.Path == s.Dialect.path {
		return s.rerank(r)
	}
	if r.Method == http.MethodGet {
		if body, ok := s.Dialect.about(s, r.URL.Path); ok {
			return remotetest.Response{Status: 200, Body: remotetest.JSON(body)}
		}
	}
	return s.fail(404, "no such address or model: %s", r.URL.Path)
}

// rerank answers a request for scores.
func (s *Server) rerank(r *http.Request) remotetest.Response {
	n, body, end, err := s.log.Begin(r)
	if err != nil {
		return s.fail(400, "unreadable request: %v", err)
	}
	defer end()
	fault := None
	if s.Schedule != nil {
		fault = s.Schedule(n)
	}
	if res, ok := fault.Instead(); ok {
		return res
	}
	asked, err := s.Dialect.read(body)
	if err != nil {
		return s.fail(400, "malformed request: %v", err)
	}
	if refusal := s.refuse(asked); refusal.Status != 0 {
		return refusal
	}
	return s.score(asked, fault)
}

// refuse returns a remotetest.Response of status 0 to what is in order.
func (s *Server) refuse(a asked) remotetest.Response {
	switch {
	case a.model != "" && a.model != s.Model:
		return s.fail(404, "the model %q does not exist", a.model)
	case len(a.texts) == 0:
		return s.fail(400, "list of documents must not be empty")
	case strings.TrimSpace(a.question) == "":
		return s.fail(400, "query must not be empty or be only whitespace")
	case s.MaxTexts > 0 && len(a.texts) > s.MaxTexts:
		return s.fail(413, "batch size %d > maximum allowed batch size %d", len(a.texts), s.MaxTexts)
	}
	for i, text := range a.texts {
		if strings.TrimSpace(text) == "" {
			return s.fail(400, "document at index %d cannot be empty", i)
		}
		if n := len(remotetest.Words(a.question)) + len(remotetest.Words(text)); s.MaxTokens > 0 && n > s.MaxTokens {
			return s.fail(413, "`inputs` must have less than %d tokens. Given: %d", s.MaxTokens, n)
		}
	}
	return remotetest.Response{}
}

// item is one score of an answer. Index and Value are numbers, or what a fault
// makes of them.
type item struct {
	Index any
	Value any
}

func (s *Server) score(a asked, fault Fault) remotetest.Response {
	items := make([]item, len(a.texts))
	tokens := 0
	for i, text := range a.texts {
		items[i] = item{i, overlap(a.question, text)}
		tokens += len(remotetest.Words(a.question)) + len(remotetest.Words(text))
	}
	s.texts.Add(int64(len(a.texts)))
	slices.SortStableFunc(items, func(x, y item) int { // as servers do: the best first
		if x.Value.(float64) > y.Value.(float64) {
			return -1
		}
		return 1
	})
	if fault.spoil != nil {
		items = fault.spoil(items)
	}
	return remotetest.Response{Status: 200, Body: s.Dialect.write(s, items, tokens), Cut: fault.Cut}
}

// overlap is the score of a passage.
func overlap(question, text string) float64 {
	have := map[string]bool{}
	all := remotetest.Words(text)
	for _, w := range all {
		have[w] = true
	}
	asked := remotetest.Words(question)
	hits := 0
	for _, w := range asked {
		if have[w] {
			hits++
		}
	}
	return float64(hits)/float64(max(1, len(asked))) - float64(len(all))/1e6
}
