package kernel

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// codes are what a block is made of, one vector after the other.
type codes struct {
	code [][]uint8 // per vector: a number below 16 for each sub-quantiser
	f, b []float32
}

func randomCodes(rng *rand.Rand, vectors, quantisers int) codes {
	c := codes{f: random(rng, vectors), b: random(rng, vectors)}
	for range vectors {
		code := make([]uint8, quantisers)
		for m := range code {
			code[m] = uint8(rng.IntN(16))
		}
		c.code = append(c.code, code)
	}
	return c
}

// blocks lays codes out as LookupScan wants them. Empty places are filled up with
// codes, and the bias that keeps them from being selected.
func (c codes) blocks(chunks int) []byte {
	var out []byte
	for first := 0; first < len(c.code); first += LookupBlock {
		block := make([]byte, LookupBlockSize(chunks))
		for v := range LookupBlock {
			bias := math.Inf(-1)
			if first+v < len(c.code) {
				for m, code := range c.code[first+v] {
					block[m/4*64+v%16*4+m%4] |= code << (v / 16 * 4)
				}
				binary.LittleEndian.PutUint32(block[chunks*64+4*v:], math.Float32bits(c.f[first+v]))
				bias = float64(c.b[first+v])
			}
			binary.LittleEndian.PutUint32(block[chunks*64+128+4*v:], math.Float32bits(float32(bias)))
		}
		out = append(out, block...)
	}
	return out
}

// estimates follows the definition, without the layout.
func (c codes) estimates(luts []byte, scale, bias float32) []float32 {
	es := make([]float32, len(c.code))
	for v, code := range c.code {
		sum := 0
		for m, x := range code {
			sum += int(luts[16*m+int(x)])
		}
		e := float32(float32(sum) * scale)
		e = float32(e + bias)
		e = float32(e * c.f[v])
		es[v] = e + c.b[v]
	}
	return es
}

func TestLookupScan(t *testing.T) {
	eachVersion(t, func(t *testing.T) {
		for _, chunks := range []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 23, 24, 25, 48, 63, 64, 65, 96, 128, 129, 200} {
			for _, vectors := range []int{1, 15, 31, 32, 33, 64, 100, 160} {
				t.Run("", func(t *testing.T) { testLookupScan(t, chunks, vectors) })
			}
		}
	})
}

func testLookupScan(t *testing.T, chunks, vectors int) {
	const first = 1 << 20
	rng := rand.New(rand.NewPCG(uint64(chunks), uint64(vectors)))
	c := randomCodes(rng, vectors, 4*chunks)
	luts := randomBytes(rng, 64*chunks)
	if vectors%2 == 1 { // the greatest sums
		for i := range luts {
			luts[i] = 255
		}
	}
	scale, bias := float32(.01), float32(-1.5)*float32(chunks)
	es := c.estimates(luts, scale, bias)
	sorted := slices.Sorted(slices.Values(es))
	blocks := placed(t, chunks, c.blocks(chunks))
	luts = placed(t, vectors, luts)
	places := (vectors + LookupBlock - 1) / LookupBlock * LookupBlock
	for _, floor := range []float32{-math.MaxFloat32, sorted[0], sorted[len(sorted)/2], sorted[len(sorted)-1],
		math.Nextafter32(sorted[len(sorted)-1], math.MaxFloat32), float32(math.Inf(1)), float32(math.NaN())} {
		var want []uint32
		for v, e := range es {
			if e >= floor {
				want = append(want, first+uint32(v))
			}
		}
		dst := placed(t, 0, make([]uint32, places+LookupSlack)) // ends where memory does
		got := dst[:LookupScan(dst, blocks, luts, scale, bias, floor, first)]
		if !slices.Equal(got, want) {
			t.Fatalf("%d chunks, %d vectors, floor %v: got %v, want %v", chunks, vectors, floor, got, want)
		}
	}
}

// FuzzLookupScan has blocks and tables of any bytes, NaN among them: all versions
// select the same.
func FuzzLookupScan(f *testing.F) {
	rng := newRand()
	for _, chunks := range []int{1, 2, 8} { // short, for the fuzzer tries to shorten what it finds
		f.Add(randomBytes(rng, LookupBlockSize(chunks)), randomBytes(rng, 64*chunks), float32(rng.NormFloat64()), float32(0), float32(rng.NormFloat64()))
	}
	f.Add(slices.Repeat([]byte{0, 0, 0xc0, 0xff}, LookupBlockSize(1)/4), make([]byte, 64), float32(1), float32(1), float32(math.Inf(-1)))
	f.Fuzz(func(t *testing.T, blocks, luts []byte, scale, bias, floor float32) {
		luts = luts[:min(len(luts), 64*200)/64*64]
		size := LookupBlockSize(len(luts) / 64)
		blocks = blocks[:len(blocks)/size*size]
		dst := make([]uint32, len(blocks)/size*LookupBlock+LookupSlack)
		var want []uint32
		for _, v := range versions() {
			with(t, v)
			got := slices.Clone(dst[:LookupScan(dst, blocks, luts, scale, bias, floor, 7)])
			if v.name == "plain" {
				want = got
			} else if !slices.Equal(got, want) {
				t.Fatalf("%s: got %v, want %v", v.name, got, want)
			}
		}
	})
}

func ExampleLookupScan() {
	// One vector whose four codes are 1, 2, 3 and 4, beside 31 empty places.
	block := make([]byte, LookupBlockSize(1))
	copy(block, []byte{1, 2, 3, 4})
	factors, biases := block[64:], block[64+128:]
	binary.LittleEndian.PutUint32(factors, math.Float32bits(2))
	for v := 1; v < LookupBlock; v++ {
		binary.LittleEndian.PutUint32(biases[4*v:], math.Float32bits(float32(math.Inf(-1))))
	}
	luts := make([]byte, 64)
	luts[16*0+1], luts[16*1+2], luts[16*2+3], luts[16*3+4] = 10, 20, 30, 40

	dst := make([]uint32, LookupBlock+LookupSlack)
	fmt.Println(dst[:LookupScan(dst, block, luts, 1, 0, 200, 1000)])
	fmt.Println(dst[:LookupScan(dst, block, luts, 1, 0, 201, 1000)])
	// Output:
	// [1000]
	// []
}
