package llmtest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/rag"
)

// something is a server that answers everything with a page.
type something struct{}

func (something) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	_, _ = io.WriteString(w, "<html>welcome</html>")
}

// outcome is what an error must be.
type outcome struct {
	kind  rag.Kind
	again bool          // it is a *llm.Temporary
	after time.Duration // that asks to wait so long
	says  string
}

func (o outcome) check(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if kind := rag.KindOf(err); kind != o.kind {
		t.Errorf("kind %s, want %s: %v", kind, o.kind, err)
	}
	temporary, again := errors.AsType[*llm.Temporary](err)
	if again != o.again {
		t.Errorf("temporary is %v: %v", again, err)
	}
	if again && (temporary.After > o.after || temporary.After < o.after-2*time.Second) {
		t.Errorf("wait %s, want %s", temporary.After, o.after)
	}
	if !strings.Contains(err.Error(), o.says) {
		t.Errorf("no %q in %q", o.says, err)
	}
	if strings.Contains(err.Error(), suiteKey) {
		t.Errorf("the error shows the key: %q", err)
	}
	if strings.ContainsAny(err.Error(), "\n\x1b") || len(err.Error()) > 600 {
		t.Errorf("the error is not one clean line: %q", err)
	}
}

func testRefusals(t *testing.T, p Provider) {
	header := func(name, value string) http.Header { return http.Header{name: {value}} }
	date := func(d time.Duration) http.Header {
		return header("Retry-After", time.Now().Add(d).UTC().Format(http.TimeFormat))
	}
	long := strings.Repeat("long ", 4000)
	tests := []struct {
		name   string
		reply  Script
		want   outcome
		policy bool // only where there is a content filter
	}{
		{"busy", Script{Problem: Busy, Message: "slow down"}, outcome{rag.KindExhausted, true, 0, "is busy"}, false},
		{"busy for seconds", Script{Problem: Busy, Header: header("Retry-After", "7")}, outcome{rag.KindExhausted, true, 7 * time.Second, "is busy"}, false},
		{"busy for milliseconds", Script{Problem: Busy, Header: header("Retry-After-Ms", "1500")}, outcome{rag.KindExhausted, true, 1500 * time.Millisecond, "is busy"}, false},
		{"busy until", Script{Problem: Busy, Header: date(20 * time.Second)}, outcome{rag.KindExhausted, true, 20 * time.Second, "is busy"}, false},
		{"busy, asks for nonsense", Script{Problem: Busy, Header: header("Retry-After", "soon")}, outcome{rag.KindExhausted, true, 0, "is busy"}, false},
		{"quota used up", Script{Problem: UsedUp, Message: "pay"}, outcome{rag.KindExhausted, false, 0, "used up"}, false},
		{"a fault", Script{Problem: Failing, Message: "it broke"}, outcome{rag.KindUnavailable, true, 0, "it broke"}, false},
		{"overloaded", Script{Problem: Overloaded, Message: "try later"}, outcome{rag.KindUnavailable, true, 0, "server failed"}, false},
		{"overloaded for seconds", Script{Problem: Overloaded, Header: header("Retry-After", "3")}, outcome{rag.KindUnavailable, true, 3 * time.Second, ""}, false},
		{"bad gateway", Script{Status: 502, Media: "text/html", Body: "<html>Bad Gateway</html>"}, outcome{rag.KindUnavailable, true, 0, "HTTP 502"}, false},
		{"gateway timeout", Script{Status: 504, Media: "text/plain", Body: "upstream request timeout"}, outcome{rag.KindUnavailable, true, 0, "HTTP 504"}, false},
		{"wrong key", Script{Problem: WrongKey, Message: "the key " + suiteKey + " has expired"}, outcome{rag.KindUnavailable, false, 0, "does not accept the API key"}, false},
		{"no model", Script{Problem: NoModel, Message: "no such model"}, outcome{rag.KindUnavailable, false, 0, `no model "` + suiteModel + `"`}, false},
		{"too long", Script{Problem: TooLong, Message: "8192 tokens"}, outcome{rag.KindExhausted, false, 0, "longer than the model takes"}, false},
		{"declined", Script{Problem: Declined, Message: "no"}, outcome{rag.KindRefused, false, 0, "the provider"}, true},
		{"wrong field", Script{Problem: BadRequest, Message: "no such field"}, outcome{rag.KindInternal, false, 0, "no such field"}, false},
		{"key in a message", Script{Problem: Failing, Message: "the request with " + suiteKey + " failed"}, outcome{rag.KindUnavailable, true, 0, "********"}, false},
		{"control characters in a message", Script{Problem: BadRequest, Message: "a\x1b[31m\nb"}, outcome{rag.KindInternal, false, 0, "a[31m b"}, false},
		{"giant message", Script{Problem: Failing, Message: long}, outcome{rag.KindUnavailable, true, 0, "server failed"}, false},
		{"redirect", Script{Status: 302, Header: header("Location", "http://elsewhere.example/")}, outcome{rag.KindUnavailable, false, 0, "redirects"}, false},
		{"no such address", Script{Status: 404, Media: "text/plain", Body: "404 page not found"}, outcome{rag.KindUnavailable, false, 0, "no such address"}, false},
		{"a page", Script{Media: "text/html; charset=utf-8", Body: "<html>welcome</html>"}, outcome{rag.KindUnavailable, false, 0, "text/html"}, false},
		{"not JSON", Script{Media: "application/json", Body: "<html>"}, outcome{rag.KindUnavailable, false, 0, "malformed"}, false},
		{"JSON of something else", Script{Media: "application/json", Body: "[1,2]"}, outcome{rag.KindUnavailable, false, 0, "malformed"}, false},
		{"an empty stream", Script{Body: "\n"}, outcome{rag.KindUnavailable, true, 0, "cut off"}, false},
	}
	for _, tt := range tests {
		if tt.policy && p.NoPolicy {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			c, double := p.serve(t, always(tt.reply))
			pieces, _, err := chat(t, c, question("hi"))
			tt.want.check(t, err)
			if len(pieces) > 0 || len(double.Asked()) != 1 {
				t.Errorf("pieces %q of %d requests", pieces, len(double.Asked()))
			}
		})
	}
	t.Run("too long is not held against the server", func(t *testing.T) {
		c, double := p.serve(t, always(Script{Problem: TooLong}))
		m := llm.Breaker(c, llm.BreakerConfig{Failures: 1})
		for range 3 {
			_, _, err := chat(t, m, question("hi"))
			outcome{rag.KindExhausted, false, 0, "longer than the model takes"}.check(t, err)
		}
		if n := len(double.Asked()); n != 3 {
			t.Errorf("%d of 3 calls reached the server", n)
		}
	})
	t.Run("another key", func(t *testing.T) {
		double := &Server{Wire: p.Wire, Model: suiteModel, Key: "sk-right", Answer: always(Script{})}
		srv := httptest.NewServer(double)
		t.Cleanup(srv.Close)
		_, _, err := chat(t, p.open(t, Setup{URL: srv.URL, Model: suiteModel, Key: suiteKey}), question("hi"))
		outcome{rag.KindUnavailable, false, 0, "does not accept the API key"}.check(t, err)
	})
}

