package openai_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smartretriever/smartretriever/model/embed/embedtest"
	"github.com/smartretriever/smartretriever/model/embed/openai"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

const testKey = "sk-verysecret-0123"

// over returns an embedder of the server without a network between.
func over(t *testing.T, s *embedtest.Server, change func(*openai.Config)) *openai.Embedder {
	t.Helper()
	if s.Model == "" {
		s.Model = "m"
	}
	cfg := openai.Config{BaseURL: "http://host/v1/", Model: s.Model, APIKey: s.Key, Dimensions: 64, Transport: s}
	if change != nil {
		change(&cfg)
	}
	e, err := openai.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func embed(t *testing.T, e *openai.Embedder, texts ...string) ([][]float32, error) {
	t.Helper()
	return e.Embed(t.Context(), rag.PassageText, texts)
}

func TestConformance(t *testing.T) {
	for name, s := range map[string]*embedtest.Server{
		"plain":    {},
		"base64":   {Base64: true, Shuffled: true, NoUsage: true},
		"small":    {MaxTexts: 7, Dimensions: 24},
		"with key": {Key: testKey},
	} {
		t.Run(name, func(t *testing.T) {
			s.Model = "m"
			srv := httptest.NewServer(s)
			t.Cleanup(srv.Close)
			embedtest.Run(t, func(t *testing.T) embedtest.Embedder {
				e, err := openai.New(t.Context(), openai.Config{BaseURL: srv.URL + "/v1", Model: "m", APIKey: s.Key})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { e.Close() })
				return e
			})
		})
	}
}

func TestFaults(t *testing.T) {
	huge := strings.Repeat(" ", 2<<20)
	tests := []struct {
		name  string
		fault embedtest.Fault
		kind  rag.Kind
		tries int
		says  string
	}{
		{"429", embedtest.Busy(""), rag.KindExhausted, 3, "busy (HTTP 429): slow down"},
		{"429 with a wait", embedtest.Busy("7"), rag.KindExhausted, 3, "busy"},
		{"429 with a wait that is too long", embedtest.Busy("3600"), rag.KindExhausted, 1, "busy"},
		{"429 quota", embedtest.Answering(429, `{"error":{"code":"insufficient_quota"}}`), rag.KindExhausted, 1, "used up"},
		{"500", embedtest.Failing, rag.KindUnavailable, 3, "server failed (HTTP 500): out of memory"},
		{"503", embedtest.Overloaded, rag.KindUnavailable, 3, "HTTP 503"},
		{"401", embedtest.Unauthorized, rag.KindUnavailable, 1, "does not accept the API key (HTTP 401)"},
		{"403", embedtest.Answering(403, `{"error":"key `+testKey+`"}`), rag.KindUnavailable, 1, "HTTP 403"},
		{"404", embedtest.Answering(404, `{"error":"model not found"}`), rag.KindUnavailable, 1, `no model "m" (HTTP 404): model not found`},
		{"400", embedtest.Answering(400, `{"error":"bad `+testKey+`"}`), rag.KindInternal, 1, "does not accept the request (HTTP 400): bad ********"},
		{"redirect", embedtest.Redirect, rag.KindUnavailable, 1, "redirects"},
		{"cut body", embedtest.Cut, rag.KindUnavailable, 3, "cut off"},
		{"error in a good response", embedtest.Answering(200, `{"error":{"message":"GPU on fire `+testKey+`"}}`), rag.KindUnavailable, 3, "GPU on fire ********"},
		{"malformed", embedtest.Malformed, rag.KindUnavailable, 1, "malformed"},
		{"empty body", embedtest.Empty, rag.KindUnavailable, 1, "malformed"},
		{"of other types", embedtest.Answering(200, `{"data":"none"}`), rag.KindUnavailable, 1, "malformed"},
		{"no data", embedtest.Answering(200, `{}`), rag.KindUnavailable, 1, "lacks vector 0 of 2"},
		{"too large", embedtest.Answering(200, huge), rag.KindUnavailable, 1, "larger than"},
		{"NaN", embedtest.NotANumber, rag.KindUnavailable, 1, "not finite"},
		{"-Infinity", embedtest.Answering(200, `{"data":[{"index":0,"embedding":[0.5,-Infinity]}]}`), rag.KindUnavailable, 1, "not finite"},
		{"null", embedtest.Null, rag.KindUnavailable, 1, "vector 0 holds something that is not a number"},
		{"NaN in base64", embedtest.Base64NaN, rag.KindUnavailable, 1, "vector 0 holds a number that is not finite"},
		{"number too great", embedtest.TooGreat, rag.KindUnavailable, 1, "not finite"},
		{"zeros", embedtest.Zeros, rag.KindUnavailable, 1, "vector 0 has only zeros"},
		{"other dimension", embedtest.OneDimensionOff, rag.KindUnavailable, 1, "vector 0 has 63 dimensions instead of 64"},
		{"no vector", embedtest.NoVector, rag.KindUnavailable, 1, "vector 0 is neither"},
		{"not base64", embedtest.NotBase64, rag.KindUnavailable, 1, "vector 0 is not base64"},
		{"empty vector", embedtest.Answering(200, `{"data":[{"index":0,"embedding":[ ]}]}`), rag.KindUnavailable, 1, "vector 0 is empty"},
		{"missing item", embedtest.MissingItem, rag.KindUnavailable, 1, "lacks vector 0 of 2"},
		{"surplus item", embedtest.SurplusItem, rag.KindUnavailable, 1, "3 vectors for 2 texts"},
		{"duplicate index", embedtest.DuplicateIndex, rag.KindUnavailable, 1, "two vectors have the index 1"},
		{"index out of range", embedtest.IndexTooGreat, rag.KindUnavailable, 1, "index 2"},
		{"no index", embedtest.NoIndex, rag.KindUnavailable, 1, "no index"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &embedtest.Server{Key: testKey, Schedule: embedtest.Always(tt.fault)}
				_, err := embed(t, over(t, s, nil), "one", "two")
				if err == nil {
					t.Fatal("no error")
				}
				if rag.KindOf(err) != tt.kind {
					t.Errorf("kind %s, want %s: %v", rag.KindOf(err), tt.kind, err)
				}
				if n := s.Counts().Requests; n != tt.tries {
					t.Errorf("%d tries, want %d", n, tt.tries)
				}
				if !strings.Contains(err.Error(), tt.says) || !strings.HasPrefix(err.Error(), "embedder: ") {
					t.Errorf("no %q in %q", tt.says, err)
				}
				if strings.Contains(fmt.Sprintf("%+v", err), testKey) {
					t.Errorf("the error shows the key: %v", err)
				}
			})
		})
	}
}

