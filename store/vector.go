package store

import (
	"encoding/binary"
	"math"

	"github.com/smartretriever/smartretriever/rag"
)

// AppendVector appends v as little-endian float32, four bytes a component.
func AppendVector(dst []byte, v []float32) []byte {
	for _, x := range v {
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(x))
	}
	return dst
}

// Vector reads what AppendVector wrote. Bytes that are not whole components are
// KindInternal: the row is damaged.
func Vector(data []byte) ([]float32, error) {
	if len(data)%4 != 0 {
		return nil, rag.Errorf(rag.KindInternal, "a stored vector has %d bytes, not a multiple of 4", len(data))
	}
	v := make([]float32, len(data)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return v, nil
}

// CheckVector reports, as KindInvalid, a vector that has not dims components or
// holds one that is not finite.
func CheckVector(v []float32, dims int) error {
	if len(v) != dims {
		return rag.Errorf(rag.KindInvalid, "an embedding has %d dimensions; the collection's model has %d", len(v), dims)
	}
	for i, x := range v {
		if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
			return rag.Errorf(rag.KindInvalid, "component %d of an embedding is not finite", i)
		}
	}
	return nil
}
