package embedtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smartretriever/smartretriever/model/embed"
	"github.com/smartretriever/smartretriever/rag"
)

// Key is what servers of RunFaults want to see; it must be in no error.
const Key = "sk-verysecret-0123"

// Remote opens an embedder of a server, without a network between: its transport
// is s, its model s.Model, its key s.Key. change is called on its configuration
// before.
type Remote func(t *testing.T, s *Server, change func(*embed.Config)) *embed.Client

// RunFaults checks what holds for every embedder behind an API: what becomes of
// each fault of its server, what is sent again and what is not.
func RunFaults(t *testing.T, d *Dialect, open Remote) {
	r := remote{dialect: d, open: open}
	t.Run("faults", r.testFaults)
	t.Run("faults that pass", r.testFaultsThatPass)
	t.Run("silence", r.testSilence)
	t.Run("key", r.testKey)
	t.Run("too many texts", r.testTooMany)
	t.Run("too long", r.testTooLong)
	t.Run("nothing is paid for twice", r.testPaidOnce)
	t.Run("kinds", r.testKinds)
	t.Run("dimensions", r.testDimensions)
	t.Run("health", r.testHealth)
}

type remote struct {
	dialect *Dialect
	open    Remote
}

// with returns an embedder of s, which is given dialect, model and key.
func (r remote) with(t *testing.T, s *Server, change func(*embed.Config)) *embed.Client {
	t.Helper()
	s.Dialect, s.Model, s.Key = r.dialect, "m", Key
	return r.open(t, s, func(c *embed.Config) {
		c.Dimensions = 64
		if change != nil {
			change(c)
		}
	})
}

type faultTest struct {
	name  string
	fault Fault
	kind  rag.Kind
	tries int
	says  string
}

var faultTests = []faultTest{
	{"429", Busy(""), rag.KindExhausted, 3, "busy (HTTP 429)"},
	{"429 with a wait", Busy("7"), rag.KindExhausted, 3, "busy"},
	{"429 with a wait that is too long", Busy("3600"), rag.KindExhausted, 1, "busy"},
	{"500", Failing, rag.KindUnavailable, 3, "server failed (HTTP 500)"},
	{"503", Overloaded, rag.KindUnavailable, 3, "HTTP 503"},
	{"401", Unauthorized, rag.KindUnavailable, 1, "does not accept the API key"},
	{"403", Answering(403, `{"error":"key `+Key+`"}`), rag.KindUnavailable, 1, "HTTP 403"},
	{"404", Answering(404, `{"error":"model not found"}`), rag.KindUnavailable, 1, `no model "m"`},
	{"400", Answering(400, `{"error":{"message":"bad `+Key+`"}}`), rag.KindInternal, 1, "does not accept the request (HTTP 400): bad ********"},
	{"400 as detail", Answering(400, `{"detail":[{"msg":"bad `+Key+`"}]}`), rag.KindInternal, 1, "bad ********"},
	{"content refused", ContentRefused, rag.KindRefused, 1, "declines"},
	{"redirect", Redirect, rag.KindUnavailable, 1, "redirects"},
	{"cut body", Cut, rag.KindUnavailable, 3, "cut off"},
	{"malformed", Malformed, rag.KindUnavailable, 1, "malformed"},
	{"empty body", Empty, rag.KindUnavailable, 1, "malformed"},
	{"of other types", OtherTypes, rag.KindUnavailable, 1, "malformed"},
	{"too large", Giant, rag.KindUnavailable, 1, "cannot be used"},
	{"NaN", NotANumber, rag.KindUnavailable, 1, "not finite"},
	{"null", Null, rag.KindUnavailable, 1, "not a number"},
	{"number too great", TooGreat, rag.KindUnavailable, 1, "not finite"},
	{"zeros", Zeros, rag.KindUnavailable, 1, "only zeros"},
	{"other dimension", OneDimensionOff, rag.KindUnavailable, 1, "cannot be used"},
	{"no vector", NoVector, rag.KindUnavailable, 1, "cannot be used"},
	{"missing item", MissingItem, rag.KindUnavailable, 1, "cannot be used"},
	{"surplus item", SurplusItem, rag.KindUnavailable, 1, "cannot be used"},
}

// indexTests are for dialects that say which text a vector is of.
var indexTests = []faultTest{
	{"duplicate index", DuplicateIndex, rag.KindUnavailable, 1, "two vectors have the index 1"},
	{"index out of range", IndexTooGreat, rag.KindUnavailable, 1, "index 2"},
	{"no index", NoIndex, rag.KindUnavailable, 1, "no index"},
}

