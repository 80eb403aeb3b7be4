package triton_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/smartretriever/smartretriever/model/embed"
	"github.com/smartretriever/smartretriever/model/embed/embedtest"
	"github.com/smartretriever/smartretriever/model/embed/triton"
	"github.com/smartretriever/smartretriever/rag"
)

func TestTLS(t *testing.T) {
	srv := httptest.NewUnstartedServer(&embedtest.Server{Dialect: embedtest.TritonGRPC, Model: "m"})
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	e, err := triton.New(t.Context(), triton.Config{Config: embed.Config{
		BaseURL: strings.Replace(srv.URL, "https", "grpcs", 1), Model: "m", Transport: srv.Client().Transport}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if v, err := e.Embed(t.Context(), rag.PassageText, []string{"one"}); err != nil || len(v) != 1 {
		t.Errorf("%v, %v", v, err)
	}
}

func TestAddressesOfGRPC(t *testing.T) {
	for address, tt := range map[string]struct{ proxy, says string }{
		"grpc://host:8001/v2": {"", "write grpc://HOST:PORT"},
		"grpcs://host/v2":     {"", "write grpcs://HOST:PORT"},
		"grpc://host:8001":    {"http://proxy:3128", "not grpc://"},
		"grpcs://host:8001":   {"proxy:3128", "the proxy must be"},
		"grpc://":             {"", "the address must be"},
	} {
		_, err := triton.New(t.Context(), triton.Config{Config: embed.Config{BaseURL: address, Model: "m", Proxy: tt.proxy, Dimensions: 2}, Input: "I", Output: "O"})
		if rag.KindOf(err) != rag.KindInvalid || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// called is what a call was made with.
type called struct {
	path   string
	header http.Header
	body   []byte
}

// replying answers every call alike, and keeps the last.
type replying struct {
	status  int // of HTTP; 0 is 200
	header  http.Header
	trailer http.Header
	body    []byte
	err     error // behind the body
	last    *called
}

func (a replying) RoundTrip(r *http.Request) (*http.Response, error) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if a.last != nil {
		*a.last = called{r.URL.String(), r.Header, data}
	}
	h := a.header.Clone()
	if h == nil {
		h = http.Header{}
	}
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/grpc")
	}
	var body io.Reader = bytes.NewReader(a.body)
	if a.err != nil {
		body = io.MultiReader(body, failing{a.err})
	}
	return &http.Response{StatusCode: max(200, a.status), Header: h, Trailer: a.trailer, Body: io.NopCloser(body)}, nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func embedOneOverGRPC(t *testing.T, a replying) ([][]float32, error) {
	t.Helper()
	e, err := triton.New(t.Context(), triton.Config{Input: "TEXT", Output: "E", Config: embed.Config{
		BaseURL: "grpc://host:8001", Model: "m", APIKey: "k", Dimensions: 2, Retries: -1, Transport: a}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	return e.Embed(t.Context(), rag.PassageText, []string{"one"})
}

func add(b []byte, n protowire.Number, data string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), data)
}

func frame(message []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
}

func tensorNamed(name string) []byte {
	return add(add(add(nil, 1, name), 2, "FP32"), 3, "\x01\x02")
}

const oneZero = "\x00\x00\x80\x3f\x00\x00\x00\x00"

var ok = http.Header{"Grpc-Status": {"0"}}

// The bytes of a call are those that the protocol prescribes.
func TestCallOverGRPC(t *testing.T) {
	good := add(add(nil, 5, string(tensorNamed("E"))), 6, oneZero)
	last := called{}
	if v, err := embedOneOverGRPC(t, replying{body: frame(good), trailer: ok, last: &last}); err != nil || v[0][0] != 1 {
		t.Fatalf("%v, %v", v, err)
	}
	input := add(add(add(add(nil, 1, "TEXT"), 2, "BYTES"), 3, "\x01\x01"), 5, string(add(nil, 8, "one")))
	want := frame(add(add(add(nil, 1, "m"), 5, string(input)), 6, string(add(nil, 1, "E"))))
	if !bytes.Equal(last.body, want) || last.path != "http://host:8001/inference.GRPCInferenceService/ModelInfer" {
		t.Errorf("%s: %q, want %q", last.path, last.body, want)
	}
	for name, want := range map[string]string{"Content-Type": "application/grpc", "Te": "trailers", "Authorization": "Bearer k", "Accept": ""} {
		if got := last.header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if left := last.header.Get("Grpc-Timeout"); !strings.HasPrefix(left, "5") || !strings.HasSuffix(left, "m") || len(left) != 6 {
		t.Errorf("a minute is left, and %q said", left)
	}
}

func TestAnswersOverGRPC(t *testing.T) {
	e := string(tensorNamed("E"))
	shapes := protowire.AppendVarint(protowire.AppendTag(protowire.AppendVarint(protowire.AppendTag(nil, 3, protowire.VarintType), 1), 3, protowire.VarintType), 2)
	one := protowire.AppendFixed32(protowire.AppendTag(nil, 6, protowire.Fixed32Type), math.Float32bits(1))
	zero := protowire.AppendFixed32(protowire.AppendTag(nil, 6, protowire.Fixed32Type), 0)
	unpacked := add(append(add(add(nil, 1, "E"), 2, "FP32"), shapes...), 5, string(one)+string(zero))
	good := add(add(nil, 5, e), 6, oneZero)
	newer := protowire.AppendFixed64(protowire.AppendTag(good, 99, protowire.Fixed64Type), 7)
	for name, tt := range map[string]struct {
		answer replying
		says   string // "" for a good one
	}{
		"two tensors":         {replying{body: frame(add(add(add(add(nil, 5, string(tensorNamed("X"))), 5, e), 6, "\x00\x00\x00\x00"), 6, oneZero)), trailer: ok}, ""},
		"listed, not packed":  {replying{body: frame(add(nil, 5, string(unpacked))), trailer: ok}, ""},
		"a newer field":       {replying{body: frame(newer), trailer: ok}, ""},
		"compressed":          {replying{body: append([]byte{1}, frame(good)[1:]...), trailer: ok}, "compressed"},
		"two messages":        {replying{body: append(frame(good), frame(good)...), trailer: ok}, "more than one message"},
		"larger than is held": {replying{body: []byte{0, 255, 255, 255, 255}, trailer: ok}, "larger than"},
		"promises too much":   {replying{body: []byte{0, 4, 0, 0, 0}, trailer: http.Header{}}, "cut off"},
		"no message":          {replying{trailer: ok}, "no message"},
		"no end":              {replying{body: frame(good)}, "cut off"},
		"broken off":          {replying{body: frame(good)[:20], err: errors.New("reset")}, "cut off: reset"},
		"malformed":           {replying{body: frame([]byte("\x2a\x7f")), trailer: ok}, "malformed"},
		"malformed shape":     {replying{body: frame(add(nil, 5, string(add(nil, 3, "\xff")))), trailer: ok}, "malformed"},
		"bytes without one":   {replying{body: frame(add(add(good, 6, oneZero), 6, "")), trailer: ok}, "bytes of 3 tensors and describes 1"},
		"bytes missing":       {replying{body: frame(add(add(nil, 5, e), 6, "1234")), trailer: ok}, "has 1 numbers"},
		"a giant shape":       {replying{body: frame(add(add(nil, 5, string(add(add(add(nil, 1, "E"), 2, "FP32"), 3, "\x01\xff\xff\xff\xff\xff\x7f"))), 6, oneZero)), trailer: ok}, "shape [1 -1]"},
		"a page":              {replying{header: http.Header{"Content-Type": {"text/html"}}, body: []byte("<html>")}, "malformed"},
		"a gateway":           {replying{status: 502, header: http.Header{"Content-Type": {"text/html"}}}, "HTTP 502"},
		"another service":     {replying{header: http.Header{"Grpc-Status": {"12"}, "Grpc-Message": {"unknown%20service"}}}, "no such address or no model"},
		"after the message":   {replying{body: frame(good), trailer: http.Header{"Grpc-Status": {"3"}, "Grpc-Message": {"100% wrong"}}}, "100% wrong"},
		"a status of its own": {replying{header: http.Header{"Grpc-Status": {"x"}}}, "HTTP 500"},
	} {
		v, err := embedOneOverGRPC(t, tt.answer)
		switch {
		case tt.says == "" && (err != nil || v[0][0] != 1):
			t.Errorf("%s: %v, %v", name, v, err)
		case tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says) || !strings.HasPrefix(err.Error(), "embedder: ")):
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A server that cannot be reached is one, over either protocol.
func TestUnreachableOverGRPC(t *testing.T) {
	e, err := triton.New(t.Context(), triton.Config{Input: "TEXT", Output: "E", Config: embed.Config{
		BaseURL: "grpc://127.0.0.1:1", Model: "m", Dimensions: 2, Retries: -1}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if _, err = e.Embed(t.Context(), rag.PassageText, []string{"one"}); rag.KindOf(err) != rag.KindUnavailable || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("%v", err)
	}
}

// Whatever a server sends, a vector that is taken has its dimensions and unit length.
func FuzzAnswerOverGRPC(f *testing.F) {
	f.Add(frame(add(add(nil, 5, string(tensorNamed("E"))), 6, oneZero)), "0")
	f.Add([]byte{0, 0, 0, 0, 0}, "")
	f.Fuzz(func(t *testing.T, body []byte, status string) {
		v, err := embedOneOverGRPC(t, replying{body: body, trailer: http.Header{"Grpc-Status": {status}}})
		if err == nil && (len(v) != 1 || len(v[0]) != 2 || math.Abs(float64(v[0][0]*v[0][0]+v[0][1]*v[0][1])-1) > 1e-4) {
			t.Errorf("%v", v)
		}
	})
}
