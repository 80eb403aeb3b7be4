package kernel

import (
	"fmt"
	"math"
	"testing"
)

func TestF16(t *testing.T) {
	const rows = 7
	eachVersion(t, func(t *testing.T) {
		for dims := range mostDims + 1 {
			t.Run("", func(t *testing.T) {
				rng := newRand()
				floats := random(rng, rows*dims)
				plainToF16(make([]uint16, len(floats)), floats)
				halves := make([]uint16, len(floats))
				plainToF16(halves, floats)
				plainFromF16(floats, halves)
				q, data := placed(t, dims, random(rng, dims)), placed(t, dims, halves)
				at := placed(t, dims, append(randomAt(rng, 9, rows), rows-1, 0))
				dst, unharmed := results[float32](t, rows, 42)
				DotF16Rows(dst, q, data)
				unharmed("rows")
				for r := range rows {
					want, size := exactDot(q, floats[r*dims:(r+1)*dims])
					close(t, fmt.Sprintf("%d dimensions, row %d", dims, r), dst[r], want, size)
				}
				for n := range len(at) + 1 {
					gathered, unharmed := results[float32](t, n, 42)
					DotF16Gather(gathered, q, data, at[len(at)-n:])
					unharmed("gathered")
					for i, got := range gathered {
						if want := dst[at[len(at)-n+i]]; got != want {
							t.Fatalf("%d dimensions, %d gathered: %v instead of %v", dims, n, got, want)
						}
					}
				}
			})
		}
	})
}

// TestF16OfASpecialRow: an infinite element makes its own row infinite and no other, even
// where an element is loaded twice to be used once.
func TestF16OfASpecialRow(t *testing.T) {
	eachVersion(t, func(t *testing.T) {
		for dims := 1; dims <= 80; dims++ {
			for place := range dims {
				q, data := make([]float32, dims), make([]uint16, 5*dims)
				for i := range q {
					q[i] = 1
				}
				for special := range 5 {
					data[special*dims+place] = 0x7c00
					dst, gathered := make([]float32, 5), make([]float32, 5)
					DotF16Rows(dst, q, data)
					DotF16Gather(gathered, q, data, []uint32{0, 1, 2, 3, 4})
					for r, got := range dst {
						if want := r == special; math.IsInf(float64(got), 1) != want || !want && got != 0 || gathered[r] != got {
							t.Fatalf("%d dimensions, infinity at %d of row %d: row %d is %v, gathered %v", dims, place, special, r, got, gathered[r])
						}
					}
					data[special*dims+place] = 0
				}
			}
		}
	})
}

// TestHalfIsTheNearest compares the plain conversion with the definition: of all
// half floats, the nearest; of two, the even one.
func TestHalfIsTheNearest(t *testing.T) {
	check := func(f float32, want uint16) {
		t.Helper()
		if got := toHalf(f); got != want {
			t.Fatalf("%g (%#x) becomes %#x instead of %#x", f, math.Float32bits(f), got, want)
		}
		if got := toHalf(-f); got != want|0x8000 {
			t.Fatalf("%g becomes %#x instead of %#x", -f, got, want|0x8000)
		}
	}
	for h := uint16(0); h < 0x7c00; h++ {
		f, next := float64(fromHalf(h)), float64(fromHalf(h+1))
		if h == 0x7bff {
			next = 65536 // where the next one would be, were it not infinity
		}
		middle := (f + next) / 2 // exact in float32
		even := h + h&1
		check(float32(f), h)
		check(float32(middle), even)
		check(math.Nextafter32(float32(middle), 0), h)
		check(math.Nextafter32(float32(middle), 1e6), h+1)
	}
	check(float32(math.Inf(1)), 0x7c00)
	check(1e10, 0x7c00)
	check(1e-10, 0)
	check(math.SmallestNonzeroFloat32, 0)
}

func TestHalfValues(t *testing.T) {
	for h, want := range map[uint16]float64{
		0: 0, 1: math.Ldexp(1, -24), 0x3ff: math.Ldexp(1023, -24), 0x400: math.Ldexp(1, -14),
		0x3c00: 1, 0x3c01: 1 + 1./1024, 0x7bff: 65504, 0x7c00: math.Inf(1), 0xfc00: math.Inf(-1), 0xc000: -2,
	} {
		if got := float64(fromHalf(h)); got != want {
			t.Errorf("%#x is %v instead of %v", h, got, want)
		}
	}
	if f := fromHalf(0x8000); math.Float32bits(f) != 1<<31 {
		t.Errorf("minus zero is %v", f)
	}
}

// TestConversionsAreThePlainOnes goes through all half floats, and floats of all
// exponents and many fractions, with the same bits everywhere.
func TestConversionsAreThePlainOnes(t *testing.T) {
	halves := make([]uint16, 1<<16)
	for i := range halves {
		halves[i] = uint16(i)
	}
	rng := newRand()
	floats := make([]float32, 0, 1<<18)
	for range 1 << 16 {
		floats = append(floats, math.Float32frombits(rng.Uint32()))
	}
	for h := range 1 << 16 { // all half floats, and what lies about the middle of two
		bits := math.Float32bits(fromHalf(uint16(h)))
		floats = append(floats, math.Float32frombits(bits), math.Float32frombits(bits+0xfff), math.Float32frombits(bits+0x1000), math.Float32frombits(bits+0x1001))
	}
	eachVersion(t, func(t *testing.T) {
		wide, want := make([]float32, len(halves)), make([]float32, len(halves))
		FromF16(wide, halves)
		plainFromF16(want, halves)
		for i := range wide {
			if math.Float32bits(wide[i]) != math.Float32bits(want[i]) {
				t.Fatalf("%#x becomes %#x instead of %#x", i, math.Float32bits(wide[i]), math.Float32bits(want[i]))
			}
		}
		narrow := make([]uint16, len(floats))
		ToF16(narrow, floats)
		for i, f := range floats {
			if want := toHalf(f); narrow[i] != want {
				t.Fatalf("%#x becomes %#x instead of %#x", math.Float32bits(f), narrow[i], want)
			}
		}
		for n := range 70 {
			t.Run("", func(t *testing.T) {
				h, f := placed(t, n, halves[15000:15000+n]), placed(t, n, floats[:n])
				toF, toH := placed(t, n, make([]float32, n)), placed(t, n, make([]uint16, n))
				FromF16(toF, h)
				ToF16(toH, f)
				for i := range n {
					if toF[i] != fromHalf(h[i]) || toH[i] != toHalf(f[i]) {
						t.Fatalf("%d numbers: number %d is wrong", n, i)
					}
				}
				short, unharmed := results[uint16](t, n, 42)
				ToF16(short, f)
				unharmed("to float16")
				long, unharmedLong := results[float32](t, n, 42)
				FromF16(long, h)
				unharmedLong("from float16")
			})
		}
	})
}