func (r remote) testFaults(t *testing.T) {
	tests := faultTests
	if r.dialect.Indexed {
		tests = append(slices.Clone(tests), indexTests...)
	}
	if r.dialect.grpc {
		// An error has no code, a list of numbers has only numbers.
		tests = slices.DeleteFunc(slices.Clone(tests), func(tt faultTest) bool {
			return tt.name == "content refused" || tt.name == "null" || tt.name == "NaN"
		})
		tests = append(tests, faultTest{"NaN", NaNBytes, rag.KindUnavailable, 1, "not finite"})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &Server{Schedule: Always(tt.fault)}
				e := r.with(t, s, nil)
				_, err := e.Embed(t.Context(), rag.PassageText, []string{"one", "two"})
				if err == nil {
					t.Fatal("no error")
				}
				if rag.KindOf(err) != tt.kind {
					t.Errorf("kind %s, want %s: %v", rag.KindOf(err), tt.kind, err)
				}
				if n := s.Counts().Requests; n != tt.tries {
					t.Errorf("%d tries, want %d: %v", n, tt.tries, err)
				}
				if !strings.Contains(err.Error(), tt.says) || !strings.HasPrefix(err.Error(), "embedder: ") {
					t.Errorf("no %q in %q", tt.says, err)
				}
				if strings.Contains(fmt.Sprintf("%+v", err), Key) {
					t.Errorf("the error shows the key: %v", err)
				}
			})
		})
	}
}

func (r remote) testFaultsThatPass(t *testing.T) {
	for name, fault := range map[string]Fault{
		"busy": Busy(""), "busy for 7 s": Busy("7"), "failing": Failing, "overloaded": Overloaded, "cut": Cut,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &Server{Schedule: First(2, fault)}
				e := r.with(t, s, nil)
				v, err := e.Embed(t.Context(), rag.PassageText, []string{"one"})
				if err != nil || len(v) != 1 || s.Counts().Requests != 3 {
					t.Errorf("%d vectors after %d requests: %v", len(v), s.Counts().Requests, err)
				}
			})
		})
	}
}

func (r remote) testSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := r.with(t, &Server{Schedule: Always(Silent)}, nil)
		begun := time.Now()
		if _, err := e.Embed(t.Context(), rag.PassageText, []string{"one"}); rag.KindOf(err) != rag.KindExhausted || time.Since(begun) > time.Minute {
			t.Errorf("the server's time is up after %s: %v", time.Since(begun), err)
		}
		begun = time.Now()
		if _, err := e.Embed(t.Context(), rag.QuestionText, []string{"one"}); rag.KindOf(err) != rag.KindExhausted || time.Since(begun) > 10*time.Second {
			t.Errorf("the question's time is up after %s: %v", time.Since(begun), err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := e.Embed(ctx, rag.PassageText, []string{"one"}); !errors.Is(err, context.Canceled) || rag.KindOf(err) != rag.KindUnavailable {
			t.Errorf("the caller goes: %v", err)
		}
	})
}

func (r remote) testKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{}
		e := r.with(t, s, func(c *embed.Config) { c.APIKey = "expired-" + Key })
		if _, err := e.Embed(t.Context(), rag.PassageText, []string{"one"}); rag.KindOf(err) != rag.KindUnavailable || !strings.Contains(err.Error(), "does not accept the API key") || strings.Contains(err.Error(), Key) {
			t.Errorf("expired: %v", err)
		}
		if n := s.Counts().Requests; n != 0 {
			t.Errorf("%d requests were let in", n)
		}
	})
}

func (r remote) testTooMany(t *testing.T) {
	s := &Server{MaxTexts: 5}
	e := r.with(t, s, nil)
	texts := numbered(20)
	for range 2 {
		v, err := e.Embed(t.Context(), rag.PassageText, texts)
		if err != nil || len(v) != len(texts) {
			t.Fatalf("%d vectors, %v", len(v), err)
		}
	}
	if c := s.Counts(); c.Texts != 40 {
		t.Errorf("%d texts were embedded, want each once a call", c.Texts)
	}
}

func numbered(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("text number %d", i)
	}
	return out
}

