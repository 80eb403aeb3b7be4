package vector

import (
	"errors"
	"math"

	"github.com/smartretriever/smartretriever/index/section"
)

// coarseWriter makes the coarse plane of a section.
type coarseWriter struct {
	centre, steps []float32
	length        float64 // |c|
	reach         float64 // of the values that the numbers have, from c
	blocks, slots []float32
	numbers       []uint8 // of a vector
}

// coarse writes the coarse plane, if there is to be one.
func (e *writer) coarse() error {
	if !e.h.coarse {
		return nil
	}
	c := e.newCoarse()
	if err := e.part(section.Bytes(append(c.centre, c.steps...))); err != nil {
		return err
	}
	out := make([]uint8, boundRows*len(c.numbers)/2)
	size := len(c.numbers) / 2
	for first := 0; first < e.h.n; first += boundRows {
		rows := min(boundRows, e.h.n-first)
		for i := range rows {
			v, err := e.finest(first + i)
			if err != nil {
				return err
			}
			c.number(first+i, v)
			pack(out[i*size:][:size], c.numbers)
		}
		if err := e.write(out[:rows*size]); err != nil {
			return err
		}
	}
	return errors.Join(e.pad(), e.part(section.Bytes(c.blocks)), e.part(section.Bytes(c.slots)))
}

// newCoarse finds the centre and the steps from a sample.
func (e *writer) newCoarse() *coarseWriter {
	dims, stride := e.h.dims, coarseStride(e.h.dims)
	sums, squares := make([]float64, dims), make([]float64, dims)
	count := 0.
	for i := 0; i < e.h.n; i += max(1, e.h.n/sampleRows) {
		for j, x := range e.src.Vector(i, e.came) {
			sums[j] += float64(x)
			squares[j] += float64(x) * float64(x)
		}
		count++
	}
	c := &coarseWriter{
		centre: make([]float32, stride, 2*stride), steps: make([]float32, stride),
		blocks: make([]float32, 3*(e.h.blocks()+1)), slots: make([]float32, 2*e.h.n),
		numbers: make([]uint8, stride),
	}
	for j := range dims {
		mean := sums[j] / count
		c.centre[j] = float32(mean)
		c.steps[j] = float32(coarseStep * math.Sqrt(max(0, squares[j]/count-mean*mean)))
	}
	c.length = norm(c.centre)
	c.reach = coarseMiddle * norm(c.steps)
	return c
}

// number finds the numbers of a slot's vector and takes note of its bounds.
func (c *coarseWriter) number(slot int, v []float32) {
	var lost, along, near float64
	for j, x := range v {
		centre, step := float64(c.centre[j]), float64(c.steps[j])
		p := 0.
		if step > 0 {
			p = max(0, min(15, round((float64(x)-centre)/step+coarseMiddle)))
			near += (p - coarseMiddle) * (p - coarseMiddle)
		}
		c.numbers[j] = uint8(p)
		e := float64(x) - (centre + step*(p-coarseMiddle))
		lost += e * e
		along += e * centre
	}
	// What is not exact: the values the numbers stand for, and the sums.
	rounding := (roundUp - 1) * (norm(v) + c.length + c.reach)
	err := math.Sqrt(lost)*roundUp + rounding
	along = math.Abs(along) + c.length*(rounding+err*(roundUp-1))
	bounds := [3]float32{up32(err), up32(along), up32(math.Sqrt(near) * roundUp)}
	copy(c.slots[2*slot:][:2], bounds[:])
	for _, b := range []int{slot / boundRows, len(c.blocks)/3 - 1} {
		for i, x := range bounds {
			c.blocks[3*b+i] = max(c.blocks[3*b+i], x)
		}
	}
}

// pack writes numbers as kernel.DotU4Rows wants them.
func pack(dst, numbers []uint8) {
	for i := range dst {
		low := i + i&^63
		dst[i] = numbers[low] | numbers[low+64]<<4
	}
}
