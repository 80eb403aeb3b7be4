package triton

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/model/embed"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// maxAnswer bounds the answer to one call: 2,048 texts with 8,192 numbers each, the
// most that can be configured, and what is written around them.
const maxAnswer = 2048*8192*4 + 1<<20

// useGRPC changes a configuration whose address begins with grpc:// or grpcs:// to
// the same address in HTTP, with a transport that speaks gRPC there.
func useGRPC(cfg *Config) error {
	scheme, host, found := strings.Cut(cfg.BaseURL, "://")
	if !found || scheme != "grpc" && scheme != "grpcs" {
		return nil
	}
	if strings.Contains(strings.TrimRight(host, "/"), "/") {
		return rag.Errorf(rag.KindInvalid, "embedder: an address of gRPC has no path; write %s://HOST:PORT", scheme)
	}
	if scheme == "grpc" && cfg.Proxy != "" {
		return rag.Errorf(rag.KindInvalid, "embedder: a proxy can carry grpcs://, not grpc://")
	}
	if p, err := url.Parse(cfg.Proxy); err != nil || cfg.Proxy != "" && p.Host == "" {
		return rag.Errorf(rag.KindInvalid, "embedder: the proxy must be http://HOST:PORT")
	}
	cfg.BaseURL = strings.Replace(scheme, "grpc", "http", 1) + "://" + host
	next := cfg.Transport
	if next == nil {
		t := remote.NewTransport(cfg.Proxy, cfg.WithDefaults().ConnectTimeout)
		t.Protocols = new(http.Protocols)
		t.Protocols.SetHTTP2(scheme == "grpcs")
		t.Protocols.SetUnencryptedHTTP2(scheme == "grpc")
		// All calls share a connection: one whose other end is gone must be noticed.
		t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 20 * time.Second, PingTimeout: 10 * time.Second}
		next = t
	}
	cfg.Transport = &overGRPC{next: next, model: cfg.Model}
	return nil
}

// overGRPC makes the calls of the Open Inference Protocol that come in their form
// over HTTP as calls of its service over gRPC, and gives the answers in the form over
// HTTP: a POST infers, a GET describes the model. So limits, retries, metering and
// the checks of vectors are the same for both.
//
// The framing of a call that has one message either way (gRPC over HTTP/2, "Requests"
// and "Responses") is done here: a client of gRPC would hide the HTTP response, whose
// status and headers, of a gateway before the server for one, decide what happens next.
//
// It is goroutine-safe.
type overGRPC struct {
	next  http.RoundTripper // speaks HTTP/2
	model string
}

// CloseIdleConnections does what http.Client's method says.
func (t *overGRPC) CloseIdleConnections() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// RoundTrip implements http.RoundTripper.
func (t *overGRPC) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	method, message, read := "ModelMetadata", appendText(nil, 1, t.model), readDescription
	if r.Method == http.MethodPost {
		var q request
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			return nil, rag.Wrap(rag.KindInternal, err, "embedder: read the request")
		}
		method, message, read = "ModelInfer", q.message(t.model), readInference
	}
	resp, err := t.next.RoundTrip(t.call(r, method, message))
	if err != nil {
		return nil, err
	}
	resp.Request = r
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/grpc") {
		return resp, nil // of something before the server, or of another server
	}
	defer resp.Body.Close()
	answer, err := readMessage(resp.Body)
	header := resp.Header.Clone()
	for name, values := range resp.Trailer { // it is there once the body has ended
		header[name] = values
	}
	_, bad := errors.AsType[*unusableError](err)
	switch status := header.Get("Grpc-Status"); {
	case r.Context().Err() != nil:
		return nil, context.Cause(r.Context())
	case status != "" && status != "0":
		return refusal(r, header, status), nil
	case bad:
		return nil, embed.Unusable("%w", err)
	case err != nil || status == "":
		return respond(r, http.StatusOK, header, cutOff{cmp.Or(err, io.ErrUnexpectedEOF)}), nil
	}
	head, tail, err := read(answer)
	if err != nil {
		return nil, embed.Unusable("%w", err)
	}
	header.Set("Inference-Header-Content-Length", strconv.Itoa(len(head)))
	return respond(r, http.StatusOK, header, io.MultiReader(bytes.NewReader(head), bytes.NewReader(tail))), nil
}