func TestFaultsThatPass(t *testing.T) {
	for name, fault := range map[string]embedtest.Fault{
		"busy": embedtest.Busy(""), "busy for 7 s": embedtest.Busy("7"), "failing": embedtest.Failing, "overloaded": embedtest.Overloaded, "cut": embedtest.Cut,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &embedtest.Server{Schedule: embedtest.First(2, fault)}
				v, err := embed(t, over(t, s, nil), "one")
				if err != nil || len(v) != 1 || s.Counts().Requests != 3 {
					t.Errorf("%d vectors after %d requests: %v", len(v), s.Counts().Requests, err)
				}
			})
		})
	}
}

func TestFaultsOverAConnection(t *testing.T) {
	s := &embedtest.Server{Model: "m", Schedule: embedtest.First(1, embedtest.Cut)}
	srv := httptest.NewServer(s)
	cfg := openai.Config{BaseURL: srv.URL, Model: "m", Dimensions: 64, Retries: -1}
	e, err := openai.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if _, err := embed(t, e, "one"); rag.KindOf(err) != rag.KindUnavailable || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("cut: %v", err)
	}
	if _, err := embed(t, e, "one"); err != nil {
		t.Errorf("after it: %v", err)
	}
	srv.Close()
	_, err = embed(t, e, "one")
	if _, temporary := errors.AsType[*remote.Temporary](err); !temporary || rag.KindOf(err) != rag.KindUnavailable || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("down: %v", err)
	}
	if h := e.Health(t.Context()); h.OK || h.Needed || h.Name == "embedder" {
		t.Errorf("health of a server that is down: %+v", h)
	}
}

