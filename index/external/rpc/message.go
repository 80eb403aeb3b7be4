package rpc

import (
	"fmt"
	"iter"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// AppendString appends a field of type string or bytes.
func AppendString(b []byte, n protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), s)
}

// AppendMessage appends a field that is a message, or packed.
func AppendMessage(b []byte, n protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), message)
}

// AppendUint appends a field of type uint32, uint64, int32, int64 or of an enumeration. A negative number is given as its two's complement.
func AppendUint(b []byte, n protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), v)
}

// AppendBool appends a field of type bool.
func AppendBool(b []byte, n protowire.Number, v bool) []byte {
	return AppendUint(b, n, protowire.EncodeBool(v))
}

// AppendDouble appends a field of type double.
func AppendDouble(b []byte, n protowire.Number, v float64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(b, n, protowire.Fixed64Type), math.Float64bits(v))
}

// AppendFloats appends a field of type repeated float, packed.
func AppendFloats(b []byte, n protowire.Number, v []float32) []byte {
	b = protowire.AppendVarint(protowire.AppendTag(b, n, protowire.BytesType), uint64(4*len(v)))
	b = slices.Grow(b, 4*len(v))
	for _, f := range v {
		b = protowire.AppendFixed32(b, math.Float32bits(f))
	}
	return b
}

// AppendInts appends a field of type repeated int64 or the like, packed.
func AppendInts[T ~int64 | ~uint64](b []byte, n protowire.Number, v []T) []byte {
	var packed []byte
	for _, i := range v {
		packed = protowire.AppendVarint(packed, uint64(i))
	}
	return AppendMessage(b, n, packed)
}

// Field is one field of a message: a number, or bytes.
type Field struct {
	Number protowire.Number
	Type   protowire.Type
	Value  uint64 // of VarintType, Fixed32Type and Fixed64Type
	Data   []byte // of BytesType; part of the message
}

// Is reports whether it is a field of this number and type. One that comes in another type than it should is to be left out, as an unknown one.
func (f Field) Is(n protowire.Number, t protowire.Type) bool { return f.Number == n && f.Type == t }

// Float returns a field of type float.
func (f Field) Float() float32 { return math.Float32frombits(uint32(f.Value)) }

// Fields goes through the fields of a message. An error ends it.
func Fields(message []byte) iter.Seq2[Field, error] {
	return func(yield func(Field, error) bool) {
		for len(message) > 0 {
			f, n := consume(message)
			if n < 0 {
				yield(Field{}, fmt.Errorf("malformed message: %w", protowire.ParseError(n)))
				return
			}
			message = message[n:]
			if !yield(f, nil) {
				return
			}
		}
	}
}

// consume reads the first field. Its length is negative if it is malformed.
func consume(message []byte) (f Field, length int) {
	number, kind, head := protowire.ConsumeTag(message)
	if head < 0 {
		return f, head
	}
	f.Number, f.Type = number, kind
	var n int
	switch rest := message[head:]; kind {
	case protowire.VarintType:
		f.Value, n = protowire.ConsumeVarint(rest)
	case protowire.Fixed32Type:
		var v uint32
		v, n = protowire.ConsumeFixed32(rest)
		f.Value = uint64(v)
	case protowire.Fixed64Type:
		f.Value, n = protowire.ConsumeFixed64(rest)
	case protowire.BytesType:
		f.Data, n = protowire.ConsumeBytes(rest)
	default: // groups
		n = protowire.ConsumeFieldValue(number, kind, rest)
	}
	if n < 0 {
		return f, n
	}
	return f, head + n
}
