package vector

import "github.com/smartretriever/smartretriever/rag"

// Storage is the finest form in which vectors are kept, from which reported scores
// are computed. Its numbers are part of the file format.
type Storage uint8

// The forms, with what they take beside the bytes for scanning, which are always
// there (a byte a dimension).
const (
	Float32 Storage = 1 // 4 bytes a dimension: the vectors as they came
	Float16 Storage = 2 // 2 bytes a dimension: values up to 65,504, rounded to 11 bits
	Int8    Storage = 3 // nothing: the bytes are all there is
)

var storageNames = map[Storage]string{Float32: "float32", Float16: "float16", Int8: "int8"}

// String returns the form's name, which ParseStorage reads.
func (s Storage) String() string {
	if name, ok := storageNames[s]; ok {
		return name
	}
	return "unknown storage"
}

// ParseStorage returns the form called name: float32, float16 or int8. Its error is
// KindInvalid.
func ParseStorage(name string) (Storage, error) {
	for s, n := range storageNames {
		if n == name {
			return s, nil
		}
	}
	return 0, rag.Errorf(rag.KindInvalid, "unknown storage %q; known are float32, float16, int8", name)
}

// size returns the bytes of a value beside the bytes for scanning.
func (s Storage) size() int64 {
	switch s {
	case Float32:
		return 4
	case Float16:
		return 2
	}
	return 0
}
