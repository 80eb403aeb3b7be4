// Package weightfile reads and writes the one file that holds a text encoder:
// the facts about the model, its vocabulary and its tensors.
//
// The layout, all numbers little-endian:
//
//	offset 0   magic "SRENCODE" (8 bytes)
//	offset 8   version, uint32 (1)
//	offset 12  length of the JSON header, uint32
//	offset 16  length of the whole file, uint64
//	offset 24  JSON header (Header), then zero bytes to a multiple of 64
//	...        tensors, each starting at a multiple of 64 from the file's start
//	end - 4    CRC-32C (Castagnoli) of every byte before it, uint32
//
// Tensors of bytes and 8-bit integers are used where they lie, so that a file
// that is part of the program costs no heap; small ones in 32-bit numbers are
// decoded into fresh slices, which asks no alignment of the program's memory, and
// the linear weights of a file in 32-bit floats lie in place where that is right
// by chance, which in a file read whole it is.
// The same header and tensors always give the same bytes.
package weightfile

import (
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"io"
	"math"
	"unsafe"

	"github.com/smartretriever/smartretriever/rag"
)

// Magic is what every weight file starts with.
const Magic = "SRENCODE"

const (
	version   = 1
	alignment = 64
	fixed     = 24 // bytes before the JSON header

	// maxHeader bounds the JSON header of a file, which comes from outside when
	// a user brings a model.
	maxHeader = 1 << 20
)

// Header describes a model.
type Header struct {
	Model     Model     `json:"model"`
	Tokenizer Tokenizer `json:"tokenizer"`
	Source    Source    `json:"source"`
	Tensors   []Tensor  `json:"tensors"` // set by Write
}

// Model is what the encoder must know to compute.
type Model struct {
	Name          string  `json:"name"`
	Architecture  string  `json:"architecture"` // "bert", also for XLM-R; "mpnet": with relative places
	Layers        int     `json:"layers"`
	Hidden        int     `json:"hidden"`
	Heads         int     `json:"heads"`
	Intermediate  int     `json:"intermediate"`
	Vocabulary    int     `json:"vocabulary"`
	MaxTokens     int     `json:"max_tokens"` // with the two special tokens
	Activation    string  `json:"activation"` // "gelu": the exact form, with the error function
	LayerNormEps  float64 `json:"layer_norm_eps"`
	Pooling       string  `json:"pooling"`   // "cls": the first token's vector; "mean": the mean of all tokens'
	Normalize     bool    `json:"normalize"` // to unit length
	QueryPrefix   string  `json:"query_prefix"`
	PassagePrefix string  `json:"passage_prefix"`
	Quantization  string  `json:"quantization"`
	Weights       string  `json:"weights,omitempty"`          // of linear layers and words: "" is int8; "float32"
	Head          string  `json:"head,omitempty"`             // "": vectors; "score": one number for a pair of texts
	PairEnds      int     `json:"pair_ends,omitempty"`        // end tokens between the texts of a pair; 0 is 1
	Buckets       int     `json:"relative_buckets,omitempty"` // of mpnet: rows of the tensor "attention.relative"
}

// Tokenizer holds what a tokenizer needs beside the vocabulary, a tensor named
// "vocabulary" with one entry a line in the order of ids.
type Tokenizer struct {
	Kind         string `json:"kind"` // "wordpiece" or "unigram"
	Lowercase    bool   `json:"lowercase"`
	MaxWordChars int    `json:"max_word_chars"` // longer words become the unknown token
	Prefix       string `json:"continuing_prefix"`
	Unknown      string `json:"unknown"`
	Start        string `json:"start"`
	End          string `json:"end"`
	Padding      string `json:"padding"`
	Mask         string `json:"mask"`

	Unigram *Unigram `json:"unigram,omitempty"`
}

