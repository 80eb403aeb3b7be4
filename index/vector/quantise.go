package vector

import "math"

// The scale of the byte plane is chosen from the values of up to sampleRows vectors,
// which are counted in clipBins bins.
const (
	sampleRows = 1 << 14
	clipBins   = 2048
)

// ChooseScale returns the scale of bytes for the vectors of src: the one at which the
// squared errors of the values of a sample are least. The larger the scale, the more is
// lost by rounding, the smaller, the more is cut off at its ends.
func ChooseScale(src Source) float32 {
	n, buf := src.Len(), make([]float32, src.Dims())
	step := max(1, n/sampleRows)
	var largest float32
	for i := 0; i < n; i += step {
		for _, x := range src.Vector(i, buf) {
			largest = max(largest, x, -x)
		}
	}
	if largest == 0 || largest-largest != 0 {
		return 1 // of zeros nothing is lost; what is not a number is refused later
	}
	var counts [clipBins]float64
	width := float64(largest) / clipBins
	for i := 0; i < n; i += step {
		for _, x := range src.Vector(i, buf) {
			counts[min(int(math.Abs(float64(x))/width), clipBins-1)]++
		}
	}
	return max(float32(bestClip(&counts, width)/127), math.SmallestNonzeroFloat32)
}

// bestClip returns the absolute value at which to cut off, given how many values are
// in each bin.
func bestClip(counts *[clipBins]float64, width float64) float64 {
	var total, below float64
	for _, c := range counts {
		total += c
	}
	best, clip := math.Inf(1), 0.
	// Above, from the largest bin down: the number of values cut off, the sum of what
	// is cut off of them, and that of its squares.
	var above, sum, squares float64
	for b := clipBins; b > clipBins/64; b-- {
		below = total - above
		end := float64(b) * width
		if cost := below*end*end/(127*127*12) + squares; cost < best {
			best, clip = cost, end
		}
		// To cut off at b-1: all that is above loses width more, the bin's own values half of it.
		squares += 2*width*sum + above*width*width
		sum += above * width
		c := counts[b-1]
		above += c
		sum += c * width / 2
		squares += c * width * width / 4
	}
	return clip
}

// onGrid rounds a scale up to a power of the fourth root of two. Segments of vectors of
// the same kind so have the same scale, or one of a few, and merging them leaves bytes
// as they are.
func onGrid(scale float32) float32 {
	return float32(math.Exp2(math.Ceil(math.Log2(float64(scale))*4-1e-6) / 4))
}

// Encode writes the bytes of v at a scale to code, which is at least as long: what
// Set.Codes describes.
func Encode(code []uint8, v []float32, scale float32) { quantise(code, v, scale) }

// quantise writes the bytes of v to code and returns upper bounds of |x^|, the norm of
// what they stand for, and of |v - x^|.
func quantise(code []uint8, v []float32, scale float32) (norm, err float64) {
	inverse := 1 / float64(scale)
	for j, x := range v {
		c := max(-127, min(127, round(float64(x)*inverse)))
		code[j] = uint8(int32(c) + 128)
		near := float64(scale) * c
		norm += near * near
		lost := float64(x) - near
		err += lost * lost
	}
	return math.Sqrt(norm) * roundUp, math.Sqrt(err) * roundUp
}

// decode writes what bytes stand for to dst.
func decode(dst []float32, code []uint8, scale float32) {
	code = code[:len(dst)]
	for i, b := range code {
		dst[i] = scale * float32(int32(b)-128)
	}
}

// round rounds x, of an absolute value up to 2^51, to the nearest whole number; larger
// ones to something as large.
func round(x float64) float64 {
	const big = 3 << 51
	return float64(x+big) - big
}

// up32 returns the least float32 that is not below x.
func up32(x float64) float32 {
	f := float32(x)
	if float64(f) < x {
		f = math.Nextafter32(f, float32(math.Inf(1)))
	}
	return f
}
