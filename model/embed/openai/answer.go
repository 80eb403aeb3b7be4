package openai

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"strconv"

	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// answer is the body of a response.
type answer struct {
	Data []struct {
		Index     *int            `json:"index"`
		Embedding json.RawMessage `json:"embedding"` // a list of numbers, or their bytes in base64
	} `json:"data"`
	Usage struct {
		PromptTokens int64 `json:"prompt_tokens"`
		TotalTokens  int64 `json:"total_tokens"`
	} `json:"usage"`
	Error *remote.APIError `json:"error"`
}

func (a *answer) tokens() int64 { return max(0, a.Usage.PromptTokens, a.Usage.TotalTokens) }

// unusable is the error of an answer that is not what was asked for. It is not
// temporary: the same request gives the same answer.
func unusable(format string, args ...any) error {
	return rag.Errorf(rag.KindUnavailable, "embedder: the server's answer cannot be used: "+format, args...)
}

// parse reads a whole answer.
func parse(data []byte) (*answer, error) {
	var a answer
	err := json.Unmarshal(data, &a)
	if err == nil {
		return &a, nil
	}
	// NaN and Infinity are no JSON, but what some servers print.
	if at, ok := errors.AsType[*json.SyntaxError](err); ok && at.Offset > 0 {
		rest := bytes.TrimPrefix(data[at.Offset-1:], []byte("-"))
		if bytes.HasPrefix(rest, []byte("NaN")) || bytes.HasPrefix(rest, []byte("Inf")) || bytes.HasPrefix(rest, []byte("nan")) || bytes.HasPrefix(rest, []byte("inf")) {
			return nil, unusable("it holds a number that is not finite")
		}
	}
	return nil, unusable("it is malformed: %w", err)
}

// vectors returns the n vectors of an answer in the order of the inputs, each of
// unit length. Dimensions of 0 stand for those of the first vector.
func (a *answer) vectors(n, dimensions int) ([][]float32, error) {
	if len(a.Data) > n {
		return nil, unusable("it has %d vectors for %d texts", len(a.Data), n)
	}
	out := make([][]float32, n)
	for _, item := range a.Data {
		switch {
		case item.Index == nil:
			return nil, unusable("a vector has no index")
		case *item.Index < 0 || *item.Index >= n:
			return nil, unusable("a vector has the index %d; there are %d texts", *item.Index, n)
		case out[*item.Index] != nil:
			return nil, unusable("two vectors have the index %d", *item.Index)
		}
		v, err := numbers(item.Embedding, dimensions)
		if err != nil {
			return nil, unusable("vector %d %w", *item.Index, err)
		}
		if dimensions == 0 {
			dimensions = len(v)
		}
		if len(v) != dimensions || len(v) > maxDimensions {
			return nil, unusable("vector %d has %d dimensions instead of %d", *item.Index, len(v), min(dimensions, maxDimensions))
		}
		if err := normalise(v); err != nil {
			return nil, unusable("vector %d %w", *item.Index, err)
		}
		out[*item.Index] = v
	}
	for i, v := range out {
		if v == nil {
			return nil, unusable("it lacks vector %d of %d", i, n)
		}
	}
	return out, nil
}

// numbers reads the numbers of one vector in either form.
func numbers(raw json.RawMessage, expected int) ([]float32, error) {
	switch {
	case len(raw) > 0 && raw[0] == '"':
		return fromBase64(raw)
	case len(raw) > 0 && raw[0] == '[':
		return fromList(raw, expected)
	}
	return nil, errors.New("is neither a list of numbers nor base64")
}

// fromBase64 reads little-endian 32-bit numbers.
func fromBase64(raw json.RawMessage) ([]float32, error) {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return nil, errors.New("is not a string")
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(data)%4 != 0 {
		return nil, errors.New("is not base64 of 32-bit numbers")
	}
	out := make([]float32, len(data)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return out, nil
}

// fromList reads a list of numbers. Package json would take null, which is how
// some servers print NaN, for 0.
func fromList(raw json.RawMessage, expected int) ([]float32, error) {
	inside := bytes.TrimSpace(raw[1 : len(raw)-1])
	if len(inside) == 0 {
		return nil, errors.New("is empty")
	}
	out := make([]float32, 0, expected)
	for number := range bytes.SplitSeq(inside, []byte(",")) {
		x, err := strconv.ParseFloat(string(bytes.TrimSpace(number)), 32)
		switch {
		case errors.Is(err, strconv.ErrRange):
			return nil, errors.New("holds a number that is not finite")
		case err != nil:
			return nil, errors.New("holds something that is not a number")
		}
		out = append(out, float32(x))
	}
	return out, nil
}

// normalise brings v to unit length.
func normalise(v []float32) error {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	switch {
	case math.IsNaN(sum) || math.IsInf(sum, 0):
		return errors.New("holds a number that is not finite")
	case sum == 0:
		return errors.New("has only zeros")
	}
	scale := 1 / math.Sqrt(sum)
	for i, x := range v {
		v[i] = float32(float64(x) * scale)
	}
	return nil
}
