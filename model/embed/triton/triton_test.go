package triton_test

import (
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/model/embed"
	"github.com/smartretriever/smartretriever/model/embed/embedtest"
	"github.com/smartretriever/smartretriever/model/embed/triton"
	"github.com/smartretriever/smartretriever/model/remote/remotetest"
	"github.com/smartretriever/smartretriever/rag"
)

// open returns an embedder of a server, without a network between. The names of
// the tensors are configured, so that the server need not be asked for them.
func open(t *testing.T, s *embedtest.Server, change func(*embed.Config)) *embed.Client {
	t.Helper()
	base := "http://host"
	if s.Dialect == embedtest.TritonGRPC {
		base = "grpc://host:8001"
	}
	cfg := triton.Config{Config: embed.Config{BaseURL: base, Model: s.Model, APIKey: s.Key, Transport: s}, Input: "TEXT", Output: "EMBEDDING"}
	if change != nil {
		change(&cfg.Config)
	}
	e, err := triton.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func TestSuite(t *testing.T) {
	for name, s := range map[string]*embedtest.Server{
		"binary": {Dialect: embedtest.Triton}, "JSON": {Dialect: embedtest.Triton, NoUsage: true},
		"gRPC, raw": {Dialect: embedtest.TritonGRPC}, "gRPC, listed": {Dialect: embedtest.TritonGRPC, NoUsage: true},
	} {
		t.Run(name, func(t *testing.T) {
			s.Model, s.Key, s.MaxTexts = "m", embedtest.Key, 50
			address := serve(t, s)
			embedtest.Run(t, func(t *testing.T) embedtest.Embedder {
				return open(t, s, func(c *embed.Config) { c.BaseURL, c.Transport = address, nil })
			})
		})
	}
}

// serve listens and returns the address, of gRPC where that is spoken.
func serve(t *testing.T, s *embedtest.Server) string {
	t.Helper()
	srv := httptest.NewUnstartedServer(s)
	srv.Config.Protocols = remotetest.Protocols()
	srv.Start()
	t.Cleanup(srv.Close)
	if s.Dialect == embedtest.TritonGRPC {
		return strings.Replace(srv.URL, "http", "grpc", 1)
	}
	return srv.URL
}

func TestSuiteOfFaults(t *testing.T) {
	t.Run("HTTP", func(t *testing.T) { embedtest.RunFaults(t, embedtest.Triton, open) })
	t.Run("gRPC", func(t *testing.T) { embedtest.RunFaults(t, embedtest.TritonGRPC, open) })
}

func TestTensorsAreAskedFor(t *testing.T) {
	s := &embedtest.Server{Dialect: embedtest.Triton, Model: "m", Dimensions: 48}
	e, err := triton.New(t.Context(), triton.Config{Config: embed.Config{BaseURL: "http://host", Model: "m", Transport: s}})
	if err != nil || e.Model() != (rag.Model{ID: "triton:m", Dimensions: 48, MaxTokens: 512}) || s.Counts().Requests != 0 {
		t.Fatalf("%+v, %v", e, err)
	}
	if _, err := e.Embed(t.Context(), rag.PassageText, []string{"one", "two"}); err != nil {
		t.Fatal(err)
	}
	want := `{"inputs":[{"name":"TEXT","shape":[2,1],"datatype":"BYTES","data":["one","two"]}],"outputs":[{"name":"EMBEDDING","parameters":{"binary_data":true}}]}`
	if got := s.Bodies()[0]; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
}

// describing is a server that only describes its model.
type describing string

func (d describing) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(string(d))), Request: r}, nil
}

