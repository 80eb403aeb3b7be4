// Package triton embeds texts with a model of a server that speaks the Open
// Inference Protocol (KServe v2): Triton, KServe, OpenVINO. The model
// takes texts as a tensor of BYTES and gives vectors as one of FP32, tokenizing
// included; on Triton that is an ensemble or a Python model.
//
// Over HTTP, texts are sent as JSON. Vectors are asked for, and read, as bytes behind
// the JSON (the binary tensor data extension), or as JSON from a server that does not
// do so. Over gRPC, at an address grpc://HOST:PORT or, with TLS, grpcs://HOST:PORT, it
// is the same calls in the protocol's other form; see overGRPC.
package triton

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/smartretriever/smartretriever/model/embed"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// Config says which model is called and how.
type Config struct {
	embed.Config
	// Input and Output are the names of the tensors. Empty ones are asked for: the
	// only input of BYTES, the only output of FP32.
	Input  string
	Output string
}

// Embedder embeds texts with one model of one server.
type Embedder = embed.Client

// New returns an embedder; see embed.New. It asks the server to describe the model.
// One that does not answer is an error only where the names of the tensors or the
// dimensions are not configured.
func New(ctx context.Context, cfg Config) (*Embedder, error) {
	if err := useGRPC(&cfg); err != nil {
		return nil, err
	}
	model, err := describe(ctx, cfg)
	if err != nil && (rag.KindOf(err) == rag.KindInvalid || cfg.Input == "" || cfg.Output == "") {
		return nil, rag.Errorf(rag.KindOf(err), "ask for the tensors of the embedding model, which are not configured: %w", err)
	}
	known, err := model.choose(&cfg)
	if err != nil {
		return nil, err
	}
	return embed.New(ctx, embed.Provider{Name: "triton", Protocol: protocol{cfg, model.columns(cfg.Input)}, Limits: known}, cfg.Config)
}

// description is what a server says of a model.
type description struct {
	Inputs  []tensor `json:"inputs"`
	Outputs []tensor `json:"outputs"`
}

// tensor is one input or output, in a description, a request or an answer.
type tensor struct {
	Name       string          `json:"name"`
	Type       string          `json:"datatype,omitempty"`
	Shape      []int           `json:"shape,omitempty"`
	Data       json.RawMessage `json:"data,omitempty"`
	Parameters *parameters     `json:"parameters,omitempty"`
}

type parameters struct {
	Binary bool `json:"binary_data,omitempty"`
	Size   int  `json:"binary_data_size,omitempty"`
}

// describe asks for the description of the model.
func describe(ctx context.Context, cfg Config) (description, error) {
	c := cfg.WithDefaults()
	s, err := remote.NewServer(remote.Config{
		Part: "embedder", Noun: "embedding model", BaseURL: c.BaseURL, Model: c.Model, Key: c.APIKey, Tokens: c.Tokens,
		Proxy: c.Proxy, ConnectTimeout: c.ConnectTimeout, Transport: c.Transport,
	})
	if err != nil {
		return description{}, err
	}
	defer s.Close()
	var d description
	err = s.Get(ctx, path(c.Model), &d)
	return d, err
}

// choose fills in the names of the tensors and returns what is known of the model.
func (d description) choose(cfg *Config) (embed.Limits, error) {
	var err error
	if cfg.Input == "" {
		cfg.Input, err = only(d.Inputs, "BYTES", "input")
	}
	if cfg.Output == "" && err == nil {
		cfg.Output, err = only(d.Outputs, "FP32", "output")
	}
	if err != nil {
		return embed.Limits{}, err
	}
	var known embed.Limits
	for _, t := range d.Outputs {
		if n := len(t.Shape); t.Name == cfg.Output && n > 0 && t.Shape[n-1] > 0 {
			known.Dimensions = t.Shape[n-1]
		}
	}
	return known, nil
}

// only returns the name of the only tensor of a type.
func only(list []tensor, kind, role string) (string, error) {
	list = slices.DeleteFunc(slices.Clone(list), func(t tensor) bool { return t.Type != kind })
	if len(list) != 1 {
		return "", rag.Errorf(rag.KindInvalid, "embedder: the model has %d %s tensors of type %s; say which is meant", len(list), role, kind)
	}
	return list[0].Name, nil
}

// columns returns how many dimensions the input has: two, texts and one column,
// unless the model says that it takes a plain list.
func (d description) columns(input string) int {
	for _, t := range d.Inputs {
		if t.Name == input && len(t.Shape) == 1 {
			return 1
		}
	}
	return 2
}