func TestSilence(t *testing.T) {
	late := func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, time.Second)
	}
	gone := func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		time.AfterFunc(time.Second, cancel)
		return ctx, cancel
	}
	for _, tt := range []struct {
		name  string
		text  rag.EmbedKind
		limit func(context.Context) (context.Context, context.CancelFunc)
		kind  rag.Kind
		cause error
		says  string
	}{
		{"the server's time is up", rag.PassageText, context.WithCancel, rag.KindExhausted, nil, "longer than 1m0s"},
		{"the question's time is up", rag.QuestionText, context.WithCancel, rag.KindExhausted, nil, "a question's vector took longer than 10s"},
		{"the caller's time is up", rag.QuestionText, late, rag.KindExhausted, context.DeadlineExceeded, "given up"},
		{"the caller goes", rag.PassageText, gone, rag.KindUnavailable, context.Canceled, "given up"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &embedtest.Server{Schedule: embedtest.Always(embedtest.Silent)}
				e := over(t, s, func(c *openai.Config) { c.BatchTexts, c.Concurrency = 1, 2 })
				ctx, cancel := tt.limit(t.Context())
				defer cancel()
				_, err := e.Embed(ctx, tt.text, []string{"one", "two", "three"})
				if rag.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.says) || (tt.cause != nil && !errors.Is(err, tt.cause)) {
					t.Errorf("kind %s: %v", rag.KindOf(err), err)
				}
				if n := s.Counts().Requests; n > 2 {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}

func TestSilenceOverAConnection(t *testing.T) {
	asked := make(chan struct{}, 1)
	s := &embedtest.Server{Model: "m", Schedule: func(int) embedtest.Fault { asked <- struct{}{}; return embedtest.Silent }}
	srv := httptest.NewServer(s)
	defer srv.Close()
	e, err := openai.New(t.Context(), openai.Config{BaseURL: srv.URL, Model: "m", Dimensions: 64})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if _, err := e.Embed(ctx, rag.PassageText, []string{"one"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestTextTooLong(t *testing.T) {
	for name, s := range map[string]*embedtest.Server{
		"TEI":       {Schedule: embedtest.Always(embedtest.Answering(413, `{"message":"Input validation error: inputs must have less than 512 tokens. Given: 700","error_type":"Validation"}`))},
		"llama.cpp": {Schedule: embedtest.Always(embedtest.Answering(500, `{"error":{"code":500,"message":"input is too large to process. increase the physical batch size","type":"server_error"}}`))},
		"Ollama":    {Schedule: embedtest.Always(embedtest.Answering(400, `{"error":"the input length exceeds the context length"}`))},
		"by code":   {Schedule: embedtest.Always(embedtest.Answering(400, `{"error":{"code":"context_length_exceeded","message":""}}`))},
	} {
		t.Run(name, func(t *testing.T) {
			// However the texts are divided, the server does not take them: that must
			// come out after a few requests.
			_, err := embed(t, over(t, s, nil), "this one is longer than the model takes at once", "short")
			if rag.KindOf(err) != rag.KindInvalid || !strings.Contains(err.Error(), "512 tokens") || s.Counts().Requests > 6 {
				t.Errorf("kind %s after %d requests: %v", rag.KindOf(err), s.Counts().Requests, err)
			}
		})
	}
}

// A server counts other tokens than the estimate; what it finds too long is divided.
func TestTextThatOnlyTheServerFindsTooLong(t *testing.T) {
	s := &embedtest.Server{MaxTokens: 5}
	e := over(t, s, nil)
	long := "this one is longer than the model takes at once"
	v, err := embed(t, e, "short", long, "brief")
	if err != nil || e.Divided() != 1 {
		t.Fatalf("%d divided: %v", e.Divided(), err)
	}
	whole, err := embed(t, over(t, &embedtest.Server{}, nil), "short", long, "brief")
	if err != nil {
		t.Fatal(err)
	}
	for i, least := range []float64{0.9999, 0.9, 0.9999} {
		if got := dot(v[i], whole[i]); got < least {
			t.Errorf("vector %d has the cosine %v to that of the whole text", i, got)
		}
	}
}

func dot(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func TestBatches(t *testing.T) {
	texts := make([]string, 10)
	for i := range texts {
		texts[i] = strings.Repeat("x", 10)
	}
	for _, tt := range []struct {
		name     string
		cfg      openai.Config
		server   *embedtest.Server
		requests int
	}{
		{"all at once", openai.Config{}, &embedtest.Server{}, 1},
		{"by texts", openai.Config{BatchTexts: 3}, &embedtest.Server{}, 4},
		{"by bytes", openai.Config{BatchBytes: 25}, &embedtest.Server{}, 5},
		{"each longer than a batch", openai.Config{BatchBytes: 5}, &embedtest.Server{}, 10},
		{"the server takes fewer", openai.Config{}, &embedtest.Server{MaxTexts: 5}, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := over(t, tt.server, func(c *openai.Config) { c.BatchTexts, c.BatchBytes = tt.cfg.BatchTexts, tt.cfg.BatchBytes })
			if _, err := embed(t, e, texts...); err != nil {
				t.Fatal(err)
			}
			if c := tt.server.Counts(); c.Requests != tt.requests || c.Texts != 10 {
				t.Errorf("%+v, want %d requests", c, tt.requests)
			}
		})
	}
	t.Run("remembered", func(t *testing.T) {
		s := &embedtest.Server{MaxTexts: 5}
		e := over(t, s, nil)
		for range 2 {
			if _, err := embed(t, e, texts...); err != nil {
				t.Fatal(err)
			}
		}
		if n := s.Counts().Requests; n != 5 {
			t.Errorf("%d requests, want 3 to learn and 2 that know", n)
		}
	})
}

// slow is a server that takes a second for each request.
type slow struct {
	http.RoundTripper
	running, most atomic.Int32
}

func (s *slow) RoundTrip(r *http.Request) (*http.Response, error) {
	n := s.running.Add(1)
	defer s.running.Add(-1)
	for old := s.most.Load(); n > old && !s.most.CompareAndSwap(old, n); old = s.most.Load() {
	}
	time.Sleep(time.Second)
	return s.RoundTripper.RoundTrip(r)
}

func TestConcurrencyIsBoundedOverAllCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &embedtest.Server{Shuffled: true}
		wire := &slow{RoundTripper: server}
		e := over(t, server, func(c *openai.Config) { c.BatchTexts, c.Concurrency, c.Transport = 2, 3, wire })
		done := make(chan error)
		for range 4 {
			go func() {
				_, err := e.Embed(t.Context(), rag.PassageText, strings.Fields("a b c d e f g h"))
				done <- err
			}()
		}
		for range 4 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if n := wire.most.Load(); n != 3 {
			t.Errorf("%d requests at once, want 3", n)
		}
	})
}

func TestFirstFailureEndsTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &embedtest.Server{Schedule: func(n int) embedtest.Fault {
			if n == 2 {
				return embedtest.Malformed
			}
			return embedtest.Silent
		}}
		e := over(t, s, func(c *openai.Config) { c.BatchTexts, c.Concurrency = 1, 2 })
		_, err := embed(t, e, "a", "b", "c", "d")
		if !strings.Contains(err.Error(), "malformed") || s.Counts().Requests != 2 {
			t.Errorf("after %d requests: %v", s.Counts().Requests, err)
		}
	})
}