// fault is a way in which a stream goes wrong, and what comes of it.
type fault struct {
	name string
	at   Break
	want outcome
}

func testBroken(t *testing.T, p Provider) {
	for _, after := range []int{0, 2} {
		tests := []fault{
			{"cut", Cut, outcome{rag.KindUnavailable, true, 0, "cut off"}},
			{"cut inside an event", CutInside, outcome{rag.KindUnavailable, true, 0, "cut off"}},
			{"malformed event", Garbage, outcome{rag.KindUnavailable, false, 0, "malformed"}},
			{"error event", Fails, outcome{rag.KindUnavailable, true, 0, "GPU on fire"}},
		}
		if after > 0 {
			tests = append(tests, fault{"endless line", LongLine, outcome{rag.KindUnavailable, false, 0, "too long"}},
				fault{"endless stream", EndlessAt, outcome{rag.KindUnavailable, false, 0, "too long"}})
		}
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s after %d pieces", tt.name, after), func(t *testing.T) {
				c, _ := p.serve(t, always(Script{
					Pieces: []string{"one ", "two ", "three"}, After: after, Break: tt.at, Message: "GPU on fire near " + suiteKey,
				}))
				pieces, res, err := chat(t, c, question("hi"))
				tt.want.check(t, err)
				if got := strings.Join(pieces, ""); got != res.Text || !strings.HasPrefix(got, strings.Repeat("one two ", after/2)) || len(pieces) < after {
					t.Errorf("pieces %.100q, text %.100q", pieces, res.Text)
				}
				if tt.at != EndlessAt && len(pieces) != after {
					t.Errorf("%d pieces, want %d", len(pieces), after)
				}
			})
		}
	}
}

