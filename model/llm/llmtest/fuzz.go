package llmtest

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/rag"
)

// Fuzz feeds streams to a client: whatever a server says, the result holds what was
// handed out, an error has a kind, and nothing panics. open makes a client that goes
// through the transport.
func Fuzz(f *testing.F, w Wire, open func(http.RoundTripper) (llm.Model, error)) {
	script := &Script{Usage: llm.Usage{PromptTokens: 5, CachedTokens: 2, CompletionTokens: 3}}
	whole := w.Begin(suiteModel, script) + w.Piece(suiteModel, "Hello, 世界\n") + w.End(suiteModel, script)
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add(strings.ReplaceAll(whole, "\n", "\r\n"))
	f.Add(strings.ReplaceAll(whole, "{", "["))
	f.Add(strings.ReplaceAll(whole, "5", "-1e99"))
	f.Add(w.Begin(suiteModel, script) + w.Failure(Overloaded, "no"))
	f.Add("data: {\ndata: }\n\n:\n\ndata:\r\n\r\ndata: null\n\nnull\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := open(says{w.Media(), text})
		if err != nil {
			t.Fatal(err)
		}
		pieces, res, err := chat(t, c, question("hi"))
		if res.Text != strings.Join(pieces, "") {
			t.Errorf("result %q, pieces %q", res.Text, pieces)
		}
		if u := res.Usage; u.PromptTokens < 0 || u.CachedTokens < 0 || u.CachedTokens > u.PromptTokens || u.CompletionTokens < 0 {
			t.Errorf("usage %+v", u)
		}
		switch kind := rag.KindOf(err); {
		case err == nil && res.Finish == "":
			t.Error("neither an error nor a reason why the text ended")
		case err != nil && (kind == "" || strings.ContainsAny(err.Error(), "\n\x1b")):
			t.Errorf("kind %q: %q", kind, err)
		}
	})
}

// says is a server that always says the same.
type says struct{ media, text string }

func (s says) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {s.media}}, Body: io.NopCloser(strings.NewReader(s.text)), Request: r}, nil
}
