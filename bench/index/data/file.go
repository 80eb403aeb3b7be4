package data

import (
	"fmt"
	"os"
	"unsafe"
)

// number is what the files of the cache hold.
type number interface {
	~uint32 | ~uint64 | ~float32
}

// Map returns the numbers of a file, mapped where the system can. They are never
// given back: the program reads the same few files until it ends.
func Map[T number](path string) ([]T, error) {
	bytes, err := mapFile(path)
	if err != nil {
		return nil, err
	}
	size := int(unsafe.Sizeof(*new(T)))
	if len(bytes)%size != 0 {
		return nil, fmt.Errorf("%s: %d bytes are no whole numbers", path, len(bytes))
	}
	if len(bytes) == 0 {
		return nil, nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&bytes[0])), len(bytes)/size), nil
}

// write makes a file of numbers, in one step.
func write[T number](path string, values []T) error {
	temporary := path + ".tmp"
	if err := os.WriteFile(temporary, raw(values), 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

func raw[T number](values []T) []byte {
	if len(values) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&values[0])), len(values)*int(unsafe.Sizeof(values[0])))
}
