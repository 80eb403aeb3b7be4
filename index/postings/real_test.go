package postings

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/index/section"
)

// TestExactOnRealTexts compares the best 10 and 100 rows for real questions, with and without stop words, with the scores of all rows by the formula. Without the real texts,
// made-up ones stand in.
func TestExactOnRealTexts(t *testing.T) {
	rows, most := 60_000, 300
	if testing.Short() {
		rows, most = 5000, 60
	}
	c := loadCorpus(t, rows)
	b := NewBuilder()
	var terms []string
	for i := range c.n {
		terms = c.row(i, terms[:0])
		b.Add([]Field{{Terms: terms}})
	}
	var out bytes.Buffer
	if err := b.Write(&out, Config{}); err != nil {
		t.Fatal(err)
	}
	s, err := Open(section.Usable(out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	scores, sorted := make([]float64, c.n), make([]float64, c.n)
	var scratch Scratch
	for _, questions := range [][][]string{c.questions, c.full} {
		step := max(1, len(questions)/most)
		for at := 0; at < len(questions); at += step {
			scoreAll(s, questions[at], scores)
			copy(sorted, scores)
			slices.Sort(sorted)
			for _, k := range []int{10, 100} {
				got, err := Search(t.Context(), Config{}, []View{{Segment: s}}, questions[at], k, nil, &scratch, nil)
				if err != nil {
					t.Fatal(err)
				}
				for place, h := range got[0] {
					want := sorted[len(sorted)-1-place]
					if off := 1e-5 * want; math.Abs(float64(h.Score)-want) > off || math.Abs(scores[h.Row]-want) > off {
						t.Fatalf("%q, k %d, place %d: row %d with %v, which by the formula has %v; the place has %v", questions[at], k, place+1, h.Row, h.Score, scores[h.Row], want)
					}
				}
				if n := min(k, rows-zeros(sorted)); len(got[0]) != n {
					t.Fatalf("%q, k %d: %d hits, want %d", questions[at], k, len(got[0]), n)
				}
			}
		}
	}
}

func zeros(sorted []float64) int {
	n, _ := slices.BinarySearchFunc(sorted, 0, func(x, _ float64) int {
		if x > 0 {
			return 1
		}
		return -1
	})
	return n
}

// scoreAll computes the score of every row as the formula reads.
func scoreAll(s *Segment, terms []string, scores []float64) {
	const k1, b = DefaultK1, DefaultB
	clear(scores)
	mean := float64(s.TotalLength()) / float64(s.Filled())
	var it Terms
	var cur Cursor
	for _, t := range terms { // a repeated word adds its score again
		term, ok := s.Lookup([]byte(t), &it)
		if !ok {
			continue
		}
		idf := IDF(uint64(s.Filled()), uint64(term.DF()))
		for cur.Reset(s, term); cur.Next(); {
			tf := float64(cur.TF())
			length := float64(normLength(normOf(s.Length(cur.Row()))))
			scores[cur.Row()] += idf * tf / (tf + k1*(1-b+b*length/mean))
		}
	}
}