// testTooLong has one text that the embedder knows is too long, and a server that
// takes less than is configured.
func (r remote) testTooLong(t *testing.T) {
	long := strings.TrimSpace(strings.Repeat("word ", 100))
	for name, configured := range map[string]int{"by the embedder's count": 25, "by the server's": 512} {
		t.Run(name, func(t *testing.T) {
			s := &Server{MaxTokens: 25}
			e := r.with(t, s, func(c *embed.Config) { c.MaxTokens = configured })
			v, err := e.Embed(t.Context(), rag.PassageText, []string{"word", long, "other"})
			if err != nil || len(v) != 3 {
				t.Fatalf("%d vectors, %v", len(v), err)
			}
			if dot(v[0], v[1]) < same || dot(v[1], v[1]) < same {
				t.Error("the mean of a word's vectors is not the word's")
			}
			if n := e.Divided(); n != 1 {
				t.Errorf("%d texts divided, want 1", n)
			}
			sent := 0
			for _, text := range s.Inputs() {
				sent += strings.Count(text, "word")
			}
			if n := s.Counts().CutOff; n != 0 || sent != 101 {
				t.Errorf("%d texts were cut off, %d words of 101 embedded", n, sent)
			}
		})
	}
}

// testPaidOnce fails a call in its midst and repeats it.
func (r remote) testPaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{Schedule: func(n int) Fault {
			if n == 3 {
				return Failing
			}
			return None
		}}
		e := r.with(t, s, func(c *embed.Config) { c.BatchTexts, c.Concurrency, c.Retries = 2, 1, -1 })
		texts := numbered(8)
		if _, err := e.Embed(t.Context(), rag.PassageText, texts); rag.KindOf(err) != rag.KindUnavailable {
			t.Fatalf("the third request does not fail: %v", err)
		}
		if n := s.Counts().Texts; n != 4 {
			t.Fatalf("%d texts embedded before it", n)
		}
		again, err := e.Embed(t.Context(), rag.PassageText, texts)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Inputs(); !slices.Equal(got, texts) {
			t.Errorf("embedded: %q", got)
		}
		fresh, err := e.Embed(t.Context(), rag.PassageText, texts) // what was returned is not kept
		if err != nil || s.Counts().Texts != 16 {
			t.Errorf("%d texts after another call, %v", s.Counts().Texts, err)
		}
		for i := range texts {
			if dot(again[i], fresh[i]) < same {
				t.Errorf("vector %d is another", i)
			}
		}
	})
}

func (r remote) testKinds(t *testing.T) {
	s := &Server{}
	e := r.with(t, s, nil)
	for _, kind := range []rag.EmbedKind{rag.QuestionText, rag.PassageText} {
		if _, err := e.Embed(t.Context(), kind, []string{"one"}); err != nil {
			t.Fatal(err)
		}
	}
	if k := s.Kinds(); (k[0] != k[1]) != r.dialect.Kinds {
		t.Errorf("kinds %q", k)
	}
}

func (r remote) testDimensions(t *testing.T) {
	s := &Server{Dialect: r.dialect, Model: "m", Key: Key, Dimensions: 48}
	if d := r.open(t, s, func(c *embed.Config) { c.Dimensions = 0 }).Model().Dimensions; d != 48 {
		t.Errorf("%d dimensions of a model that is not known, want 48", d)
	}
	if r.dialect == Triton || r.dialect == TritonGRPC {
		return // cannot shorten
	}
	e := r.with(t, &Server{}, func(c *embed.Config) { c.Dimensions, c.SendDimensions = 16, true })
	v, err := e.Embed(t.Context(), rag.PassageText, []string{"one"})
	if err != nil || len(v[0]) != 16 || e.Model().Dimensions != 16 || !strings.HasSuffix(e.Model().ID, ":m-16d") {
		t.Errorf("shortened: %+v, %v", e.Model(), err)
	}
}

func (r remote) testHealth(t *testing.T) {
	e := r.with(t, &Server{}, nil)
	if h := e.Health(t.Context()); !h.OK || h.Needed || h.Name != "embed server" {
		t.Errorf("%+v", h)
	}
	e = r.with(t, &Server{}, func(c *embed.Config) { c.APIKey = "expired-" + Key })
	if h := e.Health(t.Context()); h.OK || strings.Contains(h.Detail, Key) {
		t.Errorf("with an expired key: %+v", h)
	}
	if !r.dialect.Lists {
		return
	}
	e = r.with(t, &Server{}, func(c *embed.Config) { c.Model = "other" })
	if h := e.Health(t.Context()); h.OK || !strings.Contains(h.Detail, "other") {
		t.Errorf("with another model: %+v", h)
	}
}
