package pinecone

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

// TestOrderOfIDs: records' ids have the order of numbers, and come back.
func TestOrderOfIDs(t *testing.T) {
	ids := []rag.ChunkID{1, 2, 9, 10, 11, 99, 100, 1<<53 - 1, 1 << 53, 1<<53 + 1, math.MaxInt64 - 1, math.MaxInt64}
	list := names(ids)
	if !slices.IsSorted(list) {
		t.Errorf("not in order: %v", list)
	}
	for n, name := range list {
		if id, err := parseID(name); err != nil || id != ids[n] {
			t.Errorf("%s: %d, %v", name, id, err)
		}
	}
	for _, name := range []string{"", "a", "1", "b1", "a12", "a0", "a-1", "b01", "s9223372036854775808", "document"} {
		if id, err := parseID(name); err == nil {
			t.Errorf("%q is taken for %d", name, id)
		}
	}
}

// TestPrefixes: every id above another one has one of the prefixes, one only, those in ascending order; and of the ids below few have one.
func TestPrefixes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	draw := func() rag.ChunkID { return rag.ChunkID(1 + r.Int64N(1<<(1+r.IntN(63))-1)) }
	for range 300 {
		after := draw() - 1
		prefixes := prefixesFrom(after)
		if !slices.IsSorted(prefixes) {
			t.Fatalf("after %d: %v", after, prefixes)
		}
		try := []rag.ChunkID{after + 1, after + 2, after + 10, after + 99, after + 100, after + 1000, math.MaxInt64}
		for range 200 {
			try = append(try, draw())
		}
		for _, id := range try {
			if id < after { // it overflowed
				continue
			}
			n := 0
			for _, p := range prefixes {
				if strings.HasPrefix(idName(max(id, 1)), p) {
					n++
				}
			}
			if id > after && n != 1 {
				t.Fatalf("after %d, id %d has %d of the prefixes %v", after, id, n, prefixes)
			}
			if id <= after-100 && n != 0 && after > 0 {
				t.Fatalf("after %d, id %d has a prefix of %v", after, id, prefixes)
			}
		}
	}
}
