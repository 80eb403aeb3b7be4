package convert

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// safetensors is an opened safetensors file: the length of a JSON header in 8
// bytes, little-endian; the header, which gives each tensor's type, shape and
// place; the tensors' bytes, without gaps. Tensors are read when asked for.
type safetensors struct {
	r       io.ReaderAt
	data    int64 // where the tensors' bytes begin
	entries map[string]safetensor
}

type safetensor struct {
	Type  string   `json:"dtype"`
	Shape []int    `json:"shape"`
	Place []uint64 `json:"data_offsets"`
}

// bits are the widths of the format's types.
var bits = map[string]int{
	"BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
	"I16": 16, "U16": 16, "F16": 16, "BF16": 16,
	"I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64,
}

var errNotSafetensors = errors.New("this is no safetensors file, or it is cut off")

func openSafetensors(r io.ReaderAt, size int64) (*safetensors, error) {
	var start [8]byte
	if size < 10 {
		return nil, errNotSafetensors
	}
	if err := readAt(r, start[:], 0); err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint64(start[:])
	if length > maxSmall {
		return nil, fmt.Errorf("its header has %d bytes; at most %d are read", length, maxSmall)
	}
	if int64(length) > size-8 {
		return nil, errNotSafetensors
	}
	header := make([]byte, length)
	if err := readAt(r, header, 8); err != nil {
		return nil, err
	}
	s := &safetensors{r: r, data: 8 + int64(length)}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(header, &raw); err != nil {
		return nil, fmt.Errorf("its header: %w", err)
	}
	delete(raw, "__metadata__")
	s.entries = make(map[string]safetensor, len(raw))
	for name, body := range raw {
		var t safetensor
		if err := json.Unmarshal(body, &t); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		if err := t.check(uint64(size - s.data)); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		s.entries[name] = t
	}
	return s, s.checkPlaces(uint64(size - s.data))
}

// check holds a tensor's shape to its place, and that to the file.
func (t safetensor) check(size uint64) error {
	if len(t.Place) != 2 || t.Place[0] > t.Place[1] {
		return fmt.Errorf("it lies at %v, which is no place", t.Place)
	}
	if t.Place[1] > size {
		return fmt.Errorf("it ends at byte %d of %d: the file is cut off", t.Place[1], size)
	}
	width, known := bits[t.Type]
	if !known {
		return fmt.Errorf("its type %q is not known", t.Type)
	}
	n, ok := elements(t.Shape)
	if !ok || uint64(n)*uint64(width/8) != t.Place[1]-t.Place[0] {
		return fmt.Errorf("it has %d bytes, which the shape %v of %s does not", t.Place[1]-t.Place[0], t.Shape, t.Type)
	}
	return nil
}

// checkPlaces refuses tensors that overlap or leave bytes out.
func (s *safetensors) checkPlaces(size uint64) error {
	names := slices.SortedFunc(maps.Keys(s.entries), func(a, b string) int {
		p, q := s.entries[a].Place, s.entries[b].Place
		return slices.Compare(p, q)
	})
	at := uint64(0)
	for _, name := range names {
		place := s.entries[name].Place
		if place[0] < at {
			return fmt.Errorf("tensor %q begins at byte %d and overlaps the one that ends at %d", name, place[0], at)
		}
		if place[0] > at {
			return fmt.Errorf("bytes %d to %d, before tensor %q, belong to no tensor", at, place[0], name)
		}
		at = place[1]
	}
	if at != size {
		return fmt.Errorf("the last tensor ends at byte %d of %d", at, size)
	}
	return nil
}

func (s *safetensors) names() []string { return slices.Collect(maps.Keys(s.entries)) }

func (s *safetensors) dims(name string) ([]int, bool) {
	t, ok := s.entries[name]
	return t.Shape, ok
}

func (s *safetensors) floats(name string) ([]float32, error) {
	t, ok := s.entries[name]
	if !ok {
		return nil, fmt.Errorf("it has no tensor %q", name)
	}
	kind := map[string]number{"F32": float32Number, "F16": float16Number, "BF16": bfloat16Number}[t.Type]
	if kind == otherNumber {
		return nil, fmt.Errorf("tensor %q is of type %s; F32, F16 and BF16 are read", name, t.Type)
	}
	raw, err := s.raw(name, t)
	if err != nil {
		return nil, err
	}
	return decode(name, kind, raw)
}

// raw returns a tensor's bytes.
func (s *safetensors) raw(name string, t safetensor) ([]byte, error) {
	raw := make([]byte, t.Place[1]-t.Place[0])
	if err := readAt(s.r, raw, s.data+int64(t.Place[0])); err != nil {
		return nil, fmt.Errorf("tensor %q: %w", name, err)
	}
	return raw, nil
}

// matrix returns weights, which PyTorch stores output by output.
func (s *safetensors) matrix(layer string, in, out int) (matrix, error) {
	name := layer + ".weight"
	dims, ok := s.dims(name)
	if !ok {
		return matrix{}, fmt.Errorf("it has no tensor %q", name)
	}
	if !slices.Equal(dims, []int{out, in}) {
		return matrix{}, fmt.Errorf("tensor %q has shape %v; %v is needed", name, dims, []int{out, in})
	}
	data, err := s.floats(name)
	return matrix{data, 1, in}, err
}
