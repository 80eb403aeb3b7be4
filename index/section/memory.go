package section

import "unsafe"

// Align is what every section, and every part of one that is read as numbers, begins at a multiple of.
const Align = 64

// Slack is the number of bytes that can be read after the end of every section.
const Slack = 256

// Alloc returns n zero bytes that begin at a multiple of Align and have Slack bytes of capacity after them.
func Alloc(n int) []byte {
	b := make([]byte, n+Slack+Align)
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(b))) & (Align - 1))
	return b[skip : skip+n : skip+n+Slack]
}

// Usable returns data, or a copy of it where data is not aligned or has no slack.
func Usable(data []byte) []byte {
	if uintptr(unsafe.Pointer(unsafe.SliceData(data)))&(Align-1) == 0 && cap(data)-len(data) >= Slack {
		return data
	}
	c := Alloc(len(data))
	copy(c, data)
	return c
}

// Pad returns the number of bytes from n to the next multiple of Align.
func Pad[N int | int64 | uint64](n N) N { return -n & (Align - 1) }

// Number is what View can look at memory as.
type Number interface {
	~int8 | ~uint8 | ~int16 | ~uint16 | ~int32 | ~uint32 | ~int64 | ~uint64 | ~float32 | ~float64
}

// View returns data, whose length is a multiple of T's size and which is aligned for T, as numbers of the machine's own
// order. It panics otherwise.
func View[T Number](data []byte) []T {
	var t T
	size := int(unsafe.Sizeof(t))
	p := unsafe.Pointer(unsafe.SliceData(data))
	if len(data)%size != 0 || uintptr(p)%unsafe.Alignof(t) != 0 {
		panic("section: the bytes are not aligned for numbers")
	}
	if len(data) == 0 {
		return nil
	}
	return unsafe.Slice((*T)(p), len(data)/size)
}

// Bytes returns the memory of numbers.
func Bytes[T Number](v []T) []byte {
	var t T
	if len(v) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v)*int(unsafe.Sizeof(t)))
}