func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes []bool
		s := &embedtest.Server{Schedule: embedtest.First(3, embedtest.Failing)}
		e := over(t, s, func(c *openai.Config) {
			c.Retries = -1
			c.Breaker = remote.BreakerConfig{Failures: 3, Pause: 10 * time.Second, OnChange: func(open bool) { changes = append(changes, open) }}
		})
		for range 5 {
			if _, err := embed(t, e, "a"); rag.KindOf(err) != rag.KindUnavailable {
				t.Fatalf("got %v", err)
			}
		}
		if n := s.Counts().Requests; n != 3 {
			t.Errorf("%d requests, want 3", n)
		}
		time.Sleep(11 * time.Second)
		if _, err := embed(t, e, "a"); err != nil {
			t.Error(err)
		}
		if !slices.Equal(changes, []bool{true, false}) {
			t.Errorf("changes %v", changes)
		}
	})
}

func TestPrefixesAndEmptyTexts(t *testing.T) {
	s := &embedtest.Server{}
	e := over(t, s, func(c *openai.Config) { c.QueryPrefix, c.PassagePrefix = "query: ", "passage: " })
	plain := over(t, s, nil)
	for _, call := range []struct {
		e    *openai.Embedder
		kind rag.EmbedKind
		text string
	}{{e, rag.QuestionText, "why?"}, {e, rag.PassageText, "so"}, {e, rag.PassageText, ""}, {plain, rag.PassageText, ""}, {plain, rag.QuestionText, "a\xffb"}} {
		if _, err := call.e.Embed(t.Context(), call.kind, []string{call.text}); err != nil {
			t.Error(err)
		}
	}
	if got, want := s.Inputs(), []string{"query: why?", "passage: so", "passage:  ", " ", "a\uFFFDb"}; !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
}

