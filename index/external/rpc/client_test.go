package rpc_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/smartretriever/smartretriever/index/external/rpc"
	"github.com/smartretriever/smartretriever/rag"
)

// replying answers every call alike, and keeps the last.
type replying struct {
	status  int // of HTTP; 0 is 200
	header  http.Header
	trailer http.Header
	body    []byte
	err     error // behind the body
	last    *http.Request
	sent    []byte
}

func (a *replying) RoundTrip(r *http.Request) (*http.Response, error) {
	a.last = r
	a.sent, _ = io.ReadAll(r.Body)
	h := http.Header{"Content-Type": {"application/grpc"}}
	for name, v := range a.header {
		h[name] = v
	}
	var body io.Reader = bytes.NewReader(a.body)
	if a.err != nil {
		body = io.MultiReader(body, failing{a.err})
	}
	return &http.Response{StatusCode: max(200, a.status), Header: h, Trailer: a.trailer, Body: io.NopCloser(body)}, nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func frame(message string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
}

func client(t *testing.T, a http.RoundTripper) *rpc.Client {
	t.Helper()
	c, err := rpc.New(rpc.Config{Product: "p", Address: "grpc://host:1", Secrets: map[string]string{"api-key": "s3cret", "authorization": "Bearer t0ken"}, MaxAnswer: 100, Transport: a})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

var ok = http.Header{"Grpc-Status": {"0"}}

func TestCall(t *testing.T) {
	a := &replying{body: frame("answer"), trailer: ok}
	got, err := client(t, a).Call(t.Context(), "s.S/Do", []byte("message"))
	if err != nil || string(got) != "answer" || !bytes.Equal(a.sent, frame("message")) || a.last.URL.String() != "http://host:1/s.S/Do" {
		t.Errorf("%q, %v; sent %q to %s", got, err, a.sent, a.last.URL)
	}
	for name, want := range map[string]string{"Content-Type": "application/grpc", "Te": "trailers", "Api-Key": "s3cret", "Accept-Encoding": "identity"} {
		if v := a.last.Header.Get(name); v != want {
			t.Errorf("%s: %q, want %q", name, v, want)
		}
	}
	if left := a.last.Header.Get("Grpc-Timeout"); !strings.HasSuffix(left, "m") || len(left) > 9 {
		t.Errorf("the time left is %q", left)
	}
}

func TestAnswers(t *testing.T) {
	refused := func(code, message string) *replying {
		return &replying{header: http.Header{"Grpc-Status": {code}, "Grpc-Message": {message}}}
	}
	for name, tt := range map[string]struct {
		answer *replying
		want   rag.Kind
		says   string
	}{
		"empty message":      {&replying{body: frame(""), trailer: ok}, "", ""},
		"no message":         {&replying{trailer: ok}, rag.KindInternal, "no message"},
		"compressed":         {&replying{body: append([]byte{1}, frame("x")[1:]...), trailer: ok}, rag.KindInternal, "compressed"},
		"two messages":       {&replying{body: append(frame("x"), frame("y")...), trailer: ok}, rag.KindInternal, "more than one"},
		"too large":          {&replying{body: []byte{0, 0, 0, 0, 101}, trailer: ok}, rag.KindInternal, "larger than 100"},
		"cut off":            {&replying{body: frame("answer")[:8], trailer: ok}, rag.KindUnavailable, "cut off"},
		"broken off":         {&replying{body: frame("answer"), err: errors.New("reset"), trailer: ok}, rag.KindUnavailable, "reset"},
		"without an end":     {&replying{body: frame("answer")}, rag.KindUnavailable, "cut off"},
		"refused at its end": {&replying{body: frame("half"), trailer: http.Header{"Grpc-Status": {"13"}, "Grpc-Message": {"no"}}}, rag.KindInternal, "no"},
		"invalid":            {refused("3", "bad%20vector%0Anext"), rag.KindInvalid, "bad vector next"},
		"not found":          {refused("5", ""), rag.KindNotFound, "status 5"},
		"exists":             {refused("6", ""), rag.KindConflict, ""},
		"a wrong key":        {refused("16", "no s3cret here"), rag.KindUnauthorized, "no *** here"},
		"the key of a token": {refused("16", "no t0ken here"), rag.KindUnauthorized, "no *** here"}, // which is sent as "Bearer t0ken"
		"forbidden":          {refused("7", ""), rag.KindUnauthorized, ""},
		"too often":          {refused("8", ""), rag.KindExhausted, ""},
		"starting":           {refused("14", ""), rag.KindUnavailable, ""},
		"no such call":       {refused("12", ""), rag.KindInvalid, "too old"},
		"no number":          {refused("x", "what"), rag.KindInternal, "what"},
		"long":               {refused("13", strings.Repeat("é", 500)), rag.KindInternal, "é ..."},
		"a gateway":          {&replying{status: 503, header: http.Header{"Content-Type": {"text/html"}}}, rag.KindUnavailable, "503"},
		"a gateway's key":    {&replying{status: 401}, rag.KindUnauthorized, "401"},
		"a gateway's limit":  {&replying{status: 429}, rag.KindExhausted, "429"},
		"moved":              {&replying{status: 307, header: http.Header{"Location": {"http://elsewhere"}}}, rag.KindInvalid, "307"},
		"a web server":       {&replying{header: http.Header{"Content-Type": {"text/html"}}}, rag.KindInvalid, "text/html"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client(t, tt.answer).Call(t.Context(), "s.S/Do", nil)
			if rag.KindOf(err) != tt.want || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v (%s), want %s with %q", err, rag.KindOf(err), tt.want, tt.says)
			}
			if err != nil && (strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "t0ken") || len(err.Error()) > 500) {
				t.Errorf("the error is %q", err)
			}
		})
	}
	busy := refused("8", "slowly")
	for after, want := range map[string]time.Duration{"7": 7 * time.Second, "99999999": 24 * time.Hour, "-1": 0, "soon": 0} {
		busy.header.Set("Retry-After", after)
		_, err := client(t, busy).Call(t.Context(), "s.S/Do", nil)
		var s interface{ RetryAfter() time.Duration }
		if !errors.As(err, &s) || s.RetryAfter() != want {
			t.Errorf("after %s: %v", after, err)
		}
	}
	_, err := client(t, refused("5", "gone")).Call(t.Context(), "s.S/Do", nil)
	if s, ok := rpc.StatusOf(err); !ok || s.Code != rpc.NotFound || s.Message != "gone" {
		t.Errorf("the status is %+v, %v", s, ok)
	}
}

