package embed

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"strconv"

	"github.com/smartretriever/smartretriever/model/batch"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// Unusable is the error of an answer that is not what was asked for. It is not
// temporary: the same request gives the same answer.
func Unusable(format string, args ...any) error {
	return rag.Errorf(rag.KindUnavailable, "embedder: the server's answer cannot be used: "+format, args...)
}

// Decode reads a body of JSON into v. Its error is one of Unusable.
func Decode(body []byte, v any) error {
	if err := remote.Decode(body, v); err != nil {
		return Unusable("%w", err)
	}
	return nil
}

// vectors returns the n vectors of an answer in the order of the inputs, each of
// unit length. Dimensions of 0 stand for those of the first vector.
func (a Answer) vectors(n, dimensions int) ([][]float32, error) {
	if len(a.Vectors) > n {
		return nil, Unusable("it has %d vectors for %d texts", len(a.Vectors), n)
	}
	out := make([][]float32, n)
	for _, item := range a.Vectors {
		switch {
		case item.Index < 0 || item.Index >= n:
			return nil, Unusable("a vector has the index %d; there are %d texts", item.Index, n)
		case out[item.Index] != nil:
			return nil, Unusable("two vectors have the index %d", item.Index)
		}
		v, err := item.numbers(dimensions)
		if err != nil {
			return nil, Unusable("vector %d %w", item.Index, err)
		}
		if dimensions == 0 {
			dimensions = len(v)
		}
		if len(v) != dimensions || len(v) > maxDimensions {
			return nil, Unusable("vector %d has %d dimensions instead of %d", item.Index, len(v), min(dimensions, maxDimensions))
		}
		if err := normalise(v); err != nil {
			return nil, Unusable("vector %d %w", item.Index, err)
		}
		out[item.Index] = v
	}
	for i, v := range out {
		if v == nil {
			return nil, Unusable("it lacks vector %d of %d", i, n)
		}
	}
	return out, nil
}

// numbers reads the numbers of one vector in either form.
func (v Vector) numbers(expected int) ([]float32, error) {
	switch raw := v.JSON; {
	case len(v.Numbers) > 0:
		return v.Numbers, nil
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
	if len(data) == 0 {
		return nil, errors.New("is empty")
	}
	return FromBytes(data), nil
}

// FromBytes reads little-endian 32-bit numbers, as many as there are whole ones.
func FromBytes(data []byte) []float32 {
	out := make([]float32, len(data)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return out
}

// FromList reads a JSON list of numbers. Its error is one of Unusable.
func FromList(raw json.RawMessage) ([]float32, error) {
	if len(raw) == 0 || raw[0] != '[' {
		return nil, Unusable("where a list of numbers should be is something else")
	}
	out, err := fromList(raw, 0)
	if err != nil {
		return nil, Unusable("a list of numbers %w", err)
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

// mean returns the vector of a text from those of its parts: their mean, weighted
// by their tokens and brought to unit length. Parts whose vectors cancel out, which a
// model does not make, have the vector of the first.
func mean(parts []*batch.Item[[]float32]) []float32 {
	if len(parts) == 1 {
		return parts[0].Result
	}
	sum := make([]float64, len(parts[0].Result))
	for _, p := range parts {
		for i, x := range p.Result {
			sum[i] += float64(max(1, p.Tokens)) * float64(x)
		}
	}
	out := make([]float32, len(sum))
	for i, x := range sum {
		out[i] = float32(x)
	}
	if normalise(out) != nil {
		return parts[0].Result
	}
	return out
}
