package llmtest

import (
	"context"
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/rag"
)

// Client is what is tested: a model behind a server.
type Client interface {
	llm.Model
	Check(ctx context.Context) error
	Close() error
}

// Setup says how a client is made. Its zero times leave the client's defaults.
type Setup struct {
	URL       string // of the server, without a path
	Model     string
	Key       string
	Transport *Server // nil uses connections

	FirstTokenTimeout time.Duration
	Timeout           time.Duration
}

// Provider is what is tested, and what it cannot do.
type Provider struct {
	Wire Wire
	Open func(t *testing.T, s Setup) Client
	Name string // that results bear

	NoCache    bool // does not report cached tokens
	NoPolicy   bool // has no content filter
	NamesModel bool // results name the model
}

const (
	suiteModel = "model-1"
	suiteKey   = "sk-verysecret-0123"
)

// Run checks what holds for every client of a provider, against a double of its
// server.
func Run(t *testing.T, p Provider) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, p Provider)
	}{
		{"streams", testStreams},
		{"finish", testFinish},
		{"request", testRequest},
		{"conversations", testConversations},
		{"nothing asked", testNothingAsked},
		{"odd texts", testOddTexts},
		{"giant texts", testGiant},
		{"refusals", testRefusals},
		{"broken streams", testBroken},
		{"silence", testSilence},
		{"reader", testReader},
		{"given up", testGivenUp},
		{"goroutines", testGoroutines},
		{"unreachable", testUnreachable},
		{"check", testCheck},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, p) })
	}
}

// serve returns a client of a double that answers so.
func (p Provider) serve(t *testing.T, answer func(n int, asked Asked) Script) (Client, *Server) {
	t.Helper()
	double := &Server{Wire: p.Wire, Model: suiteModel, Key: suiteKey, Answer: answer}
	srv := httptest.NewServer(double)
	t.Cleanup(srv.Close)
	return p.open(t, Setup{URL: srv.URL, Model: suiteModel, Key: suiteKey}), double
}

