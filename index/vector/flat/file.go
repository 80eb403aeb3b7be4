package flat

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/rag"
)

// Save writes the given rows in their order, as rows 0, 1, ...: first the set of
// those that hold a vector (64 rows to a little-endian word), then their vectors
// (little-endian float32).
func (ix *Index) Save(w io.Writer, rows []uint32) error {
	var set index.Bitmap
	set = set.Reset(len(rows))
	for i, row := range rows {
		if ix.set.Has(row) {
			set.Set(uint32(i))
		}
	}
	buf := make([]byte, 0, max(ix.dims*4, 8))
	for _, word := range set {
		if _, err := w.Write(binary.LittleEndian.AppendUint64(buf[:0], word)); err != nil {
			return err
		}
	}
	for _, row := range rows {
		if !ix.set.Has(row) {
			continue
		}
		buf = buf[:0]
		for _, x := range ix.row(row) {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(x))
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
	}
	return nil
}

// Load reads what Save wrote for rows of these ids. It reads no further than the
// last vector.
func Load(r io.Reader, dims int, ids []rag.ChunkID) (*Index, error) {
	ix := New(dims)
	ix.ids = append(ix.ids, ids...)
	ix.set = ix.set.Reset(len(ids))
	buf := make([]byte, blockRows*dims*4)
	for i := range ix.set {
		if _, err := io.ReadFull(r, buf[:8]); err != nil {
			return nil, fmt.Errorf("set of vectors: %w", err)
		}
		ix.set[i] = binary.LittleEndian.Uint64(buf)
	}
	if extra := len(ids) % 64; extra != 0 && ix.set[len(ix.set)-1]>>extra != 0 {
		return nil, fmt.Errorf("vectors beyond the last of %d rows", len(ids))
	}
	ix.count = ix.set.Count()
	ix.blocks = make([][]float32, len(ix.set))
	for b, word := range ix.set {
		if word == 0 {
			continue
		}
		ix.blocks[b] = make([]float32, blockRows*dims)
		ix.held++
		if err := ix.loadBlock(r, b, buf); err != nil {
			return nil, fmt.Errorf("vectors of rows from %d on: %w", b*blockRows, err)
		}
	}
	return ix, nil
}

func (ix *Index) loadBlock(r io.Reader, b int, buf []byte) error {
	n := index.Bitmap(ix.set[b : b+1]).Count()
	data := buf[:n*ix.dims*4]
	if _, err := io.ReadFull(r, data); err != nil {
		return err
	}
	for i := range blockRows {
		if ix.set[b]>>i&1 == 0 {
			continue
		}
		v := ix.blocks[b][i*ix.dims : (i+1)*ix.dims]
		for j := range v {
			v[j] = math.Float32frombits(binary.LittleEndian.Uint32(data[j*4:]))
		}
		data = data[ix.dims*4:]
	}
	return nil
}