func TestDimensions(t *testing.T) {
	probed := over(t, &embedtest.Server{Dimensions: 48}, func(c *openai.Config) { c.Dimensions = 0 })
	if got, want := probed.Model(), (rag.Model{ID: "openai:m", Dimensions: 48, MaxTokens: 512}); got != want {
		t.Errorf("asked for: %+v", got)
	}
	short := over(t, &embedtest.Server{}, func(c *openai.Config) { c.Dimensions, c.SendDimensions, c.MaxTokens = 16, true, 100 })
	if got, want := short.Model(), (rag.Model{ID: "openai:m-16d", Dimensions: 16, MaxTokens: 100}); got != want {
		t.Errorf("shortened: %+v", got)
	}
	ids := map[string]bool{}
	for _, prefix := range []string{"", "passage: ", "search_document: "} {
		ids[over(t, &embedtest.Server{}, func(c *openai.Config) { c.PassagePrefix, c.QueryPrefix = prefix, "query: " }).Model().ID] = true
	}
	if len(ids) != 3 || !ids["openai:m"] {
		t.Errorf("models with other prefixes are called %v", ids)
	}
	v, err := embed(t, short, "one two")
	if err != nil || len(v[0]) != 16 {
		t.Fatalf("%d dimensions, %v", len(v[0]), err)
	}
	var length float64
	for _, x := range v[0] {
		length += float64(x) * float64(x)
	}
	if math.Abs(length-1) > 1e-5 {
		t.Errorf("length² %v", length)
	}
}

func TestNewWithoutTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, fault := range map[string]embedtest.Fault{"failing": embedtest.Failing, "silent": embedtest.Silent, "malformed": embedtest.Malformed} {
			s := &embedtest.Server{Model: "m", Schedule: embedtest.Always(fault)}
			cfg := openai.Config{BaseURL: "http://host/v1", Model: "m", Transport: s}
			_, err := openai.New(t.Context(), cfg)
			if kind := rag.KindOf(err); (kind != rag.KindUnavailable && kind != rag.KindExhausted) || !strings.Contains(err.Error(), "number of dimensions") {
				t.Errorf("%s: %v", name, err)
			}
			cfg.Dimensions = 64
			if _, err := openai.New(t.Context(), cfg); err != nil {
				t.Errorf("%s, with dimensions: %v", name, err)
			}
		}
	})
}

func TestTokens(t *testing.T) {
	s := &embedtest.Server{}
	e := over(t, s, nil)
	if _, err := embed(t, e, "one two three", "four"); err != nil || e.Tokens() != 4 || s.Counts().Tokens != 4 {
		t.Errorf("%d tokens, the server counted %d: %v", e.Tokens(), s.Counts().Tokens, err)
	}
}

func TestCountTokens(t *testing.T) {
	tests := []struct {
		model string
		text  string
		want  int
	}{
		{"text-embedding-3-small", "", 0},
		{"text-embedding-3-small", "The quick brown fox jumps over the lazy dog.", 10},
		{"text-embedding-3-small", "日本語です。", 6},
		{"nomic-embed-text", "The quick brown fox jumps over the lazy dog.", 13},
	}
	for _, tt := range tests {
		e := over(t, &embedtest.Server{Model: tt.model}, func(c *openai.Config) { c.Model, c.Dimensions = tt.model, 0 })
		if got := e.CountTokens(tt.text); got != tt.want {
			t.Errorf("%s: %q has %d tokens, want %d", tt.model, tt.text, got, tt.want)
		}
	}
}

