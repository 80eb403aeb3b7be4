package data

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/text/analyze"
)

func randomVectors(n, dims int, seed uint64) []float32 {
	random := rand.New(rand.NewPCG(seed, 1))
	all := make([]float32, n*dims)
	for i := range all {
		all[i] = float32(random.NormFloat64())
	}
	for i := range n {
		normalize(all[i*dims:][:dims])
	}
	return all
}

// TestExact compares with sorting all products, over more than one block of rows.
func TestExact(t *testing.T) {
	const dims, rows, queries = 7, truthBlock + 300, 5
	base, asked := randomVectors(rows, dims, 1), randomVectors(queries, dims, 2)
	var allowed index.Bitmap
	for r := uint32(0); r < rows; r += 3 {
		allowed.Set(r)
	}
	for _, filter := range []index.Bitmap{nil, allowed, {1 << 5}} {
		got := exact(base, asked, dims, 10, filter)
		for q := range queries {
			var all []float32
			for r := range rows {
				if filter != nil && !filter.Has(uint32(r)) {
					continue
				}
				sum := 0.
				for d := range dims {
					sum += float64(base[r*dims+d]) * float64(asked[q*dims+d])
				}
				all = append(all, float32(sum))
			}
			slices.SortFunc(all, func(a, b float32) int {
				if a > b {
					return -1
				}
				return 1
			})
			for i, s := range got[q*10:][:10] {
				want := float32(-2)
				if i < len(all) {
					want = all[i]
				}
				if math.Abs(float64(s-want)) > 1e-5 {
					t.Fatalf("query %d, rank %d: %v, want %v", q, i, s, want)
				}
			}
		}
	}
}

func TestRecall(t *testing.T) {
	// Four rows; the query is row 0, rows 1 and 2 are equal.
	base := []float32{1, 0, .8, .6, .8, .6, 0, 1}
	j := &Judge{dims: 2, base: base, queries: base[:2], truth: []float32{1, .8, -2}, depth: 3}
	none := uint32(math.MaxUint32)
	for _, c := range []struct {
		answers []uint32
		k       int
		want    float64
	}{
		{[]uint32{0, 1}, 2, 1},
		{[]uint32{2, 0}, 2, 1}, // as good as row 1
		{[]uint32{0, 3}, 2, .5},
		{[]uint32{0, 0}, 2, .5}, // a row counts once
		{[]uint32{none, none}, 2, 0},
		{[]uint32{0, 1, none}, 3, 1},            // there are two only
		{[]uint32{0, 1, 2}, 3, 1},               // no more than all
		{[]uint32{3, 3, none}, 3, 0},            //
		{[]uint32{0, 1 << 31, none}, 3, 1. / 2}, // rows that do not exist
	} {
		if got := j.Recall(c.answers, c.k); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%v: %v, want %v", c.answers, got, c.want)
		}
	}
}

func TestSplit(t *testing.T) {
	var texts []string
	for i := range 100 {
		texts = append(texts, string(rune('A'+i)))
	}
	out, base := split(texts, 10, 50)
	if len(out) != 10 || len(base) != 50 || !slices.IsSorted(out) || !slices.IsSorted(base) {
		t.Fatalf("%q %q", out, base)
	}
	for _, s := range out {
		if slices.Contains(base, s) {
			t.Errorf("%q is held out and in the set", s)
		}
	}
	again, _ := split(texts, 10, 50)
	if !slices.Equal(out, again) {
		t.Error("another split")
	}
	if _, all := split(texts, 10, 0); len(all) != 90 {
		t.Errorf("%d of 90 left", len(all))
	}
}

func TestMix(t *testing.T) {
	const dims = 32
	base := randomVectors(40, dims, 3)
	all := make([]float32, 300*dims)
	mix(all, base, dims)
	if !slices.Equal(all[:len(base)], base) {
		t.Error("the set's own rows are not in front")
	}
	for r := range 300 {
		sum := 0.
		for _, x := range all[r*dims:][:dims] {
			sum += float64(x) * float64(x)
		}
		if math.Abs(sum-1) > 1e-5 {
			t.Fatalf("row %d has the length %v", r, math.Sqrt(sum))
		}
	}
}

func TestPassagesAndWindows(t *testing.T) {
	docs := []document{{title: "The title of the document", paragraphs: []string{
		"This is the first sentence. And this is the second one. The third stands alone.", "short", "This is the first sentence.",
	}}}
	want := []string{
		"The title of the document",
		"This is the first sentence.", "And this is the second one.", "The third stands alone.",
		"This is the first sentence. And this is the second one.",
		"This is the first sentence. And this is the second one. The third stands alone.",
	}
	if got := passages(docs); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	words := document{paragraphs: []string{"aaaaaaa bbbbbbb ccccccc ddddddd eeeeeee fffffff ggggggg"}}
	got := windows([]document{words}, []int{4}, []int{2})
	want = []string{"aaaaaaa bbbbbbb ccccccc ddddddd", "ccccccc ddddddd eeeeeee fffffff", "eeeeeee fffffff ggggggg"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestTermsKeepStopWords(t *testing.T) {
	made := terms{analyzer: analyze.For("en"), known: map[string]string{}}
	if got := made.all("The cats, and their owners' running!"); got != "the cat and their owner run" {
		t.Errorf("%q", got)
	}
	if got := strings.Join(made.analyzer.Append(nil, "The cats, and their owners' running!"), " "); got != "cat owner run" {
		t.Errorf("%q", got)
	}
}

// TestPartIsMadeOnce breaks off the first time, as a cut run does.
func TestPartIsMadeOnce(t *testing.T) {
	c := &Cache{Root: t.TempDir(), Log: t.Logf}
	calls := 0
	fill := func(dir string) error {
		if calls++; calls == 1 {
			return os.ErrDeadlineExceeded
		}
		return write(filepath.Join(dir, "n.u32"), []uint32{1, 2})
	}
	if _, err := c.part("x", fill, "a"); err == nil {
		t.Fatal("no error")
	}
	dir, err := c.part("x", fill, "a")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := c.part("x", fill, "a"); err != nil || again != dir || calls != 2 {
		t.Errorf("%q, %v, made %d times", again, err, calls)
	}
	if other, err := c.part("x", fill, "b"); err != nil || other == dir {
		t.Errorf("another recipe has the same place %q, %v", other, err)
	}
	if got, err := Map[uint32](filepath.Join(dir, "n.u32")); err != nil || !slices.Equal(got, []uint32{1, 2}) {
		t.Errorf("%v, %v", got, err)
	}
}
