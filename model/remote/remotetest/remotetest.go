// Package remotetest holds what the doubles of embedding and rerank servers
// (embedtest, reranktest) share: how they answer over a connection or without one,
// what may become of a request, and a log of what came.
package remotetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// Response is what a double answers to a request.
type Response struct {
	Status  int // 0 where there is none yet
	Header  http.Header
	Body    []byte
	Trailer http.Header // behind the body, unless it is cut
	Cut     bool        // the body ends in its midst, and the connection with it
	Silent  bool        // nothing is answered until the caller goes
}

// finish fills in what a response goes out with.
func (res *Response) finish() {
	if res.Header == nil {
		res.Header = http.Header{}
	}
	if res.Header.Get("Content-Type") == "" {
		res.Header.Set("Content-Type", "application/json")
	}
	if res.Cut {
		res.Body, res.Trailer = res.Body[:len(res.Body)/2], nil
	}
}

// Serve answers over a connection.
func (res Response) Serve(w http.ResponseWriter, r *http.Request) {
	res.finish()
	if res.Silent {
		_, _ = io.Copy(io.Discard, r.Body) // so that the server notices when the caller goes
		<-r.Context().Done()
		return
	}
	for name, values := range res.Header {
		w.Header()[name] = values
	}
	if res.Cut {
		w.Header().Set("Content-Length", fmt.Sprint(len(res.Body)+1)) // the connection is closed where a byte is owed
	}
	w.WriteHeader(res.Status)
	_, _ = w.Write(res.Body)
	for name, values := range res.Trailer {
		w.Header()[http.TrailerPrefix+name] = values
	}
}

// RoundTrip answers without a connection, for tests in which time is not to pass.
func RoundTrip(r *http.Request, answer func(*http.Request) Response) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	res := answer(r)
	res.finish()
	if r.Body != nil {
		r.Body.Close()
	}
	if res.Silent {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	var body io.Reader = bytes.NewReader(res.Body)
	if res.Cut {
		body = io.MultiReader(body, broken{})
	}
	return &http.Response{StatusCode: res.Status, Header: res.Header, Body: io.NopCloser(body), Trailer: res.Trailer, Request: r}, nil
}

// broken is the rest of a body that was cut off.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Protocols are those that a listener for a double must speak, whatever its dialect.
func Protocols() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetUnencryptedHTTP2(true)
	return p
}

// Fault is what becomes of a request. The zero value is none.
type Fault struct {
	Status     int    // instead of 200
	RetryAfter string // header
	Body       string // instead of the answer
	Cut        bool   // the body ends in its midst
	Silent     bool   // nothing is answered until the caller goes
}

// Faults of any server.
var (
	Failing        = Fault{Status: 500, Body: `{"error":{"message":"out of memory"}}`}
	Overloaded     = Fault{Status: 503, Body: `overloaded`}
	Unauthorized   = Fault{Status: 401, Body: `{"error":{"message":"wrong key"}}`}
	Redirect       = Fault{Status: 307}
	ContentRefused = Fault{Status: 400, Body: `{"error":{"code":"content_filter","message":"the text is not allowed"}}`}
	Cut            = Fault{Cut: true}
	Silent         = Fault{Silent: true}
	Malformed      = Fault{Body: `<html>welcome</html>`}
	Empty          = Fault{Status: 200}
	OtherTypes     = Fault{Body: `"none"`}
	Giant          = Fault{Body: strings.Repeat(" ", 4<<20)}
)

// Busy is a server that asks to come back later; after is the header's value, ""
// for none.
func Busy(after string) Fault {
	return Fault{Status: 429, RetryAfter: after, Body: `{"error":{"message":"slow down"}}`}
}

// Instead returns what is answered instead of what was asked for; ok is whether
// anything is. A body that is cut is that of an answer, and not meant here.
func (f Fault) Instead() (res Response, ok bool) {
	if !f.Silent && f.Body == "" && f.Status == 0 {
		return Response{}, false
	}
	res = Response{Status: max(http.StatusOK, f.Status), Header: http.Header{}, Body: []byte(f.Body), Silent: f.Silent}
	if f.RetryAfter != "" {
		res.Header.Set("Retry-After", f.RetryAfter)
	}
	return res, true
}

// First returns a schedule in which the first n requests have the fault, and the
// others the zero value.
func First[F any](n int, f F) func(int) F {
	return func(request int) (none F) {
		if request <= n {
			return f
		}
		return none
	}
}

// After returns a schedule in which all requests but the first n have the fault.
func After[F any](n int, f F) func(int) F {
	return func(request int) (none F) {
		if request > n {
			return f
		}
		return none
	}
}

// Always returns a schedule in which every request has the fault.
func Always[F any](f F) func(int) F { return After(0, f) }

// Log is what a double has seen of the requests that it is for. The zero value is
// empty. It is goroutine-safe.
type Log struct {
	mu      sync.Mutex
	counts  Counts
	running int
	bodies  []string
}

// Counts is what a double has seen.
type Counts struct {
	Requests int // of the kind that it is for
	AtOnce   int // most of them at the same time
}

// Begin reads a request and logs it. It returns its number, from 1; end says that
// it is answered.
func (l *Log) Begin(r *http.Request) (n int, body []byte, end func(), err error) {
	body, err = io.ReadAll(r.Body)
	if err != nil {
		return 0, nil, nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts.Requests++
	l.running++
	l.counts.AtOnce = max(l.counts.AtOnce, l.running)
	l.bodies = append(l.bodies, string(body))
	return l.counts.Requests, body, func() {
		l.mu.Lock()
		l.running--
		l.mu.Unlock()
	}, nil
}

// Seen returns the counts so far.
func (l *Log) Seen() Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts
}

// Bodies returns the bodies of the requests so far.
func (l *Log) Bodies() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.bodies)
}

// JSON encodes a double's own answer, which cannot fail.
func JSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

// Words returns the words of a text, which are tokens to doubles.
func Words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}