func path(model string) string { return "/v2/models/" + url.PathEscape(model) }

type request struct {
	Inputs  []input  `json:"inputs"`
	Outputs []tensor `json:"outputs"`
}

type input struct {
	Name  string   `json:"name"`
	Shape []int    `json:"shape"`
	Type  string   `json:"datatype"`
	Data  []string `json:"data"`
}

type protocol struct {
	cfg  Config
	rank int // of the input
}

// Request implements embed.Protocol.
func (p protocol) Request(_ rag.EmbedKind, texts []string) embed.Request {
	shape := []int{len(texts), 1}[:p.rank]
	return embed.Request{Path: path(p.cfg.Model) + "/infer", Body: request{
		Inputs:  []input{{Name: p.cfg.Input, Shape: shape, Type: "BYTES", Data: texts}},
		Outputs: []tensor{{Name: p.cfg.Output, Parameters: &parameters{Binary: true}}},
	}}
}

// Answer implements embed.Protocol. A count of tokens is not part of the protocol.
func (p protocol) Answer(header http.Header, body []byte, n int) (embed.Answer, error) {
	head, tail := body, []byte(nil)
	if text := header.Get("Inference-Header-Content-Length"); text != "" {
		size, err := strconv.Atoi(text)
		if err != nil || size < 0 || size > len(body) {
			return embed.Answer{}, embed.Unusable("the header says that %q bytes are JSON; it has %d", text, len(body))
		}
		head, tail = body[:size], body[size:]
	}
	var from struct {
		Outputs []tensor         `json:"outputs"`
		Error   *remote.APIError `json:"error"`
	}
	if err := embed.Decode(head, &from); err != nil {
		return embed.Answer{}, err
	}
	if from.Error != nil {
		return embed.Answer{}, embed.Failed(from.Error.Message)
	}
	at := 0
	for _, t := range from.Outputs {
		size := 0
		if t.Parameters != nil {
			size = t.Parameters.Size
		}
		if size < 0 || size > len(tail)-at {
			return embed.Answer{}, embed.Unusable("tensor %q is said to have %d bytes; %d are there", t.Name, size, len(tail)-at)
		}
		if t.Name != p.cfg.Output {
			at += size
			continue
		}
		return t.vectors(tail[at:at+size], n)
	}
	return embed.Answer{}, embed.Unusable("it lacks the tensor %q", p.cfg.Output)
}

// vectors returns the rows of the tensor, whose numbers are in raw or in its data.
func (t tensor) vectors(raw []byte, n int) (embed.Answer, error) {
	switch {
	case t.Type != "FP32":
		return embed.Answer{}, embed.Unusable("tensor %q is of type %.20q, not FP32", t.Name, t.Type)
	case len(t.Shape) != 2 || t.Shape[0] != n || t.Shape[1] <= 0:
		return embed.Answer{}, embed.Unusable("tensor %q has the shape %v; a vector for each of %d texts is wanted", t.Name, t.Shape, n)
	}
	width := t.Shape[1]
	flat, err := t.numbers(raw)
	if err != nil {
		return embed.Answer{}, err
	}
	if len(flat)/width != n || len(flat)%width != 0 {
		return embed.Answer{}, embed.Unusable("tensor %q of the shape %v has %d numbers", t.Name, t.Shape, len(flat))
	}
	var a embed.Answer
	for row := range slices.Chunk(flat, width) {
		a.Vectors = append(a.Vectors, embed.Vector{Index: len(a.Vectors), Numbers: row})
	}
	return a, nil
}

// numbers returns the numbers of the tensor in one list. In JSON it may be nested.
func (t tensor) numbers(raw []byte) ([]float32, error) {
	if len(t.Data) == 0 {
		if len(raw)%4 != 0 {
			return nil, embed.Unusable("tensor %q has %d bytes, which are no 32-bit numbers", t.Name, len(raw))
		}
		return embed.FromBytes(raw), nil
	}
	flat := bytes.Map(func(r rune) rune {
		if r == '[' || r == ']' {
			return -1
		}
		return r
	}, t.Data)
	return embed.FromList(slices.Concat([]byte("["), flat, []byte("]")))
}

// Check implements embed.Protocol.
func (p protocol) Check(ctx context.Context, s *remote.Server) error {
	var d description
	err := s.Get(ctx, path(p.cfg.Model), &d)
	if errors.Is(err, rag.ErrInternal) { // how Triton answers for a model that it does not have
		return rag.Errorf(rag.KindNotFound, "embedder: the server has no model %q: %w", p.cfg.Model, err)
	}
	return err
}
