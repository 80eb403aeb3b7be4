package kernel

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"os/exec"
	"slices"
	"testing"
)

// TestGenerated runs the generator again.
func TestGenerated(t *testing.T) {
	cmd := exec.Command("go", "run", "./postings", "-check")
	cmd.Dir = "../../../tools/asm"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// pack appends values of width bits, least significant bit first.
func pack(dst []byte, values []uint32, width int) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, (len(values)*width+7)/8)...)
	for i, v := range values {
		for b := range width {
			if v>>b&1 != 0 {
				at := i*width + b
				dst[start+at>>3] |= 1 << (at & 7)
			}
		}
	}
	return dst
}

// withSlack returns data with slack of random bytes after it, so that what depends on them shows.
func withSlack(rng *rand.Rand, data []byte) []byte {
	out := make([]byte, len(data)+Slack)
	copy(out, data)
	for i := len(data); i < len(out); i++ {
		out[i] = byte(rng.Uint32())
	}
	return out[:len(data)]
}

func TestRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, v := range versions() {
		for n := 1; n <= BlockRows; n++ {
			for low := 0; low <= MaxLow; low++ {
				values := make([]uint32, n)
				for i := range values {
					values[i] = uint32(rng.Uint64N(uint64(1+rng.IntN(300)) << low))
				}
				slices.Sort(values)
				lows := make([]uint32, n)
				ones := make([]byte, (n+int(values[n-1]>>low)+7)/8)
				for i, x := range values {
					lows[i] = x & (1<<low - 1)
					at := int(x>>low) + i
					ones[at>>3] |= 1 << (at & 7)
				}
				data := withSlack(rng, append(pack(nil, lows, low), ones...))
				base := rng.Uint32()
				var b Block
				v.rows(&b, data, n, low, len(ones), base)
				for i, x := range values {
					if want := base + uint32(i) + x; b.Rows[i] != want {
						t.Fatalf("%s: %d rows, low %d: row %d is %d, want %d", v.name, n, low, i, b.Rows[i], want)
					}
				}
			}
		}
	}
}

func TestChunk(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, v := range versions() {
		for round := range 300 {
			var bitmap [ChunkRows / 8]byte
			var want []uint32
			for i := range ChunkRows {
				if rng.IntN(300) < round {
					bitmap[i>>3] |= 1 << (i & 7)
					want = append(want, 1000+uint32(i))
				}
			}
			var b Block
			if n := v.chunk(&b, &bitmap, 1000); !slices.Equal(b.Rows[:n], want) {
				t.Fatalf("%s: got %v, want %v", v.name, b.Rows[:n], want)
			}
		}
	}
}

func TestSmall(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, v := range versions() {
		for n := 0; n <= ChunkRows; n++ {
			for width := 0; width <= 8; width++ {
				values := make([]uint32, n)
				want := make([]uint8, n)
				var ones, more []byte
				for i := range values {
					values[i] = rng.Uint32() & (1<<width - 1)
					want[i] = uint8(values[i])
					switch {
					case width < 8 && rng.IntN(9) == 0 && len(ones) < 255:
						ones = append(ones, byte(i))
						want[i] += 1 << width
					case rng.IntN(20) == 0 && len(more) < 510:
						want[i] = byte(rng.Uint32())
						more = append(more, byte(i), want[i])
					}
				}
				data := withSlack(rng, append(append(pack(nil, values, width), ones...), more...))
				var dst [ChunkRows]uint8
				v.small(&dst, data, n, width, len(ones), len(more)/2)
				if !slices.Equal(dst[:n], want) {
					t.Fatalf("%s: %d values of %d bits: got %v, want %v", v.name, n, width, dst[:n], want)
				}
			}
		}
	}
}