// Unigram is what a tokenizer of that kind needs beside: its fields are those of
// unigram.Config, its scores and rules are the tensors "vocabulary.scores" and
// "vocabulary.rules".
type Unigram struct {
	Clusters   bool      `json:"clusters"`
	Joined     bool      `json:"joined"`
	Collapse   bool      `json:"collapse"`
	TrimLeft   bool      `json:"trim_left"`
	TrimRight  bool      `json:"trim_right"`
	SplitSpace bool      `json:"split_space"`
	Prefix     string    `json:"prefix"`
	Unmatched  []string  `json:"unmatched,omitempty"`
	Specials   []Special `json:"specials,omitempty"`
}

// Special is a token that a text may hold as it is written.
type Special struct {
	Text  string `json:"text"`
	Left  bool   `json:"left,omitempty"`
	Right bool   `json:"right,omitempty"`
}

// Source says where the weights come from and who may use them.
type Source struct {
	Licence string `json:"licence"`
	Author  string `json:"author"`
	Package string `json:"package"`
	File    string `json:"file"`
	SHA256  string `json:"sha256"` // of File
}

// Tensor is a named block of the file.
type Tensor struct {
	Name   string `json:"name"`
	Type   string `json:"type"` // "bytes", "int8", "int32", "float32"
	Shape  []int  `json:"shape"`
	Layout string `json:"layout,omitempty"` // "" is row-major
	Offset int64  `json:"offset"`
	Size   int64  `json:"size"` // bytes

	data []byte
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Bytes makes a tensor of raw bytes.
func Bytes(name string, data []byte) Tensor {
	return Tensor{Name: name, Type: "bytes", Shape: []int{len(data)}, data: data}
}

// Int8 makes a tensor of signed bytes.
func Int8(name, layout string, shape []int, data []int8) Tensor {
	raw := make([]byte, len(data))
	for i, v := range data {
		raw[i] = byte(v)
	}
	return Tensor{Name: name, Type: "int8", Shape: shape, Layout: layout, data: raw}
}

// Int32 makes a vector of 32-bit integers.
func Int32(name string, data []int32) Tensor {
	raw := make([]byte, 0, 4*len(data))
	for _, v := range data {
		raw = binary.LittleEndian.AppendUint32(raw, uint32(v))
	}
	return Tensor{Name: name, Type: "int32", Shape: []int{len(data)}, data: raw}
}

// Float32 makes a tensor of 32-bit floats. data must not change until it is
// written: where the processor stores numbers as the file does, it is not copied.
func Float32(name string, shape []int, data []float32) Tensor {
	return Tensor{Name: name, Type: "float32", Shape: shape, data: bytesOf(data)}
}

// PackedFloat32 makes a tensor of 32-bit floats that lie in the given layout.
// What Float32 says of data holds here, too.
func PackedFloat32(name, layout string, shape []int, data []float32) Tensor {
	return Tensor{Name: name, Type: "float32", Shape: shape, Layout: layout, data: bytesOf(data)}
}

// littleEndian is whether numbers in memory have the bytes of those in the file.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// bytesOf returns floats as the file has them.
func bytesOf(data []float32) []byte {
	if littleEndian {
		return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(data))), 4*len(data))
	}
	raw := make([]byte, 0, 4*len(data))
	for _, v := range data {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return raw
}

