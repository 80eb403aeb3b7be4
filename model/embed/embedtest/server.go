package embedtest

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// Server is a double of a server that speaks the embeddings protocol of OpenAI.
// It is a http.Handler, for a real connection, and a http.RoundTripper, for tests
// in which time is not to pass. It refuses what strict servers refuse: an empty
// input, a wrong key, another model. It is goroutine-safe; fields are set before
// its first use.
//
// A text's vector is the sum of one for each of its words, drawn from the word's
// hash: the same text always has the same one, and texts that share words are
// near each other. They are not of unit length.
type Server struct {
	Model      string
	Key        string // "" takes requests with any key or none
	Dimensions int    // 0 is 64
	MaxTexts   int    // in one request, 0 for any number
	MaxTokens  int    // in one text, 0 for any number; a word is a token
	Base64     bool   // answers vectors in base64
	NoUsage    bool   // does not report tokens
	Shuffled   bool   // answers the vectors in another order, with their index

	// Schedule returns the fault of the n-th request for vectors, counted from 1;
	// nil has none.
	Schedule func(n int) Fault

	mu      sync.Mutex
	counts  Counts
	running int
	inputs  []string
}

// Counts is what a Server has seen.
type Counts struct {
	Requests int // for vectors
	Texts    int // embedded
	Tokens   int // of these
	AtOnce   int // most requests at the same time
}

// Fault is what becomes of a request. The zero value is none.
type Fault struct {
	Status     int    // instead of 200
	RetryAfter string // header
	Body       string // instead of the answer
	Cut        bool   // the body ends in its midst
	Silent     bool   // nothing is answered until the caller goes
	spoil      func([]item) []item
}

// Faults of servers.
var (
	None         = Fault{}
	Failing      = Fault{Status: 500, Body: `{"error":{"message":"out of memory"}}`}
	Overloaded   = Fault{Status: 503, Body: `overloaded`}
	Unauthorized = Fault{Status: 401, Body: `{"error":{"message":"wrong key"}}`}
	Cut          = Fault{Cut: true}
	Silent       = Fault{Silent: true}
	Malformed    = Fault{Body: `<html>welcome</html>`}
	NotANumber   = Fault{Body: `{"data":[{"index":0,"embedding":[0.5,NaN]}]}`}

	Null            = spoiling(func(v []float32) any { return append([]any{nil}, numbers(v[1:])...) })
	TooGreat        = spoiling(func(v []float32) any { return append([]any{1e39}, numbers(v[1:])...) })
	Base64NaN       = spoiling(func(v []float32) any { v[0] = float32(math.NaN()); return toBase64(v) })
	Zeros           = spoiling(func(v []float32) any { clear(v); return v })
	OneDimensionOff = spoiling(func(v []float32) any { return v[1:] })
	NoVector        = spoiling(func([]float32) any { return nil })
	NotBase64       = spoiling(func([]float32) any { return "???" })

	MissingItem    = Fault{spoil: func(all []item) []item { return all[1:] }}
	SurplusItem    = Fault{spoil: func(all []item) []item { return append(all, all[0]) }}
	DuplicateIndex = Fault{spoil: func(all []item) []item { all[0].Index = all[len(all)-1].Index; return all }}
	IndexTooGreat  = Fault{spoil: func(all []item) []item { n := len(all); all[0].Index = &n; return all }}
	NoIndex        = Fault{spoil: func(all []item) []item { all[0].Index = nil; return all }}
)

// Busy is a server that asks to come back later; after is the header's value, ""
// for none.
func Busy(after string) Fault {
	return Fault{Status: 429, RetryAfter: after, Body: `{"error":{"message":"slow down"}}`}
}

// First returns a schedule in which the first n requests have the fault.
func First(n int, f Fault) func(int) Fault {
	return func(request int) Fault {
		if request <= n {
			return f
		}
		return None
	}
}

// Always returns a schedule in which every request has the fault.
func Always(f Fault) func(int) Fault { return func(int) Fault { return f } }

// spoiling changes the first vector.
func spoiling(change func(v []float32) any) Fault {
	return Fault{spoil: func(all []item) []item {
		all[0].Embedding = change(slices.Clone(all[0].vector))
		return all
	}}
}

func numbers(v []float32) []any {
	out := make([]any, len(v))
	for i, x := range v {
		out[i] = x
	}
	return out
}

// Counts returns what the server has seen so far.
func (s *Server) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// Inputs returns the texts that were embedded so far, as they came.
func (s *Server) Inputs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.inputs)
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

