package triton

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// The messages of the service GRPCInferenceService are few and written by hand, by
// the numbers of their fields (Open Inference Protocol, open_inference_grpc.proto),
// as what is read of them becomes the form over HTTP at once.

// message returns the request as a ModelInferRequest. Outputs come as raw bytes or
// as lists, as the server likes.
func (q request) message(model string) []byte {
	b := appendText(nil, 1, model)
	for _, in := range q.Inputs {
		t := appendText(nil, 1, in.Name)
		t = appendText(t, 2, in.Type)
		var shape []byte
		for _, n := range in.Shape {
			shape = protowire.AppendVarint(shape, uint64(n))
		}
		t = appendBytes(t, 3, shape)
		var contents []byte
		for _, text := range in.Data {
			contents = appendText(contents, 8, text) // bytes_contents
		}
		b = appendBytes(b, 5, appendBytes(t, 5, contents))
	}
	for _, out := range q.Outputs {
		b = appendBytes(b, 6, appendText(nil, 1, out.Name))
	}
	return b
}

func appendText(b []byte, n protowire.Number, text string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), text)
}

func appendBytes(b []byte, n protowire.Number, data []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), data)
}

// unusableError is what is wrong with an answer. It begins with "it".
type unusableError struct{ text string }

func (e *unusableError) Error() string { return e.text }

func unusable(format string, args ...any) error { return &unusableError{fmt.Sprintf(format, args...)} }

// field is one field of a message: a number of its own kind, or bytes.
type field struct {
	number protowire.Number
	kind   protowire.Type
	value  uint64 // of kind VarintType or Fixed32Type
	data   []byte // of kind BytesType
}

// eachField calls f with the fields of a message, but those of kinds that no message
// here has.
func eachField(message []byte, f func(field) error) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return unusable("it is malformed: %v", protowire.ParseError(n))
		}
		message = message[n:]
		it := field{number: number, kind: kind}
		switch kind {
		case protowire.VarintType:
			it.value, n = protowire.ConsumeVarint(message)
		case protowire.BytesType:
			it.data, n = protowire.ConsumeBytes(message)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(message)
			it.value = uint64(v)
		default:
			n = protowire.ConsumeFieldValue(number, kind, message)
			it.number = 0
		}
		if n < 0 {
			return unusable("it is malformed: %v", protowire.ParseError(n))
		}
		message = message[n:]
		if err := f(it); err != nil {
			return err
		}
	}
	return nil
}

// readDescription returns a ModelMetadataResponse as JSON.
func readDescription(message []byte) (head, tail []byte, err error) {
	var d description
	err = eachField(message, func(f field) error {
		if f.kind != protowire.BytesType || f.number != 4 && f.number != 5 {
			return nil
		}
		t, _, err := readTensor(f.data)
		if f.number == 4 {
			d.Inputs = append(d.Inputs, t)
		} else {
			d.Outputs = append(d.Outputs, t)
		}
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	head, err = json.Marshal(d)
	return head, nil, err
}

// readInference returns a ModelInferResponse as JSON, and the bytes of its tensors.
func readInference(message []byte) (head, tail []byte, err error) {
	var outputs []tensor
	var listed, raw [][]byte
	err = eachField(message, func(f field) error {
		switch {
		case f.kind == protowire.BytesType && f.number == 5:
			t, numbers, err := readTensor(f.data)
			outputs, listed = append(outputs, t), append(listed, numbers)
			return err
		case f.kind == protowire.BytesType && f.number == 6:
			raw = append(raw, f.data)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if len(raw) == 0 {
		raw = listed
	}
	if len(raw) != len(outputs) {
		return nil, nil, unusable("it has the bytes of %d tensors and describes %d", len(raw), len(outputs))
	}
	for i := range outputs {
		outputs[i].Parameters = &parameters{Size: len(raw[i])}
		tail = append(tail, raw[i]...)
	}
	head, err = json.Marshal(map[string]any{"outputs": outputs})
	return head, tail, err
}

// readTensor returns a tensor of a description or an answer, which number their
// fields alike, and the numbers of FP32 that are listed in it, as bytes.
func readTensor(message []byte) (t tensor, numbers []byte, err error) {
	err = eachField(message, func(f field) error {
		switch {
		case f.number == 1 && f.kind == protowire.BytesType:
			t.Name = string(f.data)
		case f.number == 2 && f.kind == protowire.BytesType:
			t.Type = string(f.data)
		case f.number == 3 && f.kind == protowire.VarintType:
			t.Shape = append(t.Shape, size(f.value))
		case f.number == 3 && f.kind == protowire.BytesType:
			for packed := f.data; len(packed) > 0; {
				v, n := protowire.ConsumeVarint(packed)
				if n < 0 {
					return unusable("it is malformed: %v", protowire.ParseError(n))
				}
				t.Shape, packed = append(t.Shape, size(v)), packed[n:]
			}
		case f.number == 5 && f.kind == protowire.BytesType:
			return eachField(f.data, func(f field) error {
				switch {
				case f.number == 6 && f.kind == protowire.BytesType: // fp32_contents, packed
					numbers = append(numbers, f.data...)
				case f.number == 6 && f.kind == protowire.Fixed32Type:
					numbers = binary.LittleEndian.AppendUint32(numbers, uint32(f.value))
				}
				return nil
			})
		}
		return nil
	})
	return t, numbers, err
}

// size is one number of a shape. One that no tensor has becomes -1, which stands for
// any.
func size(v uint64) int {
	if v > math.MaxInt32 {
		return -1
	}
	return int(v)
}
