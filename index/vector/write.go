package vector

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/smartretriever/smartretriever/index/kernel"
	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/rag"
)

// Params say how vectors are written.
type Params struct {
	Metric  Metric
	Storage Storage
	Rows    int // of the segment: more than the row of the last vector
	// Scan says that the vectors are to be searched by scanning them all. Where it pays, the section
	// then has a coarse plane: half a byte a dimension, and 8 bytes a vector.
	Scan bool
}

// Write writes the section of src's vectors to w. order has the number of the vector
// in each slot, every vector once; nil keeps them in the order of their rows.
//
// Apart from src it takes about 30 bytes a row of memory. Every vector is read twice,
// for a coarse plane three times, and those of a sample up to five times. A vector that has no place in the section (a length far
// from 1 for the cosine, a value that is not finite or too large for float16) and an
// order that is none are KindInvalid; other errors are those of w.
func Write(w io.Writer, src Source, order []uint32, p Params) error {
	e, err := newWriter(w, src, order, p)
	if err != nil {
		return err
	}
	for _, part := range []func() error{e.header, e.places, e.codes, e.bounds, e.fine, e.coarse} {
		if err := part(); err != nil {
			return fmt.Errorf("write vector section: %w", err)
		}
	}
	return nil
}

// Size returns the number of bytes that Write writes for n vectors.
func Size(n, dims int, p Params) int64 {
	return p.header(n, dims).layout().size
}

// header is what is known before the vectors were looked at.
func (p Params) header(n, dims int) header {
	return header{
		metric: p.Metric, storage: p.Storage, dims: dims, n: n, rows: p.Rows,
		coarse: p.Scan && dims >= coarseDims && n >= coarseRows,
	}
}

// writer writes the parts of a section in their order.
type writer struct {
	h       header
	w       io.Writer
	written int64
	src     Source
	order   []uint32
	came    []float32 // room for a vector as it came
	finer   []float32 // room for its finest form
	code8   []uint8
	half    []uint16

	norms, errs, maxBias []float32 // of blocks, and of all of them
	slotBounds           []float32
	biases               []float32
}

func newWriter(w io.Writer, src Source, order []uint32, p Params) (*writer, error) {
	n, dims := src.Len(), src.Dims()
	switch {
	case metricNames[p.Metric] == "" || storageNames[p.Storage] == "":
		return nil, rag.Errorf(rag.KindInvalid, "vector section: metric %d, storage %d", p.Metric, p.Storage)
	case dims < 1 || dims > MaxDims:
		return nil, rag.Errorf(rag.KindInvalid, "vectors of %d dimensions; 1 to %d are possible", dims, MaxDims)
	case n > p.Rows || uint64(p.Rows) >= uint64(NoRow):
		return nil, rag.Errorf(rag.KindInvalid, "%d vectors for %d rows", n, p.Rows)
	case order != nil && len(order) != n:
		return nil, rag.Errorf(rag.KindInvalid, "an order of %d places for %d vectors", len(order), n)
	}
	return &writer{
		h:     p.header(n, dims),
		w:     w,
		src:   src,
		order: order,
		came:  make([]float32, dims),
		finer: make([]float32, dims),
		code8: make([]uint8, dims),
		half:  make([]uint16, dims),
	}, nil
}

// number returns the number of the vector in a slot.
func (e *writer) number(slot int) int {
	if e.order == nil {
		return slot
	}
	return int(e.order[slot])
}

func (e *writer) header() error {
	e.h.scale = e.scale()
	return e.part(e.h.append(nil))
}

func (e *writer) scale() float32 {
	if e.h.storage != Int8 {
		return ChooseScale(e.src)
	}
	if s, ok := e.src.(scaled); ok {
		if scale, ok := s.byteScale(); ok {
			return scale // the bytes stay the same
		}
	}
	return onGrid(ChooseScale(e.src))
}

// places writes the rows of the slots and, the other way round, the slots of the rows.
func (e *writer) places() error {
	n, rows := e.h.n, e.h.rows
	slotRow := make([]uint32, n)
	rowSlot := make([]uint32, rows)
	for row := range rowSlot {
		rowSlot[row] = NoRow
	}
	for slot := range slotRow {
		i := e.number(slot)
		if i >= n {
			return rag.Errorf(rag.KindInvalid, "vector %d of %d in the order", i, n)
		}
		row := e.src.Row(i)
		if uint64(row) >= uint64(rows) || rowSlot[row] != NoRow {
			return rag.Errorf(rag.KindInvalid, "row %d of %d is outside, or has two vectors", row, rows)
		}
		slotRow[slot], rowSlot[row] = row, uint32(slot)
	}
	return errors.Join(e.part(section.Bytes(slotRow)), e.part(section.Bytes(rowSlot)))
}