// silent never answers.
type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestEnds(t *testing.T) {
	c, err := rpc.New(rpc.Config{Product: "p", Address: "grpcs://host:1", Timeout: time.Millisecond, Transport: silent{}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Call(t.Context(), "s.S/Do", nil); !errors.Is(err, rag.ErrUnavailable) {
		t.Errorf("a silent server: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Call(ctx, "s.S/Do", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled call: %v", err)
	}
	_ = c.Close()
	if _, err := c.Call(t.Context(), "s.S/Do", nil); !errors.Is(err, rag.ErrUnavailable) || !strings.Contains(err.Error(), "closed") {
		t.Errorf("a closed client: %v", err)
	}
}

func TestAddresses(t *testing.T) {
	for address, good := range map[string]bool{
		"grpc://host:6334": true, "grpcs://host:6334/": true, "grpc://[::1]:6334": true,
		"": false, "host:6334": false, "http://host:6334": false, "grpc://host": false, "grpc://:6334": false, "grpc://host:6334/path": false, "grpc://user:pass@host:6334": false,
	} {
		err := rpc.Config{Product: "p", Address: address}.Validate()
		if (err == nil) != good || err != nil && (!errors.Is(err, rag.ErrInvalid) || strings.Contains(err.Error(), "pass@")) {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestFields(t *testing.T) {
	b := rpc.AppendString(nil, 1, "text")
	b = rpc.AppendUint(b, 2, 1<<63)
	b = rpc.AppendBool(b, 3, true)
	b = rpc.AppendDouble(b, 4, 1)
	b = rpc.AppendFloats(b, 5, []float32{1, 2})
	b = rpc.AppendInts(b, 6, []int64{-1, 0})
	b = protowire.AppendFixed32(protowire.AppendTag(b, 7, protowire.Fixed32Type), 0x3f800000)
	b = protowire.AppendTag(protowire.AppendTag(b, 8, protowire.StartGroupType), 8, protowire.EndGroupType)
	b = rpc.AppendMessage(b, 9, nil)
	n := 0
	for f, err := range rpc.Fields(b) {
		n++
		if err != nil || int(f.Number) != n {
			t.Fatalf("field %d is %+v, %v", n, f, err)
		}
		if n == 7 && f.Float() != 1 {
			t.Errorf("the float is %g", f.Float())
		}
	}
	if n != 9 {
		t.Errorf("%d fields", n)
	}
	for cut := range len(b) { // a message that is cut is malformed, or has fewer fields
		fields := 0
		for _, err := range rpc.Fields(b[:cut]) {
			if err == nil {
				fields++
			}
		}
		if fields >= n {
			t.Errorf("%d of %d bytes have all fields", cut, len(b))
		}
	}
}

func FuzzFields(f *testing.F) {
	f.Add([]byte("\x0a\x02hi\x10\x07"))
	f.Fuzz(func(t *testing.T, b []byte) {
		total := 0
		for field, err := range rpc.Fields(b) {
			if err != nil {
				return
			}
			total += len(field.Data)
		}
		if total > len(b) {
			t.Errorf("%d bytes of data in %d", total, len(b))
		}
	})
}