func TestAdd(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	table := new(Table)
	for i := range table {
		table[i] = rng.Uint32()
	}
	for _, v := range versions() {
		for n := 0; n <= 300; n++ {
			const size, lo = 500, 1 << 20
			norms := make([]uint8, size)
			for i := range norms {
				norms[i] = uint8(rng.Uint32())
			}
			rows, tfs := make([]uint32, n), make([]uint8, n)
			for i := range rows {
				rows[i], tfs[i] = lo-100+uint32(rng.IntN(size+200)), uint8(rng.Uint32())
			}
			if n > 2 {
				rows[0], rows[1] = 0, 1<<32-1
			}
			weight, need := rng.Uint32(), rng.Uint32()
			want, wantFound := make([]uint32, size), make([]uint32, n)
			for i := range want {
				want[i] = rng.Uint32()
			}
			got, found := append(slices.Clone(want), 42), make([]uint32, n)
			with := append(slices.Clone(want), 42)
			addPlain(want, rows, tfs, norms, table, lo, weight)
			v.add(got[:size], rows, tfs, norms, table, lo, weight)
			if !slices.Equal(got[:size], want) || got[size] != 42 {
				t.Fatalf("%s: wrong sums of %d postings", v.name, n)
			}
			again := slices.Clone(with)
			k := addFindPlain(again[:size], rows, tfs, norms, table, lo, weight, need, wantFound)
			m := v.addFind(with[:size], rows, tfs, norms, table, lo, weight, need, found)
			if !slices.Equal(with, again) || !slices.Equal(with[:size], want) || !slices.Equal(found[:m], wantFound[:k]) {
				t.Fatalf("%s: wrong sums or rows of %d postings", v.name, n)
			}
		}
	}
}

func TestAddPeaks(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	for _, v := range versions() {
		for n := 0; n <= 200; n++ {
			sums, peaks := make([]uint16, n), make([]uint8, n)
			for i := range sums {
				sums[i], peaks[i] = uint16(rng.Uint32()>>rng.IntN(32)), uint8(rng.Uint32())
			}
			weight := uint16(rng.Uint32() >> rng.IntN(32))
			got := append(slices.Clone(sums), 42)
			for i, p := range peaks {
				sums[i] = uint16(min(uint32(sums[i])+uint32(p)*uint32(weight)/256, 1<<16-1))
			}
			v.peaks(got[:n], peaks, weight)
			if !slices.Equal(got[:n], sums) || got[n] != 42 {
				t.Fatalf("%s: %d peaks times %d: got %v, want %v", v.name, n, weight, got, sums)
			}
		}
	}
}

func TestAbove(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 16))
	for _, v := range versions() {
		for n := range 20 {
			for range 50 {
				sums, want := make([]uint16, 64*n), make([]uint64, n+1)
				least, total := uint16(rng.Uint32()>>rng.IntN(32)), 0
				for i := range sums {
					sums[i] = uint16(rng.Uint32() >> rng.IntN(32))
					if rng.IntN(3) == 0 {
						sums[i] = least + uint16(rng.IntN(3)) - 1
					}
					if sums[i] > least {
						want[i>>6] |= 1 << (i & 63)
						total++
					}
				}
				want[n] = 42
				got := make([]uint64, n+1)
				got[n] = 42
				if k := v.above(got[:n], sums, least); k != total || !slices.Equal(got, want) {
					t.Fatalf("%s: %v above %d: got %d, %x, want %d, %x", v.name, sums, least, k, got, total, want)
				}
			}
		}
	}
}

// TestNoise hands blocks of random bytes to every version; what they write must stay within the block.
func TestNoise(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	data := make([]byte, 2048)
	type guarded struct {
		before [64]byte
		b      Block
		after  [64]byte
	}
	for range 3000 {
		for i := range data {
			data[i] = byte(rng.Uint32() | rng.Uint32())
		}
		for _, v := range versions() {
			g := new(guarded)
			v.rows(&g.b, data[:1000], 1+rng.IntN(BlockRows), rng.IntN(MaxLow+1), 1+rng.IntN(MaxHigh), 0)
			v.chunk(&g.b, (*[32]byte)(data), 0)
			v.small(&g.b.TFs, data[:1000], rng.IntN(ChunkRows+1), rng.IntN(9), rng.IntN(256), rng.IntN(256))
			if g.before != [64]byte{} || g.after != [64]byte{} {
				t.Fatalf("%s wrote beside the block", v.name)
			}
		}
	}
}