// floatsOf returns the floats of the file's bytes, in place where the processor
// can read them there.
func floatsOf(raw []byte) []float32 {
	at := unsafe.Pointer(unsafe.SliceData(raw))
	if littleEndian && uintptr(at)%unsafe.Alignof(float32(0)) == 0 {
		return unsafe.Slice((*float32)(at), len(raw)/4)
	}
	out := make([]float32, len(raw)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return out
}

// Write writes a file of the given header and tensors. Tensors of h are
// replaced by the given ones, in their order.
func Write(w io.Writer, h Header, tensors []Tensor) error {
	h.Tensors = make([]Tensor, len(tensors))
	for i, t := range tensors {
		t.Size = int64(len(t.data))
		h.Tensors[i] = t
	}
	// Offsets are printed in the header whose length they depend on: lay out
	// again until the length stays, two or three rounds.
	var head []byte
	for {
		end := place(h.Tensors, int64(fixed+len(head)))
		next, err := json.Marshal(h)
		if err != nil {
			return rag.Wrap(rag.KindInternal, err, "encode the header of a weight file")
		}
		if len(next) == len(head) {
			return write(w, next, h.Tensors, end+4)
		}
		head = next
	}
}

// place gives the tensors their offsets and returns the end of the last.
func place(tensors []Tensor, at int64) int64 {
	for i := range tensors {
		at = (at + alignment - 1) / alignment * alignment
		tensors[i].Offset = at
		at += tensors[i].Size
	}
	return at
}

func write(w io.Writer, head []byte, tensors []Tensor, total int64) error {
	crc := crc32.New(castagnoli)
	out := &counter{w: io.MultiWriter(w, crc)}
	start := make([]byte, 0, fixed)
	start = append(start, Magic...)
	start = binary.LittleEndian.AppendUint32(start, version)
	start = binary.LittleEndian.AppendUint32(start, uint32(len(head)))
	start = binary.LittleEndian.AppendUint64(start, uint64(total))
	out.write(start)
	out.write(head)
	for _, t := range tensors {
		out.write(make([]byte, t.Offset-out.n))
		out.write(t.data)
	}
	if out.err == nil {
		_, out.err = w.Write(binary.LittleEndian.AppendUint32(nil, crc.Sum32()))
	}
	return rag.Wrap(rag.KindUnavailable, out.err, "write a weight file")
}

// counter writes until the first error and knows how far it came.
type counter struct {
	w   io.Writer
	n   int64
	err error
}

func (c *counter) write(p []byte) {
	if c.err == nil {
		_, c.err = c.w.Write(p)
		c.n += int64(len(p))
	}
}

// File is an opened weight file. It refers to the bytes given to Parse, which
// must not change while it is in use. Goroutine-safe.
type File struct {
	Header
	data   []byte
	byName map[string]Tensor
}

// Parse checks data (Magic, version, lengths, checksum, bounds of every tensor)
// and opens it. A damaged or foreign file is KindInvalid.
func Parse(data []byte) (*File, error) {
	if len(data) < fixed+4 || string(data[:8]) != Magic {
		return nil, rag.Errorf(rag.KindInvalid, "not a weight file: it does not start with %q", Magic)
	}
	if v := binary.LittleEndian.Uint32(data[8:]); v != version {
		return nil, rag.Errorf(rag.KindInvalid, "weight file has version %d; this program reads version %d", v, version)
	}
	if total := binary.LittleEndian.Uint64(data[16:]); total != uint64(len(data)) {
		return nil, rag.Errorf(rag.KindInvalid, "weight file has %d bytes where its header says %d: it is cut off or was changed", len(data), total)
	}
	end := len(data) - 4
	if got, want := crc32.Checksum(data[:end], castagnoli), binary.LittleEndian.Uint32(data[end:]); got != want {
		return nil, rag.Errorf(rag.KindInvalid, "weight file is damaged: checksum %08x instead of %08x", got, want)
	}
	n := int64(binary.LittleEndian.Uint32(data[12:]))
	if n > maxHeader || fixed+n > int64(end) {
		return nil, rag.Errorf(rag.KindInvalid, "weight file has a header of %d bytes; at most %d are read", n, maxHeader)
	}
	f := &File{data: data}
	if err := json.Unmarshal(data[fixed:fixed+n], &f.Header); err != nil {
		return nil, rag.Wrap(rag.KindInvalid, err, "read the header of a weight file")
	}
	f.byName = make(map[string]Tensor, len(f.Tensors))
	for _, t := range f.Tensors {
		if err := t.check(fixed+n, int64(end)); err != nil {
			return nil, err
		}
		if _, twice := f.byName[t.Name]; twice {
			return nil, rag.Errorf(rag.KindInvalid, "weight file holds tensor %q twice", t.Name)
		}
		f.byName[t.Name] = t
	}
	return f, nil
}

var widths = map[string]int64{"bytes": 1, "int8": 1, "int32": 4, "float32": 4}

// check holds the tensor to its bounds and its shape to its size.
func (t Tensor) check(from, to int64) error {
	size, known := widths[t.Type]
	if !known {
		return rag.Errorf(rag.KindInvalid, "tensor %q has the unknown type %q", t.Name, t.Type)
	}
	for _, d := range t.Shape {
		if d < 0 || (d > 0 && size > math.MaxInt32*int64(widths[t.Type])/int64(d)) {
			return rag.Errorf(rag.KindInvalid, "tensor %q has an impossible shape %v", t.Name, t.Shape)
		}
		size *= int64(d)
	}
	if size != t.Size {
		return rag.Errorf(rag.KindInvalid, "tensor %q of shape %v has %d bytes instead of %d", t.Name, t.Shape, t.Size, size)
	}
	if t.Offset < from || t.Size < 0 || t.Offset > to-t.Size {
		return rag.Errorf(rag.KindInvalid, "tensor %q lies outside the file", t.Name)
	}
	return nil
}

// find returns a tensor's bytes, held to a type and a number of elements.
func (f *File) find(name, kind string, elements int) ([]byte, error) {
	t, ok := f.byName[name]
	if !ok {
		return nil, rag.Errorf(rag.KindInvalid, "weight file lacks tensor %q", name)
	}
	if t.Type != kind || (elements >= 0 && t.Size != int64(elements)*widths[kind]) {
		return nil, rag.Errorf(rag.KindInvalid, "tensor %q is %s of %d bytes; %s of %d elements is needed", name, t.Type, t.Size, kind, elements)
	}
	return f.data[t.Offset : t.Offset+t.Size : t.Offset+t.Size], nil
}

// Bytes returns a tensor of raw bytes, in place.
func (f *File) Bytes(name string) ([]byte, error) { return f.find(name, "bytes", -1) }

// Int8 returns a tensor of the given layout and number of elements, in place: it
// must not be written to.
func (f *File) Int8(name, layout string, elements int) ([]int8, error) {
	raw, err := f.find(name, "int8", elements)
	if err != nil {
		return nil, err
	}
	if got := f.byName[name].Layout; got != layout {
		return nil, rag.Errorf(rag.KindInvalid, "tensor %q has layout %q; %q is needed", name, got, layout)
	}
	return unsafe.Slice((*int8)(unsafe.Pointer(unsafe.SliceData(raw))), len(raw)), nil
}

// PackedFloat32 returns a tensor of the given layout and number of elements, in
// place where the processor can read it there: it must not be written to.
func (f *File) PackedFloat32(name, layout string, elements int) ([]float32, error) {
	raw, err := f.find(name, "float32", elements)
	if err != nil {
		return nil, err
	}
	if got := f.byName[name].Layout; got != layout {
		return nil, rag.Errorf(rag.KindInvalid, "tensor %q has layout %q; %q is needed", name, got, layout)
	}
	return floatsOf(raw), nil
}

// Int32 returns a copy of a tensor.
func (f *File) Int32(name string, elements int) ([]int32, error) {
	raw, err := f.find(name, "int32", elements)
	if err != nil {
		return nil, err
	}
	out := make([]int32, elements)
	for i := range out {
		out[i] = int32(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return out, nil
}

// Float32 returns a copy of a tensor.
func (f *File) Float32(name string, elements int) ([]float32, error) {
	raw, err := f.find(name, "float32", elements)
	if err != nil {
		return nil, err
	}
	out := make([]float32, elements)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return out, nil
}
