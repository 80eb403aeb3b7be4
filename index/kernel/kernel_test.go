package kernel

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"
)

// eachVersion runs a test with every version that this processor can run.
func eachVersion(t *testing.T, test func(t *testing.T)) {
	for _, v := range versions() {
		t.Run(v.name, func(t *testing.T) {
			with(t, v)
			test(t)
		})
	}
}

// with lets the public functions use a version until the test ends.
func with(t testing.TB, v version) {
	before := used
	used = v
	t.Cleanup(func() { used = before })
}

// TestWhichVersions says in the log what the other tests ran, for machines that lack
// something.
func TestWhichVersions(t *testing.T) {
	var names []string
	for _, v := range versions() {
		names = append(names, v.name)
	}
	t.Logf("versions tested: %s; in use: %s", strings.Join(names, ", "), Name())
	if names[0] != "plain" || names[len(names)-1] != Name() {
		t.Errorf("in use is %s of %v", Name(), names)
	}
}

// TestGenerated runs the generator of the assembly, which compares.
func TestGenerated(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	generator := exec.CommandContext(t.Context(), "go", "run", "./vector", "-check", "-out", here)
	generator.Dir = filepath.Join("..", "..", "tools", "asm")
	// The generator runs here, whatever the tests are built for.
	generator.Env = append(os.Environ(), "GOOS=", "GOARCH=")
	if out, err := generator.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// places are where vectors lie in the tests: at the very end and the very start of
// memory that can be read, and off any alignment.
var places = []struct {
	name   string
	at     edge
	offset int
}{{"end", atEnd, 0}, {"start", atStart, 0}, {"end-1", atEnd, 1}, {"start+3", atStart, 3}}

// placed copies values to a place.
func placed[T any](t testing.TB, place int, values []T) []T {
	p := places[place%len(places)]
	size := int(unsafe.Sizeof(*new(T)))
	memory := guarded(t, p.at, (len(values)+p.offset)*size)
	if p.at == atStart {
		memory = memory[p.offset*size:]
	}
	if len(values) == 0 {
		return nil
	}
	s := unsafe.Slice((*T)(unsafe.Pointer(&memory[0])), len(values))
	copy(s, values)
	return s
}

func newRand() *rand.Rand { return rand.New(rand.NewPCG(3, 4)) }

func random(rng *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return v
}

// randomAt returns numbers of rows, with repetitions.
func randomAt(rng *rand.Rand, n, rows int) []uint32 {
	at := make([]uint32, n)
	for i := range at {
		at[i] = uint32(rng.IntN(rows))
	}
	return at
}

// results returns n results between two that must not change, and the function that
// looks at these two.
func results[T comparable](t *testing.T, n int, guard T) ([]T, func(what string)) {
	t.Helper()
	all := make([]T, n+2)
	all[0], all[n+1] = guard, guard
	return all[1 : n+1], func(what string) {
		t.Helper()
		if all[0] != guard || all[n+1] != guard {
			t.Fatalf("%s: wrote beside the results", what)
		}
	}
}

func mustPanic(t *testing.T, name string, call func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if recover() == nil {
			t.Errorf("%s: no panic", name)
		}
	}()
	call()
}

func TestWhatDoesNotFitPanics(t *testing.T) {
	f, h, i8, u8, i32, u32, u64 := make([]float32, 64), make([]uint16, 64), make([]int8, 64), make([]uint8, 64), make([]int32, 64), make([]uint32, 64), make([]uint64, 64)
	eachVersion(t, func(t *testing.T) {
		for name, call := range map[string]func(){
			"Dot":                        func() { Dot(f[:3], f[:2]) },
			"DotRows":                    func() { DotRows(f[:2], f[:3], f[:5]) },
			"DotGather, dst":             func() { DotGather(f[:1:1], f[:3], f, u32[:2]) },
			"DotGather, no row":          func() { DotGather(f[:1], f[:3], f[:2], u32[:1]) },
			"L2":                         func() { L2(f[:3], f[:2]) },
			"L2Rows":                     func() { L2Rows(f[:2], f[:3], f[:5:5]) },
			"DotF16Rows":                 func() { DotF16Rows(f[:2], f[:3], h[:5:5]) },
			"DotF16Gather, dst":          func() { DotF16Gather(f[:1:1], f[:3], h, u32[:2]) },
			"ToF16":                      func() { ToF16(h[:2:2], f[:3]) },
			"FromF16":                    func() { FromF16(f[:2:2], h[:3]) },
			"DotU8Rows":                  func() { DotU8Rows(i32[:2], i8[:3], u8[:5:5]) },
			"DotU8Rows, dimensions":      func() { DotU8Rows(i32[:0], make([]int8, MaxByteDims+1), nil) },
			"DotU8Gather, dst":           func() { DotU8Gather(i32[:1:1], i8[:3], u8, u32[:2]) },
			"DotU8Gather, dimensions":    func() { DotU8Gather(nil, make([]int8, MaxByteDims+1), nil, nil) },
			"DotU4Rows":                  func() { DotU4Rows(i32[:1], make([]int8, 256), u8) },
			"DotU4Rows, short":           func() { DotU4Rows(i32[:2], make([]int8, 128), u8[:64:64]) },
			"DotU4Rows, dimensions":      func() { DotU4Rows(i32[:1], i8, u8) },
			"AtLeast":                    func() { AtLeast(u32[:2:2], i32[:3], 0) },
			"AtLeastF32":                 func() { AtLeastF32(u32[:2:2], f[:3], 0) },
			"LookupScan, tables":         func() { LookupScan(u32, nil, u8[:63], 1, 0, 0, 0) },
			"LookupScan, too many":       func() { LookupScan(u32, nil, make([]byte, 16*maxLookupTables+64), 1, 0, 0, 0) },
			"LookupScan, codes":          func() { LookupScan(u32, make([]byte, 319), u8, 1, 0, 0, 0) },
			"LookupScan, dst":            func() { LookupScan(u32[:47:47], make([]byte, 320), u8, 1, 0, 0, 0) },
			"SignsAtLeast, planes":       func() { SignsAtLeast(u32[:1], u8[:48*4], u8, u32[:1], 1, 0, 0) },
			"SignsAtLeast, no planes":    func() { SignsAtLeast(u32[:1], nil, u8, u32[:1], 1, 0, 0) },
			"SignsAtLeast, dst":          func() { SignsAtLeast(u32[:1:1], u8, u8, u32[:2], 1, 0, 0) },
			"HammingRows":                func() { HammingRows(u32[:2], u64[:3], u64[:5:5]) },
			"DotGather, last row + 1":    func() { u32[5] = 21; defer clear(u32); DotGather(f, f[:3], f, u32[:9]) },
			"DotF16Gather, last row + 1": func() { u32[5] = 21; defer clear(u32); DotF16Gather(f, f[:3], h, u32[:9]) },
		} {
			mustPanic(t, name, call)
		}
	})
}