// call is the request of a method of the service, for one over HTTP.
func (t *overGRPC) call(r *http.Request, method string, message []byte) *http.Request {
	frame := make([]byte, 5, 5+len(message)) // not compressed, and its length
	binary.BigEndian.PutUint32(frame[1:], uint32(len(message)))
	frame = append(frame, message...)
	u := *r.URL
	u.Path, u.RawPath = "/inference.GRPCInferenceService/"+method, ""
	out := r.Clone(r.Context())
	out.Method, out.URL = http.MethodPost, &u
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(frame)), int64(len(frame))
	out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(frame)), nil }
	out.Header.Del("Accept")
	out.Header.Set("Content-Type", "application/grpc")
	out.Header.Set("Grpc-Accept-Encoding", "identity")
	out.Header.Set("Accept-Encoding", "identity") // else the transport asks for gzip itself
	out.Header.Set("Te", "trailers")
	if end, ok := r.Context().Deadline(); ok {
		left := max(1, min(time.Until(end).Milliseconds(), 99_999_999)) // eight digits
		out.Header.Set("Grpc-Timeout", strconv.FormatInt(left, 10)+"m")
	}
	return out
}

// readMessage reads the only message of an answer, to the end. A body that ends
// before is io.ErrUnexpectedEOF; one without a message, as of a refusal, gives none.
func readMessage(body io.Reader) ([]byte, error) {
	var prefix [5]byte
	switch _, err := io.ReadFull(body, prefix[:]); {
	case err == io.EOF:
		return nil, unusable("it is malformed: it has no message")
	case err != nil:
		return nil, err
	case prefix[0] != 0:
		return nil, unusable("it is compressed, which was not asked for")
	}
	n := int64(binary.BigEndian.Uint32(prefix[1:]))
	if n > maxAnswer {
		return nil, unusable("it is larger than %d bytes", maxAnswer)
	}
	message, err := io.ReadAll(io.LimitReader(body, n)) // grows with what comes, not with what is promised
	switch {
	case err != nil:
		return nil, err
	case int64(len(message)) < n:
		return nil, io.ErrUnexpectedEOF
	}
	switch more, err := body.Read(prefix[:]); {
	case more > 0:
		return nil, unusable("it is malformed: it has more than one message")
	case err != io.EOF:
		return nil, err
	}
	return message, nil
}

// cutOff is the body of an answer that ended too early.
type cutOff struct{ err error }

func (c cutOff) Read([]byte) (int, error) { return 0, c.err }

// respond returns a response as over HTTP.
func respond(r *http.Request, status int, header http.Header, body io.Reader) *http.Response {
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(body), ContentLength: -1, Request: r, Proto: "HTTP/2.0", ProtoMajor: 2}
}

// refusal is a status other than OK, with its message, as over HTTP.
func refusal(r *http.Request, header http.Header, status string) *http.Response {
	message := header.Get("Grpc-Message")
	if plain, err := url.PathUnescape(message); err == nil { // it is percent-encoded
		message = plain
	}
	body, _ := json.Marshal(map[string]string{"error": message}) // strings cannot fail
	return respond(r, httpStatus(status), header, bytes.NewReader(body))
}

// httpStatus returns the status of HTTP that means what one of gRPC does.
func httpStatus(code string) int {
	switch code {
	case "1", "4": // cancelled by the server, deadline exceeded
		return http.StatusGatewayTimeout
	case "3", "9", "11": // invalid argument, failed precondition, out of range
		return http.StatusBadRequest
	case "5":
		return http.StatusNotFound
	case "7":
		return http.StatusForbidden
	case "8": // resource exhausted
		return http.StatusTooManyRequests
	case "12": // the server has no such service
		return http.StatusNotFound
	case "14": // unavailable
		return http.StatusServiceUnavailable
	case "16":
		return http.StatusUnauthorized
	}
	return http.StatusInternalServerError
}
