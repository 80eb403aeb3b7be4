package reranktest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"unicode"
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

	mu      sync.Mutex
	counts  Counts
	running int
	bodies  []string
}

// Counts is what a Server has seen.
type Counts struct {
	Requests int // for scores
	Texts    int // scored
	AtOnce   int // most requests at the same time
}

// Counts returns what the server has seen so far.
func (s *Server) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// Bodies returns the bodies of the requests for scores so far.
func (s *Server) Bodies() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.bodies)
}

// response is what is answered.
type response struct {
	status int
	header http.Header
	body   []byte
	cut    bool
	silent bool
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	res := s.answer(r)
	if res.silent {
		_, _ = io.Copy(io.Discard, r.Body) // so that the server notices when the caller goes
		<-r.Context().Done()
		return
	}
	for name, values := range res.header {
		w.Header()[name] = values
	}
	if res.cut {
		w.Header().Set("Content-Length", fmt.Sprint(len(res.body)+1)) // the connection is closed where a byte is owed
	}
	w.WriteHeader(res.status)
	_, _ = w.Write(res.body)
}

// RoundTrip implements http.RoundTripper.
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	res := s.answer(r)
	if r.Body != nil {
		r.Body.Close()
	}
	if res.silent {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	var body io.Reader = bytes.NewReader(res.body)
	if res.cut {
		body = io.MultiReader(body, broken{})
	}
	return &http.Response{StatusCode: res.status, Header: res.header, Body: io.NopCloser(body), Request: r}, nil
}

// broken is the rest of a body that was cut off.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func (s *Server) answer(r *http.Request) response {
	res := s.route(r)
	if res.header == nil {
		res.header = http.Header{}
	}
	res.header.Set("Content-Type", "application/json")
	return res
}

func (s *Server) fail(status int, format string, args ...any) response {
	return response{status: status, body: s.Dialect.say(fmt.Sprintf(format, args...))}
}

func (s *Server) route(r *http.Request) response {
	key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if s.Key != "" && key != s.Key {
		return s.fail(401, "the key %s is not valid", key)
	}
	if r.Method == http.MethodPost && r.URL.Path == s.Dialect.path {
		return s.rerank(r)
	}
	if r.Method == http.MethodGet {
		if body, ok := s.Dialect.about(s, r.URL.Path); ok {
			return response{status: 200, body: toJSON(body)}
		}
	}
	return s.fail(404, "no such address or model: %s", r.URL.Path)
}

func toJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // a double's own answer
	}
	return data
}

// rerank answers a request for scores.
func (s *Server) rerank(r *http.Request) response {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return s.fail(400, "unreadable request: %v", err)
	}
	s.mu.Lock()
	s.counts.Requests++
	s.running++
	s.counts.AtOnce = max(s.counts.AtOnce, s.running)
	s.bodies = append(s.bodies, string(body))
	fault := None
	if s.Schedule != nil {
		fault = s.Schedule(s.counts.Requests)
	}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.running--
		s.mu.Unlock()
	}()
	if fault.Silent {
		return response{silent: true}
	}
	if fault.Body != "" || fault.Status != 0 {
		res := response{status: max(200, fault.Status), header: http.Header{}, body: []byte(fault.Body)}
		if fault.RetryAfter != "" {
			res.header.Set("Retry-After", fault.RetryAfter)
		}
		return res
	}
	asked, err := s.Dialect.read(body)
	if err != nil {
		return s.fail(400, "malformed request: %v", err)
	}
	if refusal := s.refuse(asked); refusal.status != 0 {
		return refusal
	}
	return s.score(asked, fault)
}

// refuse returns a response of status 0 to what is in order.
func (s *Server) refuse(a asked) response {
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
		if n := len(words(a.question)) + len(words(text)); s.MaxTokens > 0 && n > s.MaxTokens {
			return s.fail(413, "`inputs` must have less than %d tokens. Given: %d", s.MaxTokens, n)
		}
	}
	return response{}
}

// item is one score of an answer. Index and Value are numbers, or what a fault
// makes of them.
type item struct {
	Index any
	Value any
}

func (s *Server) score(a asked, fault Fault) response {
	items := make([]item, len(a.texts))
	tokens := 0
	for i, text := range a.texts {
		items[i] = item{i, overlap(a.question, text)}
		tokens += len(words(a.question)) + len(words(text))
	}
	s.mu.Lock()
	s.counts.Texts += len(a.texts)
	s.mu.Unlock()
	slices.SortStableFunc(items, func(x, y item) int { // as servers do: the best first
		if x.Value.(float64) > y.Value.(float64) {
			return -1
		}
		return 1
	})
	if fault.spoil != nil {
		items = fault.spoil(items)
	}
	body := s.Dialect.write(s, items, tokens)
	if fault.Cut {
		body = body[:len(body)/2]
	}
	return response{status: 200, body: body, cut: fault.Cut}
}

func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// overlap is the score of a passage.
func overlap(question, text string) float64 {
	have := map[string]bool{}
	all := words(text)
	for _, w := range all {
		have[w] = true
	}
	asked := words(question)
	hits := 0
	for _, w := range asked {
		if have[w] {
			hits++
		}
	}
	return float64(hits)/float64(max(1, len(asked))) - float64(len(all))/1e6
}
