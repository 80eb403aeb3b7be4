package flat

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/kernel"
	"github.com/smartretriever/smartretriever/rag"
)

func unit(rng *rand.Rand, dims int) []float32 {
	v := make([]float32, dims)
	var n float64
	for i := range v {
		v[i] = float32(rng.NormFloat64())
		n += float64(v[i]) * float64(v[i])
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(n))
	}
	return v
}

// TestAgainstSorting sets and clears rows at random and compares searches, at all
// densities of the filter, with sorting all scores.
func TestAgainstSorting(t *testing.T) {
	for _, dims := range []int{1, 3, 16, 65} {
		rng := rand.New(rand.NewPCG(1, uint64(dims)))
		ix := New(dims)
		const rows = 500
		vectors := map[uint32][]float32{}
		id := func(row uint32) rag.ChunkID { return rag.ChunkID(2000 - row) }
		for round := range 150 {
			for range 40 {
				row := uint32(rng.IntN(rows))
				if rng.IntN(5) == 0 {
					ix.Clear(row)
					delete(vectors, row)
				} else {
					vectors[row] = unit(rng, dims)
					ix.Set(row, id(row), vectors[row])
				}
			}
			if round == 100 { // back and forth through a file
				var out bytes.Buffer
				all := make([]uint32, rows)
				ids := make([]rag.ChunkID, rows)
				for i := range all {
					all[i], ids[i] = uint32(i), id(uint32(i))
				}
				if err := ix.Save(&out, all); err != nil {
					t.Fatal(err)
				}
				var err error
				if ix, err = Load(&out, dims, ids); err != nil || out.Len() != 0 {
					t.Fatalf("load: %v, %d bytes left", err, out.Len())
				}
			}
			if ix.Len() != len(vectors) {
				t.Fatalf("%d vectors, want %d", ix.Len(), len(vectors))
			}
			q, density, k := unit(rng, dims), rng.Float64(), 1+rng.IntN(50)
			var allowed index.Bitmap
			var want []index.Hit
			for row := range uint32(rows + 70) {
				if rng.Float64() > density {
					continue
				}
				allowed.Set(row) // also rows without a vector
				if v := vectors[row]; v != nil {
					want = append(want, index.Hit{ID: id(row), Row: row, Score: kernel.Dot(q, v)})
				}
			}
			slices.SortFunc(want, func(a, b index.Hit) int {
				return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID))
			})
			got, err := ix.Search(t.Context(), q, k, allowed, nil)
			if err != nil {
				t.Fatal(err)
			}
			if want = want[:min(k, len(want))]; !slices.Equal(got, want) {
				t.Fatalf("%d dimensions, round %d: got %v, want %v", dims, round, got, want)
			}
		}
		for row := range uint32(rows) {
			if got := ix.Vector(row); !slices.Equal(got, vectors[row]) {
				t.Fatalf("row %d holds %v, want %v", row, got, vectors[row])
			}
			ix.Clear(row)
		}
		if ix.Len() != 0 || ix.held != 0 {
			t.Errorf("when all is cleared %d vectors and %d blocks are left", ix.Len(), ix.held)
		}
	}
}

func TestLoadCutOff(t *testing.T) {
	ix := New(2)
	for row := range uint32(70) {
		ix.Set(row, 1, []float32{1, 0})
	}
	rows, ids := make([]uint32, 70), make([]rag.ChunkID, 70)
	for i := range rows {
		rows[i] = uint32(i)
	}
	var out bytes.Buffer
	if err := ix.Save(&out, rows); err != nil {
		t.Fatal(err)
	}
	for n := range out.Len() {
		if _, err := Load(bytes.NewReader(out.Bytes()[:n]), 2, ids); err == nil {
			t.Fatalf("%d of %d bytes were enough", n, out.Len())
		}
	}
	if _, err := Load(&out, 2, ids[:65]); err == nil {
		t.Error("vectors beyond the last row were accepted")
	}
}

func TestCancelled(t *testing.T) {
	ix := New(2)
	ix.Set(0, 1, []float32{1, 0})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ix.Search(ctx, []float32{1, 0}, 1, index.Bitmap{1}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
}