func TestShapes(t *testing.T) {
	data := make([]byte, 4096)
	for i, f := range []func(){
		func() { Rows(new(Block), data, 0, 1, 1, 0) },
		func() { Rows(new(Block), data, 129, 1, 1, 0) },
		func() { Rows(new(Block), data, 1, 26, 1, 0) },
		func() { Rows(new(Block), data, 1, 1, 65, 0) },
		func() { Rows(new(Block), data[4000:], 128, 8, 64, 0) },
		func() { Small(new([ChunkRows]uint8), data, 257, 1, 0, 0) },
		func() { Small(new([ChunkRows]uint8), data, 2, 9, 0, 0) },
		func() { Small(new([ChunkRows]uint8), data[4000:], 128, 8, 0, 0) },
		func() { AddPeaks(make([]uint16, 3), make([]uint8, 2), 1) },
		func() { Above(make([]uint64, 2), make([]uint16, 65), 1) },
		func() { Above(make([]uint64, 1), make([]uint16, 128), 1) },
		func() { AddFind(nil, make([]uint32, 3), make([]uint8, 3), nil, new(Table), 0, 0, 0, nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("case %d did not panic", i)
				}
			}()
			f()
		}()
	}
}

func BenchmarkKernels(b *testing.B) {
	rng := rand.New(rand.NewPCG(11, 12))
	const low = 6
	values := make([]uint32, BlockRows)
	for i := range values {
		values[i] = uint32(rng.IntN(BlockRows << low))
	}
	slices.Sort(values)
	lows, ones := make([]uint32, BlockRows), make([]byte, 32)
	for i, x := range values {
		lows[i] = x & (1<<low - 1)
		at := int(x>>low) + i
		ones[at>>3] |= 1 << (at & 7)
	}
	block := withSlack(rng, append(pack(nil, lows, low), ones...))
	small := withSlack(rng, append(make([]byte, 16), 3, 9, 27, 80, 90, 100, 101, 9))
	table := new(Table)
	for i := range table {
		table[i] = rng.Uint32()
	}
	const window = 16384
	acc, norms, found := make([]uint32, window), make([]uint8, window), make([]uint32, BlockRows)
	for i := range norms {
		norms[i] = uint8(40 + rng.IntN(20))
	}
	rows, tfs := make([]uint32, BlockRows), make([]uint8, BlockRows)
	for i := range rows {
		rows[i], tfs[i] = uint32(rng.IntN(window)), uint8(bits.TrailingZeros32(rng.Uint32()|8))
	}
	var bitmap [32]byte
	for i := range bitmap {
		bitmap[i] = byte(rng.Uint32() & rng.Uint32())
	}
	for _, v := range versions() {
		run := func(name string, f func(b *Block)) {
			b.Run(fmt.Sprint(name, "/", v.name), func(b *testing.B) {
				blk := new(Block)
				for b.Loop() {
					f(blk)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/BlockRows, "ns/posting")
			})
		}
		run("rows", func(b *Block) { v.rows(b, block, BlockRows, low, 32, 0) })
		run("small", func(b *Block) { v.small(&b.TFs, small, BlockRows, 1, 6, 1) })
		run("chunk", func(b *Block) { v.chunk(b, &bitmap, 0) })
		run("add", func(*Block) { v.add(acc, rows, tfs, norms, table, 0, 1<<20) })
		run("addFind", func(*Block) { clear(acc[:1]); v.addFind(acc, rows, tfs, norms, table, 0, 1, 1<<31, found) })
	}
}
