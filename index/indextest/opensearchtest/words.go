package opensearchtest

import (
	"math"
	"math/bits"
	"slices"
	"strings"
	"unicode"
)

// tokens are the words of a text, as the standard analyzer finds them in plain words.
func tokens(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// bm25 scores visible documents by words, as Lucene's BM25 does, with k1 = 1.2 and b = 0.75. The products multiply by k1 + 1 besides.
type bm25 struct {
	words   []string // one that is asked for twice counts twice
	idf     []float64
	average float64 // length of a text
}

func (ix *index) bm25(words []string) bm25 {
	s := bm25{words: words}
	count, total := 0, 0
	in := make([]int, len(s.words))
	for _, d := range ix.visible {
		list := tokens(d.text)
		if len(list) == 0 {
			continue
		}
		count++
		total += len(list)
		for i, w := range s.words {
			if slices.Contains(list, w) {
				in[i]++
			}
		}
	}
	s.average = float64(total) / float64(max(1, count))
	for _, n := range in {
		s.idf = append(s.idf, math.Log(1+(float64(count)-float64(n)+.5)/(float64(n)+.5)))
	}
	return s
}

// score is 0 for a text without any of the words.
func (s bm25) score(text string) float32 {
	const k1, b = 1.2, .75
	list := tokens(text)
	size := float64(kept(len(list)))
	sum := 0.
	for i, w := range s.words {
		n := 0
		for _, t := range list {
			if t == w {
				n++
			}
		}
		f := float64(n)
		sum += s.idf[i] * (k1 + 1) * f / (f + k1*(1-b+b*size/s.average))
	}
	return float32(sum)
}

// kept is the length of a text as an index keeps it, in a byte (Lucene's SmallFloat.intToByte4): exact to 39, then with four leading bits.
func kept(n int) int {
	const exact = 24
	if n < exact {
		return n
	}
	rest := uint(n - exact)
	width := bits.Len(rest)
	if width < 4 {
		return n
	}
	shift := width - 4
	return exact + int(rest>>shift<<shift)
}
