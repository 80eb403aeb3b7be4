package store

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/smartretriever/smartretriever/rag"
)

// The structure of a text is stored as bytes, about six a block where JSON takes
// eighty, and about fifteen with a box. The format, all numbers as varints
// (encoding/binary):
//
//	1 or 2             the format's number
//	kinds, then each   number of distinct kinds; length and bytes of each name
//	blocks, then each  index of the kind, level, page,
//	                   start minus the end of the block before (zigzag),
//	                   length, header end minus start plus 1 or 0 for none;
//	                   in format 2 also 0 for no box, or 1 and of the box
//	                   x0, y0, width and height in tenths of a point (zigzag)
//
// Format 1 is written where no block has a box.
const (
	blocksFormat      = 1
	boxedBlocksFormat = 2
)

// EncodeBlocks writes blocks as bytes. Spans are taken as they are: CheckPut has
// seen to it that they are in order.
func EncodeBlocks(blocks []rag.Block) []byte {
	kinds := map[rag.BlockKind]uint64{}
	var names []rag.BlockKind
	for _, b := range blocks {
		if _, known := kinds[b.Kind]; !known {
			kinds[b.Kind] = uint64(len(names))
			names = append(names, b.Kind)
		}
	}
	boxed := slices.ContainsFunc(blocks, func(b rag.Block) bool { return b.Box != rag.Box{} })
	out := []byte{blocksFormat}
	if boxed {
		out[0] = boxedBlocksFormat
	}
	out = binary.AppendUvarint(out, uint64(len(names)))
	for _, n := range names {
		out = binary.AppendUvarint(out, uint64(len(n)))
		out = append(out, n...)
	}
	out = binary.AppendUvarint(out, uint64(len(blocks)))
	end := 0
	for _, b := range blocks {
		out = binary.AppendUvarint(out, kinds[b.Kind])
		out = binary.AppendVarint(out, int64(b.Level))
		out = binary.AppendVarint(out, int64(b.Page))
		out = binary.AppendVarint(out, int64(b.Span.Start-end))
		out = binary.AppendVarint(out, int64(b.Span.Len()))
		header := int64(0)
		if b.HeaderEnd != 0 {
			header = int64(b.HeaderEnd-b.Span.Start) + 1
		}
		out = binary.AppendVarint(out, header)
		if boxed {
			out = appendBox(out, b.Box)
		}
		end = b.Span.End
	}
	return out
}

func appendBox(out []byte, b rag.Box) []byte {
	if b == (rag.Box{}) {
		return append(out, 0)
	}
	out = append(out, 1)
	x, y := tenths(b.X0), tenths(b.Y0)
	for _, n := range []int64{x, y, tenths(b.X1) - x, tenths(b.Y1) - y} {
		out = binary.AppendVarint(out, n)
	}
	return out
}

// maxTenths bounds places on a page, 419,430 points, so that tenths survive the
// way through a float32. A page of a PDF has 14,400 at most.
const maxTenths = 1 << 22

func tenths(points float32) int64 {
	t := math.Round(float64(points) * 10)
	if math.IsNaN(t) {
		return 0
	}
	return int64(min(max(t, -maxTenths), maxTenths))
}

// points is the inverse of tenths, and the same float for the same tenths.
func points(tenths int) float32 { return float32(tenths) / 10 }

// DecodeBlocks reads what EncodeBlocks wrote. Anything else is KindInternal.
func DecodeBlocks(data []byte) ([]rag.Block, error) {
	r := blockReader{data: data}
	format := r.uint()
	if format != blocksFormat && format != boxedBlocksFormat {
		return nil, rag.Errorf(rag.KindInternal, "the stored structure of a text has format %d; this version reads up to %d", format, boxedBlocksFormat)
	}
	names := make([]rag.BlockKind, r.count())
	for i := range names {
		names[i] = rag.BlockKind(r.bytes())
	}
	n := r.count()
	if n == 0 && !r.bad {
		return nil, nil
	}
	blocks := make([]rag.Block, n)
	end := 0
	for i := range blocks {
		kind := r.uint()
		if kind >= uint64(len(names)) {
			r.bad = true
		}
		if r.bad {
			break
		}
		b := &blocks[i]
		b.Kind = names[kind]
		b.Level, b.Page = r.int(), r.int()
		b.Span.Start = end + r.int()
		b.Span.End = b.Span.Start + r.int()
		if header := r.int(); header != 0 {
			b.HeaderEnd = b.Span.Start + header - 1
		}
		if format == boxedBlocksFormat {
			b.Box = r.box()
		}
		end = b.Span.End
	}
	if r.bad || len(r.data) > 0 {
		return nil, rag.Errorf(rag.KindInternal, "the stored structure of a text is damaged")
	}
	return blocks, nil
}

// blockReader takes numbers off the front of data. After the first fault it
// answers zero and stays bad.
type blockReader struct {
	data []byte
	bad  bool
}

func (r *blockReader) uint() uint64 {
	v, n := binary.Uvarint(r.data)
	return uint64(took(r, v, n))
}

func (r *blockReader) int() int {
	v, n := binary.Varint(r.data)
	return int(took(r, v, n))
}

func (r *blockReader) box() rag.Box {
	switch r.uint() {
	case 0:
		return rag.Box{}
	case 1:
	default:
		r.bad = true
	}
	x, y, width, height := r.int(), r.int(), r.int(), r.int()
	for _, n := range []int{x, y, x + width, y + height} {
		r.bad = r.bad || n < -maxTenths || n > maxTenths
	}
	return rag.Box{X0: points(x), Y0: points(y), X1: points(x + width), Y1: points(y + height)}
}

func took[T int64 | uint64](r *blockReader, v T, n int) T {
	if r.bad || n <= 0 {
		r.bad = true
		return 0
	}
	r.data = r.data[n:]
	return v
}

// count reads how many items follow. Each takes at least a byte, so that a
// damaged number cannot ask for more memory than the data's own size.
func (r *blockReader) count() int {
	n := r.uint()
	if n > uint64(len(r.data)) {
		r.bad = true
		return 0
	}
	return int(n)
}

func (r *blockReader) bytes() []byte {
	n := r.count()
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}
