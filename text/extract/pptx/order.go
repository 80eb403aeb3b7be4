package pptx

import (
	"cmp"
	"slices"
)

// maxCut is the most shapes whose places are looked at one by one; more are sorted by
// their upper left corners.
const maxCut = 300

// order returns shapes as one reads them. The file has them in the order in which
// they cover each other, which is usually the one in which they were made, and says
// nothing of rows and columns. Where all that hold text have a place, the slide is
// cut along the gaps that go through it, at the widest first: between columns if
// these stand further apart than the rows, and into rows otherwise. What no gap
// divides is read from the top, and from the left at the same height.
func order(shapes []*shape) []*shape {
	if len(shapes) < 2 {
		return shapes
	}
	var full []*shape
	for _, sh := range shapes {
		if sh.empty() {
			continue
		}
		if !sh.placed {
			return shapes
		}
		full = append(full, sh)
	}
	if len(full) > maxCut {
		slices.SortStableFunc(full, byCorner)
		return full
	}
	return cut(full)
}

// empty reports whether there is nothing to read in a shape.
func (sh *shape) empty() bool {
	if len(sh.frame) > 0 || sh.body.Text() != "" {
		return false
	}
	return !slices.ContainsFunc(sh.group, func(inner *shape) bool { return !inner.empty() })
}

// cut orders shapes by the gaps between them.
func cut(shapes []*shape) []*shape {
	if len(shapes) < 2 {
		return shapes
	}
	rows, between := split(shapes, func(b box) (int64, int64) { return b.y, b.h })
	columns, beside := split(shapes, func(b box) (int64, int64) { return b.x, b.w })
	pieces := rows
	if len(rows) < 2 || len(columns) > 1 && beside > between {
		pieces = columns
	}
	if len(pieces) < 2 {
		slices.SortStableFunc(shapes, byCorner)
		return shapes
	}
	var out []*shape
	for _, p := range pieces {
		out = append(out, cut(p)...)
	}
	return out
}

// split divides shapes at the gaps of one direction and returns the width of the
// widest. Frames are larger than the text in them and may overlap a little: a tenth
// at each end does not count.
func split(shapes []*shape, side func(box) (from, size int64)) (pieces [][]*shape, widest int64) {
	sorted := slices.Clone(shapes)
	slices.SortStableFunc(sorted, func(a, b *shape) int {
		x, _ := side(a.box)
		y, _ := side(b.box)
		return cmp.Compare(x, y)
	})
	var end int64
	for i, sh := range sorted {
		from, size := side(sh.box)
		margin := size / 10
		if i == 0 || from+margin >= end {
			if i > 0 {
				widest = max(widest, from+margin-end)
			}
			pieces = append(pieces, nil)
			end = from + size - margin
		}
		end = max(end, from+size-margin)
		pieces[len(pieces)-1] = append(pieces[len(pieces)-1], sh)
	}
	return pieces, widest
}

func byCorner(a, b *shape) int {
	if c := cmp.Compare(a.box.y, b.box.y); c != 0 {
		return c
	}
	return cmp.Compare(a.box.x, b.box.x)
}