func fail(status int, format string, args ...any) response {
	body, _ := json.Marshal(map[string]any{"error": map[string]any{"message": fmt.Sprintf(format, args...)}})
	return response{status: status, body: body}
}

func (s *Server) answer(r *http.Request) response {
	res := s.route(r)
	if res.header == nil {
		res.header = http.Header{}
	}
	res.header.Set("Content-Type", "application/json")
	return res
}

func (s *Server) route(r *http.Request) response {
	if s.Key != "" && r.Header.Get("Authorization") != "Bearer "+s.Key {
		return fail(401, "Incorrect API key provided: %s", r.Header.Get("Authorization"))
	}
	switch {
	case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/models"):
		body, _ := json.Marshal(map[string]any{"data": []any{map[string]any{"id": s.Model}}})
		return response{status: 200, body: body}
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/embeddings"):
		return s.embeddings(r)
	}
	return fail(404, "no such address")
}

// embeddings answers a request for vectors.
func (s *Server) embeddings(r *http.Request) response {
	s.mu.Lock()
	s.counts.Requests++
	s.running++
	s.counts.AtOnce = max(s.counts.AtOnce, s.running)
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
	var asked struct {
		Model      string   `json:"model"`
		Input      []string `json:"input"`
		Dimensions int      `json:"dimensions"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		return fail(400, "malformed request: %v", err)
	}
	if refusal := s.refuse(asked.Model, asked.Input); refusal.status != 0 {
		return refusal
	}
	return s.embed(asked.Input, asked.Dimensions, fault)
}

// refuse returns a response of status 0 to what is in order.
func (s *Server) refuse(model string, input []string) response {
	switch {
	case model != s.Model:
		return fail(404, "the model %q does not exist", model)
	case len(input) == 0:
		return fail(400, "input is missing")
	case s.MaxTexts > 0 && len(input) > s.MaxTexts:
		return fail(422, "batch size %d > maximum allowed batch size %d", len(input), s.MaxTexts)
	}
	for _, text := range input {
		if text == "" {
			return fail(400, "input cannot be an empty string")
		}
		if n := len(words(text)); s.MaxTokens > 0 && n > s.MaxTokens {
			return fail(400, "This model's maximum context length is %d tokens, however you requested %d tokens", s.MaxTokens, n)
		}
	}
	return response{}
}

// item is one vector of an answer.
type item struct {
	Object    string `json:"object"`
	Index     *int   `json:"index,omitempty"`
	Embedding any    `json:"embedding"`
	vector    []float32
}

func (s *Server) embed(input []string, dimensions int, fault Fault) response {
	if dimensions == 0 {
		dimensions = s.dimensions()
	}
	items := make([]item, len(input))
	tokens := 0
	for i, text := range input {
		v := s.vector(text)[:min(dimensions, s.dimensions())]
		items[i] = item{Object: "embedding", Index: &i, Embedding: v, vector: v}
		if s.Base64 {
			items[i].Embedding = toBase64(v)
		}
		tokens += max(1, len(words(text)))
	}
	s.mu.Lock()
	s.counts.Texts += len(input)
	s.counts.Tokens += tokens
	s.inputs = append(s.inputs, input...)
	s.mu.Unlock()
	if fault.spoil != nil {
		items = fault.spoil(items)
	}
	if s.Shuffled {
		slices.Reverse(items)
	}
	answer := map[string]any{"object": "list", "model": s.Model, "data": items}
	if !s.NoUsage {
		answer["usage"] = map[string]int{"prompt_tokens": tokens, "total_tokens": tokens}
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return fail(500, "%v", err)
	}
	if fault.Cut {
		body = body[:len(body)/2]
	}
	return response{status: 200, body: body, cut: fault.Cut}
}

func (s *Server) dimensions() int {
	if s.Dimensions == 0 {
		return 64
	}
	return s.Dimensions
}

func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// vector is the sum of the vectors of the words, or that of the text itself where
// there are none.
func (s *Server) vector(text string) []float32 {
	list := words(text)
	if len(list) == 0 {
		list = []string{text}
	}
	v := make([]float32, s.dimensions())
	for _, word := range list {
		hash := fnv.New64a()
		_, _ = io.WriteString(hash, word)
		random := rand.New(rand.NewPCG(hash.Sum64(), 1))
		for i := range v {
			v[i] += float32(random.NormFloat64())
		}
	}
	return v
}

func toBase64(v []float32) string {
	var data []byte
	for _, x := range v {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
	}
	return base64.StdEncoding.EncodeToString(data)
}
