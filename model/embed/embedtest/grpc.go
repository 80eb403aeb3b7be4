package embedtest

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/smartretriever/smartretriever/model/remote/remotetest"
)

// TritonGRPC is the Open Inference Protocol over gRPC: the service
// GRPCInferenceService, with ModelInfer and ModelMetadata. A Server of it answers
// what Triton's would answer over HTTP; where vectors are not asked for as bytes, it
// lists them. A redirect comes as over HTTP, from something before the server.
var TritonGRPC = func() *Dialect {
	d := *Triton
	d.Name, d.grpc = "triton-grpc", true
	return &d
}()

// answerGRPC answers a call.
func (s *Server) answerGRPC(r *http.Request) remotetest.Response {
	inner, err := fromGRPC(r)
	if err != nil {
		return toGRPC(s.fail(http.StatusNotImplemented, "malformed call: %v", err))
	}
	return toGRPC(s.route(inner))
}

// fromGRPC reads a call strictly and returns it as the same one over HTTP.
func fromGRPC(r *http.Request) (*http.Request, error) {
	body, err := io.ReadAll(r.Body)
	switch {
	case err != nil:
		return nil, err
	case r.Method != http.MethodPost, !strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc"), r.Header.Get("Te") != "trailers":
		return nil, fmt.Errorf("%s with the type %q and TE %q", r.Method, r.Header.Get("Content-Type"), r.Header.Get("Te"))
	case len(body) < 5, body[0] != 0, int(binary.BigEndian.Uint32(body[1:])) != len(body)-5:
		return nil, errors.New("not one message")
	}
	message := body[5:]
	out := &http.Request{Header: r.Header, Method: http.MethodGet}
	var model string
	switch r.URL.Path {
	case "/inference.GRPCInferenceService/ModelMetadata":
		err = fields(message, map[protowire.Number]func([]byte) error{1: text(&model), 2: text(new(string))})
	case "/inference.GRPCInferenceService/ModelInfer":
		out.Method = http.MethodPost
		model, out.Body, err = infer(message)
	default:
		err = errors.New("no such method: " + r.URL.Path)
	}
	path := "/v2/models/" + url.PathEscape(model)
	if out.Method == http.MethodPost {
		path += "/infer"
	}
	if err == nil {
		out.URL, err = url.Parse("http://host" + path)
	}
	return out, err
}

// infer returns the model and, as JSON, the body of a ModelInferRequest. Texts are in
// the contents of their tensor or, as Triton's own client sends them, raw, each behind
// its length.
func infer(message []byte) (model string, body io.ReadCloser, err error) {
	type tensor struct {
		Name       string          `json:"name"`
		Shape      []int           `json:"shape,omitempty"`
		Type       string          `json:"datatype,omitempty"`
		Data       []string        `json:"data,omitempty"`
		Parameters map[string]bool `json:"parameters,omitempty"`
	}
	var in, out []tensor
	var raw [][]byte
	err = fields(message, map[protowire.Number]func([]byte) error{
		1: text(&model), 2: text(new(string)), 3: text(new(string)),
		5: func(b []byte) error {
			var t tensor
			err := fields(b, map[protowire.Number]func([]byte) error{
				1: text(&t.Name), 2: text(&t.Type),
				3: func(b []byte) error {
					for len(b) > 0 {
						v, n := protowire.ConsumeVarint(b)
						if n < 0 {
							return protowire.ParseError(n)
						}
						t.Shape, b = append(t.Shape, int(v)), b[n:]
					}
					return nil
				},
				5: func(b []byte) error {
					return fields(b, map[protowire.Number]func([]byte) error{8: func(b []byte) error {
						t.Data = append(t.Data, string(b))
						return nil
					}})
				},
			})
			in = append(in, t)
			return err
		},
		6: func(b []byte) error {
			t := tensor{Parameters: map[string]bool{"binary_data": true}}
			err := fields(b, map[protowire.Number]func([]byte) error{1: text(&t.Name)})
			out = append(out, t)
			return err
		},
		7: func(b []byte) error { raw = append(raw, b); return nil },
	})
	if err == nil && len(raw) > 0 && len(raw) != len(in) {
		err = fmt.Errorf("%d tensors have %d raw contents", len(in), len(raw))
	}
	if err != nil {
		return "", nil, err
	}
	for i, b := range raw {
		for len(b) > 0 {
			if len(b) < 4 || int(binary.LittleEndian.Uint32(b)) > len(b)-4 {
				return "", nil, errors.New("raw contents end in a text's midst")
			}
			n := binary.LittleEndian.Uint32(b)
			in[i].Data, b = append(in[i].Data, string(b[4:4+n])), b[4+n:]
		}
	}
	return model, io.NopCloser(bytes.NewReader(remotetest.JSON(map[string]any{"inputs": in, "outputs": out}))), nil
}