// A call waits for its turn without its own time running out.
func TestWaitsForItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &embedtest.Server{Schedule: embedtest.First(1, embedtest.Busy("15"))}
		e := over(t, s, func(c *openai.Config) {
			c.Timeout, c.Limit.RequestsPerMinute = 5*time.Second, 2
		})
		begun := time.Now()
		for range 4 { // five requests, the refused one with them: the last in the third minute
			if _, err := embed(t, e, "text"); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begun); took < 2*time.Minute || took > 3*time.Minute || s.Counts().Requests != 5 {
			t.Errorf("%d requests in %s", s.Counts().Requests, took)
		}
	})
}

// A bulk load that uses up the rate does not take the questions' vectors.
func TestAQuestionDuringABulkLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := over(t, &embedtest.Server{}, func(c *openai.Config) {
			c.Concurrency, c.BatchTexts, c.Limit.TokensPerMinute, c.QueryTimeout = 2, 1, 100, 10*time.Second
		})
		loaded := make(chan error)
		go func() {
			_, err := embed(t, e, slices.Repeat([]string{strings.Repeat("word ", 60)}, 8)...)
			loaded <- err
		}()
		synctest.Wait()
		for range 3 {
			if _, err := e.Embed(t.Context(), rag.QuestionText, []string{"what?"}); err != nil {
				t.Error(err)
			}
			time.Sleep(20 * time.Second)
		}
		if err := <-loaded; err != nil {
			t.Error(err)
		}
	})
}

func TestHealth(t *testing.T) {
	s := &embedtest.Server{Key: testKey}
	if h := over(t, s, nil).Health(t.Context()); !h.OK || h.Needed || h.Detail != "m at http://host/v1/" {
		t.Errorf("%+v", h)
	}
	if h := over(t, s, func(c *openai.Config) { c.Model = "other" }).Health(t.Context()); h.OK || !strings.Contains(h.Detail, `no model "other"; it has m`) {
		t.Errorf("%+v", h)
	}
	if h := over(t, s, func(c *openai.Config) { c.APIKey = "wrong" }).Health(t.Context()); h.OK || strings.Contains(h.Detail, testKey) {
		t.Errorf("%+v", h)
	}
}

func TestConfigFaults(t *testing.T) {
	good := openai.Config{BaseURL: "http://host/v1", Model: "m", Dimensions: 4}
	for name, change := range map[string]func(*openai.Config){
		"no address":       func(c *openai.Config) { c.BaseURL = "" },
		"other scheme":     func(c *openai.Config) { c.BaseURL = "ftp://host/v1" },
		"user in address":  func(c *openai.Config) { c.BaseURL = "http://me:" + testKey + "@host/v1" },
		"query in address": func(c *openai.Config) { c.BaseURL = "http://host/v1?key=" + testKey },
		"no model":         func(c *openai.Config) { c.Model = "" },
		"proxy":            func(c *openai.Config) { c.Proxy = "::" },
		"dimensions":       func(c *openai.Config) { c.Dimensions = -1 },
		"too many":         func(c *openai.Config) { c.Dimensions = 1 << 20 },
		"shorten to what":  func(c *openai.Config) { c.Dimensions, c.SendDimensions = 0, true },
		"negative":         func(c *openai.Config) { c.BatchTexts = -1 },
		"few tokens":       func(c *openai.Config) { c.MaxTokens = 10 },
		"long prefix":      func(c *openai.Config) { c.PassagePrefix = strings.Repeat("prefix ", 400) },
	} {
		cfg := good
		change(&cfg)
		if _, err := openai.New(t.Context(), cfg); rag.KindOf(err) != rag.KindInvalid || strings.Contains(err.Error(), testKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func Example() {
	server := &embedtest.Server{Model: "nomic-embed-text"} // stands for http://127.0.0.1:11434/v1
	srv := httptest.NewServer(server)
	defer srv.Close()
	e, err := openai.New(context.Background(), openai.Config{
		BaseURL: srv.URL + "/v1", Model: "nomic-embed-text",
		QueryPrefix: "search_query: ", PassagePrefix: "search_document: ",
	})
	if err != nil {
		panic(err)
	}
	defer e.Close()
	v, err := e.Embed(context.Background(), rag.QuestionText, []string{"why does bread rise?"})
	if err != nil {
		panic(err)
	}
	fmt.Println(e.Model().ID, len(v[0]))
	// Output: openai:nomic-embed-text-p22a337d2 64
}
