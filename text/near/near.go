// Package near tells texts that say the same in the same words: copies, and copies
// with a few words changed.
//
// A text is reduced to a Print: the set of its runs of five words (shingles, Broder
// 1997), case and punctuation aside. Two texts are as similar as the share of
// shingles that both have among those that either has (Jaccard), and not at all
// where their numbers differ: two versions of a price list differ in little else,
// and that is what a reader has to see.
//
// Comparing every text with every other takes too long where they are many. Bands
// gives each text a few keys, such that texts which are similar have one in common
// almost certainly (MinHash with locality-sensitive hashing), so that only those
// have to be compared.
package near

import (
	"math/bits"
	"slices"
	"unicode"
	"unicode/utf8"
)

// Threshold is the similarity from which on two texts count as the same. A text of
// two hundred words in which two are replaced still does.
const Threshold = .9

// width is the number of words of a shingle.
const width = 5

// Print is what of a text is compared.
type Print struct {
	exact    uint64   // of all words in order
	numbers  uint64   // of the words with a digit, in any order
	shingles []uint64 // sorted, numbered where they are the same
}

// Of returns the print of a text. Its time is linear in the text but for sorting.
func Of(text string) Print {
	var p Print
	var window [width]uint64
	n := 0
	word, digits, inWord := uint64(0), false, false
	end := func() {
		if !inWord {
			return
		}
		h := mix(word)
		p.exact = mix(p.exact ^ h)
		if digits {
			p.numbers += mix(h + 1)
		}
		window[n%width] = h
		if n++; n >= width {
			p.shingles = append(p.shingles, shingle(&window, n))
		}
		word, digits, inWord = 0, false, false
	}
	for _, r := range text {
		switch {
		case r < utf8.RuneSelf && ('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'):
			word, inWord = word*prime+uint64(r|0x20), true
		case '0' <= r && r <= '9':
			word, inWord, digits = word*prime+uint64(r), true, true
		case r < utf8.RuneSelf:
			end()
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai):
			end() // written without spaces: each is a word
			word, inWord = uint64(r), true
			end()
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
			word, inWord, digits = word*prime+uint64(unicode.ToLower(r)), true, digits || unicode.IsDigit(r)
		default:
			end()
		}
	}
	end()
	if n > 0 && n < width {
		p.shingles = append(p.shingles, p.exact)
	}
	p.number()
	return p
}

// number sorts the shingles and tells those that are the same apart by how often
// they came before, so that saying a thing twice differs from saying it ten times.
func (p *Print) number() {
	slices.Sort(p.shingles)
	var same uint64
	repeated := false
	for i, last := 1, uint64(0); i < len(p.shingles); i++ {
		if i == 1 {
			last = p.shingles[0]
		}
		if p.shingles[i] != last {
			last, same = p.shingles[i], 0
			continue
		}
		same++
		p.shingles[i] = mix(last + same)
		repeated = true
	}
	if repeated {
		slices.Sort(p.shingles)
	}
	p.shingles = slices.Clip(p.shingles)
}

const prime = 0x100000001b3

// shingle hashes the last width words; n is how many there were so far.
func shingle(window *[width]uint64, n int) uint64 {
	h := uint64(0)
	for i := range width {
		h = mix(h ^ window[(n+i)%width])
	}
	return h
}

// mix spreads the bits of x (the finalizer of SplitMix64, Steele and others 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Empty reports whether the text has no words.
func (p Print) Empty() bool { return len(p.shingles) == 0 }

// Exact is a hash of all words in order: that of texts which differ in case and
// punctuation at most.
func (p Print) Exact() uint64 { return p.exact }

// Similarity returns how similar two texts are, from 0 to 1: 1 for the same words in
// the same order. Texts whose numbers differ, and texts without words, have none.
func (p Print) Similarity(q Print) float64 {
	switch {
	case p.Empty() || q.Empty() || p.numbers != q.numbers:
		return 0
	case p.exact == q.exact:
		return 1
	}
	shared, i, j := 0, 0, 0
	for i < len(p.shingles) && j < len(q.shingles) {
		switch a, b := p.shingles[i], q.shingles[j]; {
		case a < b:
			i++
		case a > b:
			j++
		default:
			shared++
			i++
			j++
		}
	}
	return float64(shared) / float64(len(p.shingles)+len(q.shingles)-shared)
}

// NBands is how many keys a text has.
const NBands = 12

// rows is the number of minima that make a key. Texts of similarity s have a key in
// common with probability 1-(1-s^rows)^NBands: .9999 at .9, .17 at .5.
const rows = 6

// Bands returns the keys of a text.
func (p Print) Bands() [NBands]uint64 {
	var least [NBands * rows]uint64
	for i := range least {
		least[i] = ^uint64(0)
	}
	for _, s := range p.shingles {
		// One multiplication gives each of the hash functions: s, rotated and
		// multiplied by an odd number of its own.
		for i := range least {
			if h := bits.RotateLeft64(s, i*7) * odd[i]; h < least[i] {
				least[i] = h
			}
		}
	}
	var keys [NBands]uint64
	for b := range keys {
		h := mix(p.numbers + uint64(b)) // texts whose numbers differ need not meet
		for _, m := range least[b*rows : (b+1)*rows] {
			h = mix(h ^ m)
		}
		keys[b] = h
	}
	return keys
}

// odd are the multipliers of the hash functions.
var odd = func() (out [NBands * rows]uint64) {
	for i := range out {
		out[i] = mix(uint64(i)+1) | 1
	}
	return out
}()

// Set finds, among the texts added to it, those that are near another. The zero Set
// is empty.
type Set struct {
	prints  []Print
	buckets map[uint64][]int // by Bands, once there are more than few
}

// few texts are compared one by one, which is quicker than computing keys.
const few = 64

// Find returns the number of the text added first that is at least Threshold
// similar to one with print p, among those that accept allows, and how similar.
func (s *Set) Find(p Print, accept func(i int) bool) (i int, similarity float64, found bool) {
	if p.Empty() {
		return 0, 0, false
	}
	i = -1
	try := func(n int) {
		if i >= 0 && n >= i || !accept(n) {
			return
		}
		if sim := p.Similarity(s.prints[n]); sim >= Threshold {
			i, similarity = n, sim
		}
	}
	if s.buckets == nil {
		for n := range s.prints {
			try(n)
		}
		return i, similarity, i >= 0
	}
	for _, key := range p.Bands() {
		for _, n := range s.buckets[key] {
			try(n)
		}
	}
	return i, similarity, i >= 0
}

// Add adds a text; the first one added has number 0.
func (s *Set) Add(p Print) {
	s.prints = append(s.prints, p)
	if len(s.prints) <= few {
		return
	}
	from := len(s.prints) - 1
	if s.buckets == nil {
		s.buckets, from = map[uint64][]int{}, 0
	}
	for n := from; n < len(s.prints); n++ {
		if s.prints[n].Empty() {
			continue
		}
		for _, key := range s.prints[n].Bands() {
			s.buckets[key] = append(s.buckets[key], n)
		}
	}
}