// codes writes the byte plane and gathers bounds and biases on the way.
func (e *writer) codes() error {
	h := e.h
	size := stride(h.dims)
	out := bytes.Repeat([]byte{128}, boundRows*size) // what lies beyond the dimensions stands for 0
	e.norms = make([]float32, h.blocks()+1)
	e.errs = make([]float32, h.blocks()+1)
	if h.metric != Cosine {
		e.slotBounds = make([]float32, 0, 2*h.n)
	}
	if h.metric == L2 {
		e.maxBias = make([]float32, h.blocks()+1)
		for b := range e.maxBias {
			e.maxBias[b] = float32(math.Inf(-1))
		}
		e.biases = make([]float32, h.n)
	}
	for first := 0; first < h.n; first += boundRows {
		rows := min(boundRows, h.n-first)
		for i := range rows {
			if err := e.code(out[i*size:][:size], first+i); err != nil {
				return err
			}
		}
		if err := e.write(out[:rows*size]); err != nil {
			return err
		}
	}
	return e.pad()
}

// code writes the bytes of a slot to dst.
func (e *writer) code(dst []uint8, slot int) error {
	v, err := e.finest(slot)
	if err != nil {
		return err
	}
	near, lost := quantise(dst, v, e.h.scale)
	e.raise(e.norms, slot, up32(near))
	e.raise(e.errs, slot, up32(lost))
	if e.h.metric != Cosine {
		e.slotBounds = append(e.slotBounds, up32(near), up32(lost))
	}
	if e.biases != nil {
		length := norm(v)
		bias := float32(-length * length / 2)
		e.biases[slot] = bias
		e.raise(e.maxBias, slot, bias)
	}
	return nil
}

// raise raises the bound of a slot's block, and that of all blocks, to x.
func (e *writer) raise(of []float32, slot int, x float32) {
	for _, b := range []int{slot / boundRows, e.h.blocks()} {
		of[b] = max(of[b], x)
	}
}

// finest returns the vector of a slot as a Set will return it.
func (e *writer) finest(slot int) ([]float32, error) {
	h := e.h
	v := e.src.Vector(e.number(slot), e.came)
	if len(v) != h.dims {
		return nil, rag.Errorf(rag.KindInvalid, "vector %d has %d dimensions, want %d", e.number(slot), len(v), h.dims)
	}
	switch h.storage {
	case Float16:
		kernel.ToF16(e.half, v)
		kernel.FromF16(e.finer, e.half)
		v = e.finer
	case Int8:
		code := e.code8[:h.dims]
		quantise(code, v, h.scale)
		decode(e.finer, code, h.scale)
		v = e.finer
	}
	return v, e.check(slot, v)
}

func (e *writer) check(slot int, v []float32) error {
	length := norm(v)
	switch h := e.h; {
	case length-length != 0:
		return rag.Errorf(rag.KindInvalid, "vector %d has values that are not finite, or too large for %v", e.number(slot), h.storage)
	case h.metric == Cosine && (length < .5 || length > 1.5):
		return rag.Errorf(rag.KindInvalid, "vector %d has length %v, want 1", e.number(slot), length)
	case length > 2*maxNorm:
		return rag.Errorf(rag.KindInvalid, "vector %d has length %v", e.number(slot), length)
	}
	return nil
}

// bounds writes the bounds of blocks and the biases.
func (e *writer) bounds() error {
	err := errors.Join(e.part(section.Bytes(e.norms)), e.part(section.Bytes(e.errs)))
	if e.h.metric != Cosine {
		err = errors.Join(err, e.part(section.Bytes(e.slotBounds)))
	}
	if e.h.metric == L2 {
		err = errors.Join(err, e.part(section.Bytes(e.maxBias)), e.part(section.Bytes(e.biases)))
	}
	return err
}

// fine writes the plane of the finest form, if that is not the byte plane.
func (e *writer) fine() error {
	for slot := range e.h.n {
		var err error
		switch v := e.src.Vector(e.number(slot), e.came); e.h.storage {
		case Float32:
			err = e.write(section.Bytes(v))
		case Float16:
			kernel.ToF16(e.half, v)
			err = e.write(section.Bytes(e.half))
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
	return e.pad()
}

// part writes a whole part.
func (e *writer) part(b []byte) error {
	if err := e.write(b); err != nil {
		return err
	}
	return e.pad()
}

func (e *writer) write(b []byte) error {
	n, err := e.w.Write(b)
	e.written += int64(n)
	return err
}

// pad fills up to where the next part begins.
func (e *writer) pad() error {
	var zeros [section.Align]byte
	return e.write(zeros[:section.Pad(e.written)])
}
