package openai

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"net/http"

	"github.com/smartretriever/smartretriever/rag"
)

// maxInputs is how many texts OpenAI takes in one request.
const maxInputs = 2048

type embeddingRequest struct {
	Model          string          `json:"model"`
	Input          json.RawMessage `json:"input"`
	EncodingFormat string          `json:"encoding_format"`
	Dimensions     *int            `json:"dimensions"`
	InputType      string          `json:"input_type"` // an extension: "query" for models that tell questions from passages
}

type embeddingObject struct {
	Object    string `json:"object"`
	Index     int    `json:"index"`
	Embedding any    `json:"embedding"` // numbers, or base64 of little-endian float32
}

func (h *handlers) embed(w http.ResponseWriter, r *http.Request) error {
	var req embeddingRequest
	if err := h.decode(r, &req); err != nil {
		return err
	}
	m := h.svc.Model()
	switch {
	case req.Model != EmbeddingAlias && req.Model != m.ID:
		return noModel(req.Model, `the embedding model is "`+EmbeddingAlias+`" or "`+m.ID+`"`)
	case req.EncodingFormat != "" && req.EncodingFormat != "float" && req.EncodingFormat != "base64":
		return invalid("encoding_format", "encoding_format must be float or base64")
	case req.Dimensions != nil && *req.Dimensions != m.Dimensions:
		return invalid("dimensions", "%s has %d dimensions, which cannot be changed", m.ID, m.Dimensions)
	}
	texts, err := inputTexts(req.Input)
	if err != nil {
		return err
	}
	kind := rag.PassageText
	if req.InputType == "query" || req.InputType == "search_query" {
		kind = rag.QuestionText
	}
	vectors, err := h.svc.Embed(r.Context(), kind, texts)
	if err != nil {
		return err
	}
	data := make([]embeddingObject, len(vectors))
	for i, v := range vectors {
		data[i] = embeddingObject{Object: "embedding", Index: i, Embedding: v}
		if req.EncodingFormat == "base64" {
			data[i].Embedding = encodeVector(v)
		}
	}
	tokens := 0
	for _, t := range texts {
		tokens += h.svc.CountTokens(t)
	}
	return reply(w, map[string]any{
		"object": "list", "data": data, "model": m.ID,
		"usage": map[string]int{"prompt_tokens": tokens, "total_tokens": tokens},
	})
}

// inputTexts takes a string or a list of strings. Lists of token numbers are
// refused: they are of another model's tokenizer.
func inputTexts(raw json.RawMessage) ([]string, error) {
	var one string
	var many []string
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return nil, invalid("input", "input is missing")
	case json.Unmarshal(raw, &one) == nil:
		many = []string{one}
	case json.Unmarshal(raw, &many) != nil:
		return nil, invalid("input", "input must be a string or a list of strings; token numbers of another tokenizer are not understood")
	}
	if len(many) == 0 || len(many) > maxInputs {
		return nil, invalid("input", "input must hold 1 to %d texts, not %d", maxInputs, len(many))
	}
	for i, t := range many {
		if t == "" {
			return nil, invalid("input", "input[%d] is empty", i)
		}
	}
	return many, nil
}

func encodeVector(v []float32) string {
	b := make([]byte, 4*len(v))
	for i, x := range v {
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(x))
	}
	return base64.StdEncoding.EncodeToString(b)
}