// In these tests time passes only when every goroutine waits, so a silence of a
// minute takes none.
func testSilence(t *testing.T, p Provider) {
	pieces := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}
	tests := []struct {
		name  string
		reply Script
		took  time.Duration
		want  outcome
	}{
		{"nothing comes", Script{Break: Silence}, 30 * time.Second, outcome{rag.KindUnavailable, true, 0, "said nothing for 30s"}},
		{"nothing more comes", Script{Pieces: pieces, After: 3, Break: Silence}, 30 * time.Second, outcome{rag.KindUnavailable, true, 0, "said nothing for 30s"}},
		{"too long between pieces", Script{Pieces: pieces, Pace: 40 * time.Second}, 30 * time.Second, outcome{rag.KindUnavailable, true, 0, "said nothing for 30s"}},
		{"slow but alive, for too long", Script{Pieces: pieces, Pace: 20 * time.Second}, 2 * time.Minute, outcome{rag.KindExhausted, false, 0, "longer than 2m0s"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				double := &Server{Wire: p.Wire, Model: suiteModel, Answer: always(tt.reply)}
				c := p.open(t, Setup{URL: "http://double", Model: suiteModel, Key: suiteKey, Transport: double, FirstTokenTimeout: 30 * time.Second, Timeout: 2 * time.Minute})
				begun := time.Now()
				_, _, err := chat(t, c, question("hi"))
				tt.want.check(t, err)
				if took := time.Since(begun); took != tt.took {
					t.Errorf("it took %s, want %s", took, tt.took)
				}
			})
		})
	}
	t.Run("a model that thinks is not a silent server", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			double := &Server{Wire: p.Wire, Model: suiteModel, Answer: always(Script{Thinks: 5, Pieces: pieces[:2], Pace: 9 * time.Second})}
			c := p.open(t, Setup{URL: "http://double", Model: suiteModel, Key: suiteKey, Transport: double, FirstTokenTimeout: 10 * time.Second})
			if _, res, err := chat(t, c, question("hi")); err != nil || res.Text != "ab" {
				t.Errorf("%q, %v", res.Text, err)
			}
		})
	})
	t.Run("a slow reader is not a silent server", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			double := &Server{Wire: p.Wire, Model: suiteModel, Answer: always(Script{Pieces: pieces[:2]})}
			c := p.open(t, Setup{URL: "http://double", Model: suiteModel, Key: suiteKey, Transport: double, FirstTokenTimeout: 10 * time.Second})
			res, err := c.Chat(t.Context(), question("hi"), func(string) error { time.Sleep(20 * time.Second); return nil })
			if err != nil || res.Text != "ab" {
				t.Errorf("%q, %v", res.Text, err)
			}
		})
	})
}
