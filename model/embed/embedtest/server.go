package embedtest

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/smartretriever/smartretriever/model/remote/remotetest"
)

// Server is a double of a server that embeds, in one of the dialects that providers
// have. It is a http.Handler, for a real connection, and a http.RoundTripper, for tests
// in which time is not to pass. It refuses what strict servers refuse: an empty
// input, a wrong key, another model. It is goroutine-safe; fields are set before
// its first use.
//
// A text's vector is the sum of one for each of its words, drawn from the word's
// hash: the same text always has the same one, and texts that share words are
// near each other. They are not of unit length.
type Server struct {
	Dialect    *Dialect // nil is OpenAI
	Model      string
	Key        string // "" takes requests with any key or none
	Dimensions int    // 0 is 64
	MaxTexts   int    // in one request, 0 for any number
	MaxTokens  int    // in one text, 0 for any number; a word is a token
	Base64     bool   // answers vectors in base64, in dialects that have it
	NoUsage    bool   // does not report tokens
	Shuffled   bool   // answers the vectors in another order, in dialects with their index

	// Schedule returns the fault of the n-th request for vectors, counted from 1;
	// nil has none.
	Schedule func(n int) Fault

	log    remotetest.Log // of requests for vectors
	mu     sync.Mutex
	counts Counts // but for what the log counts
	inputs []string
	kinds  []string
}

// Counts is what a Server has seen.
type Counts struct {
	remotetest.Counts
	Texts  int // embedded
	Tokens int // of these
	CutOff int // texts that were too long and, as the request allowed, embedded in part
}

// Counts returns what the server has seen so far.
func (s *Server) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counts
	c.Counts = s.log.Seen()
	return c
}

// Inputs returns the texts that were embedded so far, as they came.
func (s *Server) Inputs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.inputs)
}

// Kinds returns what the requests so far said their texts are, in the dialect's
// own words.
func (s *Server) Kinds() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.kinds)
}

// Bodies returns the bodies of the requests for vectors so far.
func (s *Server) Bodies() []string { return s.log.Bodies() }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.answer(r).Serve(w, r) }

// RoundTrip implements http.RoundTripper.
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	return remotetest.RoundTrip(r, s.answer)
}

// answer is the remotetest.Response to a request.
func (s *Server) answer(r *http.Request) remotetest.Response {
	if s.speaks().grpc {
		return s.answerGRPC(r)
	}
	return s.route(r)
}

// speaks returns the dialect of the server.
func (s *Server) speaks() *Dialect {
	if s.Dialect == nil {
		return OpenAI
	}
	return s.Dialect
}

func (s *Server) fail(status int, format string, args ...any) remotetest.Response {
	return remotetest.Response{Status: status, Body: s.speaks().say(status, fmt.Sprintf(format, args...))}
}

func (s *Server) route(r *http.Request) remotetest.Response {
	d := s.speaks()
	if s.Key != "" && strings.Contains(r.URL.String(), s.Key) {
		return s.fail(400, "the key stands in the address")
	}
	if s.Key != "" && d.key(r) != s.Key {
		return s.fail(d.wrongKey.status, d.wrongKey.format, d.key(r))
	}
	if r.Method == http.MethodPost && strings.HasSuffix(r.URL.RequestURI(), d.path(s.Model)) {
		return s.embeddings(r)
	}
	if r.Method == http.MethodGet {
		if body, ok := d.about(s, r.URL.RequestURI()); ok {
			return remotetest.Response{Status: 200, Body: remotetest.JSON(body)}
		}
	}
	return s.fail(404, "no such address or model: %s", r.URL.Path)
}

// embeddings answers a request for vectors.
func (s *Server) embeddings(r *http.Request) remotetest.Response {
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
	asked, err := s.speaks().read(body)
	if err != nil {
		return s.fail(400, "malformed request: %v", err)
	}
	if refusal := s.refuse(&asked); refusal.Status != 0 {
		return refusal
	}
	return s.embed(asked, fault)
}

// refuse returns a remotetest.Response of status 0 to what is in order. Texts that are too
// long are cut off where the request lets the server do so.
func (s *Server) refuse(a *asked) remotetest.Response {
	d := s.speaks()
	switch {
	case a.model != "" && a.model != s.Model:
		return s.fail(404, "the model %q does not exist", a.model)
	case len(a.texts) == 0:
		return s.fail(400, "input is missing")
	case s.MaxTexts > 0 && len(a.texts) > s.MaxTexts:
		return s.fail(d.tooMany.status, d.tooMany.format, s.MaxTexts, len(a.texts))
	}
	for i, text := range a.texts {
		if text == "" {
			return s.fail(400, "input cannot be an empty string")
		}
		n := len(remotetest.Words(text))
		if s.MaxTokens == 0 || n <= s.MaxTokens {
			continue
		}
		if !a.truncates {
			return s.fail(d.tooLong.status, d.tooLong.format, s.MaxTokens, n)
		}
		a.texts[i] = strings.Join(remotetest.Words(text)[:s.MaxTokens], " ")
		s.mu.Lock()
		s.counts.CutOff++
		s.mu.Unlock()
	}
	return remotetest.Response{}
}

// item is one vector of an answer.
type item struct {
	Object    string `json:"object"`
	Index     *int   `json:"index,omitempty"`
	Embedding any    `json:"embedding"`
	vector    []float32
}

func (s *Server) embed(a asked, fault Fault) remotetest.Response {
	width := s.dimensions()
	if a.dimensions > 0 {
		width = min(width, a.dimensions)
	}
	items := make([]item, len(a.texts))
	tokens := 0
	for i, text := range a.texts {
		v := s.vector(text)[:width]
		items[i] = item{Object: "embedding", Index: &i, Embedding: v, vector: v}
		if s.Base64 {
			items[i].Embedding = toBase64(v)
		}
		tokens += max(1, len(remotetest.Words(text)))
	}
	s.mu.Lock()
	s.counts.Texts += len(a.texts)
	s.counts.Tokens += tokens
	s.inputs = append(s.inputs, a.texts...)
	s.kinds = append(s.kinds, a.kind)
	s.mu.Unlock()
	if fault.spoil != nil {
		items = fault.spoil(items)
	}
	if s.Shuffled {
		slices.Reverse(items)
	}
	res := remotetest.Response{Status: 200, Cut: fault.Cut}
	res.Header, res.Body = s.speaks().write(s, a, items, tokens)
	return res
}

func (s *Server) dimensions() int {
	if s.Dimensions == 0 {
		return 64
	}
	return s.Dimensions
}

// vector is the sum of the vectors of the words, or that of the text itself where
// there are none.
func (s *Server) vector(text string) []float32 {
	list := remotetest.Words(text)
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