// fields reads a message, all of whose fields must be known and of the kind bytes.
func fields(b []byte, known map[protowire.Number]func([]byte) error) error {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		read, ok := known[number]
		if !ok || kind != protowire.BytesType {
			return fmt.Errorf("unexpected field %d of kind %d", number, kind)
		}
		data, m := protowire.ConsumeBytes(b[n:])
		if m < 0 {
			return protowire.ParseError(m)
		}
		if err := read(data); err != nil {
			return err
		}
		b = b[n+m:]
	}
	return nil
}

func text(to *string) func([]byte) error {
	return func(b []byte) error { *to = string(b); return nil }
}

// codes are the statuses of gRPC.
var codes = map[int]string{400: "3", 401: "16", 403: "7", 404: "5", 413: "3", 422: "3", 429: "8", 500: "13", 501: "12", 503: "14"}

// toGRPC turns an answer over HTTP into that over gRPC. What is no answer of the
// protocol, as in some faults, is sent as if it were the message.
func toGRPC(res remotetest.Response) remotetest.Response {
	if res.Silent || res.Status >= 300 && res.Status < 400 {
		return res
	}
	header := http.Header{"Content-Type": {"application/grpc"}}
	if after := res.Header.Get("Retry-After"); after != "" {
		header.Set("Retry-After", after)
	}
	if res.Status != http.StatusOK {
		header.Set("Grpc-Status", codes[res.Status]) // without a body, this is in the header
		header.Set("Grpc-Message", url.PathEscape(spoken(res.Body)))
		return remotetest.Response{Status: http.StatusOK, Header: header}
	}
	message := res.Body
	if m, ok := tensors(res); ok {
		message = m
	}
	var body []byte
	if len(message) > 0 {
		body = append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
	}
	return remotetest.Response{Status: http.StatusOK, Header: header, Trailer: http.Header{"Grpc-Status": {"0"}}, Body: body, Cut: res.Cut}
}

// spoken is the message of a refusal.
func spoken(body []byte) string {
	var any struct {
		Error  json.RawMessage `json:"error"`
		Detail []struct {
			Message string `json:"msg"`
		} `json:"detail"`
	}
	var plain string
	var object struct {
		Message string `json:"message"`
	}
	switch {
	case json.Unmarshal(body, &any) != nil:
		return string(body)
	case len(any.Detail) > 0:
		return any.Detail[0].Message
	case json.Unmarshal(any.Error, &plain) == nil:
		return plain
	case json.Unmarshal(any.Error, &object) == nil:
		return object.Message
	}
	return string(body)
}

// tensors returns a ModelInferResponse or a ModelMetadataResponse.
func tensors(res remotetest.Response) (message []byte, ok bool) {
	head, tail := res.Body, []byte(nil)
	if n, err := strconv.Atoi(res.Header.Get("Inference-Header-Content-Length")); err == nil {
		head, tail = head[:n], head[n:]
	}
	type tensor struct {
		Name  string     `json:"name"`
		Type  string     `json:"datatype"`
		Shape []int      `json:"shape"`
		Data  []*float64 `json:"data"`
	}
	var from struct {
		Name     string   `json:"name"`
		Versions []string `json:"versions"`
		Inputs   []tensor `json:"inputs"`
		Outputs  []tensor `json:"outputs"`
	}
	if json.Unmarshal(head, &from) != nil || from.Outputs == nil {
		return nil, false
	}
	add := func(to []byte, n protowire.Number, data []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(to, n, protowire.BytesType), data)
	}
	write := func(t tensor) []byte {
		b := add(add(nil, 1, []byte(t.Name)), 2, []byte(t.Type))
		var shape, numbers []byte
		for _, n := range t.Shape {
			shape = protowire.AppendVarint(shape, uint64(n))
		}
		b = add(b, 3, shape)
		for _, x := range t.Data {
			if x != nil {
				numbers = binary.LittleEndian.AppendUint32(numbers, math.Float32bits(float32(*x)))
			}
		}
		if len(numbers) > 0 {
			b = add(b, 5, add(nil, 6, numbers))
		}
		return b
	}
	if from.Inputs != nil { // a description
		message = add(message, 1, []byte(from.Name))
		for _, v := range from.Versions {
			message = add(message, 2, []byte(v))
		}
		for _, t := range from.Inputs {
			message = add(message, 4, write(t))
		}
	}
	for _, t := range from.Outputs {
		message = add(message, 5, write(t))
	}
	if tail != nil {
		message = add(message, 6, tail)
	}
	return message, true
}
