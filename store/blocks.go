package store

import (
	"encoding/binary"

	"github.com/smartretriever/smartretriever/rag"
)

// The structure of a text is stored as bytes, about six a block where JSON takes
// eighty. The format, all numbers as varints (encoding/binary):
//
//	1                  the format's number
//	kinds, then each   number of distinct kinds; length and bytes of each name
//	blocks, then each  index of the kind, level, page,
//	                   start minus the end of the block before (zigzag),
//	                   length, header end minus start plus 1 or 0 for none
const blocksFormat = 1

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
	out := []byte{blocksFormat}
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
		end = b.Span.End
	}
	return out
}

// DecodeBlocks reads what EncodeBlocks wrote. Anything else is KindInternal.
func DecodeBlocks(data []byte) ([]rag.Block, error) {
	r := blockReader{data: data}
	if format := r.uint(); format != blocksFormat {
		return nil, rag.Errorf(rag.KindInternal, "the stored structure of a text has format %d; this version reads %d", format, blocksFormat)
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