func (p Provider) open(t *testing.T, s Setup) Client {
	t.Helper()
	c := p.Open(t, s)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// always answers every request with r.
func always(r Script) func(int, Asked) Script { return func(int, Asked) Script { return r } }

func question(text string) llm.Request {
	return llm.Request{Messages: []rag.Message{{Role: "user", Content: text}}, MaxTokens: 50}
}

func chat(t *testing.T, m llm.Model, r llm.Request) (pieces []string, res llm.Result, err error) {
	t.Helper()
	res, err = m.Chat(t.Context(), r, func(s string) error {
		pieces = append(pieces, s)
		return nil
	})
	return pieces, res, err
}

func testStreams(t *testing.T, p Provider) {
	usage := llm.Usage{PromptTokens: 40, CachedTokens: 25, CompletionTokens: 7}
	pieces := []string{"Hello", ", ", "世界", "\n", " done"}
	c, double := p.serve(t, always(Script{Pieces: pieces, Usage: usage}))
	got, res, err := chat(t, c, question("hi"))
	if err != nil {
		t.Fatal(err)
	}
	if p.NoCache {
		usage.CachedTokens = 0
	}
	want := llm.Result{Text: strings.Join(pieces, ""), Finish: llm.FinishStop, Usage: usage, Provider: p.Name}
	if p.NamesModel {
		want.Model = suiteModel
	}
	if !slices.Equal(got, pieces) || res.Text != want.Text || res.Finish != want.Finish || res.Usage != want.Usage || res.Provider != want.Provider || res.Model != want.Model {
		t.Errorf("pieces %q, result %+v, want %+v", got, res, want)
	}
	if n := len(double.Asked()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func testFinish(t *testing.T, p Provider) {
	for _, finish := range []llm.FinishReason{llm.FinishStop, llm.FinishLength, llm.FinishOther} {
		c, _ := p.serve(t, always(Script{Pieces: []string{"a"}, Finish: finish}))
		if _, res, err := chat(t, c, question("hi")); err != nil || res.Finish != finish || res.Text != "a" {
			t.Errorf("%s: %+v, %v", finish, res, err)
		}
	}
	if p.NoPolicy {
		return
	}
	usage := llm.Usage{PromptTokens: 9, CompletionTokens: 3}
	for _, pieces := range [][]string{nil, {"So"}} {
		c, _ := p.serve(t, always(Script{Pieces: pieces, Filtered: true, Usage: usage}))
		got, res, err := chat(t, c, question("hi"))
		if _, again := errors.AsType[*llm.Temporary](err); again || rag.KindOf(err) != rag.KindRefused || !slices.Equal(got, pieces) {
			t.Errorf("filtered after %q: %v, pieces %q", pieces, err, got)
		}
		if res.Usage.PromptTokens != usage.PromptTokens {
			t.Errorf("what was withheld is to be counted all the same: %+v", res.Usage)
		}
	}
}

func testRequest(t *testing.T, p Provider) {
	c, double := p.serve(t, always(Script{Pieces: []string{"ok"}}))
	r := question("hi")
	r.MaxTokens, r.Temperature, r.Stop = 77, 0.25, []string{"\n\n", "END"}
	if _, _, err := chat(t, c, r); err != nil {
		t.Fatal(err)
	}
	if _, _, err := chat(t, c, question("at 0")); err != nil {
		t.Fatal(err)
	}
	free := question("no limit")
	free.MaxTokens = 0
	if _, _, err := chat(t, c, free); err != nil {
		t.Fatal(err)
	}
	asked := double.Asked()
	if a := asked[0]; a.Model != suiteModel || a.MaxTokens != 77 || a.Temperature == nil || *a.Temperature != 0.25 || !slices.Equal(a.Stop, r.Stop) {
		t.Errorf("asked %+v", a)
	}
	if a := asked[1]; a.Temperature == nil || *a.Temperature != 0 || len(a.Stop) != 0 || a.MaxTokens != 50 {
		t.Errorf("temperature 0 is to be sent, stop sequences are not: %+v", a)
	}
}

func testConversations(t *testing.T, p Provider) {
	user, assistant, system := "user", "assistant", "system"
	tests := []struct {
		name     string
		messages []rag.Message
		system   string
		turns    []string // "u:" or "a:" before the text
	}{
		{"one question", []rag.Message{{Role: user, Content: "q"}}, "", []string{"u:q"}},
		{"rules and history", []rag.Message{{Role: system, Content: "rules"}, {Role: user, Content: "q1"}, {Role: assistant, Content: "a1"}, {Role: user, Content: "q2"}},
			"rules", []string{"u:q1", "a:a1", "u:q2"}},
		{"two rules", []rag.Message{{Role: system, Content: "r1"}, {Role: system, Content: "r2"}, {Role: user, Content: "q"}}, "r1\n\nr2", []string{"u:q"}},
	}
	for _, tt := range tests {
		c, double := p.serve(t, always(Script{Pieces: []string{"ok"}}))
		before := slices.Clone(tt.messages)
		if _, _, err := chat(t, c, llm.Request{Messages: tt.messages}); err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if !slices.Equal(before, tt.messages) {
			t.Errorf("%s: the caller's messages were changed", tt.name)
		}
		a := double.Asked()[0]
		var turns []string
		for _, m := range a.Turns {
			turns = append(turns, m.Role[:1]+":"+m.Content)
		}
		if a.System != tt.system || !slices.Equal(turns, tt.turns) {
			t.Errorf("%s: rules %q, turns %q", tt.name, a.System, turns)
		}
	}
	// Conversations that strict protocols do not take as they are: each client must
	// bring them into a form that its provider takes, with the question in it.
	for name, messages := range map[string][]rag.Message{
		"begins with an answer": {{Role: assistant, Content: "a0"}, {Role: user, Content: "the question"}},
		"an empty answer":       {{Role: user, Content: "q1"}, {Role: assistant, Content: ""}, {Role: user, Content: "the question"}},
		"two questions":         {{Role: user, Content: "q1"}, {Role: user, Content: "the question"}},
		"rules at the end":      {{Role: user, Content: "the question"}, {Role: system, Content: "rules"}},
		"blank rules":           {{Role: system, Content: " \n"}, {Role: user, Content: "the question"}},
	} {
		c, double := p.serve(t, always(Script{Pieces: []string{"ok"}}))
		if _, _, err := chat(t, c, llm.Request{Messages: messages}); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		turns := double.Asked()[0].Turns
		if len(turns) == 0 || !strings.HasSuffix(turns[len(turns)-1].Content, "the question") {
			t.Errorf("%s: turns %q", name, turns)
		}
	}
}

func testNothingAsked(t *testing.T, p Provider) {
	c, double := p.serve(t, always(Script{Pieces: []string{"ok"}}))
	for name, messages := range map[string][]rag.Message{
		"no messages":  nil,
		"rules only":   {{Role: "system", Content: "rules"}},
		"blank":        {{Role: "user", Content: ""}, {Role: "user", Content: " \n\t"}},
		"unknown role": {{Role: "user", Content: "q"}, {Role: "tool", Content: "x"}},
	} {
		if _, _, err := chat(t, c, llm.Request{Messages: messages}); rag.KindOf(err) != rag.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(double.Asked()); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

func testOddTexts(t *testing.T, p Provider) {
	// What goes in comes out, whatever it is made of. Bytes that are no UTF-8 become
	// the replacement character.
	texts := []string{"مرحبا بالعالم", "שלום \u202eעולם\u202c", "🙂👩‍👩‍👧", "e\u0301", "a\x00b\x1b[31m\x7f", "a\u2028b\u2029", "line\r\nline\n\n\ndata: x\n\n", `"quoted" \ </script> {"a":1} [DONE]`, "<|im_end|>", " spaces at both ends "}
	c, double := p.serve(t, func(_ int, a Asked) Script {
		return Script{Pieces: []string{a.Turns[0].Content, a.System}}
	})
	for _, s := range append(texts, "half a rune \xe4\xb8") {
		want := strings.ToValidUTF8(s, "\ufffd")
		if s != want { // one for each byte, as encoding/json has it
			want = "half a rune \ufffd\ufffd"
		}
		_, res, err := chat(t, c, llm.Request{Messages: []rag.Message{{Role: "system", Content: s}, {Role: "user", Content: s}}})
		if err != nil || res.Text != want+want {
			t.Errorf("%q came back as %q, %v", s, res.Text, err)
		}
	}
	if n := len(double.Asked()); n != len(texts)+1 {
		t.Errorf("%d requests", n)
	}
}

func testGiant(t *testing.T, p Provider) {
	giant := strings.Repeat("The quick brown fox jumps over 世界. ", 20_000) // 780 KB
	c, _ := p.serve(t, func(_ int, a Asked) Script {
		var pieces []string
		for piece := range slices.Chunk([]byte(a.Turns[0].Content), 39*1000) {
			pieces = append(pieces, string(piece))
		}
		return Script{Pieces: pieces}
	})
	_, res, err := chat(t, c, question(giant))
	if err != nil || res.Text != giant {
		t.Errorf("%d of %d bytes came back, %v", len(res.Text), len(giant), err)
	}
}

func testReader(t *testing.T, p Provider) {
	stop := errors.New("reader has gone")
	c, _ := p.serve(t, always(Script{Pieces: []string{"a", "b", "c"}}))
	for _, at := range []int{1, 3} {
		n := 0
		res, err := c.Chat(t.Context(), question("hi"), func(string) error {
			if n++; n == at {
				return stop
			}
			return nil
		})
		if err != stop || n != at || res.Text != "abc"[:at] {
			t.Errorf("stopped at piece %d: %v after %d pieces, %q", at, err, n, res.Text)
		}
	}
}

func testGivenUp(t *testing.T, p Provider) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancelLate := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancelLate()
	c, _ := p.serve(t, always(Script{Pieces: []string{"a"}}))
	for name, tt := range map[string]struct {
		ctx  context.Context
		want error
		kind rag.Kind
	}{"cancelled": {cancelled, context.Canceled, rag.KindUnavailable}, "late": {late, context.DeadlineExceeded, rag.KindExhausted}} {
		_, err := c.Chat(tt.ctx, question("hi"), func(string) error { return nil })
		if _, again := errors.AsType[*llm.Temporary](err); again || !errors.Is(err, tt.want) || rag.KindOf(err) != tt.kind {
			t.Errorf("%s: %v (%s)", name, err, rag.KindOf(err))
		}
	}
	// In the middle, while the server is silent.
	for _, after := range []int{0, 1} {
		synctest.Test(t, func(t *testing.T) {
			double := &Server{Wire: p.Wire, Model: suiteModel, Answer: always(Script{Pieces: []string{"a", "b"}, After: after, Break: Silence})}
			c := p.open(t, Setup{URL: "http://double", Model: suiteModel, Key: suiteKey, Transport: double})
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			begun := time.Now()
			_, err := c.Chat(ctx, question("hi"), func(string) error { return nil })
			if _, again := errors.AsType[*llm.Temporary](err); again || !errors.Is(err, context.Canceled) {
				t.Errorf("after %d pieces: %v", after, err)
			}
			if took := time.Since(begun); took != time.Second {
				t.Errorf("the call went on for %s after it was given up", took-time.Second)
			}
		})
	}
}

func testGoroutines(t *testing.T, p Provider) {
	c, _ := p.serve(t, func(_ int, a Asked) Script {
		return Script{Pieces: []string{"you said ", a.Turns[0].Content}}
	})
	var all sync.WaitGroup
	for g := range 16 {
		all.Go(func() {
			text := strings.Repeat(string(rune('a'+g)), 100+g)
			var b strings.Builder
			res, err := c.Chat(t.Context(), question(text), func(s string) error { b.WriteString(s); return nil })
			if err != nil || res.Text != "you said "+text || b.String() != res.Text {
				t.Errorf("goroutine %d: %q, %v", g, res.Text, err)
			}
			if err := c.Check(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func testUnreachable(t *testing.T, p Provider) {
	srv := httptest.NewServer(nil)
	srv.Close()
	c := p.open(t, Setup{URL: srv.URL, Model: suiteModel, Key: suiteKey})
	_, _, err := chat(t, c, question("hi"))
	if _, again := errors.AsType[*llm.Temporary](err); !again || rag.KindOf(err) != rag.KindUnavailable {
		t.Errorf("got %v", err)
	}
	if err := c.Check(t.Context()); rag.KindOf(err) != rag.KindUnavailable {
		t.Errorf("check: %v", err)
	}
}

func testCheck(t *testing.T, p Provider) {
	c, double := p.serve(t, always(Script{}))
	if err := c.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if n := len(double.Asked()); n != 0 {
		t.Errorf("a check made %d calls that cost", n)
	}
	srv := httptest.NewServer(double)
	t.Cleanup(srv.Close)
	wrong := p.open(t, Setup{URL: srv.URL, Model: suiteModel, Key: "sk-another-4567"})
	if err := wrong.Check(t.Context()); rag.KindOf(err) != rag.KindUnavailable || strings.Contains(err.Error(), "sk-another") {
		t.Errorf("with a wrong key: %v", err)
	}
	something := httptest.NewServer(something{})
	t.Cleanup(something.Close)
	if err := p.open(t, Setup{URL: something.URL, Model: suiteModel, Key: suiteKey}).Check(t.Context()); err == nil {
		t.Error("a server of something else passes the check")
	}
}