func TestDescriptions(t *testing.T) {
	for name, tt := range map[string]struct{ description, says string }{
		"two texts":  {`{"inputs":[{"name":"a","datatype":"BYTES"},{"name":"b","datatype":"BYTES"}]}`, "2 input tensors of type BYTES"},
		"no vectors": {`{"inputs":[{"name":"a","datatype":"BYTES"}],"outputs":[{"name":"o","datatype":"INT64"}]}`, "0 output tensors of type FP32"},
		"malformed":  {`<html>`, "not what was expected"},
	} {
		_, err := triton.New(t.Context(), triton.Config{Config: embed.Config{BaseURL: "http://host", Model: "m", Transport: describing(tt.description)}})
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// answering is a server that answers every request for vectors alike, and does not
// describe its model.
type answering struct {
	length string // of the JSON, "" sends no such header
	body   string
}

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet {
		return &http.Response{StatusCode: 404, Body: http.NoBody, Request: r}, nil
	}
	h := http.Header{}
	if a.length != "" {
		h.Set("Inference-Header-Content-Length", a.length)
	}
	return &http.Response{StatusCode: 200, Header: h, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

func embedOne(t *testing.T, a answering) ([][]float32, error) {
	t.Helper()
	e, err := triton.New(t.Context(), triton.Config{Config: embed.Config{BaseURL: "http://host", Model: "m", Dimensions: 2, Transport: a}, Input: "TEXT", Output: "E"})
	if err != nil {
		t.Fatal(err)
	}
	return e.Embed(t.Context(), rag.PassageText, []string{"one"})
}

func TestAnswers(t *testing.T) {
	head := `{"outputs":[{"name":"E","datatype":"FP32","shape":[1,2],"parameters":{"binary_data_size":8}}]}`
	length := strconv.Itoa(len(head))
	for name, tt := range map[string]struct {
		answer answering
		says   string // "" for a good one
	}{
		"binary":              {answering{length, head + "\x00\x00\x80\x3f\x00\x00\x00\x00"}, ""},
		"nested JSON":         {answering{"", `{"outputs":[{"name":"X","datatype":"INT64","shape":[1],"data":[7]},{"name":"E","datatype":"FP32","shape":[1,2],"data":[[1, 0]]}]}`}, ""},
		"bytes missing":       {answering{length, head + "\x00\x00\x80\x3f"}, "said to have 8 bytes; 4 are there"},
		"NaN in bytes":        {answering{length, head + "\x00\x00\xc0\x7f\x00\x00\x00\x00"}, "not finite"},
		"header too long":     {answering{"9999", head}, "are JSON"},
		"header is no number": {answering{"x", head}, "are JSON"},
		"negative size":       {answering{"", strings.Replace(head, "8}", "-8}", 1)}, "said to have -8 bytes"},
		"another type":        {answering{"", `{"outputs":[{"name":"E","datatype":"FP16","shape":[1,2],"data":[1,0]}]}`}, "not FP32"},
		"a vector a token":    {answering{"", `{"outputs":[{"name":"E","datatype":"FP32","shape":[1,3,2],"data":[1,0,1,0,1,0]}]}`}, "shape [1 3 2]"},
		"numbers missing":     {answering{"", `{"outputs":[{"name":"E","datatype":"FP32","shape":[1,2],"data":[1]}]}`}, "has 1 numbers"},
		"no tensor":           {answering{"", `{"outputs":[]}`}, "lacks the tensor"},
	} {
		v, err := embedOne(t, tt.answer)
		switch {
		case tt.says == "" && (err != nil || v[0][0] != 1):
			t.Errorf("%s: %v, %v", name, v, err)
		case tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says) || rag.KindOf(err) != rag.KindUnavailable):
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever a server sends, a vector that is taken has its dimensions and unit length.
func FuzzAnswer(f *testing.F) {
	f.Add("", `{"outputs":[{"name":"E","datatype":"FP32","shape":[1,2],"data":[1,0]}]}`)
	f.Add("94", `{"outputs":[{"name":"E","datatype":"FP32","shape":[1,2],"parameters":{"binary_data_size":8}}]}abcdefgh`)
	f.Fuzz(func(t *testing.T, length, body string) {
		v, err := embedOne(t, answering{length, body})
		if err == nil && (len(v) != 1 || len(v[0]) != 2 || math.Abs(float64(v[0][0]*v[0][0]+v[0][1]*v[0][1])-1) > 1e-4) {
			t.Errorf("%v", v)
		}
	})
}
