package column

import (
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
)

// members draws sets that have containers of all three kinds.
func (m maker) members(n int) []uint32 {
	var list []uint32
	for at := 0; at < n; {
		length := min(1+m.IntN(120_000), n-at)
		share := m.IntN(5)
		for i := range length {
			if share == 0 || (share < 4 && m.IntN([]int{1, 2, 30, 3000}[share]) == 0) {
				list = append(list, uint32(at+i))
			}
		}
		at += length
	}
	return list
}

func TestSetsComeBack(t *testing.T) {
	for seed := range rounds(60) {
		m := newMaker(uint64(seed))
		n := 1 + m.IntN(600_000)
		want := m.members(n)
		if len(want) < 2 {
			continue
		}
		data := appendSet(nil, want)
		if len(data)%4 != 0 {
			t.Fatalf("a set of %d bytes", len(data))
		}
		if got := appendMembers([]uint32{7}, data, n); !slices.Equal(got[1:], want) {
			t.Fatalf("seed %d: %d members, want %d", seed, len(got)-1, len(want))
		}
		words := make([]uint64, (n+63)/64)
		orSet(words, data)
		if got := appendOnes(nil, words); !slices.Equal(got, want) {
			t.Fatalf("seed %d: %d bits, want %d", seed, len(got), len(want))
		}
		if size := refCount(data, refSet, 0); size != len(want) {
			t.Fatalf("seed %d: size %d, want %d", seed, size, len(want))
		}
	}
}

// What is written is the portable Roaring format: the reference implementation
// reads it, and what that writes is read here.
func TestRoaringFormat(t *testing.T) {
	for seed := range rounds(60) {
		m := newMaker(uint64(100 + seed))
		want := m.members(1 + m.IntN(600_000))
		if len(want) == 0 {
			continue
		}
		ours := appendRoaring(nil, want)
		if len(ours) != roaringSize(want) {
			t.Fatalf("seed %d: %d bytes, computed %d", seed, len(ours), roaringSize(want))
		}
		theirs := roaring.New()
		if _, err := theirs.FromBuffer(ours); err != nil {
			t.Fatalf("seed %d: the library does not read it: %v", seed, err)
		}
		if err := theirs.Validate(); err != nil || !slices.Equal(theirs.ToArray(), want) {
			t.Fatalf("seed %d: the library reads other members (%v)", seed, err)
		}
		theirs = roaring.BitmapOf(want...)
		if seed%2 == 0 {
			theirs.RunOptimize()
		}
		written, err := theirs.ToBytes()
		if err != nil {
			t.Fatal(err)
		}
		if got := appendRoaringMembers(nil, written, len(want)); !slices.Equal(got, want) {
			t.Fatalf("seed %d: the library's bytes have other members", seed)
		}
		if len(ours) > len(written) {
			t.Fatalf("seed %d: %d bytes, and the library needs %d", seed, len(ours), len(written))
		}
	}
}

// The size at which an array becomes a bitmap, and the edges of containers.
func TestContainerEdges(t *testing.T) {
	for _, size := range []int{2, 3, arrayMax - 1, arrayMax, arrayMax + 1, 1 << 15} {
		for _, base := range []uint32{0, 1 << 16, 5<<16 - 2} {
			want := make([]uint32, size)
			for i := range want {
				want[i] = base + uint32(2*i)
			}
			ours := appendRoaring(nil, want)
			theirs := roaring.New()
			if _, err := theirs.FromBuffer(ours); err != nil || !slices.Equal(theirs.ToArray(), want) {
				t.Errorf("%d members from %d: the library reads others (%v)", size, base, err)
			}
			if got := appendRoaringMembers(nil, ours, size); !slices.Equal(got, want) {
				t.Errorf("%d members from %d: read others", size, base)
			}
			words := make([]uint64, (int(want[size-1])+64)/64)
			orSet(words, appendSet(nil, want))
			if got := appendOnes(nil, words); !slices.Equal(got, want) {
				t.Errorf("%d members from %d: set others", size, base)
			}
		}
	}
}

func TestSetRange(t *testing.T) {
	for from := range 200 {
		for to := from; to <= 200; to++ {
			words := make([]uint64, 4)
			setRange(words, from, to)
			if got := appendOnes(nil, words); len(got) != to-from || (to > from && (int(got[0]) != from || int(got[len(got)-1]) != to-1)) {
				t.Fatalf("%d to %d sets %v", from, to, got)
			}
		}
	}
}