// TestNoSuchRow names rows that do not exist at every place of a list, with numbers
// whose offsets overflow 32 bits among them.
func TestNoSuchRow(t *testing.T) {
	const rows, n = 7, 11
	eachVersion(t, func(t *testing.T) {
		for _, dims := range []int{1, 16, 20, 128, 384, 768} {
			f, h, b := make([]float32, rows*dims), make([]uint16, rows*dims), make([]uint8, rows*dims)
			signs := randomSigns(newRand(), dims, rows)
			for _, wrong := range []uint32{rows, rows + 1, 1 << 23, 1 << 25, 1 << 31, 1<<32 - 1} {
				for place := range n {
					at := randomAt(newRand(), n, rows)
					at[place] = wrong
					what := fmt.Sprintf("row %d at %d of %d dimensions", wrong, place, dims)
					mustPanic(t, what, func() { DotGather(make([]float32, n), f[:dims], f, at) })
					mustPanic(t, what, func() { DotF16Gather(make([]float32, n), f[:dims], h, at) })
					mustPanic(t, what, func() { DotU8Gather(make([]int32, n), make([]int8, dims), b, at) })
					mustPanic(t, what, func() { SignsAtLeast(make([]uint32, n), signs.planes, signs.rows, at, 1, 0, 0) })
				}
			}
			// The last row is there, and so it is if half a row follows.
			at := []uint32{rows - 1}
			DotGather(make([]float32, 1), f[:dims], f, at)
			DotF16Gather(make([]float32, 1), f[:dims], h, at)
			DotU8Gather(make([]int32, 1), make([]int8, dims), b, at)
		}
	})
}

func TestNothing(t *testing.T) {
	eachVersion(t, func(t *testing.T) {
		ones := []float32{1, 1}
		DotRows(ones, nil, nil)
		if ones[0] != 0 || ones[1] != 0 {
			t.Errorf("without dimensions: %v", ones)
		}
		DotRows(nil, []float32{1, 2}, nil)
		DotGather(nil, []float32{1, 2}, nil, nil)
		DotF16Rows(nil, []float32{1, 2}, nil)
		DotU8Rows(nil, []int8{1, 2}, nil)
		DotU4Rows(nil, make([]int8, 128), nil)
		HammingRows(nil, []uint64{1}, nil)
		ToF16(nil, nil)
		FromF16(nil, nil)
		if n := AtLeast(nil, nil, 0) + AtLeastF32(nil, nil, 0) + LookupScan(nil, nil, make([]byte, 64), 1, 0, 0, 0); n != 0 {
			t.Errorf("%d selected of nothing", n)
		}
		if d := Dot(nil, nil) + L2(nil, nil); d != 0 {
			t.Errorf("the sum of nothing is %v", d)
		}
	})
}

func TestNothingAllocates(t *testing.T) {
	f, h, i8, u8, i32, u32, at := make([]float32, 128), make([]uint16, 128), make([]int8, 128), make([]uint8, 320), make([]int32, 64), make([]uint32, 128), []uint32{0}
	eachVersion(t, func(t *testing.T) {
		if n := testing.AllocsPerRun(100, func() {
			Dot(f, f)
			DotGather(f[:1], f, f, at)
			DotF16Gather(f[:1], f, h, at)
			DotU8Gather(i32[:1], i8, u8, at)
			DotU4Rows(i32[:5], i8, u8)
			AtLeast(u32, i32, 0)
			LookupScan(u32, u8, u8[:64], 1, 0, 0, 0)
			SignsAtLeast(u32, u8[:128], u8, at, 1, 0, 0)
			Prefetch(f, 64, at)
		}); n != 0 {
			t.Errorf("%v allocations a run", n)
		}
	})
}
